/* SPDX-License-Identifier: MIT */
/* Calls of every mode through the whole relay, over a network in memory. */
#include "tests/harness/call.h"

#include "relay/packet/rtp.h"

enum { SSRC_A = 0x0a0a0a0a, SSRC_B = 0x0b0b0b0b };

static bool arrives(struct stage *g, const struct addr *to, const uint8_t *want, size_t n)
{
	struct sim_pkt got;

	return EXPECT(sim_receive(g->sim, to, &got)) && EXPECT_OCTETS(got.data, got.len, want, n);
}

static void clear_both_ways(enum relay_mode mode)
{
	struct relay_session_spec spec;
	struct relay_media_spec media;
	struct relay_session *call;
	struct stage g;
	uint8_t octets[256];

	if (!stage_open(&g, "evp", 1))
		return;
	call_spec(&spec, &media, mode, RELAY_RTCP_MUX);
	if (EXPECT_OK(call_create(&g, &call, &spec))) {
		for (uint64_t i = 0; i < 200; i++) {
			size_t n = call_rtp(octets, SSRC_A, i);

			EXPECT_OK(sim_send(g.sim, &call_peer_a, &call_local_a, octets, n));
			stage_run(&g, 1);
			arrives(&g, &call_peer_b, octets, n);
			n = call_rtp(octets, SSRC_B, i);
			EXPECT_OK(sim_send(g.sim, &call_peer_b, &call_local_b, octets, n));
			stage_run(&g, 1);
			arrives(&g, &call_peer_a, octets, n);
		}
		EXPECT_INT(stage_events(&g, RELAY_EVENT_FIRST_MEDIA), 2);
		EXPECT_OK(call_delete(&g, call));
		EXPECT_INT(g.media_stats[0].legs[0].verdicts[VERDICT_FORWARDED], 200);
		EXPECT_INT(g.media_stats[0].legs[1].tx_pkts, 200);
	}
	stage_close(&g);
}

static void plain(void)
{
	clear_both_ways(RELAY_MODE_RTP);
}

static void opaque(void)
{
	clear_both_ways(RELAY_MODE_E2E);
}

/* Sends SRTP from A, which B receives as plain RTP, and plain RTP from B, which A receives as
 * SRTP. */
static void one_each_way(struct stage *g, struct srtp_end *send, struct srtp_end *receive,
                         uint64_t i)
{
	uint8_t octets[256], clear[256];
	size_t n = call_rtp(clear, SSRC_A, i), secure;
	struct sim_pkt got;
	enum verdict v;

	memcpy(octets, clear, n);
	secure = end_protect(send, octets, n, sizeof(octets), i);
	EXPECT_OK(sim_send(g->sim, &call_peer_a, &call_local_a, octets, secure));
	stage_run(g, 0);
	arrives(g, &call_peer_b, clear, n);
	n = call_rtp(clear, SSRC_B, i);
	EXPECT_OK(sim_send(g->sim, &call_peer_b, &call_local_b, clear, n));
	stage_run(g, 0);
	if (!EXPECT(sim_receive(g->sim, &call_peer_a, &got)))
		return;
	EXPECT_OCTETS(got.data, srtp_open_pkt(receive, got.data, got.len, &v), clear, n);
}

static void secure_both_ways(const char *engine, const char *suite)
{
	struct srtp_end send = {.ctx = NULL}, receive = {.ctx = NULL};
	struct relay_session_spec spec;
	struct relay_media_spec media;
	struct relay_session *call;
	struct stage g;

	test_context("engine %s suite %s", engine, suite);
	if (!stage_open(&g, engine, 1))
		return;
	call_spec(&spec, &media, RELAY_MODE_E2AE, RELAY_RTCP_MUX);
	if (srtp_open(&send, call_key(suite), ENGINE_SEND) &&
	    srtp_open(&receive, call_key(suite), ENGINE_RECEIVE)) {
		media.legs[0].receive = send.ctx;
		media.legs[0].send = receive.ctx;
		if (EXPECT_OK(call_create(&g, &call, &spec))) {
			for (uint64_t i = 65000; i < 66000; i++)
				one_each_way(&g, &send, &receive, i);
			EXPECT_OK(call_delete(&g, call));
			EXPECT_INT(g.media_stats[0].legs[0].verdicts[VERDICT_FORWARDED], 1000);
			EXPECT_INT(g.media_stats[0].legs[0].streams[0].roc, 1);
			EXPECT_INT(g.media_stats[0].legs[0].streams[0].lost, 0);
		}
	}
	srtp_close(&send);
	srtp_close(&receive);
	stage_close(&g);
}

static void e2ae_every_suite(void)
{
	for (unsigned i = 0; i < SUITE_COUNT; i++)
		secure_both_ways("evp", suite_get(i)->name);
}

static void e2ae_every_engine(void)
{
	struct why why;

	for (unsigned i = 0; engine_list()[i]; i++)
		if (engine_list()[i]->probe(&why) == ERR_OK)
			secure_both_ways(engine_list()[i]->name, "AES_CM_128_HMAC_SHA1_80");
}

/* Without keys a leg drops RTP from any address; it also drops packets that are not media, or are
 * malformed. */
