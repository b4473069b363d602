/* SPDX-License-Identifier: MIT */
/* Ends calls without media, for clients that receive no events: their BYE was lost, or the proxy
 * was restarted. */
#ifndef CONTROL_DIALOG_IDLE_H
#define CONTROL_DIALOG_IDLE_H

#include "control/dialog/dialog.h"
#include "control/session/events.h"
#include "control/net/loop.h"

/*
 * Watches calls with `ends_when_silent`. A call ends when every leg that should receive packets has
 * been silent for its inactivity_ms. If no leg should (all sides hold, or nobody has answered), it
 * ends after the setting silent-timeout. A side that holds by sendonly may play music or nothing:
 * its leg counts only after it has received packets during the hold. Control thread only.
 */
struct dialog_idle;

/* LIMIT: used when silent-timeout is 0. SWEEP: longest time between two sweeps. MUSIC: packets this
 * long after a hold began are music on hold. */
enum { DIALOG_IDLE_LIMIT_S = 3600, DIALOG_IDLE_SWEEP_S = 60, DIALOG_IDLE_MUSIC_S = 10 };

enum err dialog_idle_new(struct dialog_idle **out, struct loop *l, struct events *ev,
                         struct service *sv, struct dialogs *d) MUST_USE;
/* Call before freeing the dialogs and the events. Takes NULL. */
void dialog_idle_free(struct dialog_idle *i);

/* settled_ns: when signalling last changed the call; silent_ns: the limit when no leg should
 * receive packets; all monotonic. */
struct dialog_idle_times {
	uint64_t settled_ns, silent_ns, now_ns;
};
/* Should the session be ended? *is_quiet: a leg that should receive packets is silent; the next
 * sweep looks at the call again. Declared here for the test. */
bool dialog_idle_is_over(const struct spec_session *spec, const struct relay_session_stats *stats,
                         const struct dialog_idle_times *t, bool *is_quiet);

#endif
