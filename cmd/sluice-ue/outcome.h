/* SPDX-License-Identifier: MIT */
/* The account of a call: what was sent, received, lost and verified, phase by phase. */
#ifndef CMD_SLUICE_UE_OUTCOME_H
#define CMD_SLUICE_UE_OUTCOME_H

#include "cmd/sluice-ue/terminal.h"

struct call_outcome {
	unsigned faults; /* directions of phases that were not whole */
	char mode[16];   /* what the gateway does to the media; empty: nobody said */
};

void outcome_mode(struct call_outcome *t, struct str mode);
/* One line: how the call is protected. */
void outcome_start(const struct call_outcome *t, const struct terminal *who);
/* One line: the counts of `who` at the end of a phase. */
void outcome_phase(struct call_outcome *t, const char *phase, const struct terminal *who,
                   const char *name);
/* Has `to` everything that `from` sent, and the report that says so? */
bool outcome_is_whole(const struct terminal_media *from, const struct terminal_media *to);
/* ERR_AUTH when something was lost, refused or changed. */
enum err outcome_end(const struct call_outcome *t, struct why *why) MUST_USE;

#endif
