/* SPDX-License-Identifier: MIT */
/* Time and random octets for sluice-kms and sluice-ue: those of the system, or in test builds fixed
 * values, so that a message can be reproduced. */
#ifndef CONTROL_KMS_TEST_ENV_H
#define CONTROL_KMS_TEST_ENV_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Environment of test builds (make TEST=1):
 *   SLUICE_TEST_CLOCK   seconds since 1970, with a fraction: the clock stands still at that time
 *   SLUICE_TEST_RANDOM  a file of lines "name hex": each request for random octets with that name
 *                       gets the next such line; a line "seed text" is the seed of all others
 * A program that is not a test build does not start when one of these variables is set.
 */
struct test_env;

/* ERR_DENIED: a variable is set, but this is not a test build; ERR_SYNTAX, ERR_IO, ERR_TOO_BIG. */
enum err test_env_new(struct test_env **out, struct why *why) MUST_USE;
/* Takes NULL. */
void test_env_free(struct test_env *r);
/* The time in nanoseconds since 1970. */
uint64_t test_env_wall_ns(const struct test_env *r);
/* Writes `n` random octets for the purpose `name`. For mikey_env.random; `ctx` is a struct
 * test_env. ERR_NOT_FOUND: the file has neither an unused line of that name nor a seed; ERR_SYNTAX.
 */
enum err test_env_random(void *ctx, const char *name, uint8_t *out, size_t n);

#endif
