/* SPDX-License-Identifier: MIT */
/* Operations on sessions: idempotence, order, ports, re-keying, failures that change nothing, every
 * allocation failing. */
#include "tests/harness/harness.h"

#include "base/addr.h"
#include "base/secret.h"
#include "control/doc/json.h"
#include "control/session/service.h"
#include "tests/harness/fake_relay.h"

static struct relay_interface interfaces[2];
static uint64_t now_ns;

static uint64_t fake_now(void)
{
	return now_ns;
}

static struct service *service_start(uint16_t port_min, uint16_t port_max, enum spec_rekey rekey)
{
	struct service_config config = {.relay = &fake_relay,
	                                .sessions_max = 100,
	                                .port_quarantine_ms = 1000,
	                                .now_ns = fake_now,
	                                .context = {.interfaces = interfaces,
	                                            .n_interfaces = 2,
	                                            .e2ae_rekey = (uint8_t)rekey}};
	struct service *sv = NULL;

	fake_relay_reset();
	now_ns = 1000000000ull;
	for (unsigned i = 0; i < 2; i++) {
		struct relay_interface *f = &interfaces[i];

		snprintf(f->name, sizeof(f->name), i ? "core" : "default");
		EXPECT_OK(addr_parse_ip(i ? STR("127.0.0.2") : STR("127.0.0.1"), &f->bind));
		EXPECT_OK(addr_parse_ip(i ? STR("192.0.2.1") : STR("127.0.0.1"), &f->advertised));
		f->port_min = port_min;
		f->port_max = port_max;
	}
	EXPECT_OK(service_new(&sv, &config, NULL));
	return sv;
}

static void service_end(struct service *sv)
{
	service_close(sv);
	relay_poll(&fake_relay);
	/* What the real relay does when it stops: sessions end without a word. */
	uint32_t at = 0;
	for (struct registry_session *s; (s = registry_next(service_registry(sv), &at));)
		fake_relay_forget(s->relay);
	service_free(sv);
}

/* What the last answers were. */
struct answers {
	unsigned n;
	struct {
		enum err e;
		bool changed;
		struct addr a, b;
		char why[320];
		bool has_stats;
	} last[256];
};

static void on_answer(void *arg, const struct service_result *r)
{
	struct answers *all = arg;

	CHECK(all->n < ARRAY_LEN(all->last));
	all->last[all->n].e = r->e;
	all->last[all->n].changed = r->changed;
	all->last[all->n].has_stats = r->stats != NULL;
	if (r->why)
		snprintf(all->last[all->n].why, sizeof(all->last[0].why), "%s", r->why->text);
	if (r->session && !r->stats && r->session->spec->media.n &&
	    r->session->spec->media.items[0].legs.n > 1) {
		const struct spec_legs *legs = &r->session->spec->media.items[0].legs;

		all->last[all->n].a.port = legs->items[0].at.port;
		all->last[all->n].b.port = legs->items[1].at.port;
	}
	all->n++;
}

static struct spec_session *patch_of(struct service *sv, const char *json)
{
	struct schema_fault fault = {.e = ERR_OK};
	struct schema_in in = {.context = service_context(sv), .fault = &fault};
	struct spec_session *patch = NULL;
	struct doc_arena *a = NULL;
	struct doc *d = NULL;
	struct why why = {""};

	if (!EXPECT_OK(doc_arena_new(&a)))
		return NULL;
	EXPECT_OK(spec_new(&patch));
	EXPECT_OK(doc_json_decode(&d, a, str_of(json), &why));
	if (d && schema_read(&in, &spec_session_schema, d, patch)) {
		schema_fault_text(&fault, &why);
		test_expect(false, __FILE__, __LINE__, "%s", why.text);
	}
	doc_arena_free(a);
	return patch;
}

static void ask_create(struct service *sv, const char *json, struct answers *out)
{
	service_create_take(sv, patch_of(sv, json), on_answer, out);
}

static void ask_update(struct service *sv, const char *json, struct answers *out)
{
	service_update_take(sv, patch_of(sv, json), on_answer, out);
}

#define KEY1    "\"d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\""
#define KEY2    "\"WnD7c1ksDGs+dIefCEo8omPg4uO8DYIinNGL5yxQ\""
#define SUITE80 "\"suite\":\"AES_CM_128_HMAC_SHA1_80\""
#define E2AE(id, key)                                                                              \
	"{\"id\":\"" id "\",\"media\":[{\"id\":\"0\",\"mode\":\"e2ae\",\"legs\":{"                 \
	"\"a\":{\"remote\":\"127.0.0.1:49170\",\"rtcp\":\"mux\",\"receive\":{\"keying\":{" SUITE80 \
	",\"inline\":" key "}},\"send\":{\"keying\":{" SUITE80 ",\"inline\":" KEY2 "}}},"          \
	"\"b\":{\"remote\":\"127.0.0.1:31000\",\"rtcp\":\"pair\"}}}]}"
