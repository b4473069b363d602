/* SPDX-License-Identifier: MIT */
/* Media loops: packets that would return through this gateway's ports to the leg that sent them. */
#ifndef CONTROL_SESSION_LOOPS_H
#define CONTROL_SESSION_LOOPS_H

#include "control/session/port_book.h"
#include "control/session/registry.h"

enum { LOOPS_LEGS_MAX = 256 }; /* of one walk; a walk through more legs is refused */

/* Where a leg sends its RTCP; none: to the same port as RTP. */
struct addr loops_rtcp_target(const struct spec_leg *leg);

/*
 * Walks from a leg of a session, which becomes `next`, through ports of ours: a leg's targets
 * (RTP, RTCP, sources it may learn), the legs they reach, the legs those are joined to, and so on.
 * ERR_DENIED: the walk returns to its leg. A walk through two connected calls does not: it ends at
 * a foreign address. `extra`: one more target of the leg, or NULL. The walk includes the present
 * content of other sessions and that of their updates under way, legs with closed gates, and
 * inactive forks. A loop appears when one of its legs changes, so checking each leg that changes
 * prevents every loop.
 */
enum err loops_check(const struct port_book *b, const struct leg_name *from,
                     const struct spec_session *next, const struct addr *extra,
                     struct why *why) MUST_USE;

#endif
