/* SPDX-License-Identifier: MIT */
/* Whatever arrives, only authenticated packets change state, and the call continues. */
#include "tests/harness/call.h"

#include "base/bytes.h"
#include "base/clk.h"

enum { SSRC_A = 0x0a0a0a0a };

static size_t protected_pkt(struct scene *s, uint64_t index)
{
	size_t n = call_rtp(s->octets, SSRC_A, index);

	return end_protect(&s->up[0], s->octets, n, sizeof(s->octets), index);
}

static void put(struct scene *s, const struct addr *from, size_t n)
{
	EXPECT_OK(sim_send(s->g.sim, from, &call_local_a, s->octets, n));
}

/* Returns the number of packets that the core has received since the last heard(); call_rtp must
 * have made each of them. */
static unsigned heard(struct scene *s)
{
	struct sim_pkt got;
	unsigned n = 0;

	stage_run(&s->g, 1);
	while (sim_receive(s->g.sim, &call_peer_b, &got)) {
		uint8_t want[256];
		uint64_t index = (uint64_t)be32_get(got.data + 12) << 32 | be32_get(got.data + 16);

		EXPECT_OCTETS(got.data, got.len, want, call_rtp(want, SSRC_A, index));
		n++;
	}
	return n;
}

/* Three wraps of the sequence number. Near each wrap, packets are lost and reordered within a
 * window, also across the wrap. Every packet sent arrives once, decrypted and unchanged. */
static void three_wraps(const char *engine)
{
	enum { SPAN = 3 * 65536 + 300, BLOCK = 40 };
	struct scene s;
	unsigned sent = 0, got = 0;

	if (!scene_open(&s, engine))
		return;
	for (uint64_t at = 65000; at < 65000 + SPAN;) {
		uint64_t block[BLOCK];
		unsigned n = 0;
		bool near_wrap = ((at + 200) & 0xffff) < 400;

		for (; n < BLOCK; n++)
			block[n] = at + n;
		at += BLOCK;
		/* Far from the wraps only every 20th block is sent: the gaps look like losses, far
		 * below half the sequence space. */
		if (!near_wrap && at / BLOCK % 20)
			continue;
		for (unsigned i = 0; i + 1 < n; i++) {
			unsigned j = i + (unsigned)(test_random(&s.g.random) % (n - i));
			uint64_t t = block[i];

			block[i] = block[j];
			block[j] = t;
		}
		for (unsigned i = 0; i < n; i++) {
			if (test_random(&s.g.random) % 10 == 0)
				continue;
			put(&s, &call_peer_a, protected_pkt(&s, block[i]));
			sent++;
		}
		got += heard(&s);
	}
	EXPECT_INT(got, sent);
	EXPECT_INT(scene_leg_a(&s)->streams[0].roc, 4 - 1);
	EXPECT_INT(scene_leg_a(&s)->verdicts[VERDICT_AUTH_FAILED], 0);
	scene_close(&s);
}

static void three_wraps_with_every_engine(void)
{
	three_wraps("libsrtp");
	three_wraps("evp");
#ifdef WITH_MB
	three_wraps("mb");
#endif
}

static void replays_are_dropped(void)
{
	struct scene s;
	uint8_t first[256];
	size_t n;

	if (!scene_open(&s, "evp"))
		return;
	n = protected_pkt(&s, 100);
	memcpy(first, s.octets, n);
	put(&s, &call_peer_a, n);
	EXPECT_INT(heard(&s), 1);
	for (uint64_t i = 101; i < 400; i++) {
		uint8_t again[256];

		n = protected_pkt(&s, i);
		memcpy(again, s.octets, n);
		put(&s, &call_peer_a, n);
		EXPECT_INT(heard(&s), 1);
		memcpy(s.octets, again, n);
		put(&s, &call_peer_a, n);
		EXPECT_INT(heard(&s), 0);
	}
	memcpy(s.octets, first, sizeof(first));
	put(&s, &call_peer_a, n);
	EXPECT_INT(heard(&s), 0);
	EXPECT_INT(scene_leg_a(&s)->verdicts[VERDICT_REPLAYED], 299);
	EXPECT_INT(scene_leg_a(&s)->verdicts[VERDICT_TOO_OLD], 1);
	scene_close(&s);
}

