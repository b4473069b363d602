/* SPDX-License-Identifier: MIT */
/* Local addresses and ports of legs: which address of an interface a leg gets, and which ports. */
#ifndef CONTROL_SESSION_LOCAL_H
#define CONTROL_SESSION_LOCAL_H

#include "control/session/interfaces.h"
#include "control/session/ports.h"
#include "control/session/spec.h"

/*
 * The ports of every local address. Interfaces with the same address share its ports. Control
 * thread only.
 *
 * A leg's address is of the family of its remote; without a remote, of its field `family`, else
 * IPv4 if the interface has it. Calls are spread over the addresses of one name and family; legs of
 * one call that name the same interface have the same address. A leg keeps its
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
 * Gives an address and ports to every leg of `next` that needs them; `now` (NULL: none) is the
 * present content. All or nothing: ERR_INVALID when an interface has no address of the leg's
 * family, ERR_LIMIT when its addresses have no port left; `why` names media, leg and interface.
 */
enum err local_assign(struct local *l, struct spec_session *next, const struct spec_session *now,
                      uint64_t now_ns, struct why *why) MUST_USE;
/* Releases the ports of `of` that are not in `kept` (NULL: releases all). `used`: media may have
 * used them, so they go into quarantine first. */
void local_release(struct local *l, struct spec_session *of, const struct spec_session *kept,
                   bool used, uint64_t now_ns);
void local_usage(struct local *l, unsigned interface, uint64_t now_ns, struct ports_usage *out);

#endif
