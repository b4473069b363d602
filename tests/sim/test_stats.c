/* SPDX-License-Identifier: MIT */
/* Statistics of a call count RTP and RTCP separately, count each source, and include m-lines that
 * were removed. */
#include "tests/harness/call.h"

enum { SSRC_A = 0x0a0a0a0a, SSRC_C = 0x0c0c0c0c, RTP_LEN = 172, RTCP_LEN = 28 };

struct talk {
	struct stage g;
	struct relay_session_spec spec;
	struct relay_media_spec media;
	struct relay_session *call;
};

static void send_rtp(struct talk *t, uint32_t ssrc, uint64_t first, unsigned n)
{
	uint8_t octets[RTP_LEN + 64];

	for (unsigned i = 0; i < n; i++) {
		size_t len = call_rtp(octets, ssrc, first + i);

		EXPECT_OK(sim_send(t->g.sim, &call_peer_a, &call_local_a, octets, len));
		stage_run(&t->g, 1);
	}
}

/* Sends `n` sender reports of source `ssrc`. */
static void send_rtcp(struct talk *t, uint32_t ssrc, unsigned n)
{
	uint8_t octets[RTCP_LEN] = {0x80,
	                            200,
	                            0,
	                            6,
	                            (uint8_t)(ssrc >> 24),
	                            (uint8_t)(ssrc >> 16),
	                            (uint8_t)(ssrc >> 8),
	                            (uint8_t)ssrc};

	for (unsigned i = 0; i < n; i++) {
		EXPECT_OK(sim_send(t->g.sim, &call_peer_a, &call_local_a, octets, sizeof(octets)));
		stage_run(&t->g, 1);
	}
}

static bool begin(struct talk *t)
{
	memset(t, 0, sizeof(*t));
	if (!stage_open(&t->g, "evp", 1))
		return false;
	call_spec(&t->spec, &t->media, RELAY_MODE_RTP, RELAY_RTCP_MUX);
	return EXPECT_OK(call_create(&t->g, &t->call, &t->spec));
}

static void end(struct talk *t)
{
	EXPECT_OK(call_delete(&t->g, t->call));
	stage_close(&t->g);
}

static const struct relay_leg_stats *look(struct talk *t)
{
	EXPECT_OK(call_query(&t->g, t->call));
	return &t->g.media_stats[0].legs[0];
}

static void rtp_and_rtcp_are_counted_apart(void)
{
	struct talk t;
	const struct relay_leg_stats *s;
	uint8_t octets[256];
	size_t len = call_rtp(octets, SSRC_A, 0);

	if (!begin(&t))
		return;
	send_rtp(&t, SSRC_A, 1, 5);
	send_rtcp(&t, SSRC_A, 2);
	s = look(&t);
	EXPECT_INT(s->rx_pkts, 7);
	EXPECT_INT(s->rtcp_pkts, 2);
	EXPECT_INT(s->rtcp_bytes, 2 * RTCP_LEN);
	EXPECT_INT(s->rx_bytes, 5 * len + 2 * RTCP_LEN);
	EXPECT_INT(s->rtcp_errors, 0);
	/* Without the core leg, a report from leg a is still counted, and counted as an error,
	 * because it cannot be forwarded. */
	t.media.legs[1].exists = false;
	EXPECT_OK(call_update(&t.g, t.call, &t.spec));
	send_rtp(&t, SSRC_A, 6, 3);
	send_rtcp(&t, SSRC_A, 1);
	s = look(&t);
	EXPECT_INT(s->rtcp_pkts, 3);
	EXPECT_INT(s->rtcp_errors, 1);
	end(&t);
}

static void removed_m_lines_still_count(void)
{
	struct talk t;
	const struct relay_gone_leg *gone;

	if (!begin(&t))
		return;
	send_rtp(&t, SSRC_A, 1, 5);
	send_rtcp(&t, SSRC_A, 2);
	for (unsigned round = 0; round < 2; round++) {
		struct relay_media_spec kept = t.media;

		/* Remove the m-line with both legs, and add it again. */
		for (unsigned i = 0; i < RELAY_LEGS_MAX; i++)
			t.media.legs[i].exists = false;
		EXPECT_OK(call_update(&t.g, t.call, &t.spec));
		t.media = kept;
		EXPECT_OK(call_update(&t.g, t.call, &t.spec));
		send_rtp(&t, round ? SSRC_C : SSRC_A, 100, 3);
	}
	(void)look(&t);
	EXPECT_INT(t.g.media_stats[0].legs[0].rx_pkts, 3);
	REQUIRE(t.g.stats.n_gone == 2);
	gone = t.g.stats.gone;
	EXPECT_INT(gone[0].media, 0);
	EXPECT_INT(gone[0].leg, 0);
	EXPECT_INT(gone[0].stats.rx_pkts, 5 + 2 + 3);
	EXPECT_INT(gone[0].stats.rtcp_pkts, 2);
	EXPECT_INT(gone[0].stats.verdicts[VERDICT_FORWARDED], 5 + 2 + 3);
	REQUIRE(gone[0].stats.n_streams == 1);
	EXPECT_INT(gone[0].stats.streams[0].ssrc, SSRC_A);
	EXPECT_INT(gone[0].stats.streams[0].pkts, 5 + 3);
	EXPECT_INT(gone[1].stats.tx_pkts, 5 + 2 + 3);
	end(&t);
}

TEST_MAIN("stats", {"rtp and rtcp are counted apart", rtp_and_rtcp_are_counted_apart},
          {"removed m-lines still count", removed_m_lines_still_count})