/* Changes each octet of a packet in turn: no changed packet passes or changes state, and the
 * correct packet still passes. */
static void forgeries_move_nothing(void)
{
	static const struct addr mallory = {.ip = {203, 0, 113, 9}, .port = 666, .version = 4};
	struct scene s;
	uint8_t good[256];
	size_t n;

	if (!scene_open(&s, "evp"))
		return;
	for (uint64_t i = 65530; i < 65540; i++) {
		put(&s, &call_peer_a, protected_pkt(&s, i));
		EXPECT_INT(heard(&s), 1);
	}
	n = protected_pkt(&s, 65540);
	memcpy(good, s.octets, n);
	for (size_t at = 0; at < n; at++) {
		memcpy(s.octets, good, n);
		s.octets[at] ^= (uint8_t)(1 + test_random(&s.g.random) % 255);
		put(&s, &mallory, n);
		EXPECT_INT(heard(&s), 0);
	}
	/* A forged packet with a sequence number far ahead must not change the ROC. */
	memcpy(s.octets, good, n);
	be16_put(s.octets + 2, 40000);
	put(&s, &mallory, n);
	EXPECT_INT(heard(&s), 0);
	for (size_t cut = 0; cut < n; cut++) {
		memcpy(s.octets, good, n);
		put(&s, &mallory, cut);
		EXPECT_INT(heard(&s), 0);
	}
	EXPECT(addr_eq(&scene_leg_a(&s)->remote, &call_peer_a));
	EXPECT_INT(scene_leg_a(&s)->n_streams, 1);
	EXPECT_INT(scene_leg_a(&s)->streams[0].roc, 1);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_SOURCE_CHANGED), 0);
	memcpy(s.octets, good, n);
	put(&s, &call_peer_a, n);
	EXPECT_INT(heard(&s), 1);
	scene_close(&s);
}

static void a_flood_of_sources_leaves_no_state(void)
{
	struct scene s;

	if (!scene_open(&s, "evp"))
		return;
	put(&s, &call_peer_a, protected_pkt(&s, 1));
	EXPECT_INT(heard(&s), 1);
	for (unsigned i = 0; i < 5000; i++) {
		size_t n = call_rtp(s.octets, (uint32_t)test_random(&s.g.random), i);

		put(&s, &call_peer_a, n + 10);
		if (i % 50 == 49)
			EXPECT_INT(heard(&s), 0);
	}
	EXPECT_INT(scene_leg_a(&s)->n_streams, 1);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_STREAM_LIMIT), 0);
	put(&s, &call_peer_a, protected_pkt(&s, 2));
	EXPECT_INT(heard(&s), 1);
	scene_close(&s);
}

/* The terminal's NAT changes its port: the leg learns the address from the first authenticated
 * packet, and not from an old packet that is replayed from another host. */
static void a_rebind_is_followed_once_proven(void)
{
	static const struct addr moved = {.ip = {192, 0, 2, 1}, .port = 4999, .version = 4};
	static const struct addr mallory = {.ip = {203, 0, 113, 9}, .port = 666, .version = 4};
	struct scene s;
	struct sim_pkt got;
	size_t n;

	if (!scene_open(&s, "evp"))
		return;
	n = protected_pkt(&s, 1);
	put(&s, &call_peer_a, n);
	EXPECT_INT(heard(&s), 1);
	put(&s, &mallory, n);
	EXPECT_INT(heard(&s), 0);
	EXPECT(addr_eq(&scene_leg_a(&s)->remote, &call_peer_a));
	put(&s, &moved, protected_pkt(&s, 2));
	EXPECT_INT(heard(&s), 1);
	EXPECT(addr_eq(&scene_leg_a(&s)->remote, &moved));
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_SOURCE_CHANGED), 1);
	n = call_rtp(s.octets, 7, 7);
	EXPECT_OK(sim_send(s.g.sim, &call_peer_b, &call_local_b, s.octets, n));
	stage_run(&s.g, 1);
	EXPECT(sim_receive(s.g.sim, &moved, &got));
	EXPECT(!sim_receive(s.g.sim, NULL, &got));
	scene_close(&s);
}

