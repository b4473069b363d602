/* SPDX-License-Identifier: MIT */
/* Makes timestamps that never repeat, and random octets. */
#include "keyctx/mikey/env.h"

#include "keyctx/prim.h"

enum err mikey_random_system(void *ctx, const char *name, uint8_t *out, size_t n)
{
	(void)ctx;
	(void)name;
	return prim_random(out, n);
}

/* Returns `t`, or `other` + 1 if `t` is not after `other`. Compares the signed difference, which
 * also works across the end of the NTP era in 2036. */
static uint64_t after(uint64_t t, uint64_t other)
{
	return (int64_t)(t - other) > 0 ? t : other + 1;
}

uint64_t mikey_env_stamp(const struct mikey_env *env, uint64_t floor_ntp)
{
	uint64_t t = env->now_ntp;

	if (*env->last_ntp)
		t = after(t, *env->last_ntp);
	if (floor_ntp)
		t = after(t, floor_ntp);
	*env->last_ntp = t;
	return t;
}
