/* SPDX-License-Identifier: MIT */
/* A datagram listener: one request in a datagram; its reply goes to the sender's address. */
#ifndef CONTROL_NET_UDP_H
#define CONTROL_NET_UDP_H

#include "base/addr.h"
#include "base/err.h"
#include "base/str.h"

struct loop;
/* Control only. Freed before the loop. */
struct udp;

/* The datagram lives until the function returns; it may hold keys and is wiped then. */
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
struct addr udp_local(const struct udp *u);
/* A datagram that the system refuses is lost; the peer retransmits its request. */
void udp_send(struct udp *u, const struct addr *to, struct str datagram);

#endif