/* Mallory delays an authentic packet: it is forwarded, but its source address is not learnt,
 * because it is older than the latest packet. */
static void an_old_packet_moves_no_latch(void)
{
	static const struct addr mallory = {.ip = {203, 0, 113, 9}, .port = 666, .version = 4};
	uint8_t held[3][256];
	size_t lens[3];
	struct scene s;
	struct sim_pkt got;

	if (!scene_open(&s, "evp"))
		return;
	for (uint64_t i = 1; i <= 3; i++) {
		lens[i - 1] = protected_pkt(&s, i);
		memcpy(held[i - 1], s.octets, lens[i - 1]);
	}
	for (unsigned i = 0; i < 2; i++) {
		const uint8_t app[12] = {0x80, 204, 0, 2, 0x0a, 0x0a, 0x0a, 0x0a};

		memcpy(s.octets, app, sizeof(app));
		size_t n = end_protect(&s.up[0], s.octets, sizeof(app), sizeof(s.octets), 0);
		if (i == 0) {
			lens[1] = n;
			memcpy(held[1], s.octets, n);
		} else {
			put(&s, &call_peer_a, n);
			stage_run(&s.g, 1);
			EXPECT(sim_receive(s.g.sim, &call_peer_b, &got));
		}
	}
	put(&s, &call_peer_a, protected_pkt(&s, 4));
	EXPECT_INT(heard(&s), 1);
	for (unsigned i = 0; i < 2; i++) {
		memcpy(s.octets, held[i], lens[i]);
		put(&s, &mallory, lens[i]);
		stage_run(&s.g, 1);
		EXPECT(sim_receive(s.g.sim, &call_peer_b, &got));
		EXPECT(addr_eq(&scene_leg_a(&s)->remote, &call_peer_a));
	}
	/* The source of a delayed packet under the previous key is not learnt either, once the new
	 * key was used. */
	scene_use_keys(&s, 1);
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT(scene_goes_up(&s, &s.up[1], SSRC_A, 5));
	memcpy(s.octets, held[2], lens[2]);
	put(&s, &mallory, lens[2]);
	stage_run(&s.g, 1);
	EXPECT(sim_receive(s.g.sim, &call_peer_b, &got));
	EXPECT(addr_eq(&scene_leg_a(&s)->remote, &call_peer_a));
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_SOURCE_CHANGED), 0);
	scene_close(&s);
}

/* A leg with SRTP drops plain RTP, STUN, DTLS and random octets, even from the peer. */
static void what_is_not_srtp_stays_out(void)
{
	static const uint8_t stun[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42},
			     dtls[64] = {22, 254, 253};
	struct scene s;

	if (!scene_open(&s, "evp"))
		return;
	for (unsigned i = 0; i < 2000; i++) {
		size_t n = 1 + test_random(&s.g.random) % 200;

		for (size_t k = 0; k < n; k++)
			s.octets[k] = (uint8_t)test_random(&s.g.random);
		put(&s, &call_peer_a, n);
	}
	memcpy(s.octets, stun, sizeof(stun));
	put(&s, &call_peer_a, sizeof(stun));
	memcpy(s.octets, dtls, sizeof(dtls));
	put(&s, &call_peer_a, sizeof(dtls));
	put(&s, &call_peer_a, call_rtp(s.octets, SSRC_A, 5));
	EXPECT_INT(heard(&s), 0);
	EXPECT_INT(scene_leg_a(&s)->verdicts[VERDICT_FORWARDED], 0);
	EXPECT_INT(scene_leg_a(&s)->verdicts[VERDICT_OVERLOAD], 0);
	put(&s, &call_peer_a, protected_pkt(&s, 5));
	EXPECT_INT(heard(&s), 1);
	scene_close(&s);
}

TEST_MAIN("trust", {"three wraps with every engine", three_wraps_with_every_engine},
          {"replays are dropped", replays_are_dropped},
          {"forgeries move nothing", forgeries_move_nothing},
          {"a flood of sources leaves no state", a_flood_of_sources_leaves_no_state},
          {"a rebind is followed once proven", a_rebind_is_followed_once_proven},
          {"an old packet moves no latch", an_old_packet_moves_no_latch},
          {"what is not SRTP stays out", what_is_not_srtp_stays_out})
