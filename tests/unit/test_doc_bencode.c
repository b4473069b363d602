/* SPDX-License-Identifier: MIT */
/* control/doc/bencode: decodes, refuses malformed input with its position, encodes. */
#include "control/doc/bencode.h"

#include "base/mem.h"
#include "tests/harness/harness.h"

static void reads_and_writes_the_same(void)
{
	static const char *const texts[] = {
		"d7:command4:pinge",
		"i0e",
		"i-9223372036854775807e",
		"0:",
		"le",
		"de",
		"d3:sdp5:v=0\r\n5:flagsl13:trust-address9:symmetrice6:numberi42ee",
		"l1:al1:bl1:cleeee",
	};
	struct doc_arena *a;
	struct buf out = {0};
	struct doc *d;

	REQUIRE_OK(doc_arena_new(&a));
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct why why = {{0}};

		test_context("%s", texts[i]);
		if (!EXPECT_OK(doc_bencode_decode(&d, a, str_of(texts[i]), &why)))
			continue;
		buf_reset(&out);
		doc_bencode_encode(&out, d);
		EXPECT_TEXT(out.p, texts[i]);
	}
	buf_free(&out);
	doc_arena_free(a);
}

static void refuses_what_is_not_bencode(void)
{
	static const struct {
		const char *text;
		enum err want;
	} rows[] = {
		{"", ERR_TRUNCATED},
		{"x", ERR_SYNTAX},
		{"i", ERR_TRUNCATED},
		{"ie", ERR_SYNTAX},
		{"i-0e", ERR_SYNTAX},
		{"i01e", ERR_SYNTAX},
		{"i1", ERR_TRUNCATED},
		{"i9223372036854775808e", ERR_SYNTAX},
		{"5:abc", ERR_TRUNCATED},
		{"-1:a", ERR_SYNTAX},
		{"1", ERR_TRUNCATED},
		{"01:a", ERR_SYNTAX},
		{"99999999999999999999:a", ERR_SYNTAX},
		{"l", ERR_TRUNCATED},
		{"li1e", ERR_TRUNCATED},
		{"d", ERR_TRUNCATED},
		{"d1:a", ERR_TRUNCATED},
		{"d1:ae", ERR_SYNTAX},
		{"di1e1:ae", ERR_SYNTAX},
		{"i1ei2e", ERR_SYNTAX},
		{"e", ERR_SYNTAX},
		{"llllllllllllllllllllleeeeeeeeeeeeeeeeeeeee", ERR_TOO_BIG},
	};
	struct doc_arena *a;
	struct doc *d = NULL;

	REQUIRE_OK(doc_arena_new(&a));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct why why = {{0}};

		test_context("%s", rows[i].text);
		EXPECT_ERR(doc_bencode_decode(&d, a, str_of(rows[i].text), &why), rows[i].want);
		EXPECT(d == NULL && strlen(why.text) > 10);
	}
	doc_arena_free(a);
}

static void every_truncation_is_refused(void)
{
	struct str whole = STR("d3:sdp5:v=0\r\n5:flagsl13:trust-addresse6:numberi42ee");
	struct doc_arena *a;
	struct doc *d = NULL;

	REQUIRE_OK(doc_arena_new(&a));
	for (size_t n = 0; n < whole.n; n++)
		EXPECT(doc_bencode_decode(&d, a, str_make(whole.p, n), NULL) != ERR_OK);
	REQUIRE_OK(doc_bencode_decode(&d, a, whole, NULL));
	EXPECT_INT(doc_get(d, "number")->number, 42);
	doc_arena_free(a);
}

static enum err decode_once(void)
{
	struct doc_arena *a;
	struct doc *d;
	enum err e = doc_arena_new(&a);

	if (e)
		return e;
	e = doc_bencode_decode(&d, a, STR("d3:sdp5:v=0\r\n5:flagsl13:trust-addressee"), NULL);
	doc_arena_free(a);
	return e;
}

static void survives_a_lack_of_memory(void)
{
	test_each_allocation_failing(decode_once);
}

TEST_MAIN("doc_bencode", {"reads and writes the same", reads_and_writes_the_same},
          {"refuses what is not bencode", refuses_what_is_not_bencode},
          {"every truncation is refused", every_truncation_is_refused},
          {"survives a lack of memory", survives_a_lack_of_memory})
