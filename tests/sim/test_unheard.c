/* SPDX-License-Identifier: MIT */
/* When no packet authenticates on a leg, the relay reports what it receives instead: plain packets,
 * SRTP under another key, or with another tag length. */
#include "tests/harness/call.h"

#include "base/bytes.h"

enum { SSRC = 0x0a0a0a0a, LEN = 160, MANY = 302 };

static const char *const engines[] = {
	"evp",
	"libsrtp",
#ifdef WITH_MB
	"mb",
#endif
};

static bool is_libsrtp(const char *engine)
{
	return engine[0] == 'l';
}

/* Writes an RTP packet with payload type `pt` and random octets of payload, except the first
 * `n_fixed`. */
static size_t speech(struct scene *s, uint8_t pt, uint64_t index, unsigned n_fixed, unsigned len)
{
	(void)call_rtp(s->octets, SSRC, index);
	s->octets[1] = pt;
	for (unsigned i = 0; i < len; i++)
		s->octets[12 + i] =
			i < n_fixed ? (uint8_t)(0x78 + i) : (uint8_t)test_random(&s->g.random);
	return 12 + len;
}

static bool arrives(struct scene *s, size_t n)
{
	struct sim_pkt got;

	EXPECT(n > 0);
	EXPECT_OK(sim_send(s->g.sim, &call_peer_a, &call_local_a, s->octets, n));
	stage_run(&s->g, 20);
	return sim_receive(s->g.sim, &call_peer_b, &got);
}

static unsigned told(const struct scene *s, enum relay_finding finding)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->g.n_events; i++)
		n += s->g.events[i].kind == RELAY_EVENT_NOTHING_AUTHENTIC &&
		     s->g.events[i].finding == finding && s->g.events[i].leg == 0;
	return n;
}

/* Sends correct packets at last: they are accepted, and the finding ends. */
static void ends_well(struct scene *s, struct srtp_end *end, uint64_t index)
{
	EXPECT(arrives(s, end_protect(end, s->octets, speech(s, 0, index, 0, LEN),
	                              sizeof(s->octets), index)));
	EXPECT_INT(scene_leg_a(s)->finding, RELAY_FINDING_NONE);
}

/* --- plain ------------------------------------------------------------------ */

static void plain(const char *engine, const char *suite, uint8_t pt, unsigned n_fixed, unsigned len,
                  enum relay_mode mode)
{
	struct scene s;

	test_context("%s %s %s, payload type %u", engine, suite, relay_mode_name(mode), pt);
	if (!scene_prepare(&s, engine, suite))
		return;
	s.media.mode = mode;
	if (mode == RELAY_MODE_E2E_VERIFIED) {
		s.media.legs[0].send = NULL;
		s.media.legs[1].receive = s.down[0].ctx;
	}
	if (!scene_start(&s))
		return;
	for (uint64_t i = 0; i < MANY; i++)
		EXPECT(!arrives(&s, speech(&s, pt, 500 + i, n_fixed, len)));
	EXPECT(scene_leg_a(&s)->verdicts[VERDICT_CLEAR] >= MANY - 16);
	EXPECT_INT(scene_leg_a(&s)->verdicts[VERDICT_CLEAR] +
	                   scene_leg_a(&s)->verdicts[VERDICT_AUTH_FAILED],
	           MANY);
	EXPECT_INT(scene_leg_a(&s)->finding, RELAY_FINDING_CLEAR);
	EXPECT_INT(told(&s, RELAY_FINDING_CLEAR), 1);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_NOTHING_AUTHENTIC), 1);
	if (mode == RELAY_MODE_E2AE)
		ends_well(&s, &s.up[0], 500 + MANY);
	scene_close(&s);
}

static void plain_rtp_is_called_clear(void)
{
	for (unsigned i = 0; i < ARRAY_LEN(engines); i++) {
		plain(engines[i], "AES_CM_128_HMAC_SHA1_80", 0, 0, LEN, RELAY_MODE_E2AE);
		plain(engines[i], "AES_CM_128_HMAC_SHA1_32", 8, 0, LEN, RELAY_MODE_E2AE);
		plain(engines[i], "AES_CM_128_HMAC_SHA1_80", 111, 1, 90, RELAY_MODE_E2AE);
		plain(engines[i], "AEAD_AES_128_GCM", 111, 1, 90, RELAY_MODE_E2AE);
		plain(engines[i], "AES_CM_128_HMAC_SHA1_80", 98, 2, 33, RELAY_MODE_E2AE);
		plain(engines[i], "AES_CM_128_HMAC_SHA1_80", 0, 0, LEN, RELAY_MODE_E2E_VERIFIED);
		plain(engines[i], "AEAD_AES_256_GCM", 0, 0, LEN, RELAY_MODE_E2E_VERIFIED);
	}
}

