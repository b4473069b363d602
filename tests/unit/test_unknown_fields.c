/* SPDX-License-Identifier: MIT */
/* control/doc/schema: the error for an unknown field proposes the field with the nearest name, or
 * lists all fields. */
#include "control/doc/schema.h"

#include "control/doc/json.h"
#include "tests/harness/harness.h"

struct thing {
	uint64_t has;
	uint32_t remote, latch, mki;
	char id[8];
};

#define AT(type_, member_) SCHEMA_FIELD(type_, struct thing, member_)
static const struct schema_field thing_fields[] = {
	{.name = "id", AT(&schema_text, id)},
	{.name = "remote", AT(&schema_uint, remote), .max = 9},
	{.name = "latch", AT(&schema_uint, latch), .max = 9, .read_only = true},
	{.name = "mki", AT(&schema_uint, mki), .max = 9},
};
static const struct schema thing_schema = SCHEMA_OF("a thing", thing_fields, struct thing);

static void says(const struct schema *s, const char *json, const char *want)
{
	struct doc_arena *a = NULL;
	struct doc *d = NULL;
	struct thing t = {0};
	struct schema_fault fault = {0};
	struct schema_in in = {.fault = &fault};
	struct why why = {""};

	test_context("%s", json);
	REQUIRE_OK(doc_arena_new(&a));
	REQUIRE_OK(doc_json_decode(&d, a, str_of(json), &why));
	EXPECT_ERR(schema_read(&in, s, d, &t), ERR_INVALID);
	schema_fault_text(&fault, &why);
	EXPECT_TEXT(why.text, want);
	doc_arena_free(a);
}

static void a_near_name_is_proposed(void)
{
	says(&thing_schema, "{\"remot\":1}", "remot: no such field; did you mean \"remote\"?");
	says(&thing_schema, "{\"rmeote\":1}", "rmeote: no such field; did you mean \"remote\"?");
	says(&thing_schema, "{\"mky\":1}", "mky: no such field; did you mean \"mki\"?");
}

static void else_all_are_named(void)
{
	says(&thing_schema, "{\"colour\":1}", "colour: no such field; a thing has id, remote, mki");
	/* latch is near, but requests must not have it, so it is not proposed. */
	says(&thing_schema, "{\"latsh\":1}", "latsh: no such field; a thing has id, remote, mki");
	/* Many names are near to a short name, so none is proposed. */
	says(&thing_schema, "{\"abc\":1}", "abc: no such field; a thing has id, remote, mki");
}

/* A list that is too long for the error is left out as a whole; the error names the document that
 * has it. */
static void a_long_list_is_elsewhere(void)
{
	static char names[32][24];
	static struct schema_field fields[ARRAY_LEN(names)];
	struct schema s = SCHEMA_OF("the request", fields, struct thing);

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(names[i], sizeof(names[i]), "a-long-name-of-field-%zu", i);
		fields[i] = (struct schema_field){.name = names[i], AT(&schema_uint, remote)};
	}
	says(&s, "{\"colour\":1}",
	     "colour: no such field; docs/control-protocol.md lists the 32 fields of the request");
}

TEST_MAIN("unknown_fields", {"a near name is proposed", a_near_name_is_proposed},
          {"else all are named", else_all_are_named},
          {"a long list is elsewhere", a_long_list_is_elsewhere})
