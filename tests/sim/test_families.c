/* SPDX-License-Identifier: MIT */
/* A leg with an IPv4 and an IPv6 address receives on both, and sends from the address of its peer's
 * family. */
#include "tests/harness/call.h"

enum { SSRC_A = 0x0a0a0a0a, SSRC_B = 0x0b0b0b0b };

static const struct addr peer_6 = {
	.ip = {0x20, 1, 0xd, 0xb8, [15] = 0x99}, .port = 4000, .version = 6};
static const struct addr local_6 = {
	.ip = {0x20, 1, 0xd, 0xb8, [15] = 1}, .port = 32000, .version = 6};

struct call {
	struct stage g;
	struct relay_session_spec spec;
	struct relay_media_spec media;
	struct relay_session *call;
	uint16_t seq;
};

static bool call_open(struct call *s, enum relay_rtcp rtcp, enum relay_latch latch)
{
	memset(s, 0, sizeof(*s));
	if (!stage_open(&s->g, "evp", 1))
		return false;
	call_spec(&s->spec, &s->media, RELAY_MODE_RTP, rtcp);
	s->media.legs[0].latch = latch;
	return EXPECT_OK(call_create(&s->g, &s->call, &s->spec));
}

static void call_close(struct call *s)
{
	EXPECT_OK(call_delete(&s->g, s->call));
	stage_close(&s->g);
}

/* Moves leg a to IPv6; it still receives on IPv4. */
static void move_to_six(struct call *s)
{
	struct relay_leg_spec *a = &s->media.legs[0];

	a->other_interface = a->interface;
	a->other_rtp = a->port_rtp;
	a->other_rtcp = a->port_rtcp;
	a->interface = 1;
	a->port_rtp = local_6.port;
	a->port_rtcp = a->rtcp == RELAY_RTCP_PAIR ? (uint16_t)(local_6.port + 1) : 0;
	a->remote = peer_6;
	a->remote_rtcp = (struct addr){.version = 0};
	EXPECT_OK(call_update(&s->g, s->call, &s->spec));
}

static bool is_heard(struct call *s, const struct addr *from, const struct addr *at)
{
	uint8_t octets[256];
	size_t n = call_rtp(octets, SSRC_A, s->seq++);
	struct sim_pkt got;

	EXPECT_OK(sim_send(s->g.sim, from, at, octets, n));
	stage_run(&s->g, 1);
	return sim_receive(s->g.sim, &call_peer_b, &got) && got.len == n &&
	       memcmp(got.data, octets, n) == 0;
}

/* True if a packet of the core leaves from `from` to `to`, and to no other address. */
static bool is_told(struct call *s, const struct addr *to, const struct addr *from)
{
	uint8_t octets[256];
	size_t n = call_rtp(octets, SSRC_B, s->seq++);
	struct sim_pkt got;
	bool ok;

	EXPECT_OK(sim_send(s->g.sim, &call_peer_b, &call_local_b, octets, n));
	stage_run(&s->g, 1);
	ok = sim_receive(s->g.sim, to, &got) && memcmp(got.data, octets, n) == 0 &&
	     addr_eq(&got.from, from);
	return ok && !sim_receive(s->g.sim, NULL, &got);
}

/* The peer asks for media on IPv6, but still sends to the IPv4 address of earlier signalling. */
static void heard_on_the_old_address(void)
{
	struct call s;

	if (!call_open(&s, RELAY_RTCP_MUX, RELAY_LATCH_ASYMMETRIC))
		return;
	EXPECT(is_heard(&s, &call_peer_a, &call_local_a));
	move_to_six(&s);
	EXPECT(is_told(&s, &peer_6, &local_6));
	EXPECT(is_heard(&s, &call_peer_a, &call_local_a));
	EXPECT(is_told(&s, &peer_6, &local_6));
	call_close(&s);
}

