/* SPDX-License-Identifier: MIT */
/* control/doc/schema: tables with one row for each bit of the mask, nested structs, and the members
 * that a patch changes. */
#include "control/doc/schema.h"

#include <stdio.h>

#include "base/secret.h"
#include "control/doc/json.h"
#include "control/session/spec.h"
#include "tests/harness/harness.h"

enum { ROWS = 64 };

struct wide {
	uint64_t has;
	uint8_t value[ROWS];
};

static char names[ROWS][8];
static struct schema_field fields[ROWS];
static const struct schema wide_schema = {
	.name = "a wide struct", .fields = fields, .n = ROWS, .bytes = sizeof(struct wide)};

static enum err read_into(const struct schema *s, const char *json, void *out)
{
	struct schema_fault fault = {.e = ERR_OK};
	struct schema_in in = {.fault = &fault};
	struct doc_arena *a = NULL;
	struct doc *d = NULL;
	enum err e;

	if (!EXPECT_OK(doc_arena_new(&a)))
		return ERR_NOMEM;
	EXPECT_OK(doc_json_decode(&d, a, str_of(json), NULL));
	e = schema_read(&in, s, d, out);
	doc_arena_free(a);
	return e;
}

static void a_table_has_64_rows(void)
{
	struct wide to = {.has = 0}, patch = {.has = 0};

	for (unsigned i = 0; i < ROWS; i++) {
		snprintf(names[i], sizeof(names[i]), "f%u", i);
		fields[i] = (struct schema_field){
			.name = names[i],
			.type = &schema_uint,
			.offset = (uint32_t)(offsetof(struct wide, value) + i),
			.size = 1,
			.max = 255,
			.preset = 9,
		};
	}
	schema_defaults(&wide_schema, &to, NULL);
	EXPECT_INT(to.value[63], 9);
	EXPECT_OK(read_into(&wide_schema, "{\"f0\":1,\"f31\":2,\"f32\":3,\"f63\":4}", &patch));
	EXPECT(patch.has == (1ull | 1ull << 31 | 1ull << 32 | 1ull << 63));
	EXPECT_OK(schema_apply(&wide_schema, &to, &patch));
	EXPECT(to.has == patch.has);
	EXPECT_INT(to.value[0], 1);
	EXPECT_INT(to.value[32], 3);
	EXPECT_INT(to.value[63], 4);
	EXPECT_INT(to.value[62], 9);
	EXPECT(!schema_eq(&wide_schema, &to, &patch));
	EXPECT_OK(schema_copy(&wide_schema, &patch, &to));
	EXPECT(schema_eq(&wide_schema, &to, &patch));
}

/* receive and send are objects in JSON, but members of the leg's own struct in memory. */
static void a_part_lies_in_its_struct(void)
{
	struct spec_leg leg = {.has = 0}, patch = {.has = 0};

	schema_defaults(&spec_leg_schema, &leg, NULL);
	EXPECT(leg.relay.can_receive && leg.relay.can_send);
	EXPECT_OK(read_into(&spec_leg_schema, "{\"receive\":{\"gate\":\"closed\"}}", &patch));
	EXPECT(patch.has == 1ull << SPEC_LEG_RECEIVE);
	EXPECT(patch.receive_has == 1ull << SPEC_DIRECTION_GATE && patch.send_has == 0);
	EXPECT_OK(schema_apply(&spec_leg_schema, &leg, &patch));
	EXPECT(!leg.relay.can_receive && leg.relay.can_send);
	/* A receive that is null sets the whole direction back to its defaults. */
	EXPECT_OK(read_into(&spec_leg_schema, "{\"receive\":null}", &patch));
	EXPECT_OK(schema_apply(&spec_leg_schema, &leg, &patch));
	EXPECT(leg.relay.can_receive && leg.receive_has == 3);
	schema_fini(&spec_leg_schema, &leg);
	schema_fini(&spec_leg_schema, &patch);
}

/* A table like those of configuration files, with lists, keys and sets of numbers: an error names
 * the path and never a key. */
struct sample_user {
	char file[8];
	struct secret key;
};

struct sample {
	uint8_t modes;
	struct str text;
	struct sample_user users[2];
	size_t n_users;
};

static enum err user_item(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                          void *at)
{
	static const struct schema_field rows[] = {
		{
			.name = "file",
			SCHEMA_FIELD(&schema_any_text, struct sample_user, file),
			.min = 1,
		},
		{
			.name = "key",
			SCHEMA_FIELD(&schema_hex_key, struct sample_user, key),
			.required = true,
			.secret = true,
			.min = 2,
			.max = 3,
		},
	};
	static const struct schema schema = SCHEMA_NO_MASK("a user", rows);
	struct sample *s = at;

	(void)f;
	return schema_read(in, &schema, d, &s->users[s->n_users++]);
}

static const struct schema_field sample_fields[] = {
	{.name = "modes", SCHEMA_FIELD(&schema_numbers, struct sample, modes), .min = 1, .max = 4},
	{.name = "text", SCHEMA_FIELD(&schema_slice, struct sample, text)},
	{.name = "users", .type = &schema_list, .item = user_item, .min = 1, .max = 2},
};
static const struct schema sample_schema = SCHEMA_NO_MASK("the sample", sample_fields);

static void sample_fini(struct sample *s)
{
	secret_clear(&s->users[0].key);
	secret_clear(&s->users[1].key);
}