/* Plain RTCP is recognised because its length fields fill the packet, with no room for an SRTCP
 * index and a tag. */
static void plain_rtcp_is_called_clear(void)
{
	for (unsigned e = 0; e < ARRAY_LEN(engines); e++) {
		struct scene s;

		test_context("%s", engines[e]);
		if (!scene_open(&s, engines[e]))
			return;
		for (unsigned i = 0; i < 5; i++) {
			memset(s.octets, 0, 32);
			memcpy(s.octets, (const uint8_t[]){0x81, 201, 0, 7}, 4);
			be32_put(s.octets + 4, SSRC);
			EXPECT(!arrives(&s, 32));
		}
		EXPECT_INT(scene_leg_a(&s)->verdicts[VERDICT_CLEAR], 5);
		EXPECT_INT(scene_leg_a(&s)->finding, RELAY_FINDING_CLEAR);
		scene_close(&s);
	}
}

/* --- SRTP of another kind --------------------------------------------------- */

static void protected(const char *engine, const char *suite, struct keyctx *theirs,
                      enum relay_finding found, unsigned n, unsigned n_fixed)
{
	struct srtp_end end;
	struct scene s;

	test_context("%s expects %s, gets %s", engine, suite, theirs->suite->name);
	if (!scene_prepare(&s, engine, suite) || !srtp_open(&end, theirs, ENGINE_SEND))
		return;
	if (!scene_start(&s))
		return;
	for (uint64_t i = 0; i < n; i++)
		EXPECT(!arrives(&s,
		                end_protect(&end, s.octets, speech(&s, 0, 500 + i, n_fixed, LEN),
		                            sizeof(s.octets), 500 + i)));
	EXPECT_INT(scene_leg_a(&s)->verdicts[VERDICT_AUTH_FAILED], n);
	EXPECT_INT(scene_leg_a(&s)->verdicts[VERDICT_CLEAR], 0);
	EXPECT_INT(scene_leg_a(&s)->finding, found);
	EXPECT_INT(told(&s, found), found ? 1 : 0);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_NOTHING_AUTHENTIC), found ? 1 : 0);
	ends_well(&s, &s.up[0], 500 + n);
	scene_close(&s);
	srtp_close(&end);
}

/* SRTP under another key is reported as wrong key, also if all payload octets are equal, because
 * the relay compares encrypted octets. */
static void another_key_is_called_wrong(void)
{
	for (unsigned i = 0; i < ARRAY_LEN(engines); i++) {
		protected(engines[i], "AES_CM_128_HMAC_SHA1_80",
		          call_key("AES_CM_128_HMAC_SHA1_80"), RELAY_FINDING_WRONG_KEY, 2000, LEN);
		protected(engines[i], "AES_CM_128_HMAC_SHA1_80",
		          call_key("AES_256_CM_HMAC_SHA1_80"), RELAY_FINDING_WRONG_KEY, 100, LEN);
		protected(engines[i], "AEAD_AES_128_GCM", call_key("AEAD_AES_128_GCM"),
		          RELAY_FINDING_WRONG_KEY, 300, LEN);
		protected(engines[i], "AES_CM_128_HMAC_SHA1_80",
		          call_key("AES_CM_128_HMAC_SHA1_80"), RELAY_FINDING_NONE, 10, LEN);
	}
}

static struct keyctx *under(const char *suite, const struct keyctx *k, struct view mki)
{
	uint8_t master[SUITE_MASTER_MAX];
	struct keyctx_spec spec = {.suite = suite_find(str_of(suite)), .mki = mki};
	struct keyctx *again = NULL;

	memcpy(master, k->key, k->suite->key_len);
	memcpy(master + k->suite->key_len, k->salt, k->suite->salt_len);
	spec.master =
		(struct view){.p = master, .n = (size_t)k->suite->key_len + k->suite->salt_len};
	EXPECT_OK(keyctx_new(&again, &spec, NULL));
	return again;
}

