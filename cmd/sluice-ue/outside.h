/* SPDX-License-Identifier: MIT */
/* What keyctx/ue needs from the machine: time, random octets, and requests to a KMS over HTTP or
 * HTTPS. */
#ifndef CMD_SLUICE_UE_OUTSIDE_H
#define CMD_SLUICE_UE_OUTSIDE_H

#include "cmd/sluice-ue/account.h"

struct test_env;

struct outside {
	const struct account *account; /* borrowed */
	struct test_env *repeat;
	uint64_t last_ntp;
	struct ue_env env;
};

enum err outside_open(struct outside *a, const struct account *account, struct why *why) MUST_USE;
void outside_close(struct outside *a);
/* Sets the time in `env` to the current time; call it before each step. */
void outside_tick(struct outside *a);

#endif
