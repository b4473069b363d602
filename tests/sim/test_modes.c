/* SPDX-License-Identifier: MIT */
/* Modes with keys on both sides: srtp-srtp between any two suites, also with MKIs; and
 * e2e-verified, which verifies packets and does not change them. */
#include "tests/harness/call.h"

#include "keyctx/keyctx.h"

enum { SSRC_A = 0x0a0a0a0a, SSRC_B = 0x0b0b0b0b };

/* A call, and the SRTP of the endpoints of both sides. */
struct sides {
	struct stage g;
	struct relay_session_spec spec;
	struct relay_media_spec media;
	struct relay_session *call;
	struct srtp_end send[2], receive[2];
};

static const struct addr *const peers[] = {&call_peer_a, &call_peer_b}, *const locals[] = {
										&call_local_a,
										&call_local_b};

/* Makes a new key of the suite with an MKI of `mki_len` octets. */
static struct keyctx *with_mki(const char *suite, size_t mki_len)
{
	struct keyctx *k, *bare = call_key(suite);
	uint8_t mki[KEYCTX_MKI_MAX];

	for (size_t i = 0; i < mki_len; i++)
		mki[i] = (uint8_t)(bare->key[0] + i);
	k = call_key_again(bare, (struct view){.p = mki, .n = mki_len}, 0);
	keyctx_free(bare);
	return k;
}

static bool sides_open(struct sides *s, const char *engine, enum relay_mode mode,
                       const char *suite_a, const char *suite_b, size_t mki_len)
{
	memset(s, 0, sizeof(*s));
	if (!stage_open(&s->g, engine, 1))
		return false;
	call_spec(&s->spec, &s->media, mode, RELAY_RTCP_MUX);
	for (unsigned i = 0; i < 2; i++) {
		const char *suite = i ? suite_b : suite_a;
		/* e2e-verified: leg a receives with the key with which side b receives, because the
		 * packets pass unchanged. */
		if (!srtp_open(&s->send[i], with_mki(suite, mki_len), ENGINE_SEND))
			return false;
		s->media.legs[i].receive = s->send[i].ctx;
	}
	for (unsigned i = 0; i < 2; i++) {
		struct keyctx *k = NULL;

		if (mode == RELAY_MODE_SRTP_SRTP)
			k = with_mki(i ? suite_b : suite_a, mki_len);
		else
			EXPECT_OK(keyctx_copy(&k, s->send[1 - i].ctx));
		if (!srtp_open(&s->receive[i], k, ENGINE_RECEIVE))
			return false;
		if (mode == RELAY_MODE_SRTP_SRTP)
			s->media.legs[i].send = s->receive[i].ctx;
	}
	return EXPECT_OK(call_create(&s->g, &s->call, &s->spec));
}

static void sides_close(struct sides *s)
{
	EXPECT_OK(call_delete(&s->g, s->call));
	for (unsigned i = 0; i < 2; i++) {
		srtp_close(&s->send[i]);
		srtp_close(&s->receive[i]);
	}
	stage_close(&s->g);
}

static bool put(struct sides *s, unsigned side, const uint8_t *octets, size_t n,
                struct sim_pkt *got)
{
	EXPECT_OK(sim_send(s->g.sim, peers[side], locals[side], octets, n));
	stage_run(&s->g, 1);
	return sim_receive(s->g.sim, peers[1 - side], got);
}

/* Sends a packet from one side; true if the other side decrypts exactly its octets. */
static bool crosses(struct sides *s, unsigned side, const uint8_t *clear, size_t n, uint64_t index)
{
	uint8_t octets[512];
	struct sim_pkt got;
	enum verdict v;

	memcpy(octets, clear, n);
	size_t secure = end_protect(&s->send[side], octets, n, sizeof(octets), index);
	return EXPECT(secure > n) && put(s, side, octets, secure, &got) &&
	       srtp_open_pkt(&s->receive[1 - side], got.data, got.len, &v) == n &&
	       memcmp(got.data, clear, n) == 0;
}

static void both_ways(struct sides *s, unsigned pkts)
{
	static const uint8_t report[28] = {0x80, 200, 0, 6, 1, 2, 3, 4};

	for (unsigned side = 0; side < 2; side++) {
		for (uint64_t i = 65530; i < 65530 + pkts; i++) {
			uint8_t clear[256];

			EXPECT(crosses(s, side, clear, call_rtp(clear, side ? SSRC_B : SSRC_A, i),
			               i));
		}
		EXPECT(crosses(s, side, report, sizeof(report), 0));
		EXPECT(crosses(s, side, report, sizeof(report), 0));
	}
}

