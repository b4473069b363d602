/* SPDX-License-Identifier: MIT */
/* No session may send under a key that another session sends under or has used (RFC 3711 9.1). */
#include "tests/harness/call.h"

enum { SSRC_A = 0x0a0a0a0a, SSRC_B = 0x0b0b0b0b };

/* A second call beside that of the scene, on other ports, with keys number `nth` of the scene. */
struct second {
	struct relay_session_spec spec;
	struct relay_media_spec media;
	struct relay_session *call;
};

static void second_prepare(struct second *x, struct scene *s, unsigned keys)
{
	call_spec(&x->spec, &x->media, RELAY_MODE_E2AE, RELAY_RTCP_MUX);
	x->media.legs[0].port_rtp = 32000;
	x->media.legs[1].port_rtp = 33000;
	x->media.legs[0].receive = s->up[keys].ctx;
	x->media.legs[0].send = s->down[keys].ctx;
}

static void two_sessions_at_a_time(void)
{
	struct second x;
	struct scene s;

	if (!scene_open(&s, "evp"))
		return;
	second_prepare(&x, &s, 1);
	x.media.legs[0].send = s.down[0].ctx;
	EXPECT_ERR(call_create(&s.g, &x.call, &x.spec), ERR_KEY_USED);
	EXPECT_TEXT(
		s.g.last_why.text,
		"media 0 leg a: its send key is in use by another session; use a different key");
	EXPECT(scene_goes_down(&s, &s.down[0], SSRC_B, 1));
	/* The refused session has not reserved its key or ports. */
	second_prepare(&x, &s, 1);
	EXPECT_OK(call_create(&s.g, &x.call, &x.spec));
	x.media.legs[0].send = s.down[0].ctx;
	EXPECT_ERR(call_update(&s.g, x.call, &x.spec), ERR_KEY_USED);
	/* A key with another MKI or lifetime is still the same key. */
	x.media.legs[0].send = call_key_again(
		s.down[0].ctx, (struct view){.p = (const uint8_t *)"m", .n = 1}, 1000);
	EXPECT_ERR(call_update(&s.g, x.call, &x.spec), ERR_KEY_USED);
	keyctx_free((struct keyctx *)(uintptr_t)x.media.legs[0].send);
	x.media.legs[0].send = s.down[2].ctx;
	EXPECT_OK(call_update(&s.g, x.call, &x.spec));
	/* The second call's first key counts as used too. */
	scene_use_keys(&s, 1);
	EXPECT_ERR(call_update(&s.g, s.call, &s.spec), ERR_KEY_USED);
	EXPECT(scene_goes_down(&s, &s.down[0], SSRC_B, 2));
	EXPECT(scene_goes_up(&s, &s.up[0], SSRC_A, 2));
	EXPECT_OK(call_delete(&s.g, x.call));
	scene_close(&s);
}

/* Makes a key context of the same octets for another suite; pads a salt that is too short with
 * zeros. */
static struct keyctx *under(const struct keyctx *k, const char *suite)
{
	uint8_t master[SUITE_MASTER_MAX];
	struct keyctx_spec spec = {.suite = suite_find(str_of(suite)), .master.p = master};
	struct keyctx *out = NULL;

	CHECK(spec.suite != NULL);
	spec.master.n = (size_t)spec.suite->key_len + spec.suite->salt_len;
	memcpy(master, k->key, spec.suite->key_len);
	memcpy(master + spec.suite->key_len, k->salt, spec.suite->salt_len);
	EXPECT_OK(keyctx_new(&out, &spec, NULL));
	return out;
}

/* Suites _80 and _32 have the same keystream, and GCM derives its session keys from the same master
 * key. So the octets alone identify a key, whatever the suite. */
static void a_key_is_its_octets(void)
{
	static const char *const suites[] = {"AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM"};
	struct keyctx *gcm = call_key("AEAD_AES_128_GCM");

	for (unsigned i = 0; i < ARRAY_LEN(suites); i++) {
		struct second x;
		struct scene s;

		if (!scene_prepare(&s, "evp", "AES_CM_128_HMAC_SHA1_80"))
			return;
		EXPECT(scene_set_key(&s.down[1], under(gcm, "AES_CM_128_HMAC_SHA1_80")));
		scene_use_keys(&s, 1);
		if (!scene_start(&s))
			return;
		second_prepare(&x, &s, 2);
		x.media.legs[0].send = under(s.down[1].ctx, suites[i]);
		EXPECT_ERR(call_create(&s.g, &x.call, &x.spec), ERR_KEY_USED);
		EXPECT_TEXT(s.g.last_why.text, "media 0 leg a: its send key is in use by another "
		                               "session; use a different key");
		/* The key is also refused in the session that uses it, and after that session has
		 * ended. */
		s.media.legs[0].send = x.media.legs[0].send;
		EXPECT_ERR(call_update(&s.g, s.call, &s.spec), ERR_REKEY);
		EXPECT(scene_goes_down(&s, &s.down[1], SSRC_B, 1));
		EXPECT_OK(call_delete(&s.g, s.call));
		EXPECT_ERR(call_create(&s.g, &x.call, &x.spec), ERR_KEY_USED);
		EXPECT(strstr(s.g.last_why.text, "a session that has ended"));
		scene_use_keys(&s, 0);
		EXPECT_OK(call_create(&s.g, &s.call, &s.spec));
		keyctx_free((struct keyctx *)(uintptr_t)x.media.legs[0].send);
		scene_close(&s);
	}
	keyctx_free(gcm);
}

/* The peer changes from suite _80 to _32 and keeps its key: its packets are accepted, and no
 * earlier packet is accepted again, also not with a truncated tag. */
