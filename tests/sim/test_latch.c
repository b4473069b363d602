/* SPDX-License-Identifier: MIT */
/* Legs without keys learn their peer's address as their policy says; calls between IPv4 and IPv6. */
#include "tests/harness/call.h"

enum { SSRC_A = 0x0a0a0a0a, SSRC_B = 0x0b0b0b0b };

static const struct addr elsewhere = {.ip = {203, 0, 113, 9}, .port = 4100, .version = 4};
static const struct addr third = {.ip = {203, 0, 113, 10}, .port = 4200, .version = 4};

/* A plain call; leg a is the one that learns. */
struct plain {
	struct stage g;
	struct relay_session_spec spec;
	struct relay_media_spec media;
	struct relay_session *call;
	uint16_t seq;
};

static bool plain_open(struct plain *s, enum relay_latch policy, uint32_t window_ms, const struct addr *signalled)
{
	memset(s, 0, sizeof(*s));
	if (!stage_open(&s->g, "evp", 1))
		return false;
	call_spec(&s->spec, &s->media, RELAY_MODE_RTP, RELAY_RTCP_MUX);
	s->media.legs[0].latch = policy;
	s->media.legs[0].latch_window_ms = window_ms;
	s->media.legs[0].remote = *signalled;
	return EXPECT_OK(call_create(&s->g, &s->call, &s->spec));
}

static void plain_close(struct plain *s)
{
	EXPECT_OK(call_delete(&s->g, s->call));
	stage_close(&s->g);
}

/* True when what comes to leg a from there is heard by the core. */
static bool passes(struct plain *s, const struct addr *from)
{
	uint8_t octets[256];
	size_t n = call_rtp(octets, SSRC_A, s->seq++);
	struct sim_pkt got;

	EXPECT_OK(sim_send(s->g.sim, from, &call_local_a, octets, n));
	stage_run(&s->g, 1);
	return sim_receive(s->g.sim, &call_peer_b, &got) && got.len == n && memcmp(got.data, octets, n) == 0;
}

/* True when what the core sends goes there, and nowhere else. */
static bool goes_to(struct plain *s, const struct addr *to)
{
	uint8_t octets[256];
	size_t n = call_rtp(octets, SSRC_B, s->seq++);
	struct sim_pkt got;
	bool ok;

	EXPECT_OK(sim_send(s->g.sim, &call_peer_b, &call_local_b, octets, n));
	stage_run(&s->g, 1);
	ok = sim_receive(s->g.sim, to, &got) && memcmp(got.data, octets, n) == 0;
	return ok && !sim_receive(s->g.sim, NULL, &got);
}

static void signalled_takes_only_that(void)
{
	struct plain s;

	if (!plain_open(&s, RELAY_LATCH_SIGNALLED, 0, &call_peer_a))
		return;
	EXPECT(!passes(&s, &elsewhere));
	EXPECT(passes(&s, &call_peer_a));
	EXPECT(!passes(&s, &elsewhere));
	EXPECT(goes_to(&s, &call_peer_a));
	EXPECT_OK(call_query(&s.g, s.call));
	EXPECT_INT(s.g.media_stats[0].legs[0].verdicts[VERDICT_SOURCE], 2);
	EXPECT(!s.g.media_stats[0].legs[0].latched);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_SOURCE_CHANGED), 0);
	plain_close(&s);
}

static void first_learns_once(void)
{
	struct plain s;

	if (!plain_open(&s, RELAY_LATCH_FIRST, 100, &call_peer_a))
		return;
	EXPECT(passes(&s, &elsewhere));
	EXPECT(goes_to(&s, &elsewhere));
	EXPECT(!passes(&s, &third));
	EXPECT(!passes(&s, &call_peer_a));
	stage_run(&s.g, 200);
	EXPECT(passes(&s, &elsewhere));
	EXPECT(!passes(&s, &third));
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_SOURCE_CHANGED), 1);
	EXPECT_OK(call_query(&s.g, s.call));
	EXPECT(s.g.media_stats[0].legs[0].latched);
	EXPECT(addr_eq(&s.g.media_stats[0].legs[0].remote, &elsewhere));
	plain_close(&s);
}

static void first_learns_the_signalled_one_too(void)
{
	struct plain s;

	if (!plain_open(&s, RELAY_LATCH_FIRST, 100, &call_peer_a))
		return;
	EXPECT(passes(&s, &call_peer_a));
	EXPECT(!passes(&s, &elsewhere));
	EXPECT(goes_to(&s, &call_peer_a));
	plain_close(&s);
}

