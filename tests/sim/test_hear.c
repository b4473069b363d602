/* SPDX-License-Identifier: MIT */
/* Which sources a leg without keys accepts and learns, by kind of packet: RTP, RTCP, other
 * datagrams; also on opaque legs. */
#include "tests/harness/call.h"

#include "base/bytes.h"
#include "base/clk.h"

enum { SSRC_A = 0x0a0a0a0a, SSRC_A2 = 0x0a0a0a0b, SSRC_B = 0x0b0b0b0b };

static const struct addr elsewhere = {.ip = {203, 0, 113, 9}, .port = 4100, .version = 4};
static const struct addr mallory = {.ip = {203, 0, 113, 66}, .port = 666, .version = 4};

static const uint8_t rr[8] = {0x80, 201, 0, 1, 0x0a, 0x0a, 0x0a, 0x0a};
static const uint8_t bye[8] = {0x81, 203, 0, 1, 0x0a, 0x0a, 0x0a, 0x0a};
static const uint8_t stun[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
static const uint8_t zrtp[24] = {0x10, 0, 0, 1, 'Z', 'R', 'T', 'P', 0x0a, 0x0a, 0x0a, 0x0a};
static const uint8_t dtls[20] = {22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};

static struct addr beside(const struct addr *a)
{
	return addr_with_port(a, (uint16_t)(a->port + 1));
}

/* A call without keys on leg a. */
struct open_call {
	struct stage g;
	struct relay_config config;
	struct relay_session_spec spec;
	struct relay_media_spec media;
	struct relay_session *call;
	uint16_t seq;
};

static void prepare(struct open_call *s, enum relay_mode mode, enum relay_rtcp rtcp,
                    enum relay_latch policy)
{
	memset(s, 0, sizeof(*s));
	stage_config(&s->g, &s->config, "evp", 1);
	call_spec(&s->spec, &s->media, mode, rtcp);
	s->media.legs[0].latch = policy;
}

static bool start(struct open_call *s)
{
	return stage_open_with(&s->g, &s->config) &&
	       EXPECT_OK(call_create(&s->g, &s->call, &s->spec));
}

static void finish(struct open_call *s)
{
	EXPECT_OK(call_delete(&s->g, s->call));
	stage_close(&s->g);
}

/* Sends octets from `from` to the address `local` of leg a. True if they arrive unchanged at `at`
 * (NULL: anywhere). */
static bool reaches(struct stage *g, const struct addr *from, const struct addr *local,
                    const void *octets, size_t n, const struct addr *at)
{
	struct sim_pkt got;

	EXPECT_OK(sim_send(g->sim, from, local, octets, n));
	stage_run(g, 1);
	return sim_receive(g->sim, at, &got) && got.len == n && memcmp(got.data, octets, n) == 0;
}

static bool rtp_up(struct open_call *s, const struct addr *from)
{
	uint8_t octets[256];
	size_t n = call_rtp(octets, SSRC_A, s->seq++);

	return reaches(&s->g, from, &call_local_a, octets, n, &call_peer_b);
}

/* True if RTP and RTCP of the core leave to these addresses, and to no others. */
static bool go_to(struct open_call *s, const struct addr *rtp, const struct addr *rtcp)
{
	struct addr peer = beside(&call_peer_b), local = beside(&call_local_b);
	uint8_t octets[256];
	struct sim_pkt got;
	bool ok;

	EXPECT_OK(sim_send(s->g.sim, &call_peer_b, &call_local_b, octets,
	                   call_rtp(octets, SSRC_B, s->seq++)));
	EXPECT_OK(sim_send(s->g.sim, &peer, &local, rr, sizeof(rr)));
	stage_run(&s->g, 1);
	ok = sim_receive(s->g.sim, rtp, &got) && got.len > sizeof(rr);
	ok &= sim_receive(s->g.sim, rtcp, &got) && got.len == sizeof(rr);
	return ok && !sim_receive(s->g.sim, NULL, &got);
}

static uint64_t verdicts(struct stage *g, struct relay_session *call, enum verdict v)
{
	EXPECT_OK(call_query(g, call));
	return g->media_stats[0].legs[0].verdicts[v];
}

/* --- RTP and RTCP ----------------------------------------------------------- */

/* One RTCP packet on the RTP port changes where RTCP is sent, but not where RTP is sent, whichever
 * arrived first. */
static void rtcp_on_the_rtp_port(void)
{
	const struct addr rtcp = beside(&elsewhere), rtcp_b = beside(&call_peer_b),
			  signalled = beside(&call_peer_a);

	for (unsigned first = 0; first < 2; first++) {
		struct open_call s;

		test_context("RTCP %s", first ? "first" : "second");
		prepare(&s, RELAY_MODE_RTP, RELAY_RTCP_PAIR,
		        first ? RELAY_LATCH_FIRST : RELAY_LATCH_HEURISTIC);
		if (!start(&s))
			return;
		if (!first)
			EXPECT(rtp_up(&s, &elsewhere));
		EXPECT(reaches(&s.g, &rtcp, &call_local_a, rr, sizeof(rr), &rtcp_b));
		if (first) {
			EXPECT(go_to(&s, &call_peer_a, &rtcp));
			EXPECT(rtp_up(&s, &elsewhere));
		}
		EXPECT(go_to(&s, &elsewhere, &rtcp));
		/* RTCP from the address that sends RTP is accepted too. */
		EXPECT(reaches(&s.g, &elsewhere, &call_local_a, rr, sizeof(rr), &rtcp_b));
		EXPECT(go_to(&s, &elsewhere, &rtcp));
		EXPECT(reaches(&s.g, &signalled, &call_local_a, rr, sizeof(rr), &rtcp_b));
		EXPECT(go_to(&s, &elsewhere, &signalled));
		finish(&s);
	}
}

/* An RTCP BYE from another host is not forwarded, and its source address is not learnt. */
static void a_forged_bye(void)
{
	const struct addr local = beside(&call_local_a), rtcp = beside(&elsewhere),
			  rtcp_b = beside(&call_peer_b);
	struct open_call s;

	prepare(&s, RELAY_MODE_RTP, RELAY_RTCP_PAIR, RELAY_LATCH_HEURISTIC);
	if (!start(&s))
		return;
	EXPECT(rtp_up(&s, &elsewhere));
	EXPECT(!reaches(&s.g, &mallory, &local, bye, sizeof(bye), NULL));
	EXPECT(go_to(&s, &elsewhere,
	             &(struct addr){.ip = {192, 0, 2, 1}, .port = 4001, .version = 4}));
	EXPECT(reaches(&s.g, &rtcp, &local, rr, sizeof(rr), &rtcp_b));
	stage_run(&s.g, 60000);
	EXPECT(!reaches(&s.g, &mallory, &local, bye, sizeof(bye), NULL));
	EXPECT(go_to(&s, &elsewhere, &rtcp));
	finish(&s);
	/* The BYE arrives before RTP: once RTP arrives, RTCP is sent to the host that sends RTP. */
	prepare(&s, RELAY_MODE_RTP, RELAY_RTCP_PAIR, RELAY_LATCH_FIRST);
	if (!start(&s))
		return;
	EXPECT(reaches(&s.g, &mallory, &local, bye, sizeof(bye), &rtcp_b));
	EXPECT(rtp_up(&s, &elsewhere));
	EXPECT(reaches(&s.g, &rtcp, &local, rr, sizeof(rr), &rtcp_b));
	EXPECT(go_to(&s, &elsewhere, &rtcp));
	finish(&s);
}

/* With rtcp-mux, a peer that only listens may send only reports. The relay uses their source
 * address until the first RTP; after that, RTCP from another port changes nothing. */
static void with_mux_rtcp_is_a_hint(void)
{
	const struct addr rtcp = beside(&elsewhere);
	struct open_call s;
	struct sim_pkt got;
	uint8_t octets[256];

	prepare(&s, RELAY_MODE_RTP, RELAY_RTCP_MUX, RELAY_LATCH_HEURISTIC);
	if (!start(&s))
		return;
	EXPECT(reaches(&s.g, &rtcp, &call_local_a, rr, sizeof(rr), &call_peer_b));
	EXPECT_OK(sim_send(s.g.sim, &call_peer_b, &call_local_b, octets,
	                   call_rtp(octets, SSRC_B, 1)));
	stage_run(&s.g, 1);
	EXPECT(sim_receive(s.g.sim, &rtcp, &got));
	EXPECT(rtp_up(&s, &elsewhere));
	stage_run(&s.g, 20000);
	EXPECT(reaches(&s.g, &rtcp, &call_local_a, rr, sizeof(rr), &call_peer_b));
	EXPECT(!reaches(&s.g, &mallory, &call_local_a, bye, sizeof(bye), NULL));
	EXPECT_OK(sim_send(s.g.sim, &call_peer_b, &call_local_b, octets,
	                   call_rtp(octets, SSRC_B, 2)));
	stage_run(&s.g, 1);
	EXPECT(sim_receive(s.g.sim, &elsewhere, &got));
	finish(&s);
}

/* Payload types 64 to 95 with the marker bit look like RTCP packet types (RFC 5761 4). If RTCP has
 * its own port, these packets are RTP. */
static void payload_types_like_rtcp(void)
{
	static const enum relay_rtcp ways[] = {RELAY_RTCP_PAIR, RELAY_RTCP_NONE};

	for (size_t k = 0; k < ARRAY_LEN(ways); k++) {
		struct open_call s;

		prepare(&s, RELAY_MODE_RTP, ways[k], RELAY_LATCH_FIRST);
		if (!start(&s))
			return;
		/* Avoid the one sequence number of 65,536 that, read as an RTCP length, matches the
		 * packet and makes it look like RTCP. */
		s.seq = 100;
		for (unsigned pt = 64; pt < 96; pt++) {
			uint8_t octets[256];
			size_t n = call_rtp(octets, SSRC_A, s.seq++);

			test_context("payload type %u", pt);
			octets[1] = (uint8_t)(0x80 | pt);
			EXPECT(reaches(&s.g, &elsewhere, &call_local_a, octets, n, &call_peer_b));
		}
		EXPECT_OK(call_query(&s.g, s.call));
		EXPECT_INT(s.g.media_stats[0].legs[0].streams[0].pkts, 32);
		EXPECT(addr_eq(&s.g.media_stats[0].legs[0].remote, &elsewhere));
		finish(&s);
	}
}

/* The relay forwards packets with impossible padding, or with octets after RTCP: it does not check
 * what it does not use. */
static void odd_packets_pass(void)
{
	static const uint8_t trailing[11] = {0x80, 201, 0, 1, 0x0a, 0x0a, 0x0a, 0x0a, 1, 2, 3};
	static const uint8_t padded[8] = {0xa0, 201, 0, 1, 0x0a, 0x0a, 0x0a, 0x0a};
	const struct addr local = beside(&call_local_a), rtcp = beside(&call_peer_a),
			  rtcp_b = beside(&call_peer_b);
	uint8_t octets[256];
	struct open_call s;

	for (unsigned mux = 0; mux < 2; mux++) {
		size_t n = call_rtp(octets, SSRC_A, 1);

		prepare(&s, RELAY_MODE_RTP, mux ? RELAY_RTCP_MUX : RELAY_RTCP_PAIR,
		        RELAY_LATCH_SIGNALLED);
		if (!start(&s))
			return;
		octets[0] |= 0x20;
		octets[n - 1] = 0;
		EXPECT(reaches(&s.g, &call_peer_a, &call_local_a, octets, n, &call_peer_b));
		octets[n - 1] = 255;
		EXPECT(reaches(&s.g, &call_peer_a, &call_local_a, octets, n, &call_peer_b));
		EXPECT(reaches(&s.g, mux ? &call_peer_a : &rtcp, mux ? &call_local_a : &local,
		               trailing, sizeof(trailing), mux ? &call_peer_b : &rtcp_b));
		EXPECT(reaches(&s.g, mux ? &call_peer_a : &rtcp, mux ? &call_local_a : &local,
		               padded, sizeof(padded), mux ? &call_peer_b : &rtcp_b));
		EXPECT_INT(verdicts(&s.g, s.call, VERDICT_MALFORMED), 0);
		finish(&s);
	}
}

/* Where the relay terminates SRTP, it does not check padding either: the payload arrives
 * unchanged. */
static void odd_packets_pass_through_srtp(void)
{
	static const uint8_t trailing[14] = {0x80, 201, 0, 1, 0x0b, 0x0b, 0x0b,
	                                     0x0b, 1,   2, 3, 4,    5,    6};
	uint8_t want[256], copy[256];
	struct scene s;
	struct sim_pkt got;
	enum verdict v;

	if (!scene_open(&s, "evp"))
		return;
	for (uint64_t i = 1; i < 3; i++) {
		size_t n = call_rtp(want, SSRC_B, i);

		want[0] |= 0x20;
		want[n - 1] = i == 1 ? 0 : 255;
		EXPECT_OK(sim_send(s.g.sim, &call_peer_b, &call_local_b, want, n));
		stage_run(&s.g, 1);
		EXPECT(sim_receive(s.g.sim, &call_peer_a, &got));
		EXPECT_OCTETS(got.data, srtp_open_pkt(&s.down[0], got.data, got.len, &v), want, n);
		be32_put(want + 8, SSRC_A);
		memcpy(copy, want, n);
		EXPECT_OK(sim_send(s.g.sim, &call_peer_a, &call_local_a, copy,
		                   end_protect(&s.up[0], copy, n, sizeof(copy), i)));
		stage_run(&s.g, 1);
		EXPECT(sim_receive(s.g.sim, &call_peer_b, &got));
		EXPECT_OCTETS(got.data, got.len, want, n);
	}
	EXPECT_OK(sim_send(s.g.sim, &call_peer_b, &call_local_b, trailing, sizeof(trailing)));
	stage_run(&s.g, 1);
	EXPECT(sim_receive(s.g.sim, &call_peer_a, &got));
	EXPECT_OCTETS(got.data, srtp_open_pkt(&s.down[0], got.data, got.len, &v), trailing,
	              sizeof(trailing));
	scene_close(&s);
}

/* --- other datagrams -------------------------------------------------------- */

struct datagram {
	const char *name;
	const void *octets;
	size_t n;
};

static const struct datagram others[] = {
	{"nothing", "", 0},
	{"CRLF", "\r\n", 2},
	{"STUN", stun, sizeof(stun)},
	{"DTLS", dtls, sizeof(dtls)},
	{"ZRTP", zrtp, sizeof(zrtp)},
	{"short RTP", "\x80\0\0\1", 4},
	{"text", "hello, world, here I am", 23},
	{"half STUN", stun, 12},
};

/* On opaque legs, and between plain legs, other datagrams pass if they come from the peer. From
 * another host they are dropped, and the leg does not learn its address. */
static void other_datagrams_teach_nothing(void)
{
	static const enum relay_mode modes[] = {RELAY_MODE_E2E, RELAY_MODE_RTP};

	for (size_t k = 0; k < ARRAY_LEN(modes); k++) {
		for (size_t i = 0; i < ARRAY_LEN(others); i++) {
			struct open_call s;

			test_context("%s, %s", relay_mode_name(modes[k]), others[i].name);
			prepare(&s, modes[k], RELAY_RTCP_MUX, RELAY_LATCH_FIRST);
			if (!start(&s))
				return;
			EXPECT(!reaches(&s.g, &mallory, &call_local_a, others[i].octets,
			                others[i].n, NULL));
			EXPECT_INT(verdicts(&s.g, s.call, VERDICT_NOT_MEDIA), 1);
			EXPECT_INT(stage_events(&s.g, RELAY_EVENT_FIRST_MEDIA), 0);
			EXPECT(rtp_up(&s, &elsewhere));
			EXPECT(reaches(&s.g, &elsewhere, &call_local_a, others[i].octets,
			               others[i].n, &call_peer_b));
			EXPECT(!reaches(&s.g, &mallory, &call_local_a, others[i].octets,
			                others[i].n, NULL));
			EXPECT_OK(call_query(&s.g, s.call));
			EXPECT(addr_eq(&s.g.media_stats[0].legs[0].remote, &elsewhere));
			finish(&s);
		}
	}
}

/* A setting drops other datagrams between plain legs; towards a leg with SRTP they never pass. */
static void other_datagrams_can_be_dropped(void)
{
	for (unsigned secure = 0; secure < 2; secure++) {
		struct srtp_end up = {.ctx = NULL}, down = {.ctx = NULL};
		struct open_call s;

		prepare(&s, secure ? RELAY_MODE_E2AE : RELAY_MODE_RTP, RELAY_RTCP_MUX,
		        RELAY_LATCH_FIRST);
		REQUIRE(srtp_open(&up, call_key("AES_CM_128_HMAC_SHA1_80"), ENGINE_SEND));
		REQUIRE(srtp_open(&down, call_key("AES_CM_128_HMAC_SHA1_80"), ENGINE_RECEIVE));
		s.config.drops_non_rtp = !secure;
		s.media.legs[0].receive = secure ? up.ctx : NULL;
		s.media.legs[0].send = secure ? down.ctx : NULL;
		if (!start(&s))
			return;
		for (size_t i = 0; i < ARRAY_LEN(others); i++) {
			test_context("%s", others[i].name);
			EXPECT(!reaches(&s.g, &call_peer_a, &call_local_a, others[i].octets,
			                others[i].n, NULL));
			EXPECT(!reaches(&s.g, &call_peer_b, &call_local_b, others[i].octets,
			                others[i].n, NULL));
		}
		finish(&s);
		srtp_close(&up);
		srtp_close(&down);
	}
}

/* An opaque leg learns its peer's address from STUN, DTLS or media other than RTP if signalling
 * announced that kind; not from a truncated packet or another kind. */
static void signalling_announces_other_media(void)
{
	static const struct {
		uint8_t teaches;
		struct datagram yes, no;
	} rows[] = {
		{RELAY_TEACH_STUN, {"STUN", stun, sizeof(stun)}, {"half STUN", stun, 12}},
		{RELAY_TEACH_STUN, {"STUN", stun, sizeof(stun)}, {"DTLS", dtls, sizeof(dtls)}},
		{RELAY_TEACH_DTLS, {"DTLS", dtls, sizeof(dtls)}, {"half DTLS", dtls, 16}},
		{RELAY_TEACH_DTLS, {"DTLS", dtls, sizeof(dtls)}, {"STUN", stun, sizeof(stun)}},
		{RELAY_TEACH_ANY, {"UDPTL", "\0\1\3abc\0\0", 8}, {NULL, NULL, 0}},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct open_call s;

		test_context("%s, %s", rows[i].yes.name, rows[i].no.name ? rows[i].no.name : "all");
		prepare(&s, RELAY_MODE_E2E, RELAY_RTCP_MUX, RELAY_LATCH_HEURISTIC);
		s.media.legs[0].teaches = rows[i].teaches;
		if (!start(&s))
			return;
		if (rows[i].no.name)
			EXPECT(!reaches(&s.g, &mallory, &call_local_a, rows[i].no.octets,
			                rows[i].no.n, NULL));
		EXPECT(reaches(&s.g, &elsewhere, &call_local_a, rows[i].yes.octets, rows[i].yes.n,
		               &call_peer_b));
		EXPECT_OK(call_query(&s.g, s.call));
		EXPECT(addr_eq(&s.g.media_stats[0].legs[0].remote, &elsewhere));
		finish(&s);
	}
}

/* If signalling announced media other than RTP, such as a fax, packets with any octets pass, and
 * the leg learns their source address. */
static void media_that_is_not_rtp(void)
{
	static const struct addr *const ways[] = {&elsewhere, &call_peer_a};
	struct open_call s;

	prepare(&s, RELAY_MODE_E2E, RELAY_RTCP_NONE, RELAY_LATCH_FIRST);
	s.media.legs[0].teaches = s.media.legs[1].teaches = RELAY_TEACH_ANY;
	if (!start(&s))
		return;
	for (unsigned first = 0; first < 256; first++) {
		for (unsigned second = 0; second < 256; second += 8) {
			uint8_t octets[40] = {(uint8_t)first, (uint8_t)second, 0, 1};

			test_context("octets %u, %u", first, second);
			EXPECT(reaches(&s.g, ways[first / 128], &call_local_a, octets, first % 40,
			               &call_peer_b));
		}
	}
	EXPECT_OK(call_query(&s.g, s.call));
	EXPECT(addr_eq(&s.g.media_stats[0].legs[0].remote, &call_peer_a));
	finish(&s);
}

/* --- before the answer ------------------------------------------------------ */

/* Before the answer, packets from any source, however late, get the verdict no-key or no-peer, and
 * the legs learn no address. */
static void before_the_answer(void)
{
	static const enum relay_latch policies[] = {RELAY_LATCH_SIGNALLED, RELAY_LATCH_FIRST,
	                                            RELAY_LATCH_HEURISTIC, RELAY_LATCH_ASYMMETRIC};
	static const enum relay_mode modes[] = {RELAY_MODE_RTP, RELAY_MODE_E2AE, RELAY_MODE_E2E};

	for (size_t i = 0; i < ARRAY_LEN(policies) * ARRAY_LEN(modes); i++) {
		enum relay_mode mode = modes[i / ARRAY_LEN(policies)];
		uint8_t octets[256];
		size_t n = call_rtp(octets, SSRC_A, 1);
		struct open_call s;

		test_context("policy %d, %s", (int)policies[i % ARRAY_LEN(policies)],
		             relay_mode_name(mode));
		prepare(&s, mode, RELAY_RTCP_PAIR, policies[i % ARRAY_LEN(policies)]);
		s.media.legs[1].latch = policies[i % ARRAY_LEN(policies)];
		s.media.legs[1].remote = (struct addr){.version = 0};
		for (unsigned k = 0; k < 2; k++)
			s.media.legs[k].can_receive = s.media.legs[k].can_send = false;
		if (!start(&s))
			return;
		for (unsigned late = 0; late < 2; late++) {
			EXPECT(!reaches(&s.g, &call_peer_a, &call_local_a, octets, n, NULL));
			EXPECT(!reaches(&s.g, &elsewhere, &call_local_a, octets, n, NULL));
			EXPECT(!reaches(&s.g, &call_peer_b, &call_local_b, octets, n, NULL));
			stage_run(&s.g, 15000);
		}
		EXPECT_INT(verdicts(&s.g, s.call,
		                    mode == RELAY_MODE_E2AE ? VERDICT_NO_KEY : VERDICT_NO_PEER),
		           4);
		EXPECT_INT(s.g.media_stats[0].legs[1].verdicts[mode == RELAY_MODE_E2AE
		                                                       ? VERDICT_NO_KEY
		                                                       : VERDICT_NO_PEER],
		           2);
		EXPECT(!s.g.media_stats[0].legs[0].latched && !s.g.media_stats[0].legs[1].latched);
		finish(&s);
	}
}

/* On an e2e-verified leg only packets that authenticate pass, unchanged, and give an address. */
static void verified_legs(void)
{
	struct srtp_end up = {.ctx = NULL};
	struct open_call s;
	uint8_t octets[256];
	size_t n;

	prepare(&s, RELAY_MODE_E2E_VERIFIED, RELAY_RTCP_PAIR, RELAY_LATCH_FIRST);
	REQUIRE(srtp_open(&up, call_key("AES_CM_128_HMAC_SHA1_80"), ENGINE_SEND));
	s.media.legs[0].receive = up.ctx;
	s.media.legs[1].can_receive = false;
	if (!start(&s))
		return;
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		EXPECT(!reaches(&s.g, &mallory, &call_local_a, others[i].octets, others[i].n,
		                NULL));
	n = call_rtp(octets, SSRC_A, 1);
	EXPECT(!reaches(&s.g, &mallory, &call_local_a, octets, n, NULL));
	n = end_protect(&up, octets, n, sizeof(octets), 1);
	EXPECT(reaches(&s.g, &elsewhere, &call_local_a, octets, n, &call_peer_b));
	EXPECT_OK(call_query(&s.g, s.call));
	EXPECT(addr_eq(&s.g.media_stats[0].legs[0].remote, &elsewhere));
	finish(&s);
	srtp_close(&up);
}

TEST_MAIN("hear", {"RTCP on the RTP port", rtcp_on_the_rtp_port}, {"a forged BYE", a_forged_bye},
          {"with mux RTCP is a hint", with_mux_rtcp_is_a_hint},
          {"payload types like RTCP", payload_types_like_rtcp},
          {"odd packets pass", odd_packets_pass},
          {"odd packets pass through SRTP", odd_packets_pass_through_srtp},
          {"other datagrams teach nothing", other_datagrams_teach_nothing},
          {"other datagrams can be dropped", other_datagrams_can_be_dropped},
          {"signalling announces other media", signalling_announces_other_media},
          {"media that is not RTP", media_that_is_not_rtp},
          {"before the answer", before_the_answer}, {"verified legs", verified_legs})
