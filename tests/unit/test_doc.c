/* SPDX-License-Identifier: MIT */
/* The doc tree and its JSON codec: what goes in comes out, what is refused and how, every allocation failing. */
#include "tests/harness/harness.h"

#include "base/buf.h"
#include "control/doc.h"
#include "control/doc_json.h"

static void round_trips(void)
{
	static const struct {
		const char *in, *out; /* NULL: as it came */
	} rows[] = {
		{"null", NULL},
		{"true", NULL},
		{"-9223372036854775808", NULL},
		{"9223372036854775807", NULL},
		{"1.5", NULL},
		{"\"\"", NULL},
		{"[]", NULL},
		{"{}", NULL},
		{" { \"a\" : [ 1 , \"x\\ny\" , { } ] } ", "{\"a\":[1,\"x\\u000ay\",{}]}"},
		{"\"\\\"\\\\\\u00e9\\u007f\"", "\"\\\"\\\\\xc3\xa9\\u007f\""},
	};
	struct doc_arena *a;

	REQUIRE_OK(doc_arena_new(&a));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b = {0};
		struct doc *d = NULL;

		test_context("%s", rows[i].in);
		if (EXPECT_OK(doc_json_decode(&d, a, str_of(rows[i].in), NULL))) {
			doc_json_encode(&b, d);
			EXPECT_TEXT(b.p, rows[i].out ? rows[i].out : rows[i].in);
		}
		buf_free(&b);
		doc_arena_reset(a);
	}
	doc_arena_free(a);
}

static void refuses(void)
{
	static const struct {
		const char *in;
		enum err e;
	} rows[] = {
		{"", ERR_SYNTAX},
		{"{", ERR_SYNTAX},
		{"{}x", ERR_SYNTAX},
		{"{\"a\":1,\"a\":2}", ERR_SYNTAX},
		{"9223372036854775808", ERR_SYNTAX},
		{"\"\\u0000\"", ERR_SYNTAX},
		{"\"\xff\"", ERR_SYNTAX},
		{"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", ERR_TOO_BIG},
		{"\"key-octets-here", ERR_SYNTAX},
	};
	struct doc_arena *a;

	REQUIRE_OK(doc_arena_new(&a));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct doc *d = NULL;
		struct why why = {""};

		test_context("%s", rows[i].in);
		EXPECT_ERR(doc_json_decode(&d, a, str_of(rows[i].in), &why), rows[i].e);
		EXPECT(d == NULL);
		EXPECT(why.text[0] != '\0');
		EXPECT(!strstr(why.text, "key-octets"));
	}
	doc_arena_free(a);
}

static void finds_by_name(void)
{
	struct doc_arena *a;
	struct doc *d;

	REQUIRE_OK(doc_arena_new(&a));
	d = doc_dict(a);
	doc_set_text(a, d, "name", STR("value"));
	doc_set_uint(a, d, "big", UINT64_MAX);
	EXPECT(str_is(doc_get_text(d, "name"), "value"));
	EXPECT_INT(doc_get(d, "big")->number, INT64_MAX);
	EXPECT(doc_get(d, "none") == NULL);
	EXPECT(doc_get(NULL, "name") == NULL);
	EXPECT(str_is(doc_get_text(d, "big"), ""));
	doc_arena_free(a);
}

/* Larger than one chunk, so that chunks are added and given back. */
static void grows(void)
{
	struct doc_arena *a;

	REQUIRE_OK(doc_arena_new(&a));
	for (int round = 0; round < 3; round++) {
		struct doc *list = doc_list(a);
		char text[3000];

		memset(text, 'x', sizeof(text));
		for (int i = 0; i < 50; i++)
			doc_append(list, doc_text(a, str_make(text, sizeof(text))));
		EXPECT_INT(list->n, 50);
		EXPECT(list->last->text.n == sizeof(text) && list->last->text.p[2999] == 'x');
		EXPECT(doc_arena_take(a, 40000) != NULL);
		EXPECT(!doc_arena_failed(a));
		doc_arena_reset(a);
	}
	doc_arena_free(a);
}

static enum err decode_once(void)
{
	struct doc_arena *a;
	struct doc *d = NULL;
	struct buf b = {0};
	enum err e = doc_arena_new(&a);

	if (e)
		return e;
	e = doc_json_decode(&d, a, STR("{\"a\":[1,2,{\"b\":\"text that is long enough\"}],\"c\":null}"), NULL);
	if (!e) {
		doc_json_print(&b, d);
		e = b.bad ? ERR_NOMEM : ERR_OK;
	}
	buf_free(&b);
	doc_arena_free(a);
	return e;
}

static void survives_failing_allocations(void)
{
	test_each_allocation_failing(decode_once);
}

TEST_MAIN("doc", {"round_trips", round_trips}, {"refuses", refuses}, {"finds_by_name", finds_by_name},
          {"grows", grows}, {"survives_failing_allocations", survives_failing_allocations})
