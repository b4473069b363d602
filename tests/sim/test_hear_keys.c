/* SPDX-License-Identifier: MIT */
/* Which packets a leg with keys accepts: a packet that authenticates, and is newer than all earlier
 * packets, proves the peer's address. */
#include "tests/harness/call.h"

#include "base/bytes.h"
#include "base/clk.h"

enum { SSRC_A = 0x0a0a0a0a, SSRC_A2 = 0x0a0a0a0b, SSRC_B = 0x0b0b0b0b };

static const struct addr moved = {.ip = {192, 0, 2, 1}, .port = 4999, .version = 4};
static const struct addr elsewhere = {.ip = {203, 0, 113, 9}, .port = 4100, .version = 4};
static const struct addr mallory = {.ip = {203, 0, 113, 66}, .port = 666, .version = 4};

static const uint8_t app[12] = {0x80, 204, 0, 2, 0x0a, 0x0a, 0x0a, 0x0a};

static struct addr beside(const struct addr *a)
{
	return addr_with_port(a, (uint16_t)(a->port + 1));
}

static size_t srtp(struct scene *s, unsigned key, uint32_t ssrc, uint64_t index)
{
	size_t n = call_rtp(s->octets, ssrc, index);

	return end_protect(&s->up[key], s->octets, n, sizeof(s->octets), index);
}

static size_t srtcp(struct scene *s, unsigned key, uint32_t ssrc)
{
	memcpy(s->octets, app, sizeof(app));
	be32_put(s->octets + 4, ssrc);
	return end_protect(&s->up[key], s->octets, sizeof(app), sizeof(s->octets), 0);
}

/* Sends octets from `from` to `local`; true if the relay forwarded a packet. */
static bool heard(struct scene *s, const struct addr *from, const struct addr *local,
                  const void *octets, size_t n)
{
	struct sim_pkt got;

	EXPECT_OK(sim_send(s->g.sim, from, local, octets, n));
	stage_run(&s->g, 1);
	return sim_receive(s->g.sim, NULL, &got);
}

static bool rtp_heard(struct scene *s, const struct addr *from, uint64_t index)
{
	return heard(s, from, &call_local_a, s->octets, srtp(s, 0, SSRC_A, index));
}

static bool is_at(struct scene *s, const struct addr *a)
{
	return addr_eq(&scene_leg_a(s)->remote, a);
}

static bool open_with(struct scene *s, enum relay_rtcp rtcp, enum relay_latch policy)
{
	if (!scene_prepare(s, "evp", "AES_CM_128_HMAC_SHA1_80"))
		return false;
	s->media.legs[0].latch = policy;
	s->media.legs[0].rtcp = rtcp;
	s->media.legs[0].port_rtcp =
		rtcp == RELAY_RTCP_PAIR ? (uint16_t)(call_local_a.port + 1) : 0;
	return scene_start(s);
}

/* An authentic packet that is newer than all earlier ones is accepted under every policy. The relay
 * learns its source address at once, except that `signalled` never learns, and `asymmetric` does
 * not send to it. */
static void a_rebind_with_keys(void)
{
	for (unsigned policy = 0; policy < RELAY_LATCH_COUNT; policy++) {
		bool learns = policy != RELAY_LATCH_SIGNALLED,
		     moves = learns && policy != RELAY_LATCH_ASYMMETRIC;
		struct scene s;
		uint8_t forged[256];
		size_t n;

		test_context("policy %u", policy);
		if (!open_with(&s, RELAY_RTCP_MUX, (enum relay_latch)policy))
			return;
		for (uint64_t i = 0; i < 50; i++)
			EXPECT(rtp_heard(&s, &call_peer_a, i));
		stage_run(&s.g, 20);
		for (uint64_t i = 50; i < 100; i++)
			EXPECT_INT(rtp_heard(&s, &elsewhere, i), learns);
		EXPECT(is_at(&s, moves ? &elsewhere : &call_peer_a));
		/* A forgery of the next packet is dropped. */
		n = srtp(&s, 0, SSRC_A, 100);
		memcpy(forged, s.octets, n);
		forged[n - 1] ^= 1;
		EXPECT(!heard(&s, &mallory, &call_local_a, forged, n));
		EXPECT_INT(rtp_heard(&s, &moved, 101), learns);
		EXPECT(is_at(&s, moves ? &moved : &call_peer_a));
		scene_close(&s);
	}
}

