/* SPDX-License-Identifier: MIT */
/* keyctx/mikey: codec and tree view with every message of the vectors, whole, truncated and
 * damaged. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "keyctx/ticket/tree.h"
#include "tests/harness/harness.h"
#include "tests/harness/mikey_vectors.h"

/* Calls `fn` for every message of the sessions and updates in the vectors. */
static void each_message(void (*fn)(struct view octets, json_t *decoded))
{
	static const char *const lists[] = {"sessions", "updates"};
	static uint8_t room[MIKEY_MESSAGE_MAX];

	for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
		json_t *s, *m;
		size_t i, j;

		json_array_foreach(json_object_get(play_vectors(), lists[l]), i, s)
			json_array_foreach(json_object_get(s, "messages"), j, m)
		{
			struct view v = {.p = room, .n = play_hex(m, "hex", room, sizeof(room))};

			test_context("%s %s", json_string_value(json_object_get(s, "name")),
			             json_string_value(json_object_get(m, "step")));
			fn(v, json_object_get(m, "decoded"));
		}
	}
}

static void expect_same_again(struct view octets, json_t *decoded)
{
	static struct mikey_msg m;
	static uint8_t room[MIKEY_MESSAGE_MAX];
	struct mikey_fault fault;
	struct mikey_build b;
	struct view again;

	REQUIRE_OK(mikey_msg_read(&m, octets, &fault));
	EXPECT_INT(m.n + 1, json_array_size(decoded)); /* the vector counts HDR as a payload */
	mikey_build_start(&b, wr_make(room, sizeof(room)), &m.hdr, m.cs, m.n_cs);
	for (size_t i = 0; i < m.n; i++) {
		EXPECT_TEXT(mikey_type_name(m.p[i].type),
		            json_string_value(
				    json_object_get(json_array_get(decoded, i + 1), "payload")));
		mikey_build_add(&b, &m.p[i]);
	}
	REQUIRE_OK(mikey_build_done(&b, &again));
	EXPECT_OCTETS(again.p, again.n, octets.p, octets.n);
}

static void round_trip(void)
{
	each_message(expect_same_again);
}

static void expect_no_prefix(struct view octets, json_t *decoded)
{
	static struct mikey_msg m;

	(void)decoded;
	for (size_t n = 0; n < octets.n; n++) {
		/* The octets are in an allocation of their exact size, so that a sanitizer detects
		 * a read past the end. */
		uint8_t *copy = malloc(n + !n);
		struct mikey_fault fault = {0};

		memcpy(copy, octets.p, n);
		if (!test_expect(
			    mikey_msg_read(&m, (struct view){.p = copy, .n = n}, &fault) != ERR_OK,
			    __FILE__, __LINE__, "%zu of %zu octets to be refused", n, octets.n) ||
		    !EXPECT(fault.why.text[0] != 0)) {
			free(copy);
			return;
		}
		free(copy);
	}
}

static void truncated(void)
{
	each_message(expect_no_prefix);
}

/* The tree view of any octets is valid JSON and lies within the message. */
static void expect_tree(struct view octets)
{
	struct mikey_tree t;
	struct buf text = {0}, json = {0};
	json_error_t error;
	json_t *parsed;

	REQUIRE_OK(mikey_tree_make(&t, octets));
	for (size_t i = 0; i < t.n; i++)
		if (!EXPECT(t.nodes[i].offset + t.nodes[i].len <= octets.n))
			break;
	mikey_tree_text(&t, &text);
	mikey_tree_json(&t, &json);
	parsed = json_loadb(json.p, json.n, 0, &error);
	test_expect(parsed != NULL, __FILE__, __LINE__, "JSON, got %s at %d",
	            parsed ? "" : error.text, error.position);
	json_decref(parsed);
	buf_free(&text);
	buf_free(&json);
	mikey_tree_free(&t);
}

static void expect_trees(struct view octets, json_t *decoded)
{
	static uint8_t room[MIKEY_MESSAGE_MAX];
	struct mikey_tree t;

	(void)decoded;
	memcpy(room, octets.p, octets.n);
	REQUIRE_OK(mikey_tree_make(&t, (struct view){.p = room, .n = octets.n}));
	EXPECT(!t.has_fault);
	EXPECT(t.n > 10);
	mikey_tree_free(&t);
	expect_tree((struct view){.p = room, .n = octets.n});
	for (size_t i = 0; i < octets.n; i += 1 + octets.n / 97) {
		room[i] ^= 0x55;
		expect_tree((struct view){.p = room, .n = octets.n});
		room[i] ^= 0x55;
		expect_tree((struct view){.p = room, .n = i});
	}
}

static void trees(void)
{
	each_message(expect_trees);
}

