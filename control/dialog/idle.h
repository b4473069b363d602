/* SPDX-License-Identifier: MIT */
/* Ends calls that nobody speaks in, for signalling that hears no events: the BYE was lost, or the
 * proxy was restarted. */
#ifndef CONTROL_DIALOG_IDLE_H
#define CONTROL_DIALOG_IDLE_H

#include "control/dialog/dialog.h"
#include "control/session/events.h"
#include "control/net/loop.h"

/*
 * Looks after calls whose requests said `ends_when_silent`. A call ends when every leg that should
 * be heard was silent for its inactivity_ms; one where nobody should be heard (all hold), or that
 * is not answered, after the setting silent-timeout. Who holds by sendonly may play music or
 * nothing: he should be heard once he was. Control only.
 */
struct dialog_idle;

enum { DIALOG_IDLE_LIMIT_S = 3600, DIALOG_IDLE_SWEEP_S = 60, DIALOG_IDLE_MUSIC_S = 10 };

enum err dialog_idle_new(struct dialog_idle **out, struct loop *l, struct events *ev,
                         struct service *sv, struct dialogs *d) MUST_USE;
/* Before the dialogs and the events. Takes NULL. */
void dialog_idle_free(struct dialog_idle *i);

/*
 * Is a session whose legs were last heard then over? `settled_ns`: when signalling last spoke;
 * `silent_ns`: how long those may be silent whom nobody misses. `is_quiet`: somebody is missed,
 * though it is not over: it is worth another look. Declared here for the test.
 */
struct dialog_idle_times {
	uint64_t settled_ns, silent_ns, now_ns;
};
bool dialog_idle_is_over(const struct spec_session *spec, const struct relay_session_stats *stats,
                         const struct dialog_idle_times *t, bool *is_quiet);

#endif