static void refused(void)
{
	struct relay_session_spec spec;
	struct relay_media_spec media;
	struct relay_session *call;
	struct stage g;
	uint8_t octets[256];
	struct addr other = addr_with_port(&call_peer_a, 4002);
	struct sim_pkt got;

	if (!stage_open(&g, "evp", 1))
		return;
	call_spec(&spec, &media, RELAY_MODE_E2AE, RELAY_RTCP_MUX);
	EXPECT_ERR(call_create(&g, &call, &spec), ERR_INVALID);
	media.legs[0].can_receive = media.legs[0].can_send = false;
	if (EXPECT_OK(call_create(&g, &call, &spec))) {
		size_t n = call_rtp(octets, SSRC_A, 1);

		EXPECT_OK(sim_send(g.sim, &call_peer_a, &call_local_a, octets, n));
		EXPECT_OK(sim_send(g.sim, &other, &call_local_a, octets, n));
		EXPECT_OK(sim_send(g.sim, &call_peer_a, &call_local_a, "\0\1\0\0", 4));
		EXPECT_OK(sim_send(g.sim, &call_peer_a, &call_local_a, "\x80\0\0\1", 4));
		stage_run(&g, 1);
		EXPECT(!sim_receive(g.sim, NULL, &got));
		EXPECT_OK(call_delete(&g, call));
		EXPECT_INT(g.media_stats[0].legs[0].verdicts[VERDICT_NO_KEY], 2);
		EXPECT_INT(g.media_stats[0].legs[0].verdicts[VERDICT_SOURCE], 0);
		EXPECT_INT(g.media_stats[0].legs[0].verdicts[VERDICT_NOT_MEDIA], 1);
		EXPECT_INT(g.media_stats[0].legs[0].verdicts[VERDICT_MALFORMED], 1);
	}
	stage_close(&g);
}

/* A session that needs a port in use is refused; the first session continues, and the refused
 * session leaves no port open. */
static void taken_port(void)
{
	struct relay_session_spec spec;
	struct relay_media_spec media;
	struct relay_session *call, *second;
	struct stage g;

	if (!stage_open(&g, "evp", 2))
		return;
	call_spec(&spec, &media, RELAY_MODE_RTP, RELAY_RTCP_PAIR);
	EXPECT_OK(call_create(&g, &call, &spec));
	media.legs[0].port_rtp = 32000;
	media.legs[0].port_rtcp = 32001;
	EXPECT_ERR(call_create(&g, &second, &spec), ERR_EXISTS);
	EXPECT_INT(sim_open_ports(g.sim), 4);
	EXPECT_OK(call_delete(&g, call));
	EXPECT_INT(sim_open_ports(g.sim), 0);
	stage_close(&g);
}

/* Stops the relay while it has sessions and requests under way. */
static void stop_with_sessions(void)
{
	struct relay_session_spec spec;
	struct relay_media_spec media;
	struct relay_session *call;
	struct stage g;

	if (!stage_open(&g, "evp", 3))
		return;
	call_spec(&spec, &media, RELAY_MODE_RTP, RELAY_RTCP_MUX);
	for (unsigned i = 0; i < 50; i++) {
		media.legs[0].port_rtp = (uint16_t)(30000 + 2 * i);
		media.legs[1].port_rtp = (uint16_t)(30001 + 2 * i);
		EXPECT_OK(relay_session_create(g.relay, &call, &spec, NULL, NULL, NULL));
	}
	stage_close(&g);
}

static void count(void *arg)
{
	++*(unsigned *)arg;
}

static void count_stats(void *arg, enum err e, const struct relay_session_stats *stats)
{
	*(unsigned *)arg += e == ERR_OK && stats;
}

/* Many requests sent at the same time wake the workers only once. */
static void one_wake_for_many(void)
{
	struct relay_session_spec spec;
	struct relay_media_spec media;
	struct relay_session *call;
	unsigned wakes = 0, answers = 0;
	struct stage g;

	if (!stage_open(&g, "evp", 2))
		return;
	call_spec(&spec, &media, RELAY_MODE_RTP, RELAY_RTCP_MUX);
	if (EXPECT_OK(call_create(&g, &call, &spec))) {
		relay_set_waker(g.relay, count, &wakes);
		for (unsigned i = 0; i < 3; i++)
			EXPECT_OK(relay_session_query(g.relay, call, count_stats, &answers));
		EXPECT_INT(wakes, 1);
		relay_wake(g.relay);
		stage_run(&g, 1);
		relay_wake(g.relay);
		stage_run(&g, 1);
		relay_wake(g.relay);
		stage_run(&g, 1);
		EXPECT_INT(answers, 3);
		wakes = 0;
		EXPECT_OK(relay_session_query(g.relay, call, count_stats, &answers));
		EXPECT_INT(wakes, 1);
		relay_set_waker(g.relay, NULL, NULL);
		EXPECT_OK(call_delete(&g, call));
		EXPECT_INT(wakes, 1);
	}
	stage_close(&g);
	EXPECT_INT(answers, 4);
}

TEST_MAIN("call", {"one wake for many", one_wake_for_many}, {"plain", plain}, {"opaque", opaque},
          {"e2ae_every_suite", e2ae_every_suite}, {"e2ae_every_engine", e2ae_every_engine},
          {"refused", refused}, {"taken_port", taken_port},
          {"stop_with_sessions", stop_with_sessions})
