/* SPDX-License-Identifier: MIT */
/* No index is used twice (RFC 3711 9.1): whatever the core sends, no two packets are protected
 * under the same key, SSRC and index. RTCP uses the new SSRC of a renamed source. */
#include "tests/harness/call.h"

#include "base/bytes.h"
#include "base/map.h"
#include "base/mem.h"

enum { SSRC_B = 0x0b0b0b0b };

enum { PAYLOAD_AT = 12, KEYSTREAM_LEN = 16 };

/* The keystream of a packet. No two packets may have the same keystream, whatever their SSRC and
 * index. */
struct seen {
	uint8_t keystream[KEYSTREAM_LEN];
};

/* A scene whose terminal records every keystream. */
struct hearing {
	struct scene s;
	struct map *used;
	unsigned opened, refused, reused;
};

static bool hearing_open(struct hearing *h)
{
	*h = (struct hearing){.used = NULL};
	if (!scene_prepare(&h->s, "evp", "AES_CM_128_HMAC_SHA1_80") ||
	    !EXPECT_OK(map_new(&h->used)))
		return false;
	h->s.media.legs[1].latch = RELAY_LATCH_FOLLOW;
	return scene_start(&h->s);
}

static void hearing_close(struct hearing *h)
{
	struct seen *x;
	size_t at = 0;

	while ((x = map_next(h->used, &at)))
		mem_free(x);
	map_free(h->used);
	scene_close(&h->s);
}

/* Receives the packets that wait at the terminal: each must decrypt, with a keystream that no
 * earlier packet had. Returns their number, and the last SSRC. */
static unsigned terminal_hears(struct hearing *h, uint32_t *ssrc)
{
	struct sim_pkt got;
	unsigned n = 0;

	stage_run(&h->s.g, 1);
	while (sim_receive(h->s.g.sim, &call_peer_a, &got)) {
		struct seen *x = mem_alloc(sizeof(*x));
		enum verdict v = VERDICT_NONE;

		CHECK(x != NULL);
		memcpy(x->keystream, got.data + PAYLOAD_AT, KEYSTREAM_LEN);
		*ssrc = be32_get(got.data + 8);
		if (!srtp_open_pkt(&h->s.down[0], got.data, got.len, &v)) {
			h->refused++;
			mem_free(x);
			continue;
		}
		for (int i = 0; i < KEYSTREAM_LEN; i++)
			x->keystream[i] ^= got.data[PAYLOAD_AT + i];
		h->opened++;
		n++;
		if (map_put(h->used, x->keystream, KEYSTREAM_LEN, x)) {
			h->reused++;
			mem_free(x);
		}
	}
	return n;
}

static void core_sends(struct scene *s, uint32_t ssrc, uint16_t seq)
{
	uint8_t octets[256];
	size_t n = call_rtp(octets, ssrc, seq);

	EXPECT_OK(sim_send(s->g.sim, &call_peer_b, &call_local_b, octets, n));
}

static void order_gaps_and_ssrc_pass_unchanged(void)
{
	static const uint16_t seqs[] = {100, 101, 105, 103, 104, 102, 400, 399, 401};
	struct hearing h;
	uint32_t ssrc = 0;

	if (!hearing_open(&h))
		return;
	for (size_t i = 0; i < ARRAY_LEN(seqs); i++) {
		core_sends(&h.s, SSRC_B, seqs[i]);
		EXPECT_INT(terminal_hears(&h, &ssrc), 1);
		EXPECT_INT(ssrc, SSRC_B);
	}
	core_sends(&h.s, SSRC_B, 103);
	EXPECT_INT(terminal_hears(&h, &ssrc), 0);
	EXPECT_OK(call_query(&h.s.g, h.s.call));
	EXPECT_INT(h.s.g.media_stats[0].legs[1].verdicts[VERDICT_DUPLICATE], 1);
	EXPECT_INT(stage_events(&h.s.g, RELAY_EVENT_SSRC_CHANGED), 0);
	hearing_close(&h);
}

static void a_jump_back_gets_a_new_ssrc(void)
{
	struct hearing h;
	uint32_t ssrc = 0;

	if (!hearing_open(&h))
		return;
	for (uint16_t i = 20000; i < 20100; i++)
		core_sends(&h.s, SSRC_B, i);
	terminal_hears(&h, &ssrc);
	EXPECT_INT(ssrc, SSRC_B);
	/* Sequence numbers outside the send window: the source restarted under the same SSRC. */
	for (uint16_t i = 10; i < 40; i++) {
		core_sends(&h.s, SSRC_B, i);
		EXPECT_INT(terminal_hears(&h, &ssrc), 1);
		EXPECT(ssrc != SSRC_B);
	}
	EXPECT_INT(stage_events(&h.s.g, RELAY_EVENT_SSRC_CHANGED), 1);
	EXPECT_INT(h.reused + h.refused, 0);
	EXPECT_OK(call_query(&h.s.g, h.s.call));
	EXPECT_INT(h.s.g.media_stats[0].legs[1].ssrc_changes +
	                   h.s.g.media_stats[0].legs[0].ssrc_changes,
	           1);
	hearing_close(&h);
}

/* Restarts the core's source; returns its new SSRC at the terminal. */
static uint32_t restart(struct hearing *h)
{
	uint32_t ssrc = SSRC_B;

	for (uint16_t i = 20000; i < 20010; i++)
		core_sends(&h->s, SSRC_B, i);
	core_sends(&h->s, SSRC_B, 5);
	terminal_hears(h, &ssrc);
	return ssrc;
}

