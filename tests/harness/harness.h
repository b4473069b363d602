/* SPDX-License-Identifier: MIT */
/* Shared by all test programs: cases, expectations, hex, failing allocations, the result lines. */
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

/* Runs the cases (all, or those whose names contain argv[1]) and prints for each `PASS
 * suite/name`, or the failures and `FAIL suite/name`, or `SKIP suite/name: reason`. Returns the
 * exit status for main. */
int test_main(const char *suite, const struct test_case *cases, size_t n, int argc, char **argv);

/* Example: TEST_MAIN("map", {"grows", grows}, {"removes", removes}) */
#define TEST_MAIN(suite, ...)                                                 \
	int main(int argc, char **argv)                                       \
	{                                                                     \
		static const struct test_case cases[] = {__VA_ARGS__};        \
		return test_main(suite, cases, ARRAY_LEN(cases), argc, argv); \
	}

/* Records a failure of the running case and continues; returns `ok`. */
bool test_expect(bool ok, const char *file, int line, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Marks the running case as skipped; the caller must return at once. */
void test_skip(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Sets a text that is printed before each failure, such as the name of a row or a seed. It holds
 * until the case ends or sets another text. */
void test_context(const char *fmt, ...) PRINTF_LIKE(1, 2);

#define EXPECT(cond)           test_expect((cond), __FILE__, __LINE__, "%s", #cond)
#define EXPECT_OK(call)        test_expect_err((call), ERR_OK, __FILE__, __LINE__, #call)
#define EXPECT_ERR(call, want) test_expect_err((call), (want), __FILE__, __LINE__, #call)
#define EXPECT_INT(got, want) \
	test_expect_int((long long)(got), (long long)(want), __FILE__, __LINE__, #got)
#define EXPECT_TEXT(got, want) test_expect_text((got), (want), __FILE__, __LINE__, #got)
#define EXPECT_OCTETS(got, got_n, want, want_n) \
	test_expect_octets((got), (got_n), (want), (want_n), __FILE__, __LINE__, #got)
/* Returns from the calling function if the expectation fails: for conditions on which the rest of
 * the function depends. */
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

/* Decodes hexadecimal text, ignoring blanks, and returns the number of octets. A syntax error ends
 * the process. */
size_t test_hex(const char *text, uint8_t *out, size_t room);

/* Runs `fn` repeatedly with the 1st, 2nd, 3rd… allocation failing, until no allocation fails. When
 * an allocation fails, `fn` must return an error and release everything that it took. */
void test_each_allocation_failing(enum err (*fn)(void));
/* The same, but exactly `survived` of the allocations must fail without making `fn` fail. */
void test_each_allocation_failing_but(enum err (*fn)(void), unsigned survived);

/* A repeatable random generator (xorshift64*). Property tests print their
 * seed with test_context. */
uint64_t test_random(uint64_t *state);
/* Returns the environment variable SLUICE_SEED, or the time if it is not set. Sets the seed as
 * test_context. */
uint64_t test_seed(void);

/* Returns the path of a file under tests/, whatever the working directory, in a static buffer. */
const char *test_path(const char *relative);

#endif
