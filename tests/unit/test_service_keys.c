/* SPDX-License-Identifier: MIT */
/* The keys of a session: when a key may change, at which index a stream starts, and that no key is
 * left in memory. */
#include "tests/harness/service_scene.h"

#include "base/clk.h"
#include "base/mem.h"
#include "base/secret.h"

/* A receive key may have a start ROC for its first stream. Another ROC with the same key is not a
 * new key context. */
static void a_receive_key_may_have_a_roc(void)
{
	static const struct {
		const char *direction, *roc;
		enum err e;
		const char *said;
	} rows[] = {
		{"receive", "0", ERR_OK, ""},
		{"receive", "4294967295", ERR_OK, ""},
		{"receive", "null", ERR_OK, ""},
		{"receive", "4294967296", ERR_RANGE,
	         "media[0].legs.a.receive.keying.roc = 4294967296: must be 0 to 4294967295"},
		{"receive", "-1", ERR_RANGE, "0 to 4294967295"},
		{"receive", "\"1\"", ERR_RANGE, "0 to 4294967295"},
		{"send", "1", ERR_INVALID, "only a receive key has it"},
	};
	struct service *sv = service_start(30000, 30099, SPEC_REKEY_REJECT);
	static struct answers got;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct schema_fault fault = {.e = ERR_OK};
		struct schema_in in = {.context = service_context(sv), .fault = &fault};
		struct spec_session *patch = NULL;
		struct doc_arena *a = NULL;
		struct doc *d = NULL;
		struct why why = {""};
		char json[300];

		test_context("%s %s", rows[i].direction, rows[i].roc);
		snprintf(json, sizeof(json),
		         "{\"id\":\"r\",\"media\":[{\"id\":\"0\",\"legs\":{\"a\":{\"%s\":{"
		         "\"keying\":{" SUITE80 ",\"inline\":" KEY1 ",\"roc\":%s}}}}}]}",
		         rows[i].direction, rows[i].roc);
		REQUIRE_OK(doc_arena_new(&a));
		REQUIRE_OK(spec_new(&patch));
		EXPECT_OK(doc_json_decode(&d, a, str_of(json), &why));
		EXPECT_INT(schema_read(&in, &spec_session_schema, d, patch), rows[i].e);
		schema_fault_text(&fault, &why);
		EXPECT(rows[i].e == ERR_OK || strstr(why.text, rows[i].said));
		spec_free(patch);
		doc_arena_free(a);
	}
	got.n = 0;
	ask_create(sv, E2AE("c", KEY1 ",\"roc\":7"), &got);
	relay_poll(&fake_relay);
	EXPECT_INT(got.last[0].e, ERR_OK);
	const struct keyctx *k = registry_find(service_registry(sv), STR("c"))
	                                 ->spec->media.items[0]
	                                 .legs.items[0]
	                                 .relay.receive;
	EXPECT(k->has_roc && k->roc == 7);
	ask_update(sv, E2AE("c", KEY1 ",\"roc\":8"), &got);
	relay_poll(&fake_relay);
	EXPECT_INT(got.last[1].e, ERR_OK);
	EXPECT(!got.last[1].changed);
	service_end(sv);
}

/* TS 33.328 7.4: an unchanged key context is no change. On e2ae another one is refused, unless the
 * peer moved or the setting accepts a re-key. */
