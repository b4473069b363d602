/* SPDX-License-Identifier: MIT */
/* Keys that leave a leg and return during the call: the relay still knows the indices received and
 * sent under them, on whichever leg they return. */
#include "tests/harness/call.h"

#include "base/bytes.h"
#include "base/map.h"
#include "base/mem.h"

/* After IDLE_MS without a packet an outgoing SSRC may be given to another source. */
enum {
	SSRC_A = 0x0a0a0a0a,
	SSRC_B = 0x0b0b0b0b,
	SSRC_C = 0x0c0c0c0c,
	KEYSTREAM_LEN = 16,
	IDLE_MS = 31000
};

static const char *const engines[] = {"mb", "evp", "libsrtp"};

/* A scene with a second media, as offer and answer create it for another mode. */
struct stay {
	struct scene s;
	struct relay_media_spec media[2];
	struct relay_leg_spec was[2];
};

static bool stay_prepare(struct stay *t, const char *engine)
{
	struct why why;
	const struct engine_ops *ops;

	*t = (struct stay){.was = {{.exists = false}}};
	if (engine_choose(&ops, str_of(engine), &why) ||
	    !scene_prepare(&t->s, engine, "AES_CM_128_HMAC_SHA1_80"))
		return false;
	t->s.media.legs[0].rekey_overlap_ms = 100;
	return true;
}

static bool stay_open(struct stay *t, const char *engine)
{
	return stay_prepare(t, engine) && scene_start(&t->s);
}

static bool up(struct stay *t, unsigned key, uint64_t index)
{
	return scene_goes_up(&t->s, &t->s.up[key], SSRC_A, index);
}

static bool down(struct stay *t, unsigned key, uint64_t index)
{
	return scene_goes_down(&t->s, &t->s.down[key], SSRC_B, index);
}

static enum err update(struct stay *t)
{
	return call_update(&t->s.g, t->s.call, &t->s.spec);
}

/* Removes the legs of the media; on() adds them again unchanged. */
static enum err off(struct stay *t)
{
	enum err e;

	memcpy(t->was, t->s.media.legs, sizeof(t->was));
	t->s.media.legs[0].exists = t->s.media.legs[1].exists = false;
	e = update(t);
	stage_run(&t->s.g, 200);
	return e;
}

static enum err on(struct stay *t)
{
	memcpy(t->s.media.legs, t->was, sizeof(t->was));
	return update(t);
}

/* Replays the last packets; true if one of them is accepted again. */
static bool is_taken_again(struct stay *t, unsigned key, uint64_t index)
{
	uint8_t octets[256];
	size_t n = call_rtp(octets, SSRC_A, index);
	struct sim_pkt got;
	struct srtp_end again = {0};
	struct keyctx *ctx;
	bool heard;

	if (!EXPECT_OK(keyctx_copy(&ctx, t->s.up[key].ctx)) ||
	    !srtp_open(&again, ctx, ENGINE_SEND) ||
	    !srtp_begin(&again, SSRC_A, (uint32_t)(index >> 16)))
		return true;
	n = end_protect(&again, octets, n, sizeof(octets), index);
	EXPECT(n > 0);
	EXPECT_OK(sim_send(t->s.g.sim, &call_peer_a, &call_local_a, octets, n));
	stage_run(&t->s.g, 1);
	heard = sim_receive(t->s.g.sim, &call_peer_b, &got);
	srtp_close(&again);
	return heard;
}

/* Video ends and starts again under the same key, after a wrap of the sequence number: media
 * continues in both directions, and no earlier packet is accepted again. */
static void media_that_comes_back(const char *engine)
{
	struct stay t;

	test_context("%s", engine);
	if (!stay_open(&t, engine))
		return;
	for (uint64_t i = 65530; i < 65545; i++)
		EXPECT(up(&t, 0, i) && down(&t, 0, i));
	for (unsigned round = 1; round <= 3; round++) {
		REQUIRE_OK(off(&t));
		EXPECT(!up(&t, 0, 65544 + round * 100));
		REQUIRE_OK(on(&t));
		EXPECT(!is_taken_again(&t, 0, 65540) && !is_taken_again(&t, 0, 65544));
		for (uint64_t i = 65545 + round * 100; i < 65560 + round * 100; i++)
			EXPECT(up(&t, 0, i) && down(&t, 0, i));
		EXPECT(!is_taken_again(&t, 0, 65550 + round * 100));
	}
	scene_close(&t.s);
}

