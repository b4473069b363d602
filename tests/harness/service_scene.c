/* SPDX-License-Identifier: MIT */
/* Starts and stops the service, sends requests to it, and records the answers. */
#include "tests/harness/service_scene.h"

struct relay_interface service_interfaces[2];
uint64_t service_scene_ns;

uint64_t service_scene_now(void)
{
	return service_scene_ns;
}

struct service *service_start(uint16_t port_min, uint16_t port_max, enum spec_rekey rekey)
{
	struct service_config config = {.relay = &fake_relay,
	                                .sessions_max = 100,
	                                .port_quarantine_ms = 1000,
	                                .now_ns = service_scene_now,
	                                .context = {.interfaces = service_interfaces,
	                                            .n_interfaces = 2,
	                                            .e2ae_rekey = (uint8_t)rekey}};
	struct service *sv = NULL;

	fake_relay_reset();
	service_scene_ns = 1000000000ull;
	for (unsigned i = 0; i < 2; i++) {
		struct relay_interface *f = &service_interfaces[i];

		snprintf(f->name, sizeof(f->name), i ? "core" : "default");
		EXPECT_OK(addr_parse_ip(i ? STR("127.0.0.2") : STR("127.0.0.1"), &f->bind));
		EXPECT_OK(addr_parse_ip(i ? STR("192.0.2.1") : STR("127.0.0.1"), &f->advertised));
		f->port_min = port_min;
		f->port_max = port_max;
	}
	EXPECT_OK(service_new(&sv, &config, NULL));
	return sv;
}

void service_end(struct service *sv)
{
	service_close(sv);
	relay_poll(&fake_relay);
	/* End the sessions without a reply, as the real relay does when it stops. */
	uint32_t at = 0;
	for (struct registry_session *s; (s = registry_next(service_registry(sv), &at));)
		fake_relay_forget(s->relay);
	service_free(sv);
}

void on_answer(void *arg, const struct service_result *r)
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

struct spec_session *patch_of_json(struct service *sv, const char *json)
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

void ask_create(struct service *sv, const char *json, struct answers *out)
{
	service_create_take(sv, patch_of_json(sv, json), on_answer, out);
}

void ask_update(struct service *sv, const char *json, struct answers *out)
{
	service_update_take(sv, patch_of_json(sv, json), on_answer, out);
}