/* Mallory delays two packets and sends them later: the last packet of an earlier source, and a
 * report. Both are accepted, but the leg does not learn Mallory's address. */
static void held_back_packets_of_another_stream(void)
{
	uint8_t old[256], report[256];
	size_t n, m;
	struct scene s;

	if (!open_with(&s, RELAY_RTCP_MUX, RELAY_LATCH_HEURISTIC))
		return;
	EXPECT(rtp_heard(&s, &call_peer_a, 1));
	n = srtp(&s, 0, SSRC_A, 2);
	memcpy(old, s.octets, n);
	m = srtcp(&s, 0, SSRC_A);
	memcpy(report, s.octets, m);
	for (uint64_t i = 1; i < 100; i++) {
		EXPECT(heard(&s, &call_peer_a, &call_local_a, s.octets, srtp(&s, 0, SSRC_A2, i)));
		stage_run(&s.g, 18);
	}
	EXPECT(heard(&s, &mallory, &call_local_a, old, n));
	EXPECT(is_at(&s, &call_peer_a));
	EXPECT(heard(&s, &mallory, &call_local_a, report, m));
	EXPECT(is_at(&s, &call_peer_a));
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_SOURCE_CHANGED), 0);
	/* While the old address is silent, a new SSRC from a new address is taken for the peer. */
	stage_run(&s.g, 1000);
	EXPECT(heard(&s, &elsewhere, &call_local_a, s.octets, srtp(&s, 0, 0x77, 1)));
	EXPECT(is_at(&s, &elsewhere));
	scene_close(&s);
}

/* The peer's address for SRTCP on its own port is learnt separately; another host can replace it
 * only after RTP has been silent. */
static void srtcp_is_latched_apart(void)
{
	const struct addr local = beside(&call_local_a), rtcp = beside(&elsewhere),
			  far = beside(&mallory);
	struct scene s;

	if (!open_with(&s, RELAY_RTCP_PAIR, RELAY_LATCH_HEURISTIC))
		return;
	EXPECT(rtp_heard(&s, &elsewhere, 1));
	EXPECT(heard(&s, &rtcp, &local, s.octets, srtcp(&s, 0, SSRC_A)));
	EXPECT(addr_eq(&scene_leg_a(&s)->remote_rtcp, &rtcp));
	EXPECT(rtp_heard(&s, &elsewhere, 2));
	EXPECT(heard(&s, &far, &local, s.octets, srtcp(&s, 0, SSRC_A)));
	EXPECT(addr_eq(&scene_leg_a(&s)->remote_rtcp, &rtcp));
	stage_run(&s.g, 1000);
	EXPECT(heard(&s, &far, &local, s.octets, srtcp(&s, 0, SSRC_A)));
	EXPECT(addr_eq(&scene_leg_a(&s)->remote_rtcp, &far));
	EXPECT(is_at(&s, &elsewhere));
	scene_close(&s);
}

/* RTCP has its own port. A packet with an RTCP packet type on the RTP port is RTCP if it
 * authenticates as SRTCP, otherwise RTP; with every engine. */
