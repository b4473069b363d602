/* SPDX-License-Identifier: MIT */
/* Runs a real call between two terminals, through one gateway or over SIP, and counts every
 * frame. */
#ifndef CMD_SLUICE_UE_CALL_H
#define CMD_SLUICE_UE_CALL_H

#include "cmd/sluice-ue/options.h"

/*
 * With --answerer and --gateway both terminals run in this program, which controls the gateway
 * through its control socket. With --sip one terminal runs in this program; it calls through
 * --proxy or waits for a call. Prints a line for each phase and direction. ERR_AUTH: packets were
 * lost, refused or altered. Other errors: `why` says what failed.
 */
enum err call_run(const struct ue_options *o, struct why *why) MUST_USE;

#endif