#define RTP(id)                                                                   \
	"{\"id\":\"" id "\",\"media\":[{\"id\":\"0\",\"mode\":\"rtp\",\"legs\":{" \
	"\"a\":{\"remote\":\"127.0.0.1:49170\"},\"b\":{\"remote\":\"127.0.0.1:31000\"}}}]}"

static void creates_once(void)
{
	struct service *sv = service_start(30000, 30099, SPEC_REKEY_REJECT);
	static struct answers got;
	struct ports_usage usage;

	got.n = 0;
	ask_create(sv, E2AE("c", KEY1), &got);
	EXPECT_INT(got.n, 0); /* not before the worker has done it */
	relay_poll(&fake_relay);
	ask_create(sv, E2AE("c", KEY1), &got);
	ask_create(sv, E2AE("c", KEY2), &got);
	relay_poll(&fake_relay);
	EXPECT_INT(got.n, 3);
	EXPECT_INT(got.last[0].e, ERR_OK);
	EXPECT(got.last[0].changed);
	EXPECT_INT(got.last[0].a.port % 2, 0);
	EXPECT_INT(got.last[1].e, ERR_OK);
	EXPECT(!got.last[1].changed);
	EXPECT_INT(got.last[1].a.port, got.last[0].a.port);
	EXPECT_INT(got.last[2].e, ERR_EXISTS);
	EXPECT_INT(fake_relay.creates, 1);
	service_port_usage(sv, 0, &usage);
	EXPECT_INT(usage.in_use, 2);
	service_end(sv);
}

static void keeps_order(void)
{
	struct service *sv = service_start(30000, 30099, SPEC_REKEY_REJECT);
	static struct answers got;

	got.n = 0;
	ask_create(sv, RTP("c"), &got);
	ask_update(sv,
	           "{\"id\":\"c\",\"media\":[{\"id\":\"0\",\"legs\":{\"a\":{\"remote\":\"127.0.0.1:"
	           "5000\"}}}]}",
	           &got);
	ask_update(sv,
	           "{\"id\":\"c\",\"media\":[{\"id\":\"0\",\"legs\":{\"a\":{\"remote\":\"127.0.0.1:"
	           "5000\"}}}]}",
	           &got);
	service_delete(sv, STR("c"), on_answer, &got);
	service_get(sv, STR("c"), on_answer, &got);
	ask_create(sv, RTP("c"), &got);
	relay_poll(&fake_relay);
	EXPECT_INT(got.n, 6);
	EXPECT_INT(got.last[1].e, ERR_OK);
	EXPECT(got.last[1].changed);
	EXPECT(!got.last[2].changed); /* without effect */
	EXPECT(got.last[3].has_stats);
	EXPECT_INT(got.last[4].e, ERR_NOT_FOUND);
	EXPECT_INT(got.last[5].e, ERR_OK);
	EXPECT_INT(fake_relay.updates, 1);
	EXPECT_INT(registry_count(service_registry(sv)), 1);
	service_end(sv);
}

static void bounds_waiting(void)
{
	struct service *sv = service_start(30000, 30099, SPEC_REKEY_REJECT);
	static struct answers got;
	unsigned busy = 0;

	got.n = 0;
	ask_create(sv, RTP("c"), &got);
	for (unsigned i = 0; i < SERVICE_WAITING_MAX + 5; i++)
		service_get(sv, STR("c"), on_answer, &got);
	relay_poll(&fake_relay);
	EXPECT_INT(got.n, SERVICE_WAITING_MAX + 6);
	for (unsigned i = 0; i < got.n; i++)
		busy += got.last[i].e == ERR_BUSY;
	EXPECT_INT(busy, 5);
	service_end(sv);
}

static void tries_other_ports(void)
{
	struct service *sv = service_start(30000, 30099, SPEC_REKEY_REJECT);
	struct service_counts counts;
	static struct answers got;

	got.n = 0;
	for (uint16_t i = 0; i < 5; i++)
		fake_relay.foreign[fake_relay.n_foreign++] = (uint16_t)(30000 + 2 * i);
	ask_create(sv, RTP("c"), &got);
	relay_poll(&fake_relay);
	EXPECT_INT(got.last[0].e, ERR_OK);
	EXPECT(got.last[0].a.port >= 30010 || got.last[0].b.port >= 30010);
	service_get_counts(sv, &counts);
	EXPECT(counts.port_retries >= 1);
	service_end(sv);
}