static void first_learns_where_nothing_was_signalled(void)
{
	struct plain s;

	if (!plain_open(&s, RELAY_LATCH_FIRST, 100, &(struct addr){.version = 0}))
		return;
	EXPECT(!goes_to(&s, NULL));
	EXPECT(passes(&s, &elsewhere));
	EXPECT(goes_to(&s, &elsewhere));
	plain_close(&s);
}

static void after_the_window_only_the_signalled_one(void)
{
	struct plain s;

	if (!plain_open(&s, RELAY_LATCH_FIRST, 100, &call_peer_a))
		return;
	stage_run(&s.g, 100);
	EXPECT(!passes(&s, &elsewhere));
	EXPECT(passes(&s, &call_peer_a));
	EXPECT(goes_to(&s, &call_peer_a));
	plain_close(&s);
}

/* Signalled as before changes nothing; another address starts over, window and all. */
static void signalling_starts_over(void)
{
	struct plain s;

	if (!plain_open(&s, RELAY_LATCH_FIRST, 100, &call_peer_a))
		return;
	EXPECT(passes(&s, &elsewhere));
	s.media.legs[0].can_send = false;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	s.media.legs[0].can_send = true;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT(goes_to(&s, &elsewhere));
	stage_run(&s.g, 500);
	s.media.legs[0].remote = third;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT(goes_to(&s, &third));
	EXPECT(passes(&s, &call_peer_a));
	EXPECT(goes_to(&s, &call_peer_a));
	EXPECT(!passes(&s, &third));
	plain_close(&s);
}

/* Signalling moves the leg to another peer; the one before has packets under way, and must not be taken for it. */
static void who_left_is_not_learnt(void)
{
	struct plain s;

	if (!plain_open(&s, RELAY_LATCH_FIRST, 10000, &call_peer_a))
		return;
	EXPECT(passes(&s, &call_peer_a));
	s.media.legs[0].remote = elsewhere;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT(!passes(&s, &call_peer_a));
	EXPECT(goes_to(&s, &elsewhere));
	/* Behind a NAT, it comes from another address than was signalled. */
	EXPECT(passes(&s, &third));
	EXPECT(goes_to(&s, &third));
	stage_run(&s.g, 2000);
	EXPECT(!passes(&s, &call_peer_a));
	plain_close(&s);
}

static void follow_goes_everywhere(void)
{
	const struct addr *const ways[] = {&call_peer_a, &elsewhere, &third, &elsewhere, &call_peer_a};
	struct plain s;

	if (!plain_open(&s, RELAY_LATCH_FOLLOW, 0, &call_peer_a))
		return;
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		EXPECT(passes(&s, ways[i]));
		EXPECT(passes(&s, ways[i]));
		EXPECT(goes_to(&s, ways[i]));
	}
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_SOURCE_CHANGED), 4);
	plain_close(&s);
}

/* A call rings for longer than the window: it begins when packets are let in. */
static void the_window_begins_when_the_gate_opens(void)
{
	struct plain s;

	if (!plain_open(&s, RELAY_LATCH_FIRST, 100, &call_peer_a))
		return;
	s.media.legs[0].can_receive = false;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	stage_run(&s.g, 500);
	s.media.legs[0].can_receive = true;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	stage_run(&s.g, 50);
	EXPECT(passes(&s, &elsewhere));
	EXPECT(goes_to(&s, &elsewhere));
	/* Hold and resume of who was learnt open nothing. */
	s.media.legs[0].can_receive = false;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	s.media.legs[0].can_receive = true;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT(!passes(&s, &third));
	EXPECT(goes_to(&s, &elsewhere));
	plain_close(&s);
}

static void a_closed_gate_teaches_nothing(void)
{
	struct plain s;

	if (!plain_open(&s, RELAY_LATCH_FIRST, 100, &call_peer_a))
		return;
	s.media.legs[0].can_receive = false;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT(!passes(&s, &third));
	s.media.legs[0].can_receive = true;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT(goes_to(&s, &call_peer_a));
	EXPECT(passes(&s, &elsewhere));
	EXPECT(!passes(&s, &third));
	plain_close(&s);
}

static void asymmetric_hears_there_and_sends_here(void)
{
	struct plain s;

	if (!plain_open(&s, RELAY_LATCH_ASYMMETRIC, 100, &call_peer_a))
		return;
	stage_run(&s.g, 500);
	EXPECT(passes(&s, &elsewhere));
	EXPECT(goes_to(&s, &call_peer_a));
	EXPECT(!passes(&s, &third));
	EXPECT(!passes(&s, &call_peer_a));
	EXPECT(passes(&s, &elsewhere));
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_SOURCE_CHANGED), 0);
	plain_close(&s);
}