/* The same key with another tag length is recognised from the first packet; none is accepted. */
static void other_tags(const char *engine, const char *ours, const char *theirs, bool has_mki,
                       unsigned n)
{
	static const uint8_t mki_octets[2] = {7, 9};
	struct view mki = {.p = mki_octets, .n = has_mki ? sizeof(mki_octets) : 0};
	enum relay_finding found = !is_libsrtp(engine) ? RELAY_FINDING_TAG_LENGTH
	                           : n >= 16           ? RELAY_FINDING_WRONG_KEY
	                                               : RELAY_FINDING_NONE;
	struct srtp_end end;
	struct scene s;

	/* The engine libsrtp cannot try another tag length, so the relay reports a wrong key. */
	test_context("%s expects %s, gets %s, %u packets", engine, ours, theirs, n);
	if (!scene_prepare(&s, engine, ours) ||
	    !scene_set_key(&s.up[0], under(ours, s.up[0].ctx, mki)) ||
	    !srtp_open(&end, under(theirs, s.up[0].ctx, mki), ENGINE_SEND))
		return;
	scene_use_keys(&s, 0);
	if (!scene_start(&s))
		return;
	for (uint64_t i = 0; i < n; i++)
		EXPECT(!arrives(&s, end_protect(&end, s.octets, speech(&s, 0, 500 + i, 0, LEN),
		                                sizeof(s.octets), 500 + i)));
	EXPECT_INT(scene_leg_a(&s)->finding, found);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_NOTHING_AUTHENTIC), found ? 1 : 0);
	EXPECT_INT(scene_leg_a(&s)->receive_key_pkts, 0);
	EXPECT_INT(scene_leg_a(&s)->verdicts[VERDICT_FORWARDED], 0);
	ends_well(&s, &s.up[0], 500 + n);
	scene_close(&s);
	srtp_close(&end);
}

static void tags_of_another_length(void)
{
	for (unsigned i = 0; i < ARRAY_LEN(engines); i++) {
		for (unsigned n = 1; n <= 100; n += 99) {
			other_tags(engines[i], "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32",
			           false, n);
			other_tags(engines[i], "AES_CM_128_HMAC_SHA1_32", "AES_CM_128_HMAC_SHA1_80",
			           false, n);
			other_tags(engines[i], "AES_256_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32",
			           false, n);
			other_tags(engines[i], "AES_256_CM_HMAC_SHA1_32", "AES_256_CM_HMAC_SHA1_80",
			           false, n);
			other_tags(engines[i], "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32",
			           true, n);
			other_tags(engines[i], "AES_CM_128_HMAC_SHA1_32", "AES_CM_128_HMAC_SHA1_80",
			           true, n);
		}
	}
}

/* Forged and replayed packets do not change a finding; a new key ends the finding. */
static void a_new_key_begins_anew(void)
{
	struct scene s;

	if (!scene_open(&s, "evp"))
		return;
	ends_well(&s, &s.up[0], 400);
	for (uint64_t i = 0; i < 50; i++)
		EXPECT(!arrives(&s, speech(&s, 0, 500 + i, 0, LEN)));
	/* After a packet has authenticated, failures are an attack, and no finding. */
	EXPECT_INT(scene_leg_a(&s)->finding, RELAY_FINDING_NONE);
	EXPECT_INT(scene_leg_a(&s)->verdicts[VERDICT_AUTH_FAILED], 50);
	scene_use_keys(&s, 1);
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	for (uint64_t i = 0; i < 50; i++)
		EXPECT(!arrives(&s, speech(&s, 0, 600 + i, 0, LEN)));
	EXPECT_INT(scene_leg_a(&s)->finding, RELAY_FINDING_CLEAR);
	EXPECT(scene_leg_a(&s)->verdicts[VERDICT_CLEAR] >= 48);
	scene_use_keys(&s, 2);
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT_INT(scene_leg_a(&s)->finding, RELAY_FINDING_NONE);
	ends_well(&s, &s.up[2], 700);
	EXPECT_INT(s.g.media_stats[0].legs[1].finding, RELAY_FINDING_NONE);
	scene_close(&s);
}

TEST_MAIN("unheard", {"plain RTP is called clear", plain_rtp_is_called_clear},
          {"plain RTCP is called clear", plain_rtcp_is_called_clear},
          {"another key is called wrong", another_key_is_called_wrong},
          {"tags of another length", tags_of_another_length},
          {"a new key begins anew", a_new_key_begins_anew})
