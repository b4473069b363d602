/* SPDX-License-Identifier: MIT */
/* Time and random octets of sluice-kms and sluice-ue: the machine's, or in test builds fixed ones,
 * so that a message can be reproduced. */
#ifndef CONTROL_KMS_TEST_ENV_H
#define CONTROL_KMS_TEST_ENV_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Environment of test builds (make TEST=1):
 *   SLUICE_TEST_CLOCK   seconds since 1970, with a fraction: the clock stands still at that time
 *   SLUICE_TEST_RANDOM  a file of lines "name hex": each draw of that name takes the next line;
 *                       a line "seed text" derives all other draws from the text
 * A release build does not start when one of them is set.
 */
struct test_env;

/* ERR_DENIED: a variable is set in a release build; ERR_SYNTAX, ERR_IO. */
enum err test_env_new(struct test_env **out, struct why *why) MUST_USE;
void test_env_free(struct test_env *r);
/* Nanoseconds since 1970. */
uint64_t test_env_wall_ns(const struct test_env *r);
/* For mikey_env.random; `ctx` is a struct test_env. ERR_NOT_FOUND: the file has neither the name
 * nor a seed. */
enum err test_env_random(void *ctx, const char *name, uint8_t *out, size_t n);

#endif