/* If a leg learns its peer on the old local address, media to the peer leaves from that address. */
static void answers_leave_from_the_address_the_peer_sends_to(void)
{
	static const struct addr elsewhere = {.ip = {203, 0, 113, 9}, .port = 4100, .version = 4};
	struct call s;

	if (!call_open(&s, RELAY_RTCP_MUX, RELAY_LATCH_FOLLOW))
		return;
	move_to_six(&s);
	EXPECT(is_heard(&s, &peer_6, &local_6));
	EXPECT(is_told(&s, &peer_6, &local_6));
	stage_run(&s.g, 100);
	EXPECT(is_heard(&s, &elsewhere, &call_local_a));
	EXPECT(is_told(&s, &elsewhere, &call_local_a));
	EXPECT(is_heard(&s, &peer_6, &local_6));
	EXPECT(is_told(&s, &peer_6, &local_6));
	call_close(&s);
}

/* The leg moves back to IPv4: the sockets stay open and only change roles. RTCP on separate ports
 * moves too. */
static void there_and_back(void)
{
	static const uint8_t report[8] = {0x81, 201, 0, 1, 0x0b, 0x0b, 0x0b, 0x0b};
	struct call s;
	struct relay_leg_spec first;
	struct sim_pkt got;

	if (!call_open(&s, RELAY_RTCP_PAIR, RELAY_LATCH_SIGNALLED))
		return;
	first = s.media.legs[0];
	EXPECT_INT(sim_open_ports(s.g.sim), 4);
	move_to_six(&s);
	EXPECT_INT(sim_open_ports(s.g.sim), 6);
	EXPECT(is_heard(&s, &peer_6, &local_6));
	EXPECT(is_told(&s, &peer_6, &local_6));
	EXPECT_OK(sim_send(s.g.sim,
	                   &(struct addr){.ip = {198, 51, 100, 1}, .port = 5001, .version = 4},
	                   &(struct addr){.ip = {10, 0, 0, 1}, .port = 31001, .version = 4}, report,
	                   sizeof(report)));
	stage_run(&s.g, 1);
	REQUIRE(sim_receive(s.g.sim, NULL, &got));
	EXPECT_INT(got.to.port, 4001);
	EXPECT_INT(got.to.version, 6);
	EXPECT_INT(got.from.port, 32001);
	first.other_interface = 1;
	first.other_rtp = local_6.port;
	first.other_rtcp = (uint16_t)(local_6.port + 1);
	s.media.legs[0] = first;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT_INT(sim_open_ports(s.g.sim), 6);
	EXPECT(is_heard(&s, &call_peer_a, &call_local_a));
	EXPECT(is_told(&s, &call_peer_a, &call_local_a));
	EXPECT(!is_heard(&s, &peer_6, &local_6));
	/* Now remove the leg's second address. */
	s.media.legs[0].other_rtp = s.media.legs[0].other_rtcp = s.media.legs[0].other_interface =
		0;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT_INT(sim_open_ports(s.g.sim), 4);
	EXPECT(is_told(&s, &call_peer_a, &call_local_a));
	call_close(&s);
}

static void wrong_ones_are_refused(void)
{
	struct call s;
	struct relay_leg_spec *a = &s.media.legs[0], good;

	if (!call_open(&s, RELAY_RTCP_MUX, RELAY_LATCH_SIGNALLED))
		return;
	good = *a;
	a->other_interface = 0;
	a->other_rtp = 33000;
	EXPECT_ERR(call_update(&s.g, s.call, &s.spec), ERR_INVALID);
	a->other_interface = 9;
	EXPECT_ERR(call_update(&s.g, s.call, &s.spec), ERR_RANGE);
	a->other_interface = 1;
	a->other_rtcp = 33001;
	EXPECT_ERR(call_update(&s.g, s.call, &s.spec), ERR_INVALID);
	*a = good;
	a->remote = peer_6;
	EXPECT_ERR(call_update(&s.g, s.call, &s.spec), ERR_INVALID);
	*a = good;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	call_close(&s);
}

TEST_MAIN("families", {"heard on the old address", heard_on_the_old_address},
          {"answers leave from the address the peer sends to",
           answers_leave_from_the_address_the_peer_sends_to},
          {"there and back", there_and_back}, {"wrong ones are refused", wrong_ones_are_refused})
