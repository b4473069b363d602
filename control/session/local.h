/* SPDX-License-Identifier: MIT */
/* Chooses the local address and the local ports of each leg. */
#ifndef CONTROL_SESSION_LOCAL_H
#define CONTROL_SESSION_LOCAL_H

#include "control/session/interfaces.h"
#include "control/session/ports.h"
#include "control/session/spec.h"

/*
 * The ports of every local address. Interfaces with the same address share the ports of that
 * address. Control thread only.
 *
 * The family of a leg's address is that of its remote; without a remote, that of its field
 * `family`, else IPv4 if the interface has an IPv4 address. Calls are spread over the addresses of
 * one name and family; legs of one call that name the same interface have the same address. A leg
 * keeps its address and port until it ends. If its remote changes family, the leg gets an
 * additional address of that family: signalling uses the new address, the leg still receives on the
 * old one, and signalling uses the old one again when the remote changes back.
 */
struct local;

/* ERR_RANGE: the port range of an interface contains no pair; ERR_NOMEM. l->items must live as long
 * as *out. */
enum err local_new(struct local **out, const struct interfaces *l, uint32_t quarantine_ms,
                   struct why *why) MUST_USE;
void local_free(struct local *l); /* `l` may be NULL */
void local_set_quarantine(struct local *l, uint32_t quarantine_ms);

/*
 * Gives an address and ports to every leg of `next` that needs them. `now`: the present content of
 * the session; NULL: none. On failure no leg gets any. ERR_INVALID: an interface has no address of
 * the leg's family; ERR_LIMIT: its addresses have no free port; `why` names media, leg and
 * interface.
 */
enum err local_assign(struct local *l, struct spec_session *next, const struct spec_session *now,
                      uint64_t now_ns, struct why *why) MUST_USE;
/* Releases the ports of `of` that are not in `kept` (NULL: releases all). `used`: media may have
 * used the ports, so they stay in quarantine before the next use. */
void local_release(struct local *l, struct spec_session *of, const struct spec_session *kept,
                   bool used, uint64_t now_ns);
/* Releases the ports that a refused request took. Another program holds `taken`: its pair is left
 * alone for PORTS_FOREIGN_NS, the others are free at once. */
void local_release_refused(struct local *l, struct spec_session *of,
                           const struct spec_session *kept, const struct addr *taken,
                           uint64_t now_ns);
void local_usage(struct local *l, unsigned interface, uint64_t now_ns, struct ports_usage *out);

#endif
