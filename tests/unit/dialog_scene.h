/* SPDX-License-Identifier: MIT */
/* A call between alice and bob by its SDP: requests, what was answered, what the relay was asked
 * for. */
#ifndef TESTS_UNIT_DIALOG_SCENE_H
#define TESTS_UNIT_DIALOG_SCENE_H

#include "tests/harness/harness.h"
#include "tests/unit/noting_relay.h"

#define K1   "S1RMlTxH34hgvmcxGF7FXWcL0eX1oMYQ6dHtXTMn"
#define K2   "HJs3JxPWelhNSJtTrJf9GCtOo8uHex7mSSnMkUdK"
#define K3   "+JHuCdKP7RRTiPm8RN2DMtTA8O+kB8xyLU7xZzOa"
#define A80  "AES_CM_128_HMAC_SHA1_80"
#define HEAD "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\n"

/* What the last request came to. */
static struct {
	unsigned replies;
	enum err e;
	int sip_status;
	char why[320], warning[512], sdp[4096];
	unsigned n_media;
	struct dialog_media_report media[SDP_MEDIA_MAX];
} got;

static inline void on_reply(void *arg, const struct dialog_reply *r)
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

static struct dialog_options options;

static inline enum err ask(enum dialog_op op, const char *from, const char *to, const char *sdp)
{
	struct dialog_command a = {.op = op,
	                           .call = STR("call-1"),
	                           .from = str_of(from),
	                           .to = str_of(to),
	                           .sdp = str_of(sdp),
	                           .options = options};
	unsigned before = got.replies;

	dialog_submit(dialogs, &a, on_reply, NULL);
	poll_relay();
	EXPECT_INT(got.replies, before + 1);
	return got.e;
}

static inline enum err offer(const char *from, const char *to, const char *sdp)
{
	return ask(DIALOG_OFFER, from, to, sdp);
}

static inline enum err answer(const char *from, const char *to, const char *sdp)
{
	return ask(DIALOG_ANSWER, from, to, sdp);
}

static inline const struct relay_leg_spec *leg(unsigned media, unsigned l)
{
	return &noted->media[media].legs[l];
}

static inline bool says(const char *line)
{
	bool found = strstr(got.sdp, line) != NULL;

	if (!found)
		printf("--- not found: %s in\n%s", line, got.sdp);
	return found;
}

static inline bool is_key(const struct keyctx *k, const char *inline_key)
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

/* The key of the nth a=crypto line in the reply. */
static inline const char *key_said(unsigned nth)
{
	static char key[41];
	const char *at = got.sdp;

	for (unsigned i = 0; i <= nth && at; i++)
		at = strstr(at + (i ? 1 : 0), "inline:");
	snprintf(key, sizeof(key), "%.40s", at ? at + 7 : "");
	return key;
}

#define SAVP(port, key) "m=audio " port " RTP/SAVP 0\r\na=crypto:7 " A80 " inline:" key "\r\n"
#define AVP(port)       "m=audio " port " RTP/AVP 0\r\n"
#define UE              HEAD "c=IN IP4 198.51.100.1\r\nt=0 0\r\n"
#define CORE            HEAD "c=IN IP4 192.0.2.77\r\nt=0 0\r\n"

static inline enum err call_from_ue(void)
{
	enum err e;

	options.transport = SDP_PROFILE_AVP;
	e = offer("alice", "", UE SAVP("4000", K1));
	return e ? e : answer("alice", "bob", CORE AVP("5000"));
}

static inline void begin(void)
{
	dialog_options_defaults(&options);
	CHECK(set_up() == ERR_OK);
}

static inline enum err ask_branch(enum dialog_op op, const char *branch, const char *to,
                                  const char *sdp)
{
	struct dialog_command a = {.op = op,
	                           .call = STR("call-1"),
	                           .from = STR("alice"),
	                           .to = str_of(to),
	                           .branch = str_of(branch),
	                           .sdp = str_of(sdp),
	                           .options = options};

	dialog_submit(dialogs, &a, on_reply, NULL);
	poll_relay();
	return got.e;
}

#endif
