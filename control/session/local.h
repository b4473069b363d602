/* SPDX-License-Identifier: MIT */
/* Local addresses and ports of legs: which address of an interface a leg gets, and a pair of ports
 * there. */
#ifndef CONTROL_SESSION_LOCAL_H
#define CONTROL_SESSION_LOCAL_H

#include "control/session/interfaces.h"
#include "control/session/ports.h"
#include "control/session/spec.h"

/*
 * The ports of every local address, each address its own; interfaces on one address share them.
 * Control only.
 *
 * A leg's address is of the family of its remote; without a remote, of its field `family`, else
 * IPv4 where the interface has it. Calls are spread over the addresses that a name has of one
 * family; the legs of one call that named the same interface have the same one. A leg keeps its
 * address and its port for life. When its remote changes family it gets an address of that family
 * beside the one it has: signalling is told the new one, the leg still receives on the old one, and
 * returns to it when the remote changes back.
 */
struct local;

/* ERR_RANGE: the ports of an interface hold no pair; ERR_NOMEM. `l` is borrowed for life. */
enum err local_new(struct local **out, const struct interfaces *l, uint32_t quarantine_ms,
                   struct why *why) MUST_USE;
void local_free(struct local *l); /* takes NULL */
void local_set_quarantine(struct local *l, uint32_t quarantine_ms);

/*
 * Every leg of `next` that needs an address or port gets one; `now` (NULL: none) is what the
 * session has. All or nothing: ERR_INVALID when an interface has no address of the leg's family,
 * ERR_LIMIT when its addresses have no port left; `why` names media, leg and interface.
 */
enum err local_assign(struct local *l, struct spec_session *next, const struct spec_session *now,
                      uint64_t now_ns, struct why *why) MUST_USE;
/* Gives back the ports of `of` that are not in `kept` (NULL: none is). `used`: media may have used
 * them, so they go into quarantine first. */
void local_release(struct local *l, struct spec_session *of, const struct spec_session *kept,
                   bool used, uint64_t now_ns);
void local_usage(struct local *l, unsigned interface, uint64_t now_ns, struct ports_usage *out);

#endif