/* In a message with an unknown payload type the tree names the octet at fault. */
static void tree_names_the_fault(void)
{
	json_t *row = play_session("unknown payload type 99 under a correct MAC");
	json_t *messages = json_object_get(row, "messages");
	static uint8_t room[MIKEY_MESSAGE_MAX];
	size_t n = play_hex(json_array_get(messages, json_array_size(messages) - 1), "hex", room,
	                    sizeof(room));
	struct buf text = {0};
	struct mikey_tree t;

	REQUIRE_OK(mikey_tree_make(&t, (struct view){.p = room, .n = n}));
	EXPECT(t.has_fault && t.fault.has_offset);
	EXPECT_INT(t.fault.offset, 38);
	EXPECT_INT(t.fault.no, MIKEY_E_UNSPECIFIED);
	mikey_tree_text(&t, &text);
	EXPECT(strstr(text.p, "fault at octet 38: unknown payload type 99") != NULL);
	buf_free(&text);
	mikey_tree_free(&t);
}

static const struct {
	const char *what, *hex;
	enum mikey_error no;
} broken[] = {
	{"nothing", "", MIKEY_E_UNSPECIFIED},
	{"version 2", "020b0500000000010001", MIKEY_E_UNSPECIFIED},
	{"map type 3", "010b0500000000010003", MIKEY_E_UNSPECIFIED},
	{"timestamp of type 4", "010b050000000001000100040000000000000000", MIKEY_E_TS},
	{"V not last",
         "010b09000000000100010900"
         "0900",
         MIKEY_E_UNSPECIFIED},
	{"two T",
         "010b0500000000010001"
         "050200000001"
         "000200000002",
         MIKEY_E_UNSPECIFIED},
	{"octets behind the end",
         "010b0500000000010001"
         "000200000001"
         "00",
         MIKEY_E_UNSPECIFIED},
	{"V of unknown algorithm",
         "010b0900000000010001"
         "0007",
         MIKEY_E_MAC},
	{"DH",
         "010b0300000000010001"
         "000000",
         MIKEY_E_UNSUPPORTED},
	{"crypto session twice",
         "010e0000000000010202"
         "010000000000"
         "010000000000",
         MIKEY_E_UNSPECIFIED},
	{"session data of 5 octets",
         "010e0000000000010102"
         "01000000050102030405"
         "00",
         MIKEY_E_UNSPECIFIED},
	{"S flag with 4 octets",
         "010e0000000000010102"
         "01008000040102030400",
         MIKEY_E_UNSPECIFIED},
	{"protocol 1",
         "010e0000000000010102"
         "010100000000",
         MIKEY_E_SP},
};

static void refused(void)
{
	static struct mikey_msg m;

	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		uint8_t octets[64];
		struct view v = {.p = octets, .n = test_hex(broken[i].hex, octets, sizeof(octets))};
		struct mikey_fault fault = {0};

		test_context("%s", broken[i].what);
		EXPECT(mikey_msg_read(&m, v, &fault) != ERR_OK);
		EXPECT_INT(fault.no, broken[i].no);
		EXPECT_INT(m.n, 0);
		expect_tree(v);
	}
}

/* Refused: a chain of 255 payloads (too many), and a message of 16 kB and one octet (too long). */
static void bounded(void)
{
	static struct mikey_msg m;
	static uint8_t room[MIKEY_MESSAGE_MAX + 1] = {1, 11, MIKEY_CERT};
	struct wr w = wr_make(room, sizeof(room));
	struct mikey_fault fault;

	wr_octets(&w, (uint8_t[]){1, 11, MIKEY_CERT, 0, 0, 0, 0, 1, 0, 1}, 10);
	for (int i = 0; i < 255; i++)
		wr_octets(&w, (uint8_t[]){i < 254 ? MIKEY_CERT : 0, 0, 0, 0}, 4);
	EXPECT_ERR(mikey_msg_read(&m, (struct view){.p = room, .n = wr_len(&w)}, &fault),
	           ERR_TOO_BIG);
	EXPECT_ERR(mikey_msg_read(&m, (struct view){.p = room, .n = sizeof(room)}, &fault),
	           ERR_TOO_BIG);
}

static enum err tree_once(void)
{
	static uint8_t octets[1024];
	size_t n = test_hex("010b0500000000010001"
	                    "0e0200000001"
	                    "00010000037369703a",
	                    octets, sizeof(octets));
	struct mikey_tree t;
	enum err e = mikey_tree_make(&t, (struct view){.p = octets, .n = n});

	if (!e)
		mikey_tree_free(&t);
	return e;
}

static void tree_without_memory(void)
{
	test_each_allocation_failing(tree_once);
}

TEST_MAIN("mikey_codec", {"round-trip", round_trip}, {"truncated", truncated}, {"trees", trees},
          {"tree-names-the-fault", tree_names_the_fault}, {"refused", refused},
          {"bounded", bounded}, {"tree-without-memory", tree_without_memory})
