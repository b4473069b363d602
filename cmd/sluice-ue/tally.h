/* SPDX-License-Identifier: MIT */
/* The account of a call: what was sent, received, lost and verified, phase by phase. */
#ifndef CMD_SLUICE_UE_TALLY_H
#define CMD_SLUICE_UE_TALLY_H

#include "cmd/sluice-ue/terminal.h"

struct tally {
	unsigned faults; /* directions of phases that were not whole */
	char mode[16];   /* what the gateway does to the media; empty: nobody said */
};

void tally_mode(struct tally *t, struct str mode);
/* One line: how the call is protected. */
void tally_start(const struct tally *t, const struct terminal *who);
/* One line: the counts of `who` at the end of a phase. */
void tally_phase(struct tally *t, const char *phase, const struct terminal *who, const char *name);
/* Has `to` everything that `from` sent, and the report that says so? */
bool tally_is_whole(const struct terminal_media *from, const struct terminal_media *to);
/* ERR_AUTH when something was lost, refused or changed. */
enum err tally_end(const struct tally *t, struct why *why) MUST_USE;

#endif
