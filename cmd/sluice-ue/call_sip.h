/* SPDX-License-Identifier: MIT */
/* A call over SIP, as caller or as called terminal. */
#ifndef CMD_SLUICE_UE_CALL_SIP_H
#define CMD_SLUICE_UE_CALL_SIP_H

#include "cmd/sluice-ue/options.h"

/* Calls, sends audio, holds and renews keys as the options say, and ends the call. Returns the
 * errors of call_run. */
enum err call_out(const struct ue_options *o, struct why *why) MUST_USE;
/* Waits for one call, answers all its offers, and counts packets until it ends. */
enum err call_wait(const struct ue_options *o, struct why *why) MUST_USE;

#endif
