/* SPDX-License-Identifier: MIT */
/* What every test program shares: cases, expectations, hex, the failing allocator, the closing
 * lines. */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

struct test_case {
	const char *name;
	void (*fn)(void);
};

/*
 * Runs the cases (all, or those whose names contain argv[1]) and prints for each `PASS suite/name`,
 * `FAIL suite/name` after the reasons, or `SKIP suite/name: reason`. Returns the exit status for
 * main.
 */
int test_main(const char *suite, const struct test_case *cases, size_t n, int argc, char **argv);

/* Use: TEST_MAIN("map", {"grows", grows}, {"removes", removes}) */
#define TEST_MAIN(suite, ...)                                                 \
	int main(int argc, char **argv)                                       \
	{                                                                     \
		static const struct test_case cases[] = {__VA_ARGS__};        \
		return test_main(suite, cases, ARRAY_LEN(cases), argc, argv); \
	}

/* Notes a failure of the running case and goes on; returns `ok`. */
bool test_expect(bool ok, const char *file, int line, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Ends the running case as skipped; the caller returns at once. */
void test_skip(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Printed before each failure of the case until it ends or is replaced: a row's name, a seed. */
void test_context(const char *fmt, ...) PRINTF_LIKE(1, 2);

#define EXPECT(cond)           test_expect((cond), __FILE__, __LINE__, "%s", #cond)
#define EXPECT_OK(call)        test_expect_err((call), ERR_OK, __FILE__, __LINE__, #call)
#define EXPECT_ERR(call, want) test_expect_err((call), (want), __FILE__, __LINE__, #call)
#define EXPECT_INT(got, want) \
	test_expect_int((long long)(got), (long long)(want), __FILE__, __LINE__, #got)
#define EXPECT_TEXT(got, want) test_expect_text((got), (want), __FILE__, __LINE__, #got)
#define EXPECT_OCTETS(got, got_n, want, want_n) \
	test_expect_octets((got), (got_n), (want), (want_n), __FILE__, __LINE__, #got)
/* Leaves the function when the expectation fails: for what the rest stands on. */
#define REQUIRE(cond)              \
	do {                       \
		if (!EXPECT(cond)) \
			return;    \
	} while (0)
#define REQUIRE_OK(call)              \
	do {                          \
		if (!EXPECT_OK(call)) \
			return;       \
	} while (0)

bool test_expect_err(enum err got, enum err want, const char *file, int line, const char *what);
bool test_expect_int(long long got, long long want, const char *file, int line, const char *what);
bool test_expect_text(const char *got, const char *want, const char *file, int line,
                      const char *what);
bool test_expect_octets(const void *got, size_t got_n, const void *want, size_t want_n,
                        const char *file, int line, const char *what);

/* Hexadecimal text (blanks allowed) to octets; ends the process when it is not. Returns the count.
 */
size_t test_hex(const char *text, uint8_t *out, size_t room);

/*
 * Runs `fn` again and again with the 1st, 2nd, 3rd… allocation failing until none fails. `fn` must
 * cope: it returns ERR_NOMEM (or another error) when it could not go on, and must have released
 * what it took.
 */
void test_each_allocation_failing(enum err (*fn)(void));
/* The same where `survived` of the allocations, exactly, are not needed for success. */
void test_each_allocation_failing_but(enum err (*fn)(void), unsigned survived);

/* A small repeatable generator (xorshift64*): property tests print their seed through test_context.
 */
uint64_t test_random(uint64_t *state);
/* From the environment SLUICE_SEED, else from the time; reported by test_context. */
uint64_t test_seed(void);

/* Path of a file under tests/, whatever the working directory; a static buffer. */
const char *test_path(const char *relative);

#endif