static void rekeys_by_policy(void)
{
	static const struct {
		const char *remote, *key;
		enum spec_rekey policy;
		enum err e;
		unsigned updates;
	} rows[] = {
		{"127.0.0.1:49170", KEY1, SPEC_REKEY_REJECT, ERR_OK, 0},
		{"127.0.0.1:49170", KEY2, SPEC_REKEY_REJECT, ERR_REKEY, 0},
		{"127.0.0.1:50000", KEY2, SPEC_REKEY_REJECT, ERR_OK, 1},
		{"127.0.0.1:49170", KEY2, SPEC_REKEY_ACCEPT, ERR_OK, 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct service *sv = service_start(30000, 30099, rows[i].policy);
		static struct answers got;
		char json[600];

		got.n = 0;
		test_context("row %zu", i);
		ask_create(sv, E2AE("c", KEY1), &got);
		relay_poll(&fake_relay);
		snprintf(json, sizeof(json),
		         "{\"id\":\"c\",\"media\":[{\"id\":\"0\",\"legs\":{\"a\":{\"remote\":\"%"
		         "s\",\"receive\":{\"keying\":{" SUITE80 ",\"inline\":%s}}}}}]}",
		         rows[i].remote, rows[i].key);
		ask_update(sv, json, &got);
		relay_poll(&fake_relay);
		EXPECT_INT(got.last[1].e, rows[i].e);
		EXPECT_INT(fake_relay.updates, rows[i].updates);
		EXPECT(!strstr(got.last[1].why, "WnD7"));
		service_end(sv);
	}
}

/* Removing a key, to set another one later, is refused like a direct change of key. */
static void a_key_is_not_changed_by_removing_it_first(void)
{
	static const struct {
		enum spec_rekey policy;
		const char *json;
		enum err e;
	} rows[] = {
		{SPEC_REKEY_REJECT, "\"receive\":{\"keying\":null,\"gate\":\"closed\"}", ERR_REKEY},
		{SPEC_REKEY_REJECT, "\"send\":{\"keying\":null,\"gate\":\"closed\"}", ERR_REKEY},
		{SPEC_REKEY_REJECT, "\"receive\":{\"gate\":\"closed\"}", ERR_OK},
		{SPEC_REKEY_REJECT,
	         "\"remote\":\"127.0.0.1:50000\",\"receive\":{\"keying\":null,\"gate\":\"closed\"}",
	         ERR_OK},
		{SPEC_REKEY_ACCEPT, "\"receive\":{\"keying\":null,\"gate\":\"closed\"}", ERR_OK},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct service *sv = service_start(30000, 30099, rows[i].policy);
		static struct answers got;
		char json[400];

		got.n = 0;
		test_context("row %zu", i);
		ask_create(sv, E2AE("c", KEY1), &got);
		relay_poll(&fake_relay);
		snprintf(json, sizeof(json),
		         "{\"id\":\"c\",\"media\":[{\"id\":\"0\",\"legs\":{\"a\":{%s}}}]}",
		         rows[i].json);
		ask_update(sv, json, &got);
		relay_poll(&fake_relay);
		EXPECT_INT(got.last[1].e, rows[i].e);
		EXPECT_INT(fake_relay.updates, rows[i].e ? 0 : 1);
		service_end(sv);
	}
}

#define ACCESS(fields) "{\"id\":\"c\",\"media\":[{\"id\":\"0\",\"legs\":{\"a\":{" fields "}}}]}"
#define AS_MODE(mode, receive, send)                                                          \
	"{\"id\":\"c\",\"media\":[{\"id\":\"0\",\"mode\":\"" mode                             \
	"\",\"legs\":{\"a\":{\"receive\":{\"keying\":" receive "},\"send\":{\"keying\":" send \
	"}}}}]}"
#define KEYED(key) "{" SUITE80 ",\"inline\":" key "}"
#define KEY3       "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\""

/* A change of key that is refused directly is also refused if the leg first leaves e2ae or its
 * address. */
static void a_key_is_not_changed_by_a_detour(void)
{
	static const struct {
		const char *away, *back;
		enum err e;
	} rows[] = {
		{AS_MODE("rtp", "null", "null"), AS_MODE("e2ae", KEYED(KEY3), KEYED(KEY2)),
	         ERR_REKEY},
		{AS_MODE("rtp", "null", "null"), AS_MODE("e2ae", KEYED(KEY1), KEYED(KEY3)),
	         ERR_REKEY},
		{AS_MODE("rtp", "null", "null"), AS_MODE("e2ae", KEYED(KEY1), KEYED(KEY2)), ERR_OK},
		/* The leg returns to e2ae without a key, so that a new key would look like its
	         * first one. */
		{AS_MODE("rtp", "null", "null"),
	         "{\"id\":\"c\",\"media\":[{\"id\":\"0\",\"mode\":\"e2ae\",\"legs\":{\"a\":{"
	         "\"receive\":{\"gate\":\"closed\"},\"send\":{\"gate\":\"closed\"}}}}]}",
	         ERR_REKEY},
		{AS_MODE("srtp-srtp", KEYED(KEY3), KEYED(KEY2)),
	         AS_MODE("e2ae", KEYED(KEY3), KEYED(KEY2)), ERR_REKEY},
		{ACCESS("\"remote\":\"0.0.0.0:9\""),
	         ACCESS("\"receive\":{\"keying\":" KEYED(KEY3) "}"), ERR_REKEY},
		{ACCESS("\"remote\":\"0.0.0.0:9\""),
	         ACCESS("\"remote\":\"127.0.0.1:49170\",\"receive\":{\"keying\":" KEYED(KEY3) "}"),
	         ERR_REKEY},
		{ACCESS("\"remote\":\"0.0.0.0:9\""), ACCESS("\"remote\":\"127.0.0.1:49170\""),
	         ERR_OK},
		{ACCESS("\"remote\":\"0.0.0.0:9\""),
	         ACCESS("\"remote\":\"127.0.0.1:49172\",\"receive\":{\"keying\":" KEYED(KEY3) "}"),
	         ERR_OK},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct service *sv = service_start(30000, 30099, SPEC_REKEY_REJECT);
		static struct answers got;

		got.n = 0;
		test_context("row %zu", i);
		ask_create(sv, E2AE("c", KEY1), &got);
		relay_poll(&fake_relay);
		ask_update(sv, rows[i].away, &got);
		relay_poll(&fake_relay);
		EXPECT_INT(got.last[1].e, ERR_OK);
		ask_update(sv, rows[i].back, &got);
		relay_poll(&fake_relay);
		EXPECT_INT(got.last[2].e, rows[i].e);
		/* After a refusal the leg may still return with its old keys. */
		ask_update(sv, rows[2].back, &got);
		relay_poll(&fake_relay);
		EXPECT_INT(got.last[3].e, i + 1 == ARRAY_LEN(rows) ? ERR_REKEY : ERR_OK);
		service_end(sv);
	}
	/* A hold (0.0.0.0) with a new key is a re-key, not a move to a new address. */
	struct service *sv = service_start(30000, 30099, SPEC_REKEY_REJECT);
	static struct answers got;

	got.n = 0;
	ask_create(sv, E2AE("c", KEY1), &got);
	ask_update(sv, ACCESS("\"remote\":\"0.0.0.0:9\",\"receive\":{\"keying\":" KEYED(KEY3) "}"),
	           &got);
	relay_poll(&fake_relay);
	EXPECT_INT(got.last[1].e, ERR_REKEY);
	service_end(sv);
}

/* A leg that is removed and added again is a new leg, so it may have a new key. */
static void a_new_leg_takes_a_new_key(void)
{
	struct service *sv = service_start(30000, 30099, SPEC_REKEY_REJECT);
	static struct answers got;

	got.n = 0;
	ask_create(sv, E2AE("c", KEY1), &got);
	relay_poll(&fake_relay);
	ask_update(sv, "{\"id\":\"c\",\"media\":[{\"id\":\"0\",\"legs\":{\"a\":null}}]}", &got);
	relay_poll(&fake_relay);
	ask_update(sv,
	           "{\"id\":\"c\",\"media\":[{\"id\":\"0\",\"legs\":{\"a\":{\"remote\":\"127.0.0.1:"
	           "49170\",\"receive\":{\"keying\":{" SUITE80 ",\"inline\":" KEY2
	           "}},\"send\":{\"gate\":\"closed\"}}}}]}",
	           &got);
	relay_poll(&fake_relay);
	EXPECT_INT(got.last[1].e, ERR_OK);
	EXPECT_INT(got.last[2].e, ERR_OK);
	EXPECT_INT(fake_relay.updates, 2);
	service_end(sv);
}

static void leaves_no_key_behind(void)
{
	struct secret_usage before, after;
	struct service *sv;
	static struct answers got;

	got.n = 0;
	secret_get_usage(&before);
	sv = service_start(30000, 30099, SPEC_REKEY_ACCEPT);
	ask_create(sv, E2AE("c", KEY1), &got);
	ask_update(sv, E2AE("c", KEY2), &got);
	ask_create(sv, E2AE("d", KEY1), &got);
	relay_poll(&fake_relay);
	service_delete(sv, STR("c"), on_answer, &got);
	relay_poll(&fake_relay);
	service_end(sv);
	secret_get_usage(&after);
	EXPECT_INT(after.in_use_bytes, before.in_use_bytes);
}

/* Sets the key that the leg already holds, as its only holder: the key stays. */
static void a_leg_is_given_its_own_key(void)
{
	struct secret_usage before, one, now;
	struct keyctx *k = NULL, *copy = NULL;
	struct spec_leg leg = {.has = 0};

	secret_get_usage(&before);
	REQUIRE_OK(keyctx_generate(&k, suite_get(SUITE_AES_CM_128_HMAC_SHA1_80)));
	REQUIRE_OK(keyctx_copy(&copy, k));
	spec_leg_set_key(&leg, false, k);
	keyctx_free(k);
	secret_get_usage(&one);
	spec_leg_set_key(&leg, false, leg.relay.receive);
	secret_get_usage(&now);
	if (EXPECT_INT(now.in_use_bytes, one.in_use_bytes)) {
		EXPECT(keyctx_eq(leg.relay.receive, copy));
		schema_fini(&spec_leg_schema, &leg);
	}
	keyctx_free(copy);
	secret_get_usage(&now);
	EXPECT_INT(now.in_use_bytes, before.in_use_bytes);
}

#define SECOND_MEDIA                                                         \
	"{\"id\":\"c\",\"media\":[{\"id\":\"1\",\"mode\":\"rtp\",\"legs\":{" \
	"\"a\":{},\"b\":{}}}]}"
#define MANY_CHANGES                                                          \
	"{\"id\":\"c\",\"media\":[{\"id\":\"0\",\"active\":\"b2\",\"legs\":{" \
	"\"a\":{\"receive\":{\"keying\":" KEYED(                              \
		KEY3) "}},\"b\":null,\"b2\":{}}},"                            \
		      "{\"id\":\"2\",\"mode\":\"rtp\",\"legs\":{\"a\":{},\"b\":{}}}]}"

/* Creates and updates a session while the nth allocation of the update fails. Checks that a failed
 * update leaves the content as it was. Returns false when no allocation failed any more. */
static bool update_without_memory(struct service *sv, uint64_t nth, unsigned *failures)
{
	static struct answers got;
	const struct registry_session *s;
	struct spec_session *patch, *same = NULL;
	bool failed;

	got.n = 0;
	service_scene_ns += 10 * NS_PER_S; /* ends the quarantine of the ports */
	ask_create(sv, E2AE("c", KEY1), &got);
	relay_poll(&fake_relay);
	ask_update(sv, SECOND_MEDIA, &got);
	relay_poll(&fake_relay);
	EXPECT_INT(got.last[1].e, ERR_OK);
	s = registry_find(service_registry(sv), STR("c"));
	EXPECT_OK(spec_new(&same));
	EXPECT_OK(schema_copy(&spec_session_schema, same, s->spec));
	patch = patch_of_json(sv, MANY_CHANGES);
	mem_fail_nth(nth);
	service_update_take(sv, patch, on_answer, &got);
	relay_poll(&fake_relay);
	failed = mem_has_failed();
	mem_fail_nth(0);
	relay_poll(&fake_relay);
	EXPECT_INT(got.n, 3);
	EXPECT(failed || !got.last[2].e);
	EXPECT(spec_eq(s->spec, same) == (got.last[2].e != ERR_OK));
	*failures += got.last[2].e != ERR_OK;
	spec_free(same);
	service_delete(sv, STR("c"), on_answer, &got);
	relay_poll(&fake_relay);
	EXPECT_INT(got.last[3].e, ERR_OK);
	return failed;
}

/* Each allocation of an update fails once: the session stays as it was, and no holder of a key
 * context is left when it has ended. */
static void an_update_without_memory_changes_nothing(void)
{
	struct secret_usage before, after;
	struct service *sv;
	unsigned failures = 0;
	uint64_t nth = 1;

	secret_get_usage(&before);
	sv = service_start(30000, 30099, SPEC_REKEY_ACCEPT);
	do {
		test_context("allocation %u", (unsigned)nth);
		secret_get_usage(&after);
		EXPECT_INT(after.in_use_bytes, before.in_use_bytes);
	} while (update_without_memory(sv, nth++, &failures) && nth < 1000);
	EXPECT(failures > 4);
	service_end(sv);
	secret_get_usage(&after);
	EXPECT_INT(after.in_use_bytes, before.in_use_bytes);
}

TEST_MAIN("service-keys", {"rekeys_by_policy", rekeys_by_policy},
          {"a_receive_key_may_have_a_roc", a_receive_key_may_have_a_roc},
          {"a_key_is_not_changed_by_removing_it_first", a_key_is_not_changed_by_removing_it_first},
          {"a_key_is_not_changed_by_a_detour", a_key_is_not_changed_by_a_detour},
          {"a_new_leg_takes_a_new_key", a_new_leg_takes_a_new_key},
          {"an_update_without_memory_changes_nothing", an_update_without_memory_changes_nothing},
          {"a_leg_is_given_its_own_key", a_leg_is_given_its_own_key},
          {"leaves_no_key_behind", leaves_no_key_behind})
