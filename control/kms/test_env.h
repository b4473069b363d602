/* SPDX-License-Identifier: MIT */
/* Time and random octets of the key programs: the machine's, or fixed ones in test builds, so that
 * a message can be reproduced. */
#ifndef CONTROL_KMS_TEST_ENV_H
#define CONTROL_KMS_TEST_ENV_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Environment of test builds (make TEST=1):
 *   SLUICE_TEST_CLOCK   seconds since 1970, with a fraction: the time stands there
 *   SLUICE_TEST_RANDOM  a file of lines "name hex": each draw of that name takes the next one;
 * "seed text" makes the rest from the text A release build refuses to start when one is set.
 */
struct repeat;

/* ERR_DENIED: a variable is set in a release build; ERR_SYNTAX, ERR_IO. */
enum err repeat_new(struct repeat **out, struct why *why) MUST_USE;
void repeat_free(struct repeat *r);
/* Nanoseconds since 1970. */
uint64_t repeat_wall_ns(const struct repeat *r);
/* As mikey_env.random wants it; `ctx` is a struct repeat. ERR_NOT_FOUND: the file names no value
 * and no seed. */
enum err repeat_random(void *ctx, const char *name, uint8_t *out, size_t n);

#endif
