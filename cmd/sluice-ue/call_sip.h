/* SPDX-License-Identifier: MIT */
/* The course of a call over SIP, at either end. */
#ifndef CMD_SLUICE_UE_CALL_SIP_H
#define CMD_SLUICE_UE_CALL_SIP_H

#include "cmd/sluice-ue/options.h"

/* Calls, talks, holds, renews as told, ends. Results as call_run. */
enum err call_out(const struct ue_options *o, struct why *why) MUST_USE;
/* Waits for one call, answers whatever its offers want, and counts until it ends. */
enum err call_wait(const struct ue_options *o, struct why *why) MUST_USE;

#endif
