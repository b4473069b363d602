/* SPDX-License-Identifier: MIT */
/* bench/target/bencode: encodes requests, decodes replies, refuses malformed input. */
#include "bench/target/bencode.h"

#include "tests/harness/harness.h"

static void trees_round_trip(void)
{
	static const char *const rows[] = {"i0e",
	                                   "i-42e",
	                                   "0:",
	                                   "4:ping",
	                                   "le",
	                                   "de",
	                                   "li1e1:xe",
	                                   "d1:ai1e1:bl1:c1:dee",
	                                   "d7:command4:ping5:flagsl1:a1:bee"};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out = {0};
		json_t *v = NULL;

		test_context("%s", rows[i]);
		REQUIRE_OK(bencode_parse(&v, str_of(rows[i])));
		EXPECT_OK(bencode_print(v, &out));
		EXPECT_TEXT(out.p, rows[i]);
		json_decref(v);
		buf_free(&out);
	}
}

static void bad_text_is_refused(void)
{
	static const struct {
		const char *text;
		enum err want;
	} rows[] = {
		{"", ERR_TRUNCATED},
		{"i", ERR_TRUNCATED},
		{"i1", ERR_TRUNCATED},
		{"ie", ERR_SYNTAX},
		{"i--1e", ERR_SYNTAX},
		{"5:ab", ERR_TRUNCATED},
		{"x", ERR_SYNTAX},
		{"x:", ERR_SYNTAX},
		{"l", ERR_TRUNCATED},
		{"d1:a", ERR_TRUNCATED},
		{"di1ei2ee", ERR_SYNTAX},
		{"i1ei2e", ERR_SYNTAX},
		{"99999999999999999999:", ERR_SYNTAX},
		{"llllllllllllllllllllllleeeeeeeeeeeeeeeeeeeeeee", ERR_TOO_BIG},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *v = NULL;

		test_context("%s", rows[i].text);
		EXPECT_ERR(bencode_parse(&v, str_of(rows[i].text)), rows[i].want);
		EXPECT(v == NULL);
	}
}

static void keys_go_out_sorted(void)
{
	json_t *v = json_pack("{s:i,s:s,s:b}", "z", 1, "a", "x", "m", 1);
	struct buf out = {0};

	EXPECT_OK(bencode_print(v, &out));
	EXPECT_TEXT(out.p, "d1:a1:x1:mi1e1:zi1ee");
	buf_free(&out);
	json_decref(v);
	v = json_real(1.5);
	EXPECT_ERR(bencode_print(v, &out), ERR_UNSUPPORTED);
	json_decref(v);
	buf_free(&out);
}

TEST_MAIN("bench_bencode", {"trees round trip", trees_round_trip},
          {"bad text is refused", bad_text_is_refused}, {"keys go out sorted", keys_go_out_sorted})
