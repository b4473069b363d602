/* SPDX-License-Identifier: MIT */
/* Legs without keys learn the address of their peer by their policy; calls between
 * IPv4 and IPv6. */
#include "tests/harness/call.h"

enum { SSRC_A = 0x0a0a0a0a, SSRC_B = 0x0b0b0b0b };

static const struct addr elsewhere = {.ip = {203, 0, 113, 9}, .port = 4100, .version = 4};
static const struct addr third = {.ip = {203, 0, 113, 10}, .port = 4200, .version = 4};

/* A plain call; leg a learns its peer's address. */
struct plain {
	struct stage g;
	struct relay_session_spec spec;
	struct relay_media_spec media;
	struct relay_session *call;
	uint16_t seq;
};

static bool plain_open(struct plain *s, enum relay_latch policy, uint32_t window_ms,
                       const struct addr *signalled)
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

/* True if the core receives a packet sent from `from` to leg a. */
static bool passes(struct plain *s, const struct addr *from)
{
	uint8_t octets[256];
	size_t n = call_rtp(octets, SSRC_A, s->seq++);
	struct sim_pkt got;

	EXPECT_OK(sim_send(s->g.sim, from, &call_local_a, octets, n));
	stage_run(&s->g, 1);
	return sim_receive(s->g.sim, &call_peer_b, &got) && got.len == n &&
	       memcmp(got.data, octets, n) == 0;
}

/* True if a packet of the core goes to `to` and to no other address. */
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

static void signalled_accepts_only_that_address(void)
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

	if (!plain_open(&s, RELAY_LATCH_FIRST, 0, &call_peer_a))
		return;
	EXPECT(passes(&s, &elsewhere));
	EXPECT(goes_to(&s, &elsewhere));
	EXPECT(!passes(&s, &third));
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

/* The first packet may be late: the callee rang for twelve seconds, a minute, an hour. */
static void a_late_first_packet(void)
{
	static const enum relay_latch policies[] = {RELAY_LATCH_FIRST, RELAY_LATCH_HEURISTIC,
	                                            RELAY_LATCH_FOLLOW};
	static const unsigned late_ms[] = {12000, 60000, 600000};

	for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
		for (size_t k = 0; k < ARRAY_LEN(late_ms); k++) {
			struct plain s;

			test_context("policy %d after %u ms", (int)policies[i], late_ms[k]);
			if (!plain_open(&s, policies[i], 0, &call_peer_a))
				return;
			stage_run(&s.g, late_ms[k]);
			for (unsigned n = 0; n < 50; n++)
				EXPECT(passes(&s, &elsewhere));
			EXPECT(goes_to(&s, &elsewhere));
			plain_close(&s);
		}
	}
}

/* Signalling the same address changes nothing; another address restarts learning. */
static void signalling_starts_over(void)
{
	struct plain s;

	if (!plain_open(&s, RELAY_LATCH_FIRST, 0, &call_peer_a))
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
	EXPECT(passes(&s, &third));
	EXPECT(goes_to(&s, &third));
	EXPECT(!passes(&s, &call_peer_a));
	plain_close(&s);
}

/* Signalling moves the leg to another peer. Packets of the previous peer pass until the new peer
 * sends, but the leg does not learn the previous peer's address. */
static void the_previous_peer_is_not_learnt(void)
{
	struct plain s;

	if (!plain_open(&s, RELAY_LATCH_FIRST, 0, &call_peer_a))
		return;
	EXPECT(passes(&s, &call_peer_a));
	s.media.legs[0].remote = elsewhere;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT(passes(&s, &call_peer_a));
	EXPECT(goes_to(&s, &elsewhere));
	/* The new peer is behind a NAT, so it sends from another address than the signalled one. */
	EXPECT(passes(&s, &third));
	EXPECT(goes_to(&s, &third));
	EXPECT(!passes(&s, &call_peer_a));
	stage_run(&s.g, 2000);
	EXPECT(!passes(&s, &call_peer_a));
	plain_close(&s);
}

/* A re-INVITE signals an address that is wrong because of a NAT, and the peer continues from its
 * old address. It loses no packets to the core, and packets from the core for one second. */
static void a_signalled_address_that_is_not_used(void)
{
	struct plain s;
	unsigned lost = 0;

	if (!plain_open(&s, RELAY_LATCH_HEURISTIC, 0, &call_peer_a))
		return;
	EXPECT(passes(&s, &elsewhere));
	stage_run(&s.g, 5000);
	EXPECT(passes(&s, &elsewhere));
	s.media.legs[0].remote = addr_with_port(&call_peer_a, 4998);
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	for (unsigned i = 0; i < 100; i++) {
		struct sim_pkt got;

		EXPECT(passes(&s, &elsewhere));
		lost += !goes_to(&s, &elsewhere);
		while (sim_receive(s.g.sim, NULL, &got))
			;
		stage_run(&s.g, 18);
	}
	EXPECT(lost > 0 && lost <= 51);
	plain_close(&s);
}

/* Policy follow learns a new address when the previous address pauses; does not alternate between
 * two addresses that send at the same time; and returns to the signalled address at once. */
