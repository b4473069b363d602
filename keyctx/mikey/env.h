/* SPDX-License-Identifier: MIT */
/* What the caller provides to an exchange: the time and random octets.
 * keyctx itself reads no clock. */
#ifndef KEYCTX_MIKEY_ENV_H
#define KEYCTX_MIKEY_ENV_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * `random` fills `n` octets. `name` says what the octets are for ("randi", "mpk", "csb-id",
 * "ssrc-cs2"), so that a test can supply fixed values. `last_ntp` points to the last timestamp that
 * this party sent, 0 if none. The caller keeps it as long as the party uses its keys, so that no
 * two of the party's messages have the same time.
 */
struct mikey_env {
	uint64_t now_ntp; /* 64-bit NTP time, clk_wall_to_ntp() */
	uint64_t *last_ntp;
	enum err (*random)(void *ctx, const char *name, uint8_t *out, size_t n);
	void *random_ctx;
};

/* A function for `random` that uses OpenSSL's random generator. Only tests and the load generator
 * use it. ERR_CRYPTO. */
enum err mikey_random_system(void *ctx, const char *name, uint8_t *out, size_t n);

/* Returns the next timestamp to send: now, or one unit after the last one or after `floor_ntp`,
 * whichever is latest. Stores it in `*last_ntp`. */
uint64_t mikey_env_stamp(const struct mikey_env *env, uint64_t floor_ntp);

#endif
