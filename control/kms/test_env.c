/* SPDX-License-Identifier: MIT */
/* Gives the system's time and random octets, or in test builds those that the environment sets. */
#include "control/kms/test_env.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/b64.h"
#include "base/clk.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"
#include "control/kms/kms_conf.h"
#include "keyctx/prim.h"

static const char *const variables[] = {"SLUICE_TEST_CLOCK", "SLUICE_TEST_RANDOM"};

struct test_env {
	bool has_clock, has_random;
	uint64_t wall_ns;
	struct kms_conf_file values;
	struct str seed;
	uint64_t drawn;
	struct str *lines;
	bool *taken;
	size_t n_lines;
};

#ifdef SLUICE_TEST_BUILD
static enum err read_clock(struct test_env *r, struct str text, struct why *why)
{
	struct str fraction, whole = str_cut(text, '.', &fraction);
	uint64_t s, scale = NS_PER_S;

	if (str_to_u64(whole, UINT32_MAX, &s))
		return why_fail(why, ERR_SYNTAX,
		                "%s: must be seconds since 1970, for example 1700000000.5",
		                variables[0]);
	r->wall_ns = s * NS_PER_S;
	for (size_t i = 0; i < fraction.n && i < 9; i++) {
		if (fraction.p[i] < '0' || fraction.p[i] > '9')
			return why_fail(why, ERR_SYNTAX,
			                "%s: must be seconds since 1970, for example 1700000000.5",
			                variables[0]);
		scale /= 10;
		r->wall_ns += (uint64_t)(fraction.p[i] - '0') * scale;
	}
	r->has_clock = true;
	return ERR_OK;
}

static enum err read_random(struct test_env *r, const char *file, struct why *why)
{
	enum err e = kms_conf_file_read(&r->values, file, 1 << 20, why);
	struct str rest;
	size_t room = 1;

	if (e)
		return e;
	for (size_t i = 0; i < r->values.n; i++)
		room += r->values.p[i] == '\n';
	r->lines = mem_array(room, sizeof(*r->lines));
	r->taken = mem_array(room, sizeof(*r->taken));
	if (!r->lines || !r->taken)
		return why_fail(why, ERR_NOMEM, "out of memory");
	for (struct str s = str_make(r->values.p, r->values.n); s.n; s = rest) {
		struct str line = str_trim(str_cut(s, '\n', &rest)), value;

		if (str_starts(line, "seed "))
			r->seed = str_skip(line, 5);
		else if (line.n && line.p[0] != '#' && (str_cut(line, ' ', &value), value.n))
			r->lines[r->n_lines++] = line;
	}
	r->has_random = true;
	return ERR_OK;
}

static enum err read_environment(struct test_env *r, struct why *why)
{
	const char *clock = getenv(variables[0]), *random = getenv(variables[1]);
	enum err e = clock ? read_clock(r, str_of(clock), why) : ERR_OK;

	return !e && random ? read_random(r, random, why) : e;
}
#else
static enum err read_environment(struct test_env *r, struct why *why)
{
	(void)r;
	for (size_t i = 0; i < ARRAY_LEN(variables); i++)
		if (getenv(variables[i]))
			return why_fail(why, ERR_DENIED,
			                "%s is set, but this is not a test build: unset it (test "
			                "builds, make TEST=1, use fixed time and keys)",
			                variables[i]);
	return ERR_OK;
}
#endif

enum err test_env_new(struct test_env **out, struct why *why)
{
	struct test_env *r = mem_alloc(sizeof(*r));
	enum err e;

	if (!r)
		return why_fail(why, ERR_NOMEM, "out of memory");
	e = read_environment(r, why);
	if (e) {
		test_env_free(r);
		return e;
	}
	*out = r;
	return ERR_OK;
}

void test_env_free(struct test_env *r)
{
	if (!r)
		return;
	kms_conf_file_free(&r->values);
	mem_free(r->lines);
	mem_free(r->taken);
	mem_free(r);
}

uint64_t test_env_wall_ns(const struct test_env *r)
{
	return r->has_clock ? r->wall_ns : clk_wall_ns();
}

static enum err from_seed(struct test_env *r, const char *name, uint8_t *out, size_t n)
{
	uint8_t block[PRIM_SHA256_LEN], counter[8];
	struct view parts[] = {{(const uint8_t *)name, strlen(name)}, {counter, sizeof(counter)}};

	if (r->seed.n == 0)
		return ERR_NOT_FOUND;
	for (size_t done = 0; done < n; done += sizeof(block)) {
		struct wr w = wr_make(counter, sizeof(counter));
		enum err e;

		wr_u64(&w, r->drawn++);
		e = prim_hmac(PRIM_SHA256, (struct view){(const uint8_t *)r->seed.p, r->seed.n},
		              parts, ARRAY_LEN(parts), block);
		if (e)
			return e;
		memcpy(out + done, block, n - done < sizeof(block) ? n - done : sizeof(block));
	}
	return ERR_OK;
}

enum err test_env_random(void *ctx, const char *name, uint8_t *out, size_t n)
{
	struct test_env *r = ctx;

	if (!r->has_random)
		return prim_random(out, n);
	for (size_t i = 0; i < r->n_lines; i++) {
		struct str value, key = str_cut(r->lines[i], ' ', &value);
		size_t len = 0;

		if (r->taken[i] || !str_is(key, name))
			continue;
		r->taken[i] = true;
		if (hex_decode(str_trim(value), out, n, &len) || len != n)
			return ERR_SYNTAX;
		return ERR_OK;
	}
	return from_seed(r, name, out, n);
}
