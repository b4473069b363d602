/* SPDX-License-Identifier: MIT */
/* Sends requests for one call and waits for each reply. */
#include "tests/harness/dialog_scene.h"

struct dialog_got got;
struct dialog_options options;

void on_reply(void *arg, const struct dialog_reply *r)
{
	(void)arg;
	got.replies++;
	got.e = r->e;
	got.sip_status = r->sip_status;
	snprintf(got.why, sizeof(got.why), "%s", r->why ? r->why->text : "");
	snprintf(got.sdp, sizeof(got.sdp), "%.*s", STR_ARG(r->sdp));
	snprintf(got.warning, sizeof(got.warning), "%s", r->warning ? r->warning : "");
	got.n_media = r->n_media;
	memcpy(got.media, r->media, sizeof(got.media));
}

enum err ask(enum dialog_op op, const char *from, const char *to, const char *sdp)
{
	struct dialog_command a = {.op = op,
	                           .call = STR("call-1"),
	                           .from = str_of(from),
	                           .to = str_of(to),
	                           .sdp = str_of(sdp),
	                           .options = options};
	unsigned before = got.replies;

	dialog_submit(dialogs, &a, on_reply, NULL);
	relay_poll(&fake_relay);
	EXPECT_INT(got.replies, before + 1);
	return got.e;
}

enum err offer(const char *from, const char *to, const char *sdp)
{
	return ask(DIALOG_OFFER, from, to, sdp);
}

enum err answer(const char *from, const char *to, const char *sdp)
{
	return ask(DIALOG_ANSWER, from, to, sdp);
}

const struct relay_leg_spec *leg(unsigned media, unsigned l)
{
	return &fake_relay.sessions->media[media].legs[l];
}

bool says(const char *line)
{
	bool found = strstr(got.sdp, line) != NULL;

	if (!found)
		printf("--- not found: %s in\n%s", line, got.sdp);
	return found;
}

bool is_key(const struct keyctx *k, const char *inline_key)
{
	struct sdes_policy p;
	struct sdes_line l = {0};
	char text[128];
	bool same;

	sdes_policy_defaults(&p);
	snprintf(text, sizeof(text), "1 " A80 " inline:%s", inline_key);
	if (!k || sdes_line_parse(&l, str_of(text), &p) || l.fault)
		return false;
	same = keyctx_same_key(k, l.keys[0]);
	sdes_line_clear(&l);
	return same;
}

const char *key_said(unsigned nth)
{
	static char key[41];
	const char *at = got.sdp;

	for (unsigned i = 0; i <= nth && at; i++)
		at = strstr(at + (i ? 1 : 0), "inline:");
	snprintf(key, sizeof(key), "%.40s", at ? at + 7 : "");
	return key;
}

enum err call_from_ue(void)
{
	enum err e;

	options.transport = SDP_PROFILE_AVP;
	e = offer("alice", "", UE SAVP("4000", K1));
	return e ? e : answer("alice", "bob", CORE AVP("5000"));
}

void begin(void)
{
	dialog_options_defaults(&options);
	CHECK(set_up() == ERR_OK);
}

enum err ask_branch(enum dialog_op op, const char *branch, const char *to, const char *sdp)
{
	struct dialog_command a = {.op = op,
	                           .call = STR("call-1"),
	                           .from = STR("alice"),
	                           .to = str_of(to),
	                           .branch = str_of(branch),
	                           .sdp = str_of(sdp),
	                           .options = options};

	dialog_submit(dialogs, &a, on_reply, NULL);
	relay_poll(&fake_relay);
	return got.e;
}