static void a_receive_key_under_another_suite(void)
{
	uint8_t packet[256];
	struct sim_pkt got;
	struct scene s;
	size_t n;

	if (!scene_open(&s, "evp"))
		return;
	for (uint64_t i = 65530; i < 65540; i++)
		EXPECT(scene_goes_up(&s, &s.up[0], SSRC_A, i));
	n = end_protect(&s.up[0], packet, call_rtp(packet, SSRC_A, 65540), sizeof(packet), 65540);
	EXPECT_OK(sim_send(s.g.sim, &call_peer_a, &call_local_a, packet, n));
	stage_run(&s.g, 1);
	EXPECT(sim_receive(s.g.sim, &call_peer_b, &got));
	EXPECT(scene_set_key(&s.up[1], under(s.up[0].ctx, "AES_CM_128_HMAC_SHA1_32")));
	s.media.legs[0].receive = s.up[1].ctx;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	for (unsigned cut = 0; cut <= 6; cut += 6) {
		EXPECT_OK(sim_send(s.g.sim, &call_peer_a, &call_local_a, packet, n - cut));
		stage_run(&s.g, 1);
		EXPECT(!sim_receive(s.g.sim, &call_peer_b, &got));
	}
	EXPECT_INT(scene_leg_a(&s)->verdicts[VERDICT_REPLAYED] +
	                   scene_leg_a(&s)->verdicts[VERDICT_TOO_OLD],
	           2);
	EXPECT(scene_goes_up(&s, &s.up[1], SSRC_A, 65541));
	scene_close(&s);
}

/* A receive key may be the send key of another session (a call may pass this gateway twice) or its
 * receive key (an offerer has one key for all forks). */
static void receive_keys_are_shared(void)
{
	struct second x;
	struct scene s;

	if (!scene_open(&s, "evp"))
		return;
	second_prepare(&x, &s, 1);
	x.media.legs[0].receive = s.down[0].ctx;
	EXPECT_OK(call_create(&s.g, &x.call, &x.spec));
	EXPECT_OK(call_delete(&s.g, x.call));
	second_prepare(&x, &s, 2);
	x.media.legs[0].receive = s.up[0].ctx;
	EXPECT_OK(call_create(&s.g, &x.call, &x.spec));
	EXPECT_OK(call_delete(&s.g, x.call));
	scene_close(&s);
}

/* A signalling server that lost its state creates the call again with the same keys: refused,
 * because every index would start again. */
static void a_session_made_again(void)
{
	struct second x;
	struct scene s;

	if (!scene_open(&s, "evp"))
		return;
	second_prepare(&x, &s, 1);
	/* A create that fails because a port is in use sends nothing, so its keys remain usable. */
	x.media.legs[0].port_rtp = 30000;
	EXPECT_ERR(call_create(&s.g, &x.call, &x.spec), ERR_EXISTS);
	x.media.legs[0].port_rtp = 32000;
	EXPECT_OK(call_create(&s.g, &x.call, &x.spec));
	x.media.legs[0].send = s.down[2].ctx;
	EXPECT_OK(call_update(&s.g, x.call, &x.spec));
	EXPECT_OK(call_delete(&s.g, x.call));
	for (unsigned i = 1; i <= 2; i++) {
		second_prepare(&x, &s, i);
		EXPECT_ERR(call_create(&s.g, &x.call, &x.spec), ERR_KEY_USED);
		EXPECT(strstr(s.g.last_why.text, "a session that has ended"));
	}
	scene_close(&s);
}

static void remembers_as_many_as_set(unsigned remembered)
{
	struct scene s;
	struct second x;
	struct keyctx *keys[10];

	if (!scene_prepare(&s, "evp", "AES_CM_128_HMAC_SHA1_80"))
		return;
	s.config.keys_remembered = remembered;
	if (!scene_start(&s))
		return;
	second_prepare(&x, &s, 1);
	for (unsigned i = 0; i < ARRAY_LEN(keys); i++) {
		keys[i] = call_key("AES_CM_128_HMAC_SHA1_80");
		x.media.legs[0].send = keys[i];
		EXPECT_OK(call_create(&s.g, &x.call, &x.spec));
		EXPECT_OK(call_delete(&s.g, x.call));
	}
	for (unsigned i = 0; i < ARRAY_LEN(keys); i++) {
		unsigned ago = (unsigned)ARRAY_LEN(keys) - i;
		enum err e;

		x.media.legs[0].send = keys[i];
		e = ago <= remembered || ago > 2 * remembered ? call_create(&s.g, &x.call, &x.spec)
		                                              : ERR_KEY_USED;
		EXPECT_ERR(e, ago <= remembered      ? ERR_KEY_USED
		              : ago > 2 * remembered ? ERR_OK
		                                     : ERR_KEY_USED);
		if (!e)
			EXPECT_OK(call_delete(&s.g, x.call));
		/* Stop after the first key that could be used again: using it displaces another key
		 * from the memory. */
		if (remembered && !e)
			break;
	}
	for (unsigned i = 0; i < ARRAY_LEN(keys); i++)
		keyctx_free(keys[i]);
	scene_close(&s);
}

static void the_memory_is_bounded(void)
{
	remembers_as_many_as_set(0);
	remembers_as_many_as_set(2);
	remembers_as_many_as_set(100);
}

TEST_MAIN("key_used", {"two sessions at a time", two_sessions_at_a_time},
          {"a key is its octets", a_key_is_its_octets},
          {"a receive key under another suite", a_receive_key_under_another_suite},
          {"receive keys are shared", receive_keys_are_shared},
          {"a session made again", a_session_made_again},
          {"the memory is bounded", the_memory_is_bounded})
