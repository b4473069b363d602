/* SPDX-License-Identifier: MIT */
/* A datagram listener: requests come in one datagram each, replies leave to where they came from.
 */
#ifndef CONTROL_NET_UDP_H
#define CONTROL_NET_UDP_H

#include "base/addr.h"
#include "base/err.h"
#include "base/str.h"

struct loop;
/* Control only. Freed before the loop. */
struct udp;

/* The datagram lives for the call and is wiped after it: requests carry keys. */
typedef void udp_fn(void *arg, const struct addr *from, struct str datagram);

enum { UDP_DATAGRAM_MAX = 65535 };

/* Port 0: the system chooses. ERR_EXISTS (somebody else holds it), ERR_IO, ERR_NOMEM. */
enum err udp_new(struct udp **out, struct loop *l, const struct addr *bind, udp_fn *fn, void *arg,
                 struct why *why) MUST_USE;
void udp_free(struct udp *u); /* takes NULL */
struct addr udp_local(const struct udp *u);
/* Best effort, as datagrams are: what the system refuses is gone, and the peer asks again. */
void udp_send(struct udp *u, const struct addr *to, struct str datagram);

#endif