/* What is not RTP or RTCP teaches nothing. */
static void noise_teaches_nothing(void)
{
	static const char *const noise[] = {"\x80\0\0\1", "\0\1\0\0", "hello, world, here I am", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"};
	struct plain s;

	if (!plain_open(&s, RELAY_LATCH_FIRST, 100, &call_peer_a))
		return;
	for (size_t i = 0; i < ARRAY_LEN(noise); i++)
		EXPECT_OK(sim_send(s.g.sim, &elsewhere, &call_local_a, noise[i], i < 2 ? 4 : 12));
	stage_run(&s.g, 1);
	EXPECT(goes_to(&s, &call_peer_a));
	EXPECT(passes(&s, &third));
	plain_close(&s);
}

/* --- IPv4 and IPv6 ---------------------------------------------------------------------------------- */

static const struct addr peer_6 = {.ip = {0x20, 1, 0xd, 0xb8, [15] = 0x99}, .port = 4000, .version = 6};
static const struct addr local_6 = {.ip = {0x20, 1, 0xd, 0xb8, [15] = 1}, .port = 30000, .version = 6};

static void from_six_to_four(void)
{
	struct srtp_end up = {.n_streams = 0}, down = {.n_streams = 0};
	struct relay_session_spec spec;
	struct relay_media_spec media;
	struct relay_session *call;
	struct stage g;
	uint8_t octets[256], clear[256];
	struct sim_pkt got;
	enum verdict v;

	if (!stage_open(&g, "evp", 1))
		return;
	call_spec(&spec, &media, RELAY_MODE_E2AE, RELAY_RTCP_MUX);
	REQUIRE(srtp_open(&up, call_key("AES_CM_128_HMAC_SHA1_80"), ENGINE_SEND));
	REQUIRE(srtp_open(&down, call_key("AES_CM_128_HMAC_SHA1_80"), ENGINE_RECEIVE));
	media.legs[0].receive = up.ctx;
	media.legs[0].send = down.ctx;
	media.legs[0].interface = 1;
	EXPECT_ERR(call_create(&g, &call, &spec), ERR_INVALID);
	media.legs[0].remote = peer_6;
	REQUIRE_OK(call_create(&g, &call, &spec));
	for (uint64_t i = 0; i < 100; i++) {
		size_t n = call_rtp(clear, SSRC_A, i);

		memcpy(octets, clear, n);
		EXPECT_OK(sim_send(g.sim, &peer_6, &local_6, octets, end_protect(&up, octets, n, sizeof(octets), i)));
		n = call_rtp(octets, SSRC_B, i);
		EXPECT_OK(sim_send(g.sim, &call_peer_b, &call_local_b, octets, n));
		stage_run(&g, 1);
		REQUIRE(sim_receive(g.sim, &call_peer_b, &got));
		EXPECT_OCTETS(got.data, got.len, clear, n);
		EXPECT(addr_eq(&got.from, &call_local_b));
		REQUIRE(sim_receive(g.sim, &peer_6, &got));
		EXPECT(addr_eq(&got.from, &local_6));
		EXPECT_OCTETS(got.data, srtp_open_pkt(&down, got.data, got.len, &v), octets, n);
	}
	EXPECT_OK(call_delete(&g, call));
	srtp_close(&up);
	srtp_close(&down);
	stage_close(&g);
}

TEST_MAIN("latching", {"signalled takes only that", signalled_takes_only_that}, {"first learns once", first_learns_once},
          {"first learns the signalled one too", first_learns_the_signalled_one_too},
          {"first learns where nothing was signalled", first_learns_where_nothing_was_signalled},
          {"after the window only the signalled one", after_the_window_only_the_signalled_one},
          {"signalling starts over", signalling_starts_over}, {"who left is not learnt", who_left_is_not_learnt},
          {"follow goes everywhere", follow_goes_everywhere},
          {"the window begins when the gate opens", the_window_begins_when_the_gate_opens},
          {"a closed gate teaches nothing", a_closed_gate_teaches_nothing},
          {"asymmetric hears there and sends here", asymmetric_hears_there_and_sends_here},
          {"noise teaches nothing", noise_teaches_nothing}, {"from six to four", from_six_to_four})
