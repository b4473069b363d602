/* SPDX-License-Identifier: MIT */
/* Forking: two core legs, one of them connected to the terminal. Whatever both legs send, no index
 * is used twice (RFC 3711 9.1). */
#include "tests/harness/call.h"

#include "base/bytes.h"

enum { SSRC_A = 0x0a0a0a0a, SSRC_CORE = 0x0c0c0c0c };

static const struct addr peer_c = {.ip = {198, 51, 100, 2}, .port = 5000, .version = 4};
static const struct addr local_c = {.ip = {10, 0, 0, 1}, .port = 32000, .version = 4};

static bool open_fork(struct scene *s)
{
	if (!scene_prepare(s, "evp", "AES_CM_128_HMAC_SHA1_80"))
		return false;
	s->media.n_legs = 3;
	s->media.legs[2] = s->media.legs[1];
	s->media.legs[2].port_rtp = local_c.port;
	s->media.legs[2].remote = peer_c;
	return scene_start(s);
}

static void join(struct scene *s, uint8_t active)
{
	s->media.active = active;
	EXPECT_OK(call_update(&s->g, s->call, &s->spec));
}

/* Sends a packet from a core leg and returns the SSRC under which the terminal receives it; 0: not
 * received. A received packet must decrypt. */
static uint32_t heard_as(struct scene *s, unsigned leg, uint16_t seq)
{
	uint8_t octets[256];
	size_t n = call_rtp(octets, SSRC_CORE, seq);
	enum verdict v = VERDICT_NONE;
	struct sim_pkt got;
	uint32_t ssrc;

	EXPECT_OK(sim_send(s->g.sim, leg == 1 ? &call_peer_b : &peer_c,
	                   leg == 1 ? &call_local_b : &local_c, octets, n));
	stage_run(&s->g, 1);
	if (!sim_receive(s->g.sim, &call_peer_a, &got))
		return 0;
	ssrc = be32_get(got.data + 8);
	/* The terminal's replay window would refuse an index that was used before. */
	EXPECT_INT(srtp_open_pkt(&s->down[0], got.data, got.len, &v), n);
	EXPECT_INT(v, VERDICT_NONE);
	EXPECT_OCTETS(got.data + 12, n - 12, octets + 12, n - 12);
	return ssrc;
}

/* True if a packet of the terminal goes to `to` and to no other address. */
static bool reaches(struct scene *s, const struct addr *to, uint64_t index)
{
	uint8_t octets[256];
	size_t n = call_rtp(octets, SSRC_A, index);
	struct sim_pkt got;

	n = end_protect(&s->up[0], octets, n, sizeof(octets), index);
	EXPECT_OK(sim_send(s->g.sim, &call_peer_a, &call_local_a, octets, n));
	stage_run(&s->g, 1);
	return sim_receive(s->g.sim, to, &got) && !sim_receive(s->g.sim, NULL, &got);
}

static void only_the_active_leg_talks(void)
{
	struct scene s;

	if (!open_fork(&s))
		return;
	EXPECT_INT(heard_as(&s, 1, 1), SSRC_CORE);
	EXPECT_INT(heard_as(&s, 2, 1), 0);
	EXPECT(reaches(&s, &call_peer_b, 1));
	join(&s, 2);
	EXPECT_INT(heard_as(&s, 1, 2), 0);
	EXPECT(heard_as(&s, 2, 2) != 0);
	EXPECT(reaches(&s, &peer_c, 2));
	EXPECT_OK(call_query(&s.g, s.call));
	EXPECT_INT(s.g.media_stats[0].legs[1].verdicts[VERDICT_NO_PEER], 1);
	EXPECT_INT(s.g.media_stats[0].legs[2].verdicts[VERDICT_NO_PEER], 1);
	scene_close(&s);
}

/* Both core legs send alternately with the same SSRC and sequence numbers: each leg gets its own
 * outgoing SSRC and keeps it. */
static void both_legs_with_one_ssrc(void)
{
	uint32_t names[3] = {0};
	uint16_t seqs[3] = {0, 65500, 65500};
	struct scene s;

	if (!open_fork(&s))
		return;
	for (unsigned turn = 0; turn < 40; turn++) {
		unsigned leg = 1 + turn % 2;

		join(&s, (uint8_t)leg);
		for (unsigned i = 0; i < 20; i++) {
			uint32_t name = heard_as(&s, leg, seqs[leg]++);

			EXPECT(name != 0);
			EXPECT(names[leg] == 0 || names[leg] == name);
			names[leg] = name;
		}
	}
	EXPECT_INT(names[1], SSRC_CORE);
	EXPECT(names[2] != SSRC_CORE);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_SSRC_CHANGED), 1);
	scene_close(&s);
}

/* The outgoing SSRC of a leg that ended is not used again: a new leg with the same source SSRC gets
 * another outgoing SSRC. */
static void an_outgoing_ssrc_is_never_reused(void)
{
	uint32_t names[8];
	struct scene s;

	if (!open_fork(&s))
		return;
	names[0] = heard_as(&s, 1, 1);
	for (unsigned i = 1; i < 6; i++) {
		/* The other branch answers; then a new fork replaces the one that ended. */
		s.media.legs[1].exists = false;
		join(&s, 2);
		s.media.legs[1].exists = true;
		join(&s, 1);
		names[i] = heard_as(&s, 1, 1);
		EXPECT(names[i] != 0);
		for (unsigned k = 0; k < i; k++)
			EXPECT(names[i] != names[k]);
	}
	scene_close(&s);
}

/* After random switches of the active leg, restarts and sequence number jumps, every packet that
 * reaches the terminal decrypts. */
static void random_forks(void)
{
	struct scene s;
	uint16_t seqs[3] = {0, 100, 100};
	unsigned got = 0;

	if (!open_fork(&s))
		return;
	for (unsigned i = 0; i < 2000 && s.down[0].party->n_streams + 1 < CALL_STREAMS_MAX; i++) {
		uint64_t r = test_random(&s.g.random) % 400;
		unsigned leg = 1 + (unsigned)(test_random(&s.g.random) % 2);

		if (r < 2)
			seqs[leg] = (uint16_t)test_random(&s.g.random);
		else if (r < 30)
			seqs[leg] = (uint16_t)(seqs[leg] - test_random(&s.g.random) % 20);
		else if (r < 50)
			join(&s, (uint8_t)leg);
		got += heard_as(&s, leg, seqs[leg]++) != 0;
	}
	EXPECT(got > 50);
	scene_close(&s);
}

TEST_MAIN("forking", {"only the active leg talks", only_the_active_leg_talks},
          {"both legs with one SSRC", both_legs_with_one_ssrc},
          {"an outgoing SSRC is never reused", an_outgoing_ssrc_is_never_reused},
          {"random forks", random_forks})
