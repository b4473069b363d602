/* SPDX-License-Identifier: MIT */
/* base/: slices of text, buffers, NTP time. */
#include "base/buf.h"
#include "base/clk.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/harness/harness.h"

static void cuts_and_words(void)
{
	struct str rest, line = STR("  one\ttwo   three ");

	EXPECT(str_is(str_cut(STR("a:b:c"), ':', &rest), "a") && str_is(rest, "b:c"));
	EXPECT(str_is(str_cut(STR("abc"), ':', &rest), "abc") && rest.n == 0);
	EXPECT(str_is(str_cut(STR(""), ':', &rest), "") && rest.n == 0);
	EXPECT(str_is(str_word(&line), "one") && str_is(str_word(&line), "two") &&
	       str_is(str_word(&line), "three"));
	EXPECT(str_word(&line).n == 0 && str_word(&line).n == 0);
	EXPECT(str_is(str_trim(STR("\t x y ")), "x y") && str_trim(STR("  ")).n == 0);
	EXPECT(str_eq_nocase(STR("Sdes"), STR("sDES")) && !str_eq(STR("Sdes"), STR("sdes")));
}

static void distance_counts_letters_up_to_three(void)
{
	static const struct {
		const char *a, *b;
		unsigned want;
	} rows[] = {
		{"", "", 0},
		{"mki", "mki", 0},
		{"mky", "mki", 1},
		{"remot", "remote", 1},
		{"rmeote", "remote", 2},
		{"", "ab", 2},
		{"abc", "xyz", 3},
		{"a", "abcdefgh", 3},
		{"0123456789012345678901234567890123456789x",
	         "0123456789012345678901234567890123456789x", 3},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_context("%s %s", rows[i].a, rows[i].b);
		EXPECT_INT(str_distance(str_of(rows[i].a), str_of(rows[i].b)), rows[i].want);
	}
}

static void numbers_are_strict(void)
{
	static const struct {
		const char *text;
		enum err want;
	} rows[] = {
		{"0", ERR_OK},
		{"100", ERR_OK},
		{"101", ERR_RANGE},
		{"", ERR_SYNTAX},
		{"-1", ERR_SYNTAX},
		{"+1", ERR_SYNTAX},
		{"1 ", ERR_SYNTAX},
		{"0x10", ERR_SYNTAX},
		{"18446744073709551616", ERR_RANGE},
		{"99999999999999999999999", ERR_RANGE},
	};
	uint64_t v;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_context("%s", rows[i].text);
		EXPECT_ERR(str_to_u64(str_of(rows[i].text), 100, &v), rows[i].want);
	}
}

static void numbers_are_printed(void)
{
	static const struct {
		int64_t number;
		const char *want;
	} rows[] = {
		{0, "0"},
		{9, "9"},
		{10, "10"},
		{-1, "-1"},
		{INT64_MAX, "9223372036854775807"},
		{INT64_MIN, "-9223372036854775808"},
	};
	char text[STR_U64_MAX + 1] = "";

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b = {0};

		buf_number(&b, rows[i].number);
		EXPECT(str_is(buf_as_str(&b), rows[i].want));
		buf_free(&b);
	}
	EXPECT(str_put_u64(text, UINT64_MAX) == STR_U64_MAX);
	EXPECT_TEXT(text, "18446744073709551615");
}

/* In a buffer for keys no octet stays behind that was dropped or reset. */
static void a_buffer_for_keys_wipes_what_it_drops(void)
{
	static const char zeros[1000];
	struct buf b = {.wipes = true};

	for (int i = 0; i < 1000; i++)
		buf_text(&b, "key,");
	EXPECT_INT(b.n, 4000);
	buf_drop(&b, 3000);
	EXPECT(b.n == 1000 && str_starts(buf_as_str(&b), "key,key,"));
	for (size_t i = 0; i < 3; i++)
		EXPECT_OCTETS(b.p + 1000 + 1000 * i, 1000, zeros, 1000);
	buf_reset(&b);
	EXPECT_OCTETS(b.p, 1000, zeros, 1000);
	buf_free(&b);
	EXPECT(b.wipes);
}

static void a_buffer_grows_and_remembers_failure(void)
{
	struct buf b = {0};

	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%d,", i);
	EXPECT(!b.bad && b.n == 3890 && str_starts(buf_as_str(&b), "0,1,2,") && b.p[b.n] == '\0');
	buf_drop(&b, 4);
	EXPECT(str_starts(buf_as_str(&b), "2,3,"));
	mem_fail_nth(1);
	for (int i = 0; i < 10000; i++)
		buf_text(&b, "more");
	mem_fail_nth(0);
	EXPECT(b.bad);
	buf_reset(&b);
	buf_char(&b, 'x');
	EXPECT(!b.bad && str_is(buf_as_str(&b), "x"));
	buf_free(&b);
}

/* RFC 5905: NTP era 1 begins at 2036-02-07T06:28:16Z. RFC 4330 3 tells the eras apart by the first
 * bit. */
static void ntp_time_knows_two_eras(void)
{
	static const uint64_t walls[] = {0, 1000000000ull * NS_PER_S, 2085978495ull * NS_PER_S,
	                                 2085978496ull * NS_PER_S,
	                                 4000000000ull * NS_PER_S + 500000000};

	for (size_t i = 0; i < ARRAY_LEN(walls); i++) {
		uint64_t back = clk_ntp_to_wall(clk_wall_to_ntp(walls[i]));

		EXPECT(back <= walls[i] && walls[i] - back < 2);
	}
	EXPECT_INT(clk_wall_to_ntp(2085978496ull * NS_PER_S) >> 32, 0);
}

TEST_MAIN("text", {"cuts and words", cuts_and_words},
          {"distance counts letters up to three", distance_counts_letters_up_to_three},
          {"numbers are strict", numbers_are_strict}, {"numbers are printed", numbers_are_printed},
          {"a buffer for keys wipes what it drops", a_buffer_for_keys_wipes_what_it_drops},
          {"a buffer grows and remembers failure", a_buffer_grows_and_remembers_failure},
          {"NTP time knows two eras", ntp_time_knows_two_eras})
