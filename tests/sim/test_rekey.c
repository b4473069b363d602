/* SPDX-License-Identifier: MIT */
/* Session updates: the same context changes nothing, a new key makes a new one, the ROC goes on as the setting says. */
#include "tests/harness/call.h"

#include "base/bytes.h"

enum { SSRC_A = 0x0a0a0a0a, SSRC_B = 0x0b0b0b0b };
static const char suite[] = "AES_CM_128_HMAC_SHA1_80";

struct scene {
	struct stage g;
	struct relay_session_spec spec;
	struct relay_media_spec media;
	struct relay_session *call;
	struct srtp_end up, down, up2, down2;
	uint8_t octets[256];
};

static bool scene_open(struct scene *s, const char *engine)
{
	memset(s, 0, sizeof(*s));
	if (!stage_open(&s->g, engine, 1))
		return false;
	call_spec(&s->spec, &s->media, RELAY_MODE_E2AE, RELAY_RTCP_MUX);
	if (!srtp_open(&s->up, call_key(suite), ENGINE_SEND) || !srtp_open(&s->down, call_key(suite), ENGINE_RECEIVE) ||
	    !srtp_open(&s->up2, call_key(suite), ENGINE_SEND) || !srtp_open(&s->down2, call_key(suite), ENGINE_RECEIVE))
		return false;
	s->media.legs[0].receive = s->up.ctx;
	s->media.legs[0].send = s->down.ctx;
	s->media.legs[0].latch = RELAY_LATCH_FOLLOW;
	s->media.legs[0].rekey_overlap_ms = 1000;
	return EXPECT_OK(call_create(&s->g, &s->call, &s->spec));
}

static void scene_close(struct scene *s)
{
	EXPECT_OK(call_delete(&s->g, s->call));
	srtp_close(&s->up);
	srtp_close(&s->down);
	srtp_close(&s->up2);
	srtp_close(&s->down2);
	stage_close(&s->g);
}

/* From the terminal under a key and index; true when the core heard it in clear. */
static bool comes_up(struct scene *s, struct srtp_end *end, uint64_t index)
{
	uint8_t want[256];
	size_t n = call_rtp(want, SSRC_A, index);
	struct sim_pkt got;

	memcpy(s->octets, want, n);
	EXPECT_OK(sim_send(s->g.sim, &call_peer_a, &call_local_a, s->octets, end_protect(end, s->octets, n, sizeof(s->octets), index)));
	stage_run(&s->g, 1);
	return sim_receive(s->g.sim, &call_peer_b, &got) && got.len == n && memcmp(got.data, want, n) == 0;
}

/* From the core; true when the terminal opens it under the key. */
static bool comes_down(struct scene *s, struct srtp_end *end, uint64_t index)
{
	uint8_t want[256];
	size_t n = call_rtp(want, SSRC_B, index);
	struct sim_pkt got;
	enum verdict v;

	EXPECT_OK(sim_send(s->g.sim, &call_peer_b, &call_local_b, want, n));
	stage_run(&s->g, 1);
	return sim_receive(s->g.sim, &call_peer_a, &got) && srtp_open_pkt(end, got.data, got.len, &v) == n &&
	       memcmp(got.data, want, n) == 0;
}

/* Fifty holds and resumes with the same keys, in the middle of a wrap, a packet before and after each: none is lost. */
static void storm(const char *engine)
{
	struct scene s;
	uint64_t i = 65500;

	if (!scene_open(&s, engine))
		return;
	for (int round = 0; round < 50; round++) {
		for (int hold = 1; hold >= 0; hold--) {
			struct keyctx *same_up, *same_down;

			REQUIRE_OK(keyctx_copy(&same_up, s.up.ctx));
			REQUIRE_OK(keyctx_copy(&same_down, s.down.ctx));
			s.media.legs[0].receive = same_up;
			s.media.legs[0].send = same_down;
			s.media.legs[0].can_send = s.media.legs[1].can_receive = !hold;
			EXPECT_OK(call_update(&s.g, s.call, &s.spec));
			keyctx_free(same_up);
			keyctx_free(same_down);
			EXPECT(comes_up(&s, &s.up, i));
			EXPECT(comes_down(&s, &s.down, i) == !hold);
			i++;
		}
	}
	EXPECT_OK(call_query(&s.g, s.call));
	EXPECT_INT(s.g.media_stats[0].legs[0].streams[0].roc, 1);
	EXPECT_INT(s.g.media_stats[0].legs[0].rekeys, 0);
	EXPECT_INT(s.g.media_stats[0].legs[0].streams[0].lost, 0);
	scene_close(&s);
}