static void srtp_with_payload_types_like_rtcp(const char *engine)
{
	const struct addr rtcp = beside(&call_peer_a), rtcp_b = beside(&call_peer_b);
	struct srtp_end *end;
	struct scene s;
	struct sim_pkt got;

	test_context("%s", engine);
	if (!scene_prepare(&s, engine, "AES_CM_128_HMAC_SHA1_80"))
		return;
	s.media.legs[0].rtcp = s.media.legs[1].rtcp = RELAY_RTCP_PAIR;
	s.media.legs[0].port_rtcp = (uint16_t)(call_local_a.port + 1);
	s.media.legs[1].port_rtcp = (uint16_t)(call_local_b.port + 1);
	if (!scene_start(&s))
		return;
	end = &s.up[0];
	for (unsigned pt = 64; pt < 96; pt++) {
		uint32_t ssrc = 0x1000 + pt;
		size_t n = call_rtp(s.octets, ssrc, 2);
		struct pkt p;

		/* The sequence number, read as a length, would be valid for SRTCP. */
		s.octets[1] = (uint8_t)(0x80 | pt);
		p = (struct pkt){
			.data = s.octets,
			.len = (uint16_t)n,
			.tailroom = (uint16_t)(sizeof(s.octets) - n),
			.kind = PKT_RTP,
			.header_len = 12,
			.index = 2,
		};
		EXPECT_INT(party_protect(end->party, &p), VERDICT_NONE);
		EXPECT_OK(sim_send(s.g.sim, &call_peer_a, &call_local_a, s.octets, p.len));
		stage_run(&s.g, 1);
		EXPECT(sim_receive(s.g.sim, &call_peer_b, &got) && got.len == n &&
		       got.data[1] == (0x80 | pt) && be32_get(got.data + 16) == 2);
		s.octets[40] ^= 1;
		EXPECT(!heard(&s, &call_peer_a, &call_local_a, s.octets, p.len));
	}
	EXPECT_INT(scene_leg_a(&s)->n_streams, 8);
	EXPECT_INT(scene_leg_a(&s)->verdicts[VERDICT_FORWARDED], 32);
	/* Send RTCP to the RTP port, from the address that sends RTP. */
	for (unsigned i = 0; i < 5; i++) {
		EXPECT_OK(sim_send(s.g.sim, &rtcp, &call_local_a, s.octets, srtcp(&s, 0, SSRC_A)));
		stage_run(&s.g, 1);
		EXPECT(sim_receive(s.g.sim, &rtcp_b, &got) && got.len == sizeof(app));
	}
	EXPECT(is_at(&s, &call_peer_a));
	EXPECT_INT(scene_leg_a(&s)->verdicts[VERDICT_FORWARDED], 37);
	EXPECT_INT(scene_leg_a(&s)->verdicts[VERDICT_AUTH_FAILED] +
	                   scene_leg_a(&s)->verdicts[VERDICT_REPLAYED],
	           32);
	scene_close(&s);
}

static void srtp_with_payload_types_like_rtcp_every_engine(void)
{
	srtp_with_payload_types_like_rtcp("evp");
	srtp_with_payload_types_like_rtcp("libsrtp");
#ifdef WITH_MB
	srtp_with_payload_types_like_rtcp("mb");
#endif
}

/* A re-INVITE moves the leg and changes its key. Late packets of the previous peer under the old
 * key pass, and the leg does not learn their source address. */
static void stragglers_under_the_old_key(void)
{
	struct scene s;

	if (!open_with(&s, RELAY_RTCP_MUX, RELAY_LATCH_HEURISTIC))
		return;
	for (uint64_t i = 1; i < 50; i++)
		EXPECT(rtp_heard(&s, &call_peer_a, i));
	scene_use_keys(&s, 1);
	s.media.legs[0].remote = elsewhere;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	for (uint64_t i = 50; i < 60; i++) {
		EXPECT(rtp_heard(&s, &call_peer_a, i));
		EXPECT(is_at(&s, &elsewhere));
	}
	EXPECT(heard(&s, &moved, &call_local_a, s.octets, srtp(&s, 1, SSRC_A, 60)));
	EXPECT(is_at(&s, &moved));
	scene_close(&s);
}

TEST_MAIN("hear-keys", {"a rebind with keys", a_rebind_with_keys},
          {"held-back packets of another stream", held_back_packets_of_another_stream},
          {"SRTCP is latched apart", srtcp_is_latched_apart},
          {"SRTP with payload types like RTCP", srtp_with_payload_types_like_rtcp_every_engine},
          {"stragglers under the old key", stragglers_under_the_old_key})