static void any_two_suites(void)
{
	for (unsigned i = 0; i < SUITE_COUNT; i++) {
		for (unsigned k = 0; k < SUITE_COUNT; k++) {
			struct sides s;

			test_context("%s to %s", suite_get(i)->name, suite_get(k)->name);
			if (sides_open(&s, "evp", RELAY_MODE_SRTP_SRTP, suite_get(i)->name,
			               suite_get(k)->name, 0)) {
				both_ways(&s, 12);
				sides_close(&s);
			}
		}
	}
}

static void mki_on_both_legs(void)
{
	static const size_t lens[] = {1, 4, 128};
	struct why why;

	for (unsigned e = 0; engine_list()[e]; e++) {
		for (size_t i = 0; i < ARRAY_LEN(lens) && engine_list()[e]->probe(&why) == ERR_OK;
		     i++) {
			struct sides s;

			test_context("engine %s MKI of %zu", engine_list()[e]->name, lens[i]);
			if (sides_open(&s, engine_list()[e]->name, RELAY_MODE_SRTP_SRTP,
			               "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_256_GCM", lens[i])) {
				both_ways(&s, 12);
				sides_close(&s);
			}
		}
	}
}

/* A packet with another MKI, or without one, gets the verdict no-key. */
static void an_unknown_mki_has_no_key(void)
{
	struct sides s;
	uint8_t octets[256];
	struct sim_pkt got;
	size_t n;

	if (!sides_open(&s, "evp", RELAY_MODE_SRTP_SRTP, "AES_CM_128_HMAC_SHA1_80",
	                "AES_CM_128_HMAC_SHA1_80", 4))
		return;
	n = call_rtp(octets, SSRC_A, 1);
	n = end_protect(&s.send[0], octets, n, sizeof(octets), 1);
	octets[n - 11] ^= 1;
	EXPECT(!put(&s, 0, octets, n, &got));
	octets[n - 11] ^= 1;
	EXPECT(put(&s, 0, octets, n, &got));
	EXPECT_OK(call_query(&s.g, s.call));
	EXPECT_INT(s.g.media_stats[0].legs[0].verdicts[VERDICT_NO_KEY], 1);
	sides_close(&s);
}

/* --- e2e-verified ----------------------------------------------------------- */

static void verified(const char *engine, const char *suite)
{
	struct sides s;
	uint8_t good[256], octets[256];
	struct sim_pkt got;

	test_context("engine %s suite %s", engine, suite);
	if (!sides_open(&s, engine, RELAY_MODE_E2E_VERIFIED, suite, suite, 4))
		return;
	for (uint64_t i = 65500; i < 65600; i++) {
		size_t n = call_rtp(good, SSRC_A, i);

		n = end_protect(&s.send[0], good, n, sizeof(good), i);
		for (size_t at = 12; at < n; at += 7) {
			memcpy(octets, good, n);
			octets[at] ^= 1;
			EXPECT(!put(&s, 0, octets, n, &got));
		}
		if (EXPECT(put(&s, 0, good, n, &got)))
			EXPECT_OCTETS(got.data, got.len, good, n);
		EXPECT(!put(&s, 0, good, n, &got));
	}
	EXPECT_OK(call_query(&s.g, s.call));
	EXPECT_INT(s.g.media_stats[0].legs[0].verdicts[VERDICT_REPLAYED], 100);
	EXPECT_INT(s.g.media_stats[0].legs[0].streams[0].roc, 1);
	both_ways(&s, 0);
	sides_close(&s);
}

static void verified_octets_are_untouched(void)
{
	struct why why;

	for (unsigned e = 0; engine_list()[e]; e++) {
		if (engine_list()[e]->probe(&why))
			continue;
		verified(engine_list()[e]->name, "AES_CM_128_HMAC_SHA1_80");
		verified(engine_list()[e]->name, "AEAD_AES_128_GCM");
	}
}

static void verified_takes_no_send_key(void)
{
	struct sides s;

	if (!sides_open(&s, "evp", RELAY_MODE_E2E_VERIFIED, "AES_CM_128_HMAC_SHA1_80",
	                "AES_CM_128_HMAC_SHA1_80", 0))
		return;
	s.media.legs[0].send = s.receive[0].ctx;
	EXPECT_ERR(call_update(&s.g, s.call, &s.spec), ERR_INVALID);
	s.media.legs[0].send = NULL;
	both_ways(&s, 5);
	sides_close(&s);
}

TEST_MAIN("modes", {"any two suites", any_two_suites}, {"mki on both legs", mki_on_both_legs},
          {"an unknown mki has no key", an_unknown_mki_has_no_key},
          {"verified octets are untouched", verified_octets_are_untouched},
          {"verified takes no send key", verified_takes_no_send_key})