static void media_come_back(void)
{
	for (unsigned i = 0; i < ARRAY_LEN(engines); i++)
		media_that_comes_back(engines[i]);
}

/* An older key returns long after its overlap, and continues after the indices that were received
 * and sent under it. */
static void older_keys_come_back(void)
{
	struct stay t;

	if (!stay_open(&t, "evp"))
		return;
	for (uint64_t i = 65530; i < 65540; i++)
		EXPECT(up(&t, 0, i) && down(&t, 0, i));
	for (unsigned key = 1; key < SCENE_KEYS; key++) {
		scene_use_keys(&t.s, key);
		REQUIRE_OK(update(&t));
		stage_run(&t.s.g, 200);
		for (uint64_t i = 65540; i < 65550; i++) {
			if (i == 65540)
				EXPECT(srtp_begin(&t.s.up[key], SSRC_A, 1) &&
				       srtp_begin(&t.s.down[key], SSRC_B, 1));
			EXPECT(up(&t, key, i + 10 * (key - 1)) &&
			       down(&t, key, i + 10 * (key - 1)));
		}
	}
	for (unsigned round = 0; round < 2 * SCENE_KEYS; round++) {
		unsigned key = round % SCENE_KEYS;

		test_context("round %u", round);
		scene_use_keys(&t.s, key);
		REQUIRE_OK(update(&t));
		stage_run(&t.s.g, 200);
		EXPECT(!is_taken_again(&t, key, 65535 + 10 * key));
		for (uint64_t i = 65570 + 10 * round; i < 65580 + 10 * round; i++)
			EXPECT(up(&t, key, i) && down(&t, key, i));
	}
	scene_close(&t.s);
}

/* The mode changes from SRTP to RTP and back to SRTP on the same legs. */
static void modes_come_back(void)
{
	struct stay t;

	if (!stay_open(&t, "evp"))
		return;
	for (uint64_t i = 65530; i < 65540; i++)
		EXPECT(up(&t, 0, i) && down(&t, 0, i));
	for (unsigned round = 1; round < 4; round++) {
		t.s.media.mode = RELAY_MODE_RTP;
		t.s.media.legs[0].receive = t.s.media.legs[0].send = NULL;
		REQUIRE_OK(update(&t));
		stage_run(&t.s.g, 200);
		t.s.media.mode = RELAY_MODE_E2AE;
		scene_use_keys(&t.s, 0);
		REQUIRE_OK(update(&t));
		EXPECT(!is_taken_again(&t, 0, 65539));
		for (uint64_t i = 65540 + 10 * round; i < 65550 + 10 * round; i++)
			EXPECT(up(&t, 0, i) && down(&t, 0, i));
	}
	scene_close(&t.s);
}

/* Offer and answer change the mode: the keys move to a separate media and back. */
static void keys_go_over_to_another_media(void)
{
	struct relay_session_spec spec;
	struct stay t;

	if (!stay_open(&t, "evp"))
		return;
	for (uint64_t i = 65530; i < 65540; i++)
		EXPECT(up(&t, 0, i) && down(&t, 0, i));
	t.media[0] = t.media[1] = t.s.media;
	spec = t.s.spec;
	spec.media = t.media;
	spec.n_media = 2;
	for (unsigned round = 1; round < 6; round++) {
		unsigned used = round % 2;

		for (unsigned m = 0; m < 2; m++)
			for (unsigned k = 0; k < 2; k++) {
				t.media[m].legs[k].exists = m == used;
				t.media[m].legs[k].port_rtp =
					(uint16_t)(30000 + 2000 * m + 1000 * k);
				t.media[m].mode = used ? RELAY_MODE_SRTP_SRTP : RELAY_MODE_E2AE;
			}
		t.media[1].legs[1].receive = t.s.up[1].ctx;
		t.media[1].legs[1].send = t.s.down[1].ctx;
		REQUIRE_OK(call_update(&t.s.g, t.s.call, &spec));
		if (used)
			continue;
		EXPECT(!is_taken_again(&t, 0, 65539));
		for (uint64_t i = 65540 + 10 * round; i < 65550 + 10 * round; i++)
			EXPECT(up(&t, 0, i) && down(&t, 0, i));
	}
	/* The legs of both media cannot use the same keys at the same time. */
	for (unsigned k = 0; k < 2; k++)
		t.media[0].legs[k].exists = true;
	EXPECT_ERR(call_update(&t.s.g, t.s.call, &spec), ERR_INVALID);
	scene_close(&t.s);
}

