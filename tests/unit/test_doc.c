/* SPDX-License-Identifier: MIT */
/* control/doc: the document tree and its JSON codec. Round trips, the errors for malformed input,
 * and each allocation failing. */
#include <jansson.h>

#include "tests/harness/harness.h"

#include "base/buf.h"
#include "control/doc/doc.h"
#include "control/doc/json.h"

static void round_trips(void)
{
	static const struct {
		const char *in, *out; /* out: the tree as JSON; NULL: as `in` */
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
		{"\"\\/\\b\\f\\r\\t\\u0041\\ud83d\\ude00\"",
	         "\"/\\u0008\\u000c\\u000d\\u0009A\xf0\x9f\x98\x80\""},
		{"-0", "0"},
		{"[1e2,1E+2,-1.25e-1]", "[100,100,-0.125]"},
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
		{"\"\xc0\x80\"", ERR_SYNTAX},
		{"\"\xed\xa0\x80\"", ERR_SYNTAX},
		{"\"\xf4\x90\x80\x80\"", ERR_SYNTAX},
		{"\"\xe2\x82\"", ERR_SYNTAX},
		{"\"\\ud800\"", ERR_SYNTAX},
		{"\"\\udc00\"", ERR_SYNTAX},
		{"\"\\ud800\\u0041\"", ERR_SYNTAX},
		{"\"\\x\"", ERR_SYNTAX},
		{"\"\\u12g4\"", ERR_SYNTAX},
		{"\"\\", ERR_SYNTAX},
		{"\"a\nb\"", ERR_SYNTAX},
		{"01", ERR_SYNTAX},
		{"1.", ERR_SYNTAX},
		{"-", ERR_SYNTAX},
		{"1e400", ERR_SYNTAX},
		{"-9223372036854775809", ERR_SYNTAX},
		{"[1,]", ERR_SYNTAX},
		{"{\"a\":1,}", ERR_SYNTAX},
		{"{a:1}", ERR_SYNTAX},
		{"nul", ERR_SYNTAX},
		{"truex", ERR_SYNTAX},
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

/* The decoder finds a repeated name also in an object with many names. */
static void names_are_told_apart(void)
{
	struct doc_arena *a;

	REQUIRE_OK(doc_arena_new(&a));
	for (unsigned n = 1; n < 60; n++)
		for (unsigned again = 0; again <= n; again++) {
			struct buf b = {0};
			struct doc *d = NULL;

			test_context("%u names, then the one at %u", n, again);
			for (unsigned i = 0; i < n; i++)
				buf_printf(&b, "%s\"name %u\":%u", i ? "," : "{", i, i);
			buf_printf(&b, ",\"name %u\":0}", again);
			EXPECT_ERR(doc_json_decode(&d, a, buf_as_str(&b), NULL),
			           again < n ? ERR_SYNTAX : ERR_OK);
			buf_free(&b);
			doc_arena_reset(a);
		}
	doc_arena_free(a);
}

/* An error names the position and the kind of fault, never the text around it. */
static void errors_have_a_position(void)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{"{\n \"a\": secret}", "JSON, line 2 column 12: not JSON"},
		{"[1", "JSON, line 1 column 2: unexpected end"},
		{"1 2", "JSON, line 1 column 3: text after the value"},
	};
	struct doc_arena *a;

	REQUIRE_OK(doc_arena_new(&a));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct doc *d = NULL;
		struct why why = {""};

		EXPECT_ERR(doc_json_decode(&d, a, str_of(rows[i].in), &why), ERR_SYNTAX);
		EXPECT_TEXT(why.text, rows[i].want);
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

/* The texts exceed one chunk of the arena, so that it adds chunks and frees them. */
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

/* jansson's allocator is a setting of the whole process: decoding a message must not change it for
 * objects of other code. */
static void leaves_jansson_settings_alone(void)
{
	struct doc_arena *a;
	struct doc *d = NULL;
	json_t *mine;

	REQUIRE_OK(doc_arena_new(&a));
	EXPECT_OK(doc_json_decode(&d, a, STR("{\"a\":1}"), NULL));
	mine = json_object();
	json_object_set_new(mine, "name", json_string("value"));
	doc_arena_free(a);
	EXPECT_TEXT(json_string_value(json_object_get(mine, "name")), "value");
	json_decref(mine);
}

static enum err decode_once(void)
{
	struct doc_arena *a;
	struct doc *d = NULL;
	struct buf b = {0};
	enum err e = doc_arena_new(&a);

	if (e)
		return e;
	e = doc_json_decode(&d, a,
	                    STR("{\"a\":[1,2,{\"b\":\"text that is long "
	                        "enough\"}],\"c\":null,\"e\":\"\\u0041\",\"f\":1.5}"),
	                    NULL);
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

TEST_MAIN("doc", {"round_trips", round_trips}, {"refuses", refuses},
          {"names_are_told_apart", names_are_told_apart},
          {"errors_have_a_position", errors_have_a_position},
          {"leaves_jansson_settings_alone", leaves_jansson_settings_alone},
          {"finds_by_name", finds_by_name}, {"grows", grows},
          {"survives_failing_allocations", survives_failing_allocations})
