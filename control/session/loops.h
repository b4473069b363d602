/* SPDX-License-Identifier: MIT */
/* Media loops: packets that would return through this gateway's ports to the leg that sent them. */
#ifndef CONTROL_SESSION_LOOPS_H
#define CONTROL_SESSION_LOOPS_H

#include "control/session/port_book.h"
#include "control/session/registry.h"

enum { LOOPS_LEGS_MAX = 256 }; /* legs in one walk; a walk through more legs is refused */

/* Where a leg sends RTCP; no address: it has no RTCP target of its own (mux, none, no remote). */
struct addr loops_rtcp_target(const struct spec_leg *leg);

/*
 * Walks from leg `from`, whose session becomes `next`, through ports of this gateway: to the legs
 * that the leg's targets reach (RTP, RTCP, sources it may learn), to the legs joined to those, and
 * so on. ERR_DENIED: the walk returns to `from`, or it passes more than LOOPS_LEGS_MAX legs. A walk
 * through two connected calls does not return: it ends at an address outside the gateway. `extra`:
 * one more target of the leg, or NULL. The walk includes other sessions as they are and as updates
 * under way will make them, legs with closed gates, and inactive forks. A loop appears only when
 * one of its legs changes, so it is enough to check each leg that changes.
 */
enum err loops_check(const struct port_book *b, const struct leg_name *from,
                     const struct spec_session *next, const struct addr *extra,
                     struct why *why) MUST_USE;

#endif