static void an_update_storm_loses_nothing(void)
{
	storm("evp");
	storm("libsrtp");
}

/* New keys at the same address, ROC 1: a terminal that kept it and one that reset it are both heard under `either`. */
static void rekey_with(enum relay_rekey_roc how, bool terminal_keeps, bool heard)
{
	struct scene s;

	test_context("setting %d, terminal %s", (int)how, terminal_keeps ? "keeps" : "resets");
	if (!scene_open(&s, "evp"))
		return;
	for (uint64_t i = 65530; i < 65545; i++) {
		EXPECT(comes_up(&s, &s.up, i));
		EXPECT(comes_down(&s, &s.down, i));
	}
	s.media.legs[0].receive = s.up2.ctx;
	s.media.legs[0].send = s.down2.ctx;
	s.media.legs[0].rekey_roc = how;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	/* Packets under the old key that were still on their way. */
	EXPECT(comes_up(&s, &s.up, 65545));
	for (uint64_t i = 65546; i < 65560; i++)
		EXPECT(comes_up(&s, &s.up2, terminal_keeps ? i : i - 65536) == heard);
	/* We keep ours: the terminal opens under the new key with ROC 1. */
	EXPECT(srtp_begin(&s.down2, SSRC_B, 1));
	EXPECT(comes_down(&s, &s.down2, 65546));
	/* After the overlap the old key opens nothing. */
	stage_run(&s.g, 2000);
	EXPECT(!comes_up(&s, &s.up, 65570));
	scene_close(&s);
}

static void a_new_key_goes_on_as_set(void)
{
	rekey_with(RELAY_ROC_EITHER, true, true);
	rekey_with(RELAY_ROC_EITHER, false, true);
	rekey_with(RELAY_ROC_KEEP, true, true);
	rekey_with(RELAY_ROC_KEEP, false, false);
	rekey_with(RELAY_ROC_ZERO, true, false);
	rekey_with(RELAY_ROC_ZERO, false, true);
}

/* RFC 4568 7.1.4: a new key with a new address begins at ROC 0, both ways. */
static void a_new_address_begins_at_zero(void)
{
	struct scene s;

	if (!scene_open(&s, "evp"))
		return;
	for (uint64_t i = 65530; i < 65545; i++) {
		EXPECT(comes_up(&s, &s.up, i));
		EXPECT(comes_down(&s, &s.down, i));
	}
	s.media.legs[0].receive = s.up2.ctx;
	s.media.legs[0].send = s.down2.ctx;
	s.media.legs[0].remote.ip[3] = 77;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT(comes_up(&s, &s.up2, 10)); /* from the old address still: authenticated, so followed */
	EXPECT(comes_down(&s, &s.down2, 65546 - 65536));
	scene_close(&s);
}

/* Forgeries while both ROCs are tried settle nothing. */
static void a_forgery_does_not_settle_the_roc(void)
{
	struct scene s;
	size_t n;

	if (!scene_open(&s, "evp"))
		return;
	for (uint64_t i = 65530; i < 65545; i++)
		EXPECT(comes_up(&s, &s.up, i));
	s.media.legs[0].receive = s.up2.ctx;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	for (unsigned i = 0; i < 100; i++) {
		n = call_rtp(s.octets, SSRC_A, test_random(&s.g.random));
		EXPECT_OK(sim_send(s.g.sim, &call_peer_a, &call_local_a, s.octets, n + 10));
		stage_run(&s.g, 1);
	}
	EXPECT(comes_up(&s, &s.up2, 10));
	EXPECT(comes_up(&s, &s.up2, 11));
	scene_close(&s);
}

static void an_update_that_fails_changes_nothing(void)
{
	struct scene s;
	struct relay_media_spec before;

	if (!scene_open(&s, "evp"))
		return;
	EXPECT(comes_up(&s, &s.up, 1));
	before = s.media;
	s.media.legs[0].receive = NULL; /* e2ae without the key of an open gate */
	s.media.active = 7;
	EXPECT(call_update(&s.g, s.call, &s.spec) != ERR_OK);
	s.media = before;
	EXPECT(comes_up(&s, &s.up, 2));
	EXPECT(comes_down(&s, &s.down, 2));
	scene_close(&s);
}

TEST_MAIN("rekey", {"an update storm loses nothing", an_update_storm_loses_nothing}, {"a new key goes on as set", a_new_key_goes_on_as_set},
          {"a new address begins at zero", a_new_address_begins_at_zero},
          {"a forgery does not settle the ROC", a_forgery_does_not_settle_the_roc},
          {"an update that fails changes nothing", an_update_that_fails_changes_nothing})