/* A receiver report of the terminal names the SSRC that the terminal received; in the report that
 * reaches the core, it is the SSRC that the core sent. */
static void reports_are_translated(void)
{
	struct hearing h;
	struct sim_pkt got;
	uint8_t rr[256] = {0x81, 201, 0, 7};
	uint32_t ssrc = 0;
	size_t n;

	if (!hearing_open(&h))
		return;
	ssrc = restart(&h);
	REQUIRE(ssrc != SSRC_B);
	be32_put(rr + 4, 0x0a0a0a0a);
	be32_put(rr + 8, ssrc);
	n = end_protect(&h.s.up[0], rr, 32, sizeof(rr), 0);
	REQUIRE(n > 32);
	EXPECT_OK(sim_send(h.s.g.sim, &call_peer_a, &call_local_a, rr, n));
	stage_run(&h.s.g, 1);
	REQUIRE(sim_receive(h.s.g.sim, &call_peer_b, &got));
	EXPECT_INT(got.len, 32);
	EXPECT_INT(be32_get(got.data + 4), 0x0a0a0a0a);
	EXPECT_INT(be32_get(got.data + 8), SSRC_B);
	/* In the other direction, the core's sender report names the SSRC that
	 * the terminal knows. */
	memset(rr, 0, sizeof(rr));
	rr[0] = 0x80;
	rr[1] = 200;
	rr[3] = 6;
	be32_put(rr + 4, SSRC_B);
	EXPECT_OK(sim_send(h.s.g.sim, &call_peer_b, &call_local_b, rr, 28));
	stage_run(&h.s.g, 1);
	REQUIRE(sim_receive(h.s.g.sim, &call_peer_a, &got));
	EXPECT_INT(be32_get(got.data + 4), ssrc);
	hearing_close(&h);
}

/* The core sends random packets, restarts, duplicates and jumps: no packet that the terminal
 * decrypts was protected under an index used before. */
static void random_cores_never_reuse_an_index(void)
{
	struct hearing h;
	uint32_t ssrc;
	uint16_t seq = 1000;

	if (!hearing_open(&h))
		return;
	for (int i = 0; i < 6000; i++) {
		uint64_t r = test_random(&h.s.g.random) % 1000;

		if (r < 3)
			seq = (uint16_t)test_random(&h.s.g.random);
		else if (r < 100)
			seq = (uint16_t)(seq - test_random(&h.s.g.random) % 50);
		else
			seq++;
		core_sends(&h.s, SSRC_B, seq);
		if (h.s.down[0].party->n_streams + 1 >= CALL_STREAMS_MAX)
			break;
		if (i % 8 == 0)
			terminal_hears(&h, &ssrc);
	}
	terminal_hears(&h, &ssrc);
	EXPECT(h.opened > 500);
	EXPECT_INT(h.reused, 0);
	hearing_close(&h);
}

/* Sends, as plain RTCP, an SR of the core's source (`is_down`), or an RR of the terminal about that
 * source. Returns the SSRC that the other side reads. */
static uint32_t named(struct hearing *h, bool is_down, uint32_t ssrc)
{
	uint8_t rtcp[32] = {0x80, 200, 0, 6};
	struct sim_pkt got;

	if (is_down) {
		be32_put(rtcp + 4, ssrc);
	} else {
		memcpy(rtcp, (const uint8_t[]){0x81, 201, 0, 7}, 4);
		be32_put(rtcp + 4, 0x0a0a0a0a);
		be32_put(rtcp + 8, ssrc);
	}
	EXPECT_OK(sim_send(h->s.g.sim, is_down ? &call_peer_b : &call_peer_a,
	                   is_down ? &call_local_b : &call_local_a, rtcp, is_down ? 28 : 32));
	stage_run(&h->s.g, 1);
	if (!sim_receive(h->s.g.sim, is_down ? &call_peer_a : &call_peer_b, &got))
		return 0;
	return be32_get(got.data + (is_down ? 4 : 8));
}

/* A source that was renamed under SRTP has its own SSRC again after the call changes to plain RTP,
 * also in RTCP, in both directions. */
static void a_new_ssrc_ends_with_srtp(void)
{
	struct hearing h;
	struct sim_pkt got;
	uint32_t ssrc = 0;

	if (!hearing_open(&h))
		return;
	ssrc = restart(&h);
	REQUIRE(ssrc != SSRC_B);
	h.s.media.mode = RELAY_MODE_RTP;
	h.s.media.legs[0].receive = h.s.media.legs[0].send = NULL;
	EXPECT_OK(call_update(&h.s.g, h.s.call, &h.s.spec));
	core_sends(&h.s, SSRC_B, 6);
	stage_run(&h.s.g, 1);
	REQUIRE(sim_receive(h.s.g.sim, &call_peer_a, &got));
	EXPECT_INT(be32_get(got.data + 8), SSRC_B);
	EXPECT_INT(named(&h, true, SSRC_B), SSRC_B);
	EXPECT_INT(named(&h, false, SSRC_B), SSRC_B);
	EXPECT_INT(named(&h, false, ssrc), ssrc);
	hearing_close(&h);
}

TEST_MAIN("outbound", {"order, gaps and SSRC pass unchanged", order_gaps_and_ssrc_pass_unchanged},
          {"a jump back gets a new SSRC", a_jump_back_gets_a_new_ssrc},
          {"reports are translated", reports_are_translated},
          {"random cores never reuse an index", random_cores_never_reuse_an_index},
          {"a new SSRC ends with SRTP", a_new_ssrc_ends_with_srtp})
