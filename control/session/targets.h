/* SPDX-License-Identifier: MIT */
/* The facts about media targets, and the check of whole sessions. */
#ifndef CONTROL_SESSION_TARGETS_H
#define CONTROL_SESSION_TARGETS_H

#include "control/session/loops.h"
#include "control/session/port_book.h"
#include "control/session/registry.h"
#include "control/session/target.h"

/* One for the service. Control thread only. */
struct targets;

/* Borrows `interfaces` and the lists for life; the lists may be NULL and may change. ERR_NOMEM. */
enum err targets_new(struct targets **out, const struct relay_interface *interfaces,
                     unsigned n_interfaces, const struct targets_nets *deny,
                     const struct targets_nets *allow) MUST_USE;
void targets_free(struct targets *t); /* takes NULL */

/* Adds a listener of the gateway. Call it before the first session. ERR_LIMIT beyond
 * TARGET_LISTENERS_MAX listeners. */
enum err targets_add_listener(struct targets *t, const struct addr *a) MUST_USE;
/* Lists the sources that workers must ask about. Call it after the last listener. ERR_NOMEM. */
enum err targets_fill_asked(struct targets *t, struct relay_asked *out) MUST_USE;
struct port_book *targets_book(struct targets *t);
/* Records that session `s` owns the ports of `next`. */
void targets_take_ports(struct targets *t, const struct registry_session *s,
                        const struct spec_session *next);
/* Removes the owner of ports of `of` that are not in `kept` (NULL: of all). Call it before the
 * ports are given back. `now_ns` 0: they were never used. */
void targets_give_ports(struct targets *t, const struct spec_session *of,
                        const struct spec_session *kept, uint64_t now_ns);

/*
 * The addresses of this host are read again when they are older than a second, and always before
 * the check of a target whose port is a listener's. So an address that this host gets after the
 * start counts at once.
 */

/*
 * May the session become `next`? Checks every target, those of `now` (NULL: none) as in use, and
 * that no leg closes a loop (control/session/loops.h). ERR_DENIED: `why` names media, leg, field,
 * address and reason. Ports of `next` are chosen and in the book.
 */
struct targets_change {
	const struct registry_session *session;
	const struct spec_session *next, *now;
};
enum err targets_check(struct targets *t, const struct targets_change *c, uint64_t now_ns,
                       struct why *why) MUST_USE;
/* Checks one more target of an existing leg: from an offer that is not answered yet, or a source
 * to be learned. */
enum err targets_check_more(struct targets *t, const struct leg_name *at, const struct addr *target,
                            uint64_t now_ns, struct why *why) MUST_USE;

/* True at most once a second: packets from unknown sources must not fill the log. */
bool targets_may_log(struct targets *t, uint64_t now_ns);

#endif
