/* SPDX-License-Identifier: MIT */
/* Ends calls without media for clients that receive no events. Such calls remain when a BYE is lost
 * or the proxy restarts. */
#ifndef CONTROL_DIALOG_IDLE_H
#define CONTROL_DIALOG_IDLE_H

#include "control/dialog/dialog.h"
#include "control/session/events.h"
#include "control/net/loop.h"

/*
 * Watches calls with `ends_when_silent`. A call ends when every leg that should receive packets has
 * been silent for its inactivity_ms. If no leg should receive packets (all sides hold, or nobody
 * has answered), the call ends after the setting silent-timeout. A side that holds by sendonly may
 * play music or nothing: its leg counts only after the leg has received packets during the hold.
 * Control thread only.
 */
struct dialog_idle;

/* Seconds. LIMIT: used when silent-timeout is 0. SWEEP: longest time between two sweeps. MUSIC:
 * packets that arrive later than this after a hold began are music on hold. */
enum { DIALOG_IDLE_LIMIT_S = 3600, DIALOG_IDLE_SWEEP_S = 60, DIALOG_IDLE_MUSIC_S = 10 };

enum err dialog_idle_new(struct dialog_idle **out, struct loop *l, struct events *ev,
                         struct service *sv, struct dialogs *d) MUST_USE;
/* Call it before freeing the dialogs and the events. `i` may be NULL. */
void dialog_idle_free(struct dialog_idle *i);

/* settled_ns: when signalling last changed the call; silent_ns: the limit when no leg should
 * receive packets; all monotonic. */
struct dialog_idle_times {
	uint64_t settled_ns, silent_ns, now_ns;
};
/* Should the session end? *is_quiet: a leg with a media-timeout is silent, so the next sweep looks
 * at the call again. Declared here for the test. */
bool dialog_idle_is_over(const struct spec_session *spec, const struct relay_session_stats *stats,
                         const struct dialog_idle_times *t, bool *is_quiet);

#endif
