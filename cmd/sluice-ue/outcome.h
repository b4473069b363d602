/* SPDX-License-Identifier: MIT */
/* The outcome of a call: packets sent, received, lost and verified in each phase. */
#ifndef CMD_SLUICE_UE_OUTCOME_H
#define CMD_SLUICE_UE_OUTCOME_H

#include "cmd/sluice-ue/terminal.h"

struct call_outcome {
	unsigned faults; /* number of outcome_phase calls with lost, refused or altered packets */
	char mode[16];   /* mode of the media in the gateway; empty: not known */
};

void outcome_mode(struct call_outcome *t, struct str mode);
/* Prints one line that says how the call is protected. */
void outcome_start(const struct call_outcome *t, const struct terminal *who);
/* Prints one line with the counts of `who` at the end of a phase. */
void outcome_phase(struct call_outcome *t, const char *phase, const struct terminal *who,
                   const char *name);
/* Returns true if `to` has received everything that `from` sent, and the report that confirms
 * it. */
bool outcome_is_whole(const struct terminal_media *from, const struct terminal_media *to);
/* Prints the result. ERR_AUTH: packets were lost, refused or altered. */
enum err outcome_end(const struct call_outcome *t, struct why *why) MUST_USE;

#endif
