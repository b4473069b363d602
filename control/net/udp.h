/* SPDX-License-Identifier: MIT */
/* A UDP listener: each datagram is one request; the reply goes to the sender's address. */
#ifndef CONTROL_NET_UDP_H
#define CONTROL_NET_UDP_H

#include "base/addr.h"
#include "base/err.h"
#include "base/str.h"

struct loop;
/* Control thread only. Free it before the loop. */
struct udp;

/* Handles a datagram, which may hold keys: it is wiped when the function returns. */
typedef void udp_fn(void *arg, const struct addr *from, struct str datagram);

enum { UDP_DATAGRAM_MAX = 65535 };

struct udp_config {
	struct addr bind; /* port 0: the system chooses */
	udp_fn *fn;
	void *arg;
};

/* ERR_EXISTS (another process has the port), ERR_IO, ERR_NOMEM. */
enum err udp_new(struct udp **out, struct loop *l, const struct udp_config *c,
                 struct why *why) MUST_USE;
void udp_free(struct udp *u); /* takes NULL */
/* The local address, with the port that the system chose. */
struct addr udp_local(const struct udp *u);
/* Sends a datagram. A datagram that the system refuses is lost; the peer repeats its request. */
void udp_send(struct udp *u, const struct addr *to, struct str datagram);

#endif