static void follow_accepts_any_new_address(void)
{
	const struct addr *const ways[] = {&call_peer_a, &elsewhere, &third, &elsewhere, &third};
	struct plain s;

	if (!plain_open(&s, RELAY_LATCH_FOLLOW, 0, &call_peer_a))
		return;
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		EXPECT(passes(&s, ways[i]));
		EXPECT(passes(&s, ways[i]));
		EXPECT(goes_to(&s, ways[i]));
		stage_run(&s.g, 20);
		EXPECT(!passes(&s, ways[i] == &third ? &elsewhere : &third) || ways[i] == &third);
		EXPECT(passes(&s, ways[i]) || ways[i] == &third);
		stage_run(&s.g, 120);
	}
	EXPECT(passes(&s, &call_peer_a));
	EXPECT(goes_to(&s, &call_peer_a));
	plain_close(&s);
}

/* Hold, resume and every answer restart learning: the learnt peer keeps the leg if it sends,
 * otherwise it loses the leg. */
static void signalling_restarts_learning(void)
{
	for (unsigned by_gate = 0; by_gate < 2; by_gate++) {
		struct plain s;

		test_context("by %s", by_gate ? "the gate" : "an answer");
		if (!plain_open(&s, RELAY_LATCH_HEURISTIC, 0, &call_peer_a))
			return;
		EXPECT(passes(&s, &elsewhere));
		stage_run(&s.g, 4000);
		for (unsigned speaks = 2; speaks-- > 0;) {
			if (speaks)
				EXPECT(passes(&s, &elsewhere));
			if (by_gate) {
				s.media.legs[0].can_receive = false;
				EXPECT_OK(call_update(&s.g, s.call, &s.spec));
				s.media.legs[0].can_receive = true;
			} else {
				EXPECT_OK(relay_session_reopen(
					s.g.relay, s.call, (const uint16_t[RELAY_MEDIA_MAX]){1}));
			}
			EXPECT_OK(call_update(&s.g, s.call, &s.spec));
			EXPECT(goes_to(&s, &elsewhere));
			EXPECT_INT(passes(&s, &third), !speaks);
			EXPECT(goes_to(&s, speaks ? &elsewhere : &third));
			stage_run(&s.g, 1000);
		}
		plain_close(&s);
	}
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
	/* Another host that sends during a hold, however long, does not get the leg; the peer keeps
	 * the leg by sending. */
	s.media.legs[0].can_receive = false;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	for (unsigned i = 0; i < 60; i++) {
		EXPECT(!passes(&s, &third));
		EXPECT(!passes(&s, &elsewhere));
		stage_run(&s.g, 998);
	}
	EXPECT(!passes(&s, &elsewhere));
	s.media.legs[0].can_receive = true;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT(!passes(&s, &third));
	EXPECT(passes(&s, &elsewhere));
	plain_close(&s);
}

static void asymmetric_hears_there_and_sends_here(void)
{
	struct plain s;

	if (!plain_open(&s, RELAY_LATCH_ASYMMETRIC, 0, &call_peer_a))
		return;
	stage_run(&s.g, 20000);
	EXPECT(passes(&s, &elsewhere));
	EXPECT(goes_to(&s, &call_peer_a));
	EXPECT(!passes(&s, &third));
	EXPECT(passes(&s, &elsewhere));
	EXPECT(goes_to(&s, &call_peer_a));
	EXPECT(passes(&s, &call_peer_a));
	EXPECT(!passes(&s, &elsewhere));
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_SOURCE_CHANGED), 0);
	EXPECT_OK(call_query(&s.g, s.call));
	EXPECT(!s.g.media_stats[0].legs[0].latched);
	plain_close(&s);
}

/* --- ranks ------------------------------------------------------------------ */

/* If another host sends first, it gets the leg. It keeps the leg against further hosts, but not
 * against the signalled address. */
static void the_signalled_peer_wins_the_leg_back(void)
{
	static const enum relay_latch policies[] = {RELAY_LATCH_FIRST, RELAY_LATCH_HEURISTIC,
	                                            RELAY_LATCH_FOLLOW};

	for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
		struct plain s;

		test_context("policy %d", (int)policies[i]);
		if (!plain_open(&s, policies[i], 0, &call_peer_a))
			return;
		EXPECT(passes(&s, &elsewhere));
		stage_run(&s.g, 5000);
		EXPECT(passes(&s, &elsewhere));
		EXPECT(passes(&s, &call_peer_a));
		for (unsigned n = 0; n < 100; n++) {
			EXPECT(!passes(&s, &elsewhere));
			EXPECT(passes(&s, &call_peer_a));
			EXPECT(goes_to(&s, &call_peer_a));
			stage_run(&s.g, 20);
		}
		plain_close(&s);
	}
}

/* The best source within three seconds gets the leg, and no packet is lost meanwhile; also if
 * packets of several sources arrive in one batch. */
