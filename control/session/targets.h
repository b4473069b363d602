/* SPDX-License-Identifier: MIT */
/* What the gateway knows for judging media targets, and the judgement of whole sessions. */
#ifndef CONTROL_SESSION_TARGETS_H
#define CONTROL_SESSION_TARGETS_H

#include "control/session/loops.h"
#include "control/session/port_book.h"
#include "control/session/registry.h"
#include "control/session/target.h"

/* One for the service. Control only. */
struct targets;

/* `interfaces` and the lists, which may be NULL and may change, live as long as it does. ERR_NOMEM.
 */
enum err targets_new(struct targets **out, const struct relay_interface *interfaces,
                     unsigned n_interfaces, const struct targets_nets *deny,
                     const struct targets_nets *allow) MUST_USE;
void targets_free(struct targets *t); /* takes NULL */

/* A listener of the gateway: before the first session. ERR_LIMIT beyond TARGET_LISTENERS_MAX. */
enum err targets_add_listener(struct targets *t, const struct addr *a) MUST_USE;
/* What workers ask about; when every listener is known. ERR_NOMEM. */
enum err targets_fill_asked(struct targets *t, struct relay_asked *out) MUST_USE;
struct port_book *targets_book(struct targets *t);
/* The ports of `next` are those of session `s`, as it becomes that. */
void targets_take_ports(struct targets *t, const struct registry_session *s,
                        const struct spec_session *next);
/* Before they are given back: ports of `of` that are not in `kept` (NULL: none is) are nobody's.
 * `now_ns` 0: they were never used. */
void targets_give_ports(struct targets *t, const struct spec_session *of,
                        const struct spec_session *kept, uint64_t now_ns);

/*
 * The addresses of this host are read again when they are older than a second, and in any case
 * before a judgement that hangs on them: that of a target whose port one of our listeners has. So
 * an address that comes to this host after the start counts at once.
 */

/*
 * May the session become `next`? Every target is judged, those of `now` (NULL: none) as in use, and
 * no leg may close a ring (control/session/loops.h). ERR_DENIED: `why` names media, leg, field,
 * address and reason. Ports of `next` are chosen and in the book.
 */
struct targets_change {
	const struct registry_session *session;
	const struct spec_session *next, *now;
};
enum err targets_check(struct targets *t, const struct targets_change *c, uint64_t now_ns,
                       struct why *why) MUST_USE;
/* The same of one more target of a leg that exists: of an offer that is not in force yet, or a
 * source to be learnt. */
enum err targets_check_more(struct targets *t, const struct leg_name *at, const struct addr *target,
                            uint64_t now_ns, struct why *why) MUST_USE;

/* Once a second at most: what strangers' packets cause must not fill the log. */
bool targets_may_log(struct targets *t, uint64_t now_ns);

#endif
