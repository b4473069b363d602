/* SPDX-License-Identifier: MIT */
/* Collects the facts for target_judge, and checks all media targets of a session. */
#ifndef CONTROL_SESSION_TARGETS_H
#define CONTROL_SESSION_TARGETS_H

#include "control/session/loops.h"
#include "control/session/port_book.h"
#include "control/session/registry.h"
#include "control/session/target.h"

/* Exists once per service. Control thread only. */
struct targets;

/* `interfaces`, `deny` and `allow` must live as long as *out. The lists may be NULL, and their
 * contents may change. ERR_NOMEM. */
enum err targets_new(struct targets **out, const struct relay_interface *interfaces,
                     unsigned n_interfaces, const struct targets_nets *deny,
                     const struct targets_nets *allow) MUST_USE;
void targets_free(struct targets *t); /* `t` may be NULL */

/* Adds a listener of the gateway. Call it before the first session. ERR_LIMIT beyond
 * TARGET_LISTENERS_MAX listeners. */
enum err targets_add_listener(struct targets *t, const struct addr *a) MUST_USE;
/* Lists the sources that workers must ask about. Call it after the last listener. ERR_NOMEM. */
enum err targets_fill_asked(struct targets *t, struct relay_asked *out) MUST_USE;
struct port_book *targets_book(struct targets *t);
/* Records that session `s` owns the ports of `next`. */
void targets_take_ports(struct targets *t, const struct registry_session *s,
                        const struct spec_session *next);
/* Records that the ports of `of` that are not in `kept` (NULL: all its ports) have no owner. Call
 * it before the ports are released. `now_ns` 0: the ports were never used. */
void targets_give_ports(struct targets *t, const struct spec_session *of,
                        const struct spec_session *kept, uint64_t now_ns);

/*
 * targets_check and targets_check_more read the addresses of this host again if the last reading is
 * older than a second, and always before they check a target whose port is a listener's. So no
 * listener can be reached by an address that this host gets after the start.
 */

/*
 * May the session become `next`? Checks every target, and that no leg closes a loop
 * (control/session/loops.h). Targets of `now` (NULL: none) count as in use. ERR_DENIED: `why` names
 * media, leg, field, address and reason. Call it after targets_take_ports for `next`.
 */
struct targets_change {
	const struct registry_session *session;
	const struct spec_session *next, *now;
};
enum err targets_check(struct targets *t, const struct targets_change *c, uint64_t now_ns,
                       struct why *why) MUST_USE;
/* Checks one more target of an existing leg: an address in an offer without an answer yet, or a
 * source that the leg would learn. */
enum err targets_check_more(struct targets *t, const struct leg_name *at, const struct addr *target,
                            uint64_t now_ns, struct why *why) MUST_USE;

/* True at most once a second, so that packets from unknown sources do not fill the log. */
bool targets_may_log(struct targets *t, uint64_t now_ns);

#endif
