/* SPDX-License-Identifier: MIT */
/* The tree of values and its JSON form. */
#include "control/doc.h"
#include "tests/harness/harness.h"

static const char *const kept[] = {
	"null", "true", "-9223372036854775808", "\"a\\\"b\\\\c\\u0001\\u007f\xc3\xa4\"", "[]", "{}",
	"{\"a\":1,\"b\":[true,false,null,1.5],\"c\":{\"d\":\"x\"}}",
};

static void round_trip(void)
{
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		struct doc *d = NULL;
		struct buf b = {0};

		test_context("%s", kept[i]);
		REQUIRE_OK(doc_json_parse(&d, str_of(kept[i]), NULL));
		doc_json_print(doc_root(d), false, &b);
		EXPECT_TEXT(b.p, kept[i]);
		buf_free(&b);
		doc_free(d);
	}
}

static void refuses(void)
{
	static const struct {
		const char *text;
		enum err want;
	} rows[] = {
		{"", ERR_SYNTAX}, {"{", ERR_SYNTAX}, {"{\"a\":1,\"a\":2}", ERR_SYNTAX}, {"1 2", ERR_SYNTAX}, {"\"\xff\"", ERR_SYNTAX},
		{"99999999999999999999", ERR_SYNTAX}, {"[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]", ERR_TOO_BIG},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct doc *d = NULL;
		struct why why = {{0}};

		test_context("%s", rows[i].text);
		EXPECT_ERR(doc_json_parse(&d, str_of(rows[i].text), &why), rows[i].want);
		EXPECT(why.text[0] != 0 && d == NULL);
	}
}

static void hides_text_in_faults(void)
{
	struct doc *d = NULL;
	struct why why = {{0}};

	EXPECT_ERR(doc_json_parse(&d, STR("{\"key\":\"c0ffee\" oops"), &why), ERR_SYNTAX);
	EXPECT(!strstr(why.text, "c0ffee") && !strstr(why.text, "oops"));
}

static void builds(void)
{
	struct doc *d = NULL;
	struct buf b = {0};
	struct doc_node *list;

	REQUIRE_OK(doc_new(&d));
	doc_add_map(d, NULL, NULL);
	doc_add_text(d, doc_root(d), "t", STR("x\xff"));
	doc_add_int(d, doc_root(d), "n", 7);
	list = doc_add_list(d, doc_root(d), "l");
	doc_add_bool(d, list, NULL, true);
	doc_json_print(doc_root(d), true, &b);
	EXPECT_TEXT(b.p, "{\n  \"t\": \"x\xef\xbf\xbd\",\n  \"n\": 7,\n  \"l\": [\n    true\n  ]\n}");
	EXPECT(doc_get(doc_root(d), "n")->number == 7 && !doc_get(doc_root(d), "m") && !doc_get(list, "n"));
	EXPECT(doc_ok(d) && !doc_add(d, NULL, STR(""), DOC_MAP) && !doc_ok(d));
	buf_free(&b);
	doc_free(d);
}

static enum err parse_once(void)
{
	struct doc *d = NULL;
	enum err e = doc_json_parse(&d, STR("{\"a\":[1,\"two\",{\"three\":3}]}"), NULL);

	doc_free(d);
	return e;
}

static void survives_no_memory(void)
{
	test_each_allocation_failing(parse_once);
}

TEST_MAIN("doc", {"round trip", round_trip}, {"refuses", refuses}, {"hides text in faults", hides_text_in_faults},
          {"builds", builds}, {"survives no memory", survives_no_memory})