static enum err read_sample(const char *json, struct sample *out, struct why *why)
{
	struct doc_arena *a = NULL;
	struct doc *d = NULL;
	enum err e;

	*out = (struct sample){.modes = 0};
	if (!EXPECT_OK(doc_arena_new(&a)))
		return ERR_NOMEM;
	EXPECT_OK(doc_json_decode(&d, a, str_of(json), NULL));
	e = schema_read_document(&sample_schema, d, out, why);
	if (!e)
		EXPECT(out->text.n == 0 || str_is(out->text, "t"));
	doc_arena_free(a);
	return e;
}

static void a_document_is_read(void)
{
	struct sample s;

	if (EXPECT_OK(
		    read_sample("{\"modes\":[1,3,3],\"text\":\"t\",\"users\":[{\"file\":\"a\\tb\","
	                        "\"key\":\"0aFF\"},{\"key\":\"000102\"}]}",
	                        &s, NULL))) {
		EXPECT_INT(s.modes, 1 << 1 | 1 << 3);
		EXPECT_INT(s.n_users, 2);
		EXPECT(strcmp(s.users[0].file, "a\tb") == 0);
		EXPECT(s.users[0].key.len == 2 &&
		       memcmp(s.users[0].key.octets, "\x0a\xff", 2) == 0);
		EXPECT_INT(s.users[1].key.len, 3);
	}
	sample_fini(&s);
}

static void faults_of_a_document(void)
{
	static const struct {
		const char *json, *text;
	} rows[] = {
		{"[]", "the sample: must be an object"},
		{"{\"oops\":1}", "oops: no such field; the sample has modes, text, users"},
		{"{\"modes\":null}", "modes = null: must not be null"},
		{"{\"modes\":7}", "modes = 7: must be a list of integers"},
		{"{\"modes\":[1,5]}", "modes[1] = 5: must be an integer from 1 to 4"},
		{"{\"modes\":[\"1\"]}", "modes[0] = \"1\": must be an integer from 1 to 4"},
		{"{\"text\":\"\"}", "text = \"\": must be a string that is not empty"},
		{"{\"users\":{}}", "users = an object: must be a list"},
		{"{\"users\":[]}", "users: must have at least 1 entries, not 0"},
		{"{\"users\":[1,2,3]}", "users: must have at most 2 entries, not 3"},
		{"{\"users\":[1]}", "users[0]: must be an object"},
		{"{\"users\":[{}]}", "users[0].key: must be given"},
		{"{\"users\":[{\"key\":\"0102\"},{\"file\":\"\"}]}",
	         "users[1].file = \"\": must be 1 to 7 octets long"},
		{"{\"users\":[{\"key\":\"c0ffee00\"}]}",
	         "users[0].key: must be 4 to 6 hexadecimal digits, two for each octet"},
		{"{\"users\":[{\"key\":\"c0ffe\"}]}",
	         "users[0].key: must be 4 to 6 hexadecimal digits, two for each octet"},
		{"{\"users\":[{\"key\":\"c0ffeg\"}]}",
	         "users[0].key: must consist of hexadecimal digits (0-9, a-f)"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct why why = {""};
		struct sample s;

		test_context("%s", rows[i].json);
		EXPECT(read_sample(rows[i].json, &s, &why) != ERR_OK);
		if (!EXPECT(strcmp(why.text, rows[i].text) == 0))
			fprintf(stderr, "%s\n", why.text);
		sample_fini(&s);
	}
}

/* A value of the wrong kind: the error says what is allowed, not only which kind. */
static void faults_of_the_kind(void)
{
	static const struct {
		const char *json, *text;
	} rows[] = {
		{"{\"dscp\":\"x\"}", "dscp = \"x\": must be an integer from 0 to 63"},
		{"{\"dscp\":64}", "dscp = 64: must be an integer from 0 to 63"},
		{"{\"dscp\":1.5}", "dscp = 1.5: must be an integer from 0 to 63"},
		{"{\"rtcp\":7}", "rtcp = 7: must be one of mux, pair, none"},
		{"{\"receive\":{\"gate\":true}}",
	         "receive.gate = true: must be one of open, closed"},
		{"{\"remote\":7}", "remote = 7: must be ADDRESS:PORT or [IPv6]:PORT, an IP address "
	                           "and a port from 1 to 65535"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct spec_leg leg = {.has = 0};
		struct schema_fault fault = {.e = ERR_OK};
		struct schema_in in = {.fault = &fault};
		struct doc_arena *a = NULL;
		struct doc *d = NULL;
		struct why why = {""};

		test_context("%s", rows[i].json);
		REQUIRE_OK(doc_arena_new(&a));
		EXPECT_OK(doc_json_decode(&d, a, str_of(rows[i].json), NULL));
		EXPECT(schema_read(&in, &spec_leg_schema, d, &leg) != ERR_OK);
		schema_fault_text(&fault, &why);
		EXPECT_TEXT(why.text, rows[i].text);
		schema_fini(&spec_leg_schema, &leg);
		doc_arena_free(a);
	}
}

TEST_MAIN("schema", {"a table has 64 rows", a_table_has_64_rows},
          {"a part lies in its struct", a_part_lies_in_its_struct},
          {"a document is read", a_document_is_read},
          {"faults of a document", faults_of_a_document},
          {"faults of the kind", faults_of_the_kind})