static void runs_out_of_ports(void)
{
	struct service *sv =
		service_start(30000, 30007, SPEC_REKEY_REJECT); /* four pairs: two sessions */
	struct ports_usage usage;
	static struct answers got;

	got.n = 0;
	ask_create(sv, RTP("1"), &got);
	ask_create(sv, RTP("2"), &got);
	ask_create(sv, RTP("3"), &got);
	relay_poll(&fake_relay);
	EXPECT_INT(got.last[0].e, ERR_LIMIT); /* refused before the others are confirmed */
	EXPECT(strstr(got.last[0].why, "interface default") != NULL);
	EXPECT(strstr(got.last[0].why, "4 in use") != NULL);
	service_delete(sv, STR("1"), on_answer, &got);
	relay_poll(&fake_relay);
	ask_create(sv, RTP("3"), &got);
	EXPECT_INT(got.last[got.n - 1].e, ERR_LIMIT); /* the ports rest */
	now_ns += 1001 * 1000000ull;
	ask_create(sv, RTP("3"), &got);
	relay_poll(&fake_relay);
	EXPECT_INT(got.last[got.n - 1].e, ERR_OK);
	service_port_usage(sv, 0, &usage);
	EXPECT_INT(usage.in_use, 4);
	EXPECT_INT(usage.resting, 0);
	service_end(sv);
}

static void failed_update_changes_nothing(void)
{
	struct service *sv = service_start(30000, 30099, SPEC_REKEY_REJECT);
	struct ports_usage usage;
	static struct answers got;

	got.n = 0;
	ask_create(sv, RTP("c"), &got);
	relay_poll(&fake_relay);
	fake_relay.fail_later = ERR_IO;
	ask_update(sv,
	           "{\"id\":\"c\",\"media\":[{\"id\":\"0\",\"legs\":{\"b2\":{\"remote\":\"127.0.0."
	           "1:5000\"}}}]}",
	           &got);
	relay_poll(&fake_relay);
	EXPECT_INT(got.last[1].e, ERR_IO);
	fake_relay.refuse_at_once = ERR_INVALID;
	ask_update(sv,
	           "{\"id\":\"c\",\"media\":[{\"id\":\"1\",\"mode\":\"rtp\",\"legs\":{\"a\":{}}}]}",
	           &got);
	EXPECT_INT(got.last[2].e, ERR_INVALID);
	EXPECT_INT(registry_find(service_registry(sv), STR("c"))->spec->media.n, 1);
	ask_create(sv, RTP("c"), &got);
	EXPECT_INT(got.last[3].e, ERR_OK); /* it is what it was */
	service_port_usage(sv, 0, &usage);
	EXPECT_INT(usage.in_use, 2);
	service_end(sv);
}

/* A receive key may say where its first stream stands; another ROC makes no other context of it. */
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

/* TS 33.328 7.4: the same context is no change; another one is refused on e2ae unless the peer
 * moved or the setting accepts. */
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

/* Clearing the key now and giving a new one later is a change of key as well. */
static void a_key_is_not_changed_by_way_of_none(void)
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

/* Away from e2ae and back, or away to no address and back: the detour changes no key that the
 * straight way would not. */
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
		/* Without keys at first, so that the next one would look like the first. */
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
		/* Refused, it is still away, and may still come back as it was. */
		ask_update(sv, rows[2].back, &got);
		relay_poll(&fake_relay);
		EXPECT_INT(got.last[3].e, i + 1 == ARRAY_LEN(rows) ? ERR_REKEY : ERR_OK);
		service_end(sv);
	}
	/* To hold with a new key is no move. */
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

/* A leg that went and came back is another, and so are its keys. */
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

static void legs_come_and_go(void)
{
	struct service *sv = service_start(30000, 30099, SPEC_REKEY_REJECT);
	struct ports_usage usage;
	static struct answers got;

	got.n = 0;
	ask_create(sv, RTP("c"), &got);
	ask_update(sv,
	           "{\"id\":\"c\",\"media\":[{\"id\":\"0\",\"active\":\"b2\",\"legs\":{\"b\":null,"
	           "\"b2\":{\"interface\":\"core\"}}}]}",
	           &got);
	ask_update(sv, "{\"id\":\"c\",\"media\":[{\"id\":\"0\",\"active\":\"b\"}]}", &got);
	relay_poll(&fake_relay);
	EXPECT_INT(got.last[1].e, ERR_OK);
	EXPECT_INT(got.last[2].e, ERR_INVALID);
	service_port_usage(sv, 0, &usage);
	EXPECT_INT(usage.in_use, 1);
	EXPECT_INT(usage.resting, 1);
	service_port_usage(sv, 1, &usage);
	EXPECT_INT(usage.in_use, 1);
	service_end(sv);
}

