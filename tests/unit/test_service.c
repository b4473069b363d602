/* SPDX-License-Identifier: MIT */
/* control/session/service: operations on sessions. Repeated requests, order, ports, failures that
 * change nothing, and each allocation failing. */
#include "tests/harness/service_scene.h"

#include "base/addr.h"

static void creates_once(void)
{
	struct service *sv = service_start(30000, 30099, SPEC_REKEY_REJECT);
	static struct answers got;
	struct ports_usage usage;

	got.n = 0;
	ask_create(sv, E2AE("c", KEY1), &got);
	EXPECT_INT(got.n, 0); /* the worker has not confirmed yet */
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
	EXPECT(!got.last[2].changed); /* the update repeats the one before it */
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

/* A pair that another program holds is found once and left alone for a minute. The next pair comes
 * from another part of the range. */
static void remembers_foreign_ports(void)
{
	struct service *sv = service_start(30000, 30399, SPEC_REKEY_REJECT);
	struct service_counts counts;
	struct ports_usage usage;
	static struct answers got;
	uint64_t found;

	got.n = 0;
	for (uint16_t i = 0; i < FAKE_FOREIGN_MAX; i++)
		fake_relay.foreign[fake_relay.n_foreign++] = (uint16_t)(30000 + 2 * i);
	for (unsigned i = 0; i < 20; i++) {
		char json[256];

		snprintf(json, sizeof(json), RTP("%u"), i);
		ask_create(sv, json, &got);
		relay_poll(&fake_relay);
		EXPECT_INT(got.last[i].e, ERR_OK);
	}
	service_get_counts(sv, &counts);
	found = counts.port_retries;
	EXPECT(found >= 16 && found <= 48);
	service_port_usage(sv, 0, &usage);
	EXPECT_INT(usage.foreign, found);
	service_scene_ns += 61 * 1000000000ull;
	service_port_usage(sv, 0, &usage);
	EXPECT_INT(usage.foreign, 0);
	service_end(sv);
}

static void runs_out_of_ports(void)
{
	/* Four port pairs are enough for two sessions. */
	struct service *sv = service_start(30000, 30007, SPEC_REKEY_REJECT);
	struct ports_usage usage;
	static struct answers got;

	got.n = 0;
	ask_create(sv, RTP("1"), &got);
	ask_create(sv, RTP("2"), &got);
	ask_create(sv, RTP("3"), &got);
	relay_poll(&fake_relay);
	EXPECT_INT(got.last[0].e, ERR_LIMIT); /* session 3 is refused at once */
	EXPECT(strstr(got.last[0].why, "interface default") != NULL);
	EXPECT(strstr(got.last[0].why, "4 in use") != NULL);
	service_delete(sv, STR("1"), on_answer, &got);
	relay_poll(&fake_relay);
	ask_create(sv, RTP("3"), &got);
	EXPECT_INT(got.last[got.n - 1].e, ERR_LIMIT); /* the ports of session 1 are in quarantine */
	service_scene_ns += 1001 * 1000000ull;
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
	EXPECT_INT(got.last[3].e, ERR_OK); /* the session is as it was created */
	service_port_usage(sv, 0, &usage);
	EXPECT_INT(usage.in_use, 2);
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
	ask_create(sv, RTP("1"), &got); /* session 1 exists, so draining does not refuse it */
	EXPECT_INT(got.last[2].e, ERR_OK);
	service_end(sv);
}

/* Creates, updates and deletes a session while the nth allocation fails: each error must be
 * reported. */
static enum err life(void)
{
	struct service_config config = {
		.relay = &fake_relay,
		.sessions_max = 10,
		.now_ns = service_scene_now,
		.context = {.interfaces = service_interfaces, .n_interfaces = 1}};
	static struct answers got;
	struct service *sv = NULL;
	struct spec_session *patch = NULL;
	struct schema_fault fault = {.e = ERR_OK};
	struct why why = {""};
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
			schema_fault_text(&fault, &why);
		/* An error for lack of memory must not say that the session has too many media. */
		EXPECT(e != ERR_NOMEM || strstr(why.text, "at most") == NULL);
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

TEST_MAIN("service", {"creates_once", creates_once}, {"keeps_order", keeps_order},
          {"bounds_waiting", bounds_waiting}, {"tries_other_ports", tries_other_ports},
          {"remembers_foreign_ports", remembers_foreign_ports},
          {"runs_out_of_ports", runs_out_of_ports},
          {"failed_update_changes_nothing", failed_update_changes_nothing},
          {"legs_come_and_go", legs_come_and_go}, {"closes", closes},
          {"limits_sessions", limits_sessions},
          {"survives_failing_allocations", survives_failing_allocations})