/* A leg uses many keys one after the other: the state of the last keys is kept; older keys are
 * refused. */
static void the_last_keys_are_kept(void)
{
	struct keyctx *keys[24], *fresh = call_key("AES_CM_128_HMAC_SHA1_80");
	struct stay t;

	if (!stay_open(&t, "evp"))
		return;
	for (unsigned i = 0; i < ARRAY_LEN(keys); i++) {
		keys[i] = call_key("AES_CM_128_HMAC_SHA1_80");
		t.s.media.legs[0].receive = keys[i];
		REQUIRE_OK(update(&t));
	}
	for (unsigned i = 0; i < ARRAY_LEN(keys); i++) {
		bool refuses = relay_session_refuses_key(t.s.call, keys[i], false);

		/* The present key and the 16 keys before it are accepted. */
		EXPECT_INT(refuses, i + 1 + 16 < ARRAY_LEN(keys));
		EXPECT(relay_session_refuses_key(t.s.call, keys[i], true));
	}
	EXPECT(!relay_session_refuses_key(t.s.call, fresh, false));
	t.s.media.legs[0].receive = keys[2];
	EXPECT_ERR(update(&t), ERR_REKEY);
	EXPECT_TEXT(t.s.g.last_why.text, "media 0 leg a: this receive key was used before and its "
	                                 "state is no longer kept; use a new key");
	/* Keys whose state is kept return, in another order. */
	for (unsigned i = 8; i < ARRAY_LEN(keys); i += 3) {
		t.s.media.legs[0].receive = keys[i];
		EXPECT_OK(update(&t));
	}
	/* The same key with another lifetime is another context. */
	keyctx_free(fresh);
	fresh = call_key_again(keys[9], (struct view){.n = 0}, 1000);
	EXPECT(relay_session_refuses_key(t.s.call, fresh, false));
	t.s.media.legs[0].receive = fresh;
	EXPECT_ERR(update(&t), ERR_REKEY);
	scene_use_keys(&t.s, 0);
	keyctx_free(fresh);
	for (unsigned i = 0; i < ARRAY_LEN(keys); i++)
		keyctx_free(keys[i]);
	scene_close(&t.s);
}

/* --- no index twice --------------------------------------------------------- */

/* The first octets of a keystream, computed from the known plain text. If they occur twice, an
 * index was used twice under one key. */
struct keystream {
	uint8_t octets[KEYSTREAM_LEN];
};

static bool is_new_keystream(struct map *seen, const uint8_t *covered, const uint8_t *clear)
{
	struct keystream *k = mem_alloc(sizeof(*k));

	CHECK(k != NULL);
	for (int i = 0; i < KEYSTREAM_LEN; i++)
		k->octets[i] = covered[i] ^ clear[i];
	if (map_put(seen, k->octets, KEYSTREAM_LEN, k)) {
		mem_free(k);
		return false;
	}
	return true;
}

/* Writes a packet of the core, a sender report if `is_report`, else RTP; returns its length. */
static size_t core_packet(uint8_t *out, uint32_t ssrc, uint64_t index, bool is_report)
{
	if (!is_report)
		return call_rtp(out, ssrc, index);
	memset(out, 0, 28);
	be32_put(out, 0x80c80006);
	be32_put(out + 4, ssrc);
	return 28;
}

/* One random step of signalling: legs appear and disappear, keys change with or without another
 * address, time passes. */
