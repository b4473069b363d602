/* SPDX-License-Identifier: MIT */
/* What keyctx/ue needs from the machine: time, random octets, requests to a KMS over HTTP or
 * HTTPS, and the replay cache. */
#ifndef CMD_SLUICE_UE_OUTSIDE_H
#define CMD_SLUICE_UE_OUTSIDE_H

#include "cmd/sluice-ue/account.h"
#include "cmd/sluice-ue/replay.h"

struct test_env;

struct outside {
	const struct account *account; /* borrowed */
	struct test_env *repeat;
	uint64_t last_ntp;
	struct replay_cache replay;
	struct ue_env env;
};

enum err outside_open(struct outside *a, const struct account *account, struct why *why) MUST_USE;
void outside_close(struct outside *a);
/* Ends the use of the replay cache that env.remember began: keeps the offer in it, or takes it out
 * again. Does nothing if there was no such use. */
void outside_settle(struct outside *a, bool keep);
/* Sets the time in `env` to the current time; call it before each step. */
void outside_tick(struct outside *a);

#endif
