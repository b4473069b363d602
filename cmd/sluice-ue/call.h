/* SPDX-License-Identifier: MIT */
/* A real call between two terminals, through one gateway or over SIP; every frame is counted. */
#ifndef CMD_SLUICE_UE_CALL_H
#define CMD_SLUICE_UE_CALL_H

#include "cmd/sluice-ue/options.h"

/*
 * With --answerer and --gateway both terminals run here, and the gateway is controlled by its
 * socket. With --sip one terminal runs here; it calls through --proxy or waits for a call. Prints a
 * line for each phase and direction. ERR_AUTH: packets were lost, refused or altered. Other codes:
 * what failed.
 */
enum err call_run(const struct ue_options *o, struct why *why) MUST_USE;

#endif
