/* SPDX-License-Identifier: MIT */
/* A real call: two terminals, SRTP between them through one gateway or over SIP, and an account of
 * every frame. */
#ifndef CMD_SLUICE_UE_CALL_H
#define CMD_SLUICE_UE_CALL_H

#include "cmd/sluice-ue/options.h"

/*
 * With --answerer and --gateway: both terminals here, the gateway told by its control socket. With
 * --sip: one terminal, which calls through --proxy or waits for a call. Prints a line for each
 * phase and direction. ERR_AUTH: something was lost, refused or changed on the way; else what
 * failed.
 */
enum err call_run(const struct ue_options *o, struct why *why) MUST_USE;

#endif
