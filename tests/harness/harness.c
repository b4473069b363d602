/* SPDX-License-Identifier: MIT */
/* The test harness. */
#include "tests/harness/harness.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/clk.h"
#include "base/mem.h"

static struct {
	char context[256];
	char skipped[256];
	unsigned failures;
} now;

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool test_expect(bool ok, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	if (ok)
		return true;
	now.failures++;
	if (now.failures > 20)
		return false;
	printf("  %s:%d: ", base_name(file), line);
	if (now.context[0])
		printf("[%s] ", now.context);
	printf("expected ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	return false;
}

void test_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(now.skipped, sizeof(now.skipped), fmt, ap);
	va_end(ap);
}

void test_context(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(now.context, sizeof(now.context), fmt, ap);
	va_end(ap);
}

bool test_expect_err(enum err got, enum err want, const char *file, int line, const char *what)
{
	return test_expect(got == want, file, line, "%s to give %s, got %s", what, err_name(want),
	                   err_name(got));
}

bool test_expect_int(long long got, long long want, const char *file, int line, const char *what)
{
	return test_expect(got == want, file, line, "%s to be %lld, got %lld", what, want, got);
}

bool test_expect_text(const char *got, const char *want, const char *file, int line,
                      const char *what)
{
	bool same = got && want && strcmp(got, want) == 0;

	return test_expect(same, file, line, "%s to be\n    %s\n  got\n    %s", what,
	                   want ? want : "(null)", got ? got : "(null)");
}

static void print_octets(char *out, size_t room, const uint8_t *p, size_t n)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n && at + 3 < room; i++)
		at += (size_t)snprintf(out + at, room - at, "%02x", p[i]);
}

bool test_expect_octets(const void *got, size_t got_n, const void *want, size_t want_n,
                        const char *file, int line, const char *what)
{
	bool same = got_n == want_n && (got_n == 0 || memcmp(got, want, got_n) == 0);
	char g[2100], w[2100];

	if (same)
		return true;
	print_octets(g, sizeof(g), got, got_n);
	print_octets(w, sizeof(w), want, want_n);
	return test_expect(false, file, line, "%s to be %zu octets\n    %s\n  got %zu\n    %s",
	                   what, want_n, w, got_n, g);
}

size_t test_hex(const char *text, uint8_t *out, size_t room)
{
	size_t n = 0;
	int high = -1;

	for (; *text; text++) {
		const char *digits = "0123456789abcdef", *at;

		if (*text == ' ' || *text == '\n' || *text == '\t')
			continue;
		at = strchr(digits, *text | 0x20);
		CHECK(at != NULL);
		if (high < 0) {
			high = (int)(at - digits);
			continue;
		}
		CHECK(n < room);
		out[n++] = (uint8_t)(high << 4 | (int)(at - digits));
		high = -1;
	}
	CHECK(high < 0);
	return n;
}

void test_each_allocation_failing_but(enum err (*fn)(void), unsigned survived)
{
	unsigned n_survived = 0;

	for (uint64_t nth = 1; nth < 100000; nth++) {
		enum err e;
		bool failed;

		mem_fail_nth(nth);
		e = fn();
		failed = mem_has_failed();
		mem_fail_nth(0);
		if (!failed) {
			test_expect(e == ERR_OK, __FILE__, __LINE__,
			            "success without failures, got %s", err_name(e));
			test_expect_int(n_survived, survived, __FILE__, __LINE__,
			                "failures without an error");
			return;
		}
		if (e == ERR_OK && n_survived < survived) {
			n_survived++;
			continue;
		}
		test_expect(e != ERR_OK, __FILE__, __LINE__, "an error when allocation %llu fails",
		            (unsigned long long)nth);
	}
	test_expect(false, __FILE__, __LINE__, "an end to the allocations");
}

void test_each_allocation_failing(enum err (*fn)(void))
{
	test_each_allocation_failing_but(fn, 0);
}

uint64_t test_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1dull;
}

uint64_t test_seed(void)
{
	const char *given = getenv("SLUICE_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : clk_wall_ns();

	seed = seed ? seed : 1;
	test_context("SLUICE_SEED=%llu", (unsigned long long)seed);
	return seed;
}

const char *test_path(const char *relative)
{
	static char path[4096];
	const char *root = getenv("SLUICE_TESTS");

	snprintf(path, sizeof(path), "%s/%s", root ? root : "tests", relative);
	return path;
}

int test_main(const char *suite, const struct test_case *cases, size_t n, int argc, char **argv)
{
	unsigned failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < n; i++) {
		if (argc > 1 && !strstr(cases[i].name, argv[1]))
			continue;
		memset(&now, 0, sizeof(now));
		cases[i].fn();
		if (now.failures) {
			failed++;
			printf("FAIL %s/%s\n", suite, cases[i].name);
		} else if (now.skipped[0]) {
			printf("SKIP %s/%s: %s\n", suite, cases[i].name, now.skipped);
		} else {
			printf("PASS %s/%s\n", suite, cases[i].name);
		}
	}
	return failed ? 1 : 0;
}
