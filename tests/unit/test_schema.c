/* SPDX-License-Identifier: MIT */
/* Tables over structs: as many rows as a mask has bits, parts of a struct, what a patch changes. */
#include "control/doc/schema.h"

#include <stdio.h>

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
			.preset = 9};
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

/* receive and send are objects in JSON, and fields of the leg in memory. */
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
	/* null: the whole direction is as at the start. */
	EXPECT_OK(read_into(&spec_leg_schema, "{\"receive\":null}", &patch));
	EXPECT_OK(schema_apply(&spec_leg_schema, &leg, &patch));
	EXPECT(leg.relay.can_receive && leg.receive_has == 3);
	schema_fini(&spec_leg_schema, &leg);
	schema_fini(&spec_leg_schema, &patch);
}

TEST_MAIN("schema", {"a table has 64 rows", a_table_has_64_rows},
          {"a part lies in its struct", a_part_lies_in_its_struct})
