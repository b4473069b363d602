/* SPDX-License-Identifier: MIT */
/* Media loops: packets that would return, through ports of this gateway, to the leg that sent them.
 */
#ifndef CONTROL_SESSION_LOOPS_H
#define CONTROL_SESSION_LOOPS_H

#include "control/session/port_book.h"
#include "control/session/registry.h"

enum { LOOPS_LEGS_MAX = 256 }; /* of one walk; a walk through more legs is refused */

/* Where a leg sends its RTCP; none: to the same port as RTP. */
struct addr loops_rtcp_target(const struct spec_leg *leg);

/*
 * Walks from a leg of a session, which becomes `next`, through ports of ours: a leg's targets
 * (RTP, RTCP, sources it may learn), the legs they reach, the legs those are joined to, and on. Two
 * calls that meet end at a stranger's address; a walk that comes back to its leg is ERR_DENIED.
 * `extra`: a target beside those of `next`, or NULL. What other sessions are, and what an update
 * under way makes of them, counts alike; so do legs behind closed gates and forks that are not
 * active. A loop appears with the change of one of its legs, so checking each leg that changes
 * prevents every loop.
 */
enum err loops_check(const struct port_book *b, const struct leg_name *from,
                     const struct spec_session *next, const struct addr *extra,
                     struct why *why) MUST_USE;

#endif