static void random_step(struct stay *t, uint64_t *random, bool *there)
{
	uint64_t what = test_random(random) % 100;

	if (what < 3 && *there) {
		EXPECT_OK(off(t));
		*there = false;
	} else if (what < 8 && !*there) {
		EXPECT_OK(on(t));
		*there = true;
	} else if (what < 10 && *there) {
		scene_use_keys(&t->s, (unsigned)(test_random(random) % SCENE_KEYS));
		/* For a new peer address a new key starts at ROC 0. */
		t->s.media.legs[0].remote.port = (uint16_t)(4000 + test_random(random) % 2 * 2);
		EXPECT_OK(update(t));
	} else if (what < 12) {
		stage_run(&t->s.g, 150);
	} else if (what < 13 && t->s.config.ssrcs_per_leg < 64) {
		stage_run(&t->s.g, IDLE_MS);
	}
}

/* Random signalling of keys and legs, with random sources and sequence numbers of the core: no
 * index is used twice. */
static void random_ways(unsigned ssrcs_per_leg, unsigned n_sources)
{
	uint64_t index = 65000, random;
	unsigned heard = 0, reused = 0;
	struct keystream *k;
	struct map *seen;
	struct stay t;
	bool there = true;
	size_t at = 0;

	if (!stay_prepare(&t, "evp") || !EXPECT_OK(map_new(&seen)))
		return;
	t.s.config.ssrcs_per_leg = ssrcs_per_leg;
	REQUIRE(scene_start(&t.s));
	random = t.s.g.seed;
	for (unsigned i = 0; i < 5000; i++) {
		bool is_report = test_random(&random) % 20 == 0;
		uint32_t ssrc = SSRC_B + (uint32_t)(test_random(&random) / 1000 % n_sources);
		uint8_t clear[256];
		size_t n;

		random_step(&t, &random, &there);
		index = test_random(&random) % 50 ? index + test_random(&random) % 8
		                                  : test_random(&random) % 200000;
		n = core_packet(clear, ssrc, index, is_report);
		EXPECT_OK(sim_send(t.s.g.sim, &call_peer_b, &call_local_b, clear, n));
		stage_run(&t.s.g, 1);
		for (unsigned port = 4000; port <= 4002; port += 2) {
			struct addr to = addr_with_port(&call_peer_a, (uint16_t)port);
			struct sim_pkt got;

			while (sim_receive(t.s.g.sim, &to, &got)) {
				unsigned header = is_report ? 8 : 12;

				heard++;
				reused +=
					!is_new_keystream(seen, got.data + header, clear + header);
			}
		}
	}
	EXPECT(heard > (n_sources > ssrcs_per_leg ? 100 : 1000));
	EXPECT_INT(reused, 0);
	while ((k = map_next(seen, &at)))
		mem_free(k);
	map_free(seen);
	if (!there)
		EXPECT_OK(on(&t));
	scene_close(&t.s);
}

static void random_signalling_never_reuses_an_index(void)
{
	random_ways(64, 1);
	random_ways(64, 3);
	random_ways(2, 3);
}

/* --- outgoing SSRCs and windows --------------------------------------------- */

/* Sends a packet from the core. True if it leaves with its own SSRC and sequence number. */
static bool leaves_as_itself(struct stay *t, uint32_t ssrc, uint64_t index)
{
	uint8_t octets[256];
	size_t n = call_rtp(octets, ssrc, index);
	struct sim_pkt got;
	bool is_same = false;

	EXPECT_OK(sim_send(t->s.g.sim, &call_peer_b, &call_local_b, octets, n));
	stage_run(&t->s.g, 1);
	while (sim_receive(t->s.g.sim, &call_peer_a, &got))
		is_same |=
			be32_get(got.data + 8) == ssrc && be16_get(got.data + 2) == (uint16_t)index;
	return is_same;
}

/* Opens a call whose leg has room for one outgoing SSRC: after a long silence, the next source
 * takes it. */
static bool narrow_open(struct stay *t)
{
	if (!stay_prepare(t, "evp"))
		return false;
	t->s.config.ssrcs_per_leg = 1;
	return scene_start(&t->s);
}

/* A key returns, packets are sent, and the outgoing SSRC is given to another source and back:
 * indices sent since the key's return are not used again. */