static void closes(void)
{
	struct service *sv = service_start(30000, 30099, SPEC_REKEY_REJECT);
	static struct answers got;

	got.n = 0;
	ask_create(sv, RTP("c"), &got);
	service_get(sv, STR("c"), on_answer, &got);
	service_close(sv);
	EXPECT_INT(got.n, 1);
	EXPECT_INT(got.last[0].e, ERR_CLOSED);
	ask_create(sv, RTP("d"), &got);
	EXPECT_INT(got.last[1].e, ERR_CLOSED);
	service_end(sv);
	EXPECT_INT(got.n, 3);
}

static void limits_sessions(void)
{
	struct service *sv = service_start(30000, 34000, SPEC_REKEY_REJECT);
	struct service_config config = *service_get_config(sv);
	static struct answers got;

	got.n = 0;
	config.sessions_max = 1;
	service_reconfigure(sv, &config);
	ask_create(sv, RTP("1"), &got);
	ask_create(sv, RTP("2"), &got);
	EXPECT_INT(got.last[0].e, ERR_LIMIT);
	relay_poll(&fake_relay);
	service_set_draining(sv, true);
	ask_create(sv, RTP("1"), &got); /* it is there already: no new session */
	EXPECT_INT(got.last[2].e, ERR_OK);
	service_end(sv);
}

/* A whole life with the nth allocation failing: errors are answered, nothing is lost. */
static enum err life(void)
{
	struct service_config config = {.relay = &fake_relay,
	                                .sessions_max = 10,
	                                .now_ns = fake_now,
	                                .context = {.interfaces = interfaces, .n_interfaces = 1}};
	static struct answers got;
	struct service *sv = NULL;
	struct spec_session *patch = NULL;
	struct schema_fault fault;
	struct schema_in in = {.fault = &fault};
	struct doc_arena *a = NULL;
	struct doc *d = NULL;
	enum err e = ERR_OK;

	fake_relay_reset();
	got.n = 0;
	if (service_new(&sv, &config, NULL))
		return ERR_NOMEM;
	in.context = service_context(sv);
	if (doc_arena_new(&a) || doc_json_decode(&d, a, STR(E2AE("c", KEY1)), NULL) ||
	    spec_new(&patch))
		e = ERR_NOMEM;
	if (!e) {
		e = schema_read(&in, &spec_session_schema, d, patch);
		if (e)
			spec_free(patch);
		else
			service_create_take(sv, patch, on_answer, &got);
	}
	relay_poll(&fake_relay);
	if (!e && got.last[0].e)
		e = got.last[0].e;
	if (!e) {
		patch = NULL;
		e = spec_new(&patch);
		if (!e) {
			snprintf(patch->id, sizeof(patch->id), "c");
			SPEC_HAS(patch, SPEC_SESSION_ID);
			struct spec_media *m = spec_patch_media(patch, STR("0"));
			struct spec_leg *l = m ? spec_patch_leg(m, 2) : NULL;
			e = l ? ERR_OK : ERR_NOMEM;
			if (e)
				spec_free(patch);
			else
				service_update_take(sv, patch, on_answer, &got);
			relay_poll(&fake_relay);
			if (!e && got.last[1].e)
				e = got.last[1].e;
		}
	}
	if (registry_find(service_registry(sv), STR("c"))) {
		unsigned before = got.n;

		service_delete(sv, STR("c"), on_answer, &got);
		relay_poll(&fake_relay);
		if (got.last[before].e)
			e = got.last[before].e;
	}
	doc_arena_free(a);
	service_end(sv);
	return e;
}

static void survives_failing_allocations(void)
{
	test_each_allocation_failing(life);
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

TEST_MAIN("service", {"creates_once", creates_once}, {"keeps_order", keeps_order},
          {"bounds_waiting", bounds_waiting}, {"tries_other_ports", tries_other_ports},
          {"runs_out_of_ports", runs_out_of_ports},
          {"failed_update_changes_nothing", failed_update_changes_nothing},
          {"rekeys_by_policy", rekeys_by_policy},
          {"a_receive_key_may_have_a_roc", a_receive_key_may_have_a_roc},
          {"a_key_is_not_changed_by_way_of_none", a_key_is_not_changed_by_way_of_none},
          {"a_key_is_not_changed_by_a_detour", a_key_is_not_changed_by_a_detour},
          {"a_new_leg_takes_a_new_key", a_new_leg_takes_a_new_key},
          {"legs_come_and_go", legs_come_and_go}, {"closes", closes},
          {"limits_sessions", limits_sessions},
          {"survives_failing_allocations", survives_failing_allocations},
          {"leaves_no_key_behind", leaves_no_key_behind})
