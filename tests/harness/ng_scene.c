/* SPDX-License-Identifier: MIT */
/* One ng client, which sends JSON. */
#include "tests/harness/ng_scene.h"

#include "base/buf.h"

struct doc *told;
char sdp[8192];

static struct ng *ng;
static struct doc_arena *arena;
static const struct addr here = {.version = 4, .ip = {127, 0, 0, 1}, .port = 9};

static void on_reply(void *arg, uint64_t token, const struct addr *to, struct str reply)
{
	struct str body;

	(void)arg;
	(void)token;
	(void)to;
	(void)str_cut(reply, ' ', &body);
	/* The arena holds only the last reply. */
	doc_arena_reset(arena);
	body.p = doc_arena_text(arena, body).p;
	told = NULL;
	sdp[0] = '\0';
	if (!EXPECT_OK(doc_json_decode(&told, arena, body, NULL)))
		return;
	if (str_copy(doc_get_text(told, "sdp"), sdp, sizeof(sdp)))
		sdp[0] = '\0';
}

void begin_ng(const struct call_settings *calls)
{
	struct ng_config c;

	CHECK(set_up() == ERR_OK);
	if (calls) {
		struct service_config config = *service_get_config(service);

		config.calls = *calls;
		service_reconfigure(service, &config);
	}
	ng_config_defaults(&c);
	c.service = service;
	c.dialogs = dialogs;
	CHECK(ng_new(&ng, &c) == ERR_OK);
	CHECK(doc_arena_new(&arena) == ERR_OK);
	told = NULL;
}

void end_ng(void)
{
	tear_down();
	ng_free(ng);
	doc_arena_free(arena);
}

bool tell(const char *keys)
{
	static unsigned cookie;
	struct buf b = {0};

	buf_printf(&b, "%u {%s}", ++cookie, keys);
	ng_take(ng, &(struct ng_origin){.from = here, .send = on_reply, .token = 7},
	        buf_as_str(&b));
	relay_poll(&fake_relay);
	buf_free(&b);
	return told && str_is(doc_get_text(told, "result"), "ok");
}

bool reply_has(const char *key, const char *part)
{
	struct str text = told ? doc_get_text(told, key) : str_of("");
	char copy[512];

	if (text.n < sizeof(copy) && !str_copy(text, copy, sizeof(copy)) && strstr(copy, part))
		return true;
	printf("--- %s is \"%.*s\"\n", key, STR_ARG(text));
	return false;
}
