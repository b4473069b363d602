/* SPDX-License-Identifier: MIT */
/* More sources than a leg has streams: a packet of an evicted source is not accepted twice, and the
 * source continues at its index. */
#include "tests/harness/call.h"

#include "base/bytes.h"
#include "relay/worker/evicted.h"

enum { FIRST = 0x0a0a0a00, IDLE_MS = 31000, KEPT_MAX = 64 };

/* The packets that the terminal sent; an attacker replays them. */
struct record {
	unsigned n;
	uint8_t octets[KEPT_MAX][128];
	size_t lens[KEPT_MAX];
};

static bool say(struct scene *s, struct srtp_end *end, uint32_t ssrc, uint64_t index,
                struct record *r)
{
	struct sim_pkt got;
	size_t n;

	if (index == 0) {
		memset(s->octets, 0, 12);
		memcpy(s->octets, (const uint8_t[]){0x80, 204, 0, 2}, 4);
		be32_put(s->octets + 4, ssrc);
		n = 12;
	} else {
		n = call_rtp(s->octets, ssrc, index);
	}
	n = end_protect(end, s->octets, n, sizeof(s->octets), index);
	if (r && EXPECT(r->n < KEPT_MAX) && EXPECT(n <= sizeof(r->octets[0]))) {
		memcpy(r->octets[r->n], s->octets, n);
		r->lens[r->n++] = n;
	}
	EXPECT_OK(sim_send(s->g.sim, &call_peer_a, &call_local_a, s->octets, n));
	stage_run(&s->g, 1);
	return sim_receive(s->g.sim, &call_peer_b, &got);
}

static unsigned replayed(struct scene *s, const struct record *r)
{
	static const struct addr mallory = {.ip = {203, 0, 113, 9}, .port = 666, .version = 4};
	struct sim_pkt got;
	unsigned n = 0;

	for (unsigned i = 0; i < r->n; i++)
		EXPECT_OK(sim_send(s->g.sim, &mallory, &call_local_a, r->octets[i], r->lens[i]));
	stage_run(&s->g, 1);
	while (sim_receive(s->g.sim, &call_peer_b, &got))
		n++;
	return n;
}

static bool open_small(struct scene *s, const char *engine, unsigned ssrcs, const char *suite)
{
	if (!scene_prepare(s, engine, suite))
		return false;
	s->config.ssrcs_per_leg = ssrcs;
	s->media.legs[0].rekey_overlap_ms = 120000;
	return scene_start(s);
}

/* Sends RTP across a sequence number wrap, and SRTCP; then other sources evict the stream. */
static void talk_and_go(struct scene *s, struct srtp_end *end, struct record *r)
{
	static const uint64_t indices[] = {100, 101, 102, 30000, 60000, 65534, 65535, 65536, 65537};

	for (unsigned i = 0; i < ARRAY_LEN(indices); i++)
		EXPECT(say(s, end, FIRST, indices[i], r));
	EXPECT(say(s, end, FIRST, 0, r));
	EXPECT(say(s, end, FIRST, 0, r));
	stage_idle(&s->g, IDLE_MS);
	EXPECT(say(s, end, FIRST + 1, 7, NULL));
	EXPECT(say(s, end, FIRST + 2, 7, NULL));
	EXPECT_INT(scene_leg_a(s)->n_streams, 2);
	stage_idle(&s->g, IDLE_MS);
}

static void refused_and_resumed(const char *engine, const char *suite)
{
	struct record r = {.n = 0};
	struct scene s;

	test_context("%s %s", engine, suite);
	if (!open_small(&s, engine, 2, suite))
		return;
	talk_and_go(&s, &s.up[0], &r);
	EXPECT_INT(replayed(&s, &r), 0);
	EXPECT(addr_eq(&scene_leg_a(&s)->remote, &call_peer_a));
	/* The source returns, and its ROC is still known. */
	for (uint64_t i = 65538; i < 65545; i++)
		EXPECT(say(&s, &s.up[0], FIRST, i, NULL));
	EXPECT(say(&s, &s.up[0], FIRST, 0, NULL));
	EXPECT_INT(replayed(&s, &r), 0);
	scene_close(&s);
}

static void what_was_seen_stays_refused(void)
{
	static const char *const engines[] = {
		"evp",
		"libsrtp",
#ifdef WITH_MB
		"mb",
#endif
	};

	for (unsigned i = 0; i < ARRAY_LEN(engines); i++) {
		refused_and_resumed(engines[i], "AES_CM_128_HMAC_SHA1_80");
		refused_and_resumed(engines[i], "AEAD_AES_128_GCM");
	}
}

/* The relay keeps the state of the previous key as long as that key still decrypts packets, and not
 * longer. */
static void the_previous_key_remembers_too(void)
{
	struct record r = {.n = 0};
	struct scene s;

	if (!open_small(&s, "evp", 2, "AES_CM_128_HMAC_SHA1_80"))
		return;
	talk_and_go(&s, &s.up[0], &r);
	scene_use_keys(&s, 1);
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT_INT(replayed(&s, &r), 0);
	/* The first key becomes the current one again. */
	scene_use_keys(&s, 0);
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT_INT(replayed(&s, &r), 0);
	EXPECT(say(&s, &s.up[0], FIRST, 65538, NULL));
	scene_use_keys(&s, 1);
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	stage_idle(&s.g, 121000);
	EXPECT_INT(replayed(&s, &r), 0);
	EXPECT(say(&s, &s.up[1], FIRST + 5, 7, NULL));
	scene_close(&s);
}

/* A peer keeps changing its SSRC: the memory for evicted sources has a limit, which an event
 * reports; no packet is accepted twice. A new key starts with empty memory. */
static void a_full_memory_is_reported(void)
{
	struct record r = {.n = 0};
	struct scene s;
	unsigned heard = 0;

	if (!open_small(&s, "evp", 1, "AES_CM_128_HMAC_SHA1_80"))
		return;
	for (unsigned i = 0; i < EVICTED_MAX + 10; i++) {
		/* The test's own SRTP end has few streams, so open a new end for each source. */
		struct keyctx *same;

		REQUIRE_OK(keyctx_copy(&same, s.up[0].ctx));
		REQUIRE(scene_set_key(&s.up[0], same));
		heard += say(&s, &s.up[0], FIRST + i, 7, i < 10 ? &r : NULL);
		stage_idle(&s.g, IDLE_MS);
	}
	EXPECT_INT(heard, EVICTED_MAX + 1);
	EXPECT(stage_events(&s.g, RELAY_EVENT_STREAM_LIMIT) > 0);
	EXPECT_INT(scene_leg_a(&s)->verdicts[VERDICT_SSRC_LIMIT], 9);
	EXPECT_INT(replayed(&s, &r), 0);
	/* In the overlap, the previous key still decrypts packets, its memory is full, and its
	 * source keeps the leg's only stream. */
	scene_use_keys(&s, 1);
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT(!say(&s, &s.up[1], FIRST + 9999, 7, NULL));
	stage_idle(&s.g, 121000);
	EXPECT(say(&s, &s.up[1], FIRST + 9999, 8, NULL));
	scene_close(&s);
}

TEST_MAIN("evicted", {"what was seen stays refused", what_was_seen_stays_refused},
          {"the previous key remembers too", the_previous_key_remembers_too},
          {"a full memory is reported", a_full_memory_is_reported})