static void ssrcs_released_after_a_key_returned(void)
{
	struct stay t;

	if (!narrow_open(&t))
		return;
	for (uint64_t i = 1; i <= 10; i++)
		EXPECT(down(&t, 0, i));
	REQUIRE_OK(off(&t));
	REQUIRE_OK(on(&t));
	for (uint64_t i = 11; i <= 20; i++)
		EXPECT(down(&t, 0, i));
	stage_run(&t.s.g, IDLE_MS);
	EXPECT(leaves_as_itself(&t, SSRC_C, 1));
	stage_run(&t.s.g, IDLE_MS);
	EXPECT(!leaves_as_itself(&t, SSRC_B, 15));
	scene_close(&t.s);
}

/* The list of SSRCs used under a key has lost an SSRC. The key returns to a leg that uses this SSRC
 * under another key: no index is used again under the returned key. */
static void forgotten_ssrcs_under_another_key(void)
{
	struct stay t;

	if (!narrow_open(&t))
		return;
	for (uint64_t i = 1; i <= 20; i++)
		EXPECT(down(&t, 0, i));
	stage_run(&t.s.g, IDLE_MS);
	EXPECT(leaves_as_itself(&t, SSRC_C, 1));
	REQUIRE_OK(off(&t));
	memcpy(t.s.media.legs, t.was, sizeof(t.was));
	scene_use_keys(&t.s, 1);
	REQUIRE_OK(update(&t));
	EXPECT(down(&t, 1, 5));
	scene_use_keys(&t.s, 0);
	REQUIRE_OK(update(&t));
	EXPECT(!leaves_as_itself(&t, SSRC_B, 10));
	scene_close(&t.s);
}

/* An index that a leg skipped under its present key may have been used by an earlier leg under a
 * key that returns: the index is not used again. */
static void indices_skipped_by_another_leg(void)
{
	struct stay t;

	if (!stay_open(&t, "evp"))
		return;
	for (uint64_t i = 1; i <= 10; i++)
		EXPECT(down(&t, 0, i));
	scene_use_keys(&t.s, 1);
	REQUIRE_OK(update(&t));
	for (uint64_t i = 11; i <= 30; i++)
		EXPECT(down(&t, 1, i));
	REQUIRE_OK(off(&t));
	memcpy(t.s.media.legs, t.was, sizeof(t.was));
	scene_use_keys(&t.s, 0);
	REQUIRE_OK(update(&t));
	for (uint64_t i = 20; i <= 35; i++)
		EXPECT(down(&t, 0, i));
	scene_use_keys(&t.s, 1);
	REQUIRE_OK(update(&t));
	EXPECT(!leaves_as_itself(&t, SSRC_B, 15));
	EXPECT(down(&t, 1, 36));
	scene_close(&t.s);
}

/* Under its new key, a terminal sends a late packet whose index is below the last index of the
 * previous key: the packet is accepted, but only once. */
static void late_packets_are_remembered(void)
{
	struct stay t;

	if (!stay_open(&t, "evp"))
		return;
	for (uint64_t i = 1; i <= 20; i++)
		EXPECT(up(&t, 0, i));
	scene_use_keys(&t.s, 1);
	REQUIRE_OK(update(&t));
	EXPECT(up(&t, 1, 15));
	REQUIRE_OK(off(&t));
	REQUIRE_OK(on(&t));
	EXPECT(!is_taken_again(&t, 1, 15));
	EXPECT(up(&t, 1, 21));
	scene_close(&t.s);
}

TEST_MAIN("kept", {"media come back", media_come_back},
          {"older keys come back", older_keys_come_back}, {"modes come back", modes_come_back},
          {"keys go over to another media", keys_go_over_to_another_media},
          {"SSRCs released after a key returned", ssrcs_released_after_a_key_returned},
          {"forgotten SSRCs under another key", forgotten_ssrcs_under_another_key},
          {"indices skipped by another leg", indices_skipped_by_another_leg},
          {"late packets are remembered", late_packets_are_remembered},
          {"the last keys are kept", the_last_keys_are_kept},
          {"random signalling never reuses an index", random_signalling_never_reuses_an_index})