static void heuristic_chooses(void)
{
	const struct addr door = addr_with_port(&call_peer_a, 4999);
	const struct addr *const ways[] = {&elsewhere, &third, &door, &elsewhere, &door};
	static const bool want[] = {true, false, true, false, true};
	struct plain s;
	uint8_t octets[256];
	struct sim_pkt got;
	unsigned heard = 0;

	if (!plain_open(&s, RELAY_LATCH_HEURISTIC, 0, &call_peer_a))
		return;
	stage_run(&s.g, 12000);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		EXPECT_INT(passes(&s, ways[i]), want[i]);
	EXPECT(goes_to(&s, &door));
	stage_run(&s.g, 3000);
	EXPECT(!passes(&s, &elsewhere) || passes(&s, &door));
	EXPECT(passes(&s, &call_peer_a));
	EXPECT(goes_to(&s, &call_peer_a));
	plain_close(&s);
	/* In one batch: the first source is accepted, then the better one, but not the worse
	 * sources after it. */
	if (!plain_open(&s, RELAY_LATCH_HEURISTIC, 0, &call_peer_a))
		return;
	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		EXPECT_OK(sim_send(s.g.sim, ways[i], &call_local_a, octets,
		                   call_rtp(octets, SSRC_A, i)));
	stage_run(&s.g, 1);
	while (sim_receive(s.g.sim, &call_peer_b, &got))
		heard++;
	EXPECT_INT(heard, 3);
	EXPECT(goes_to(&s, &door));
	plain_close(&s);
}

/* A NAT changes the peer's port or address during the call, and no key proves who the peer is. */
static void a_rebind_without_keys(void)
{
	const struct addr door = addr_with_port(&elsewhere, 4999);
	struct plain s;
	unsigned lost = 0;

	if (!plain_open(&s, RELAY_LATCH_HEURISTIC, 0, &call_peer_a))
		return;
	for (unsigned i = 0; i < 200; i++) {
		EXPECT(passes(&s, &elsewhere));
		stage_run(&s.g, 19);
	}
	for (unsigned i = 0; i < 100; i++) {
		lost += !passes(&s, &door);
		stage_run(&s.g, 19);
	}
	EXPECT(lost > 0 && lost <= 50);
	EXPECT(goes_to(&s, &door));
	lost = 0;
	for (unsigned i = 0; i < 780; i++) {
		lost += !passes(&s, &third);
		stage_run(&s.g, 19);
	}
	EXPECT(lost > 700 && lost <= 750);
	EXPECT(goes_to(&s, &third));
	/* The new source may have been another host that used a pause. So the source that lost the
	 * leg by silence may reclaim it; the other host may not. */
	EXPECT(passes(&s, &door));
	EXPECT(goes_to(&s, &door));
	EXPECT(!passes(&s, &third));
	plain_close(&s);
}

static void strict_keeps_the_leg_through_silence(void)
{
	struct plain s;

	if (!plain_open(&s, RELAY_LATCH_FIRST, 0, &call_peer_a))
		return;
	s.media.legs[0].latch_strict = true;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT(passes(&s, &elsewhere));
	stage_run(&s.g, 60000);
	EXPECT(!passes(&s, &third));
	EXPECT(passes(&s, &elsewhere));
	plain_close(&s);
}

/* A leg does not learn the source address of a packet that is neither RTP nor RTCP. */
static void noise_teaches_nothing(void)
{
	static const char *const noise[] = {"\x80\0\0\1", "\0\1\0\0", "hello, world, here I am",
	                                    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"};
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

/* --- IPv4 and IPv6 ---------------------------------------------------------- */

static const struct addr peer_6 = {
	.ip = {0x20, 1, 0xd, 0xb8, [15] = 0x99}, .port = 4000, .version = 6};
static const struct addr local_6 = {
	.ip = {0x20, 1, 0xd, 0xb8, [15] = 1}, .port = 30000, .version = 6};

static void from_six_to_four(void)
{
	struct srtp_end up = {.ctx = NULL}, down = {.ctx = NULL};
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
		EXPECT_OK(sim_send(g.sim, &peer_6, &local_6, octets,
		                   end_protect(&up, octets, n, sizeof(octets), i)));
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

TEST_MAIN("latching", {"signalled accepts only that address", signalled_accepts_only_that_address},
          {"first learns once", first_learns_once},
          {"first learns the signalled one too", first_learns_the_signalled_one_too},
          {"first learns where nothing was signalled", first_learns_where_nothing_was_signalled},
          {"a late first packet", a_late_first_packet},
          {"a signalled address that is not used", a_signalled_address_that_is_not_used},
          {"the signalled peer wins the leg back", the_signalled_peer_wins_the_leg_back},
          {"heuristic chooses", heuristic_chooses},
          {"a rebind without keys", a_rebind_without_keys},
          {"strict keeps the leg through silence", strict_keeps_the_leg_through_silence},
          {"signalling starts over", signalling_starts_over},
          {"the previous peer is not learnt", the_previous_peer_is_not_learnt},
          {"follow accepts any new address", follow_accepts_any_new_address},
          {"signalling restarts learning", signalling_restarts_learning},
          {"a closed gate teaches nothing", a_closed_gate_teaches_nothing},
          {"asymmetric hears there and sends here", asymmetric_hears_there_and_sends_here},
          {"noise teaches nothing", noise_teaches_nothing}, {"from six to four", from_six_to_four})
