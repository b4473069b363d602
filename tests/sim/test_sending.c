/* SPDX-License-Identifier: MIT */
/* A terminal with libsrtp, which estimates the ROC by itself, decrypts every packet that the relay
 * sends, whatever the core or signalling did before. */
#include "tests/harness/call.h"

#include "base/bytes.h"
#include "tests/harness/ear.h"

enum { SSRC_A = 0x0a0a0a0a, SSRC_B = 0x0b0b0b0b };

/* A scene whose terminal is libsrtp. */
struct listener {
	struct scene s;
	struct ear ear;
};

static bool listener_open_with(struct listener *l, const char *engine, const char *suite)
{
	*l = (struct listener){.ear = {.srtp = NULL}};
	if (!scene_prepare(&l->s, engine, suite))
		return false;
	l->s.media.legs[1].latch = RELAY_LATCH_FOLLOW;
	return scene_start(&l->s) && ear_open(&l->ear, l->s.down[0].ctx);
}

static bool listener_open(struct listener *l)
{
	return listener_open_with(l, "evp", "AES_CM_128_HMAC_SHA1_80");
}

static void listener_close(struct listener *l)
{
	EXPECT_INT(l->ear.reused, 0);
	ear_close(&l->ear);
	scene_close(&l->s);
}

/* Receives the packets that wait at the terminal; returns the number of packets that it accepts. */
static unsigned hears(struct listener *l)
{
	unsigned before = l->ear.heard;
	struct sim_pkt got;

	stage_run(&l->s.g, 1);
	while (sim_receive(l->s.g.sim, &call_peer_a, &got))
		(void)ear_hears(&l->ear, got.data, got.len);
	return l->ear.heard - before;
}

/* --- SRTCP ------------------------------------------------------------------ */

/* Sends a sender report of the core's source; returns how many packets the terminal accepted. */
static unsigned report(struct listener *l, uint32_t ssrc)
{
	uint8_t sr[28] = {0x80, 200, 0, 6};

	be32_put(sr + 4, ssrc);
	EXPECT_OK(sim_send(l->s.g.sim, &call_peer_b, &call_local_b, sr, sizeof(sr)));
	return hears(l);
}

static unsigned reports(struct listener *l, unsigned n)
{
	unsigned heard = 0;

	for (unsigned i = 0; i < n; i++)
		heard += report(l, SSRC_B);
	return heard;
}

static void rtp(struct listener *l, uint16_t seq)
{
	uint8_t octets[256];

	EXPECT_OK(sim_send(l->s.g.sim, &call_peer_b, &call_local_b, octets,
	                   call_rtp(octets, SSRC_B, seq)));
	EXPECT_INT(hears(l), 1);
}

static void take_keys(struct listener *l, unsigned nth)
{
	scene_use_keys(&l->s, nth);
	EXPECT_OK(call_update(&l->s.g, l->s.call, &l->s.spec));
	EXPECT(ear_rekey(&l->ear, l->s.down[nth].ctx));
}

/* RFC 3711 3.4: the relay does not reset the SRTCP index when keys change. After a reset, the
 * terminal would refuse as many reports as had been sent before. */
static void rekey_with(const char *engine, const char *suite)
{
	struct listener l;

	if (!listener_open_with(&l, engine, suite))
		return;
	test_context("%s %s", engine, suite);
	rtp(&l, 1);
	EXPECT_INT(reports(&l, 200), 200);
	take_keys(&l, 1);
	EXPECT_INT(reports(&l, 20), 20);
	rtp(&l, 2);
	/* The offer is undone: the first key continues after the SRTCP index of the second. */
	take_keys(&l, 0);
	EXPECT_INT(reports(&l, 20), 20);
	rtp(&l, 3);
	stage_run(&l.s.g, 6000);
	take_keys(&l, 2);
	EXPECT_INT(reports(&l, 20), 20);
	rtp(&l, 4);
	listener_close(&l);
}

static void a_new_key_restarts_no_srtcp_index(void)
{
	static const char *const engines[] = {"libsrtp", "evp", "mb"};
	static const char *const suites[] = {"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32",
	                                     "AEAD_AES_128_GCM"};

	for (unsigned i = 0; i < ARRAY_LEN(engines); i++)
		for (unsigned k = 0; k < ARRAY_LEN(suites); k++)
			rekey_with(engines[i], suites[k]);
}

/* A new key with a new address: the ROC starts at 0 (RFC 4568 7.1.4), but the
 * SRTCP index continues. */
static void a_new_address_restarts_no_srtcp_index(void)
{
	struct listener l;

	if (!listener_open(&l))
		return;
	EXPECT_INT(reports(&l, 50), 50);
	l.s.media.legs[0].remote.ip[3] ^= 1;
	take_keys(&l, 1);
	l.s.media.legs[0].remote.ip[3] ^= 1;
	EXPECT_OK(call_update(&l.s.g, l.s.call, &l.s.spec));
	EXPECT_INT(reports(&l, 5), 5);
	listener_close(&l);
}

/* The call changes to plain RTP and back to SRTP, or its media ends and starts again, in both cases
 * with a new key: the SRTCP index continues. */
static void clear_or_paused_between(bool is_paused)
{
	struct listener l;

	if (!listener_open(&l))
		return;
	test_context("%s", is_paused ? "paused" : "clear");
	rtp(&l, 1);
	EXPECT_INT(reports(&l, 60), 60);
	if (is_paused) {
		l.s.media.legs[0].exists = l.s.media.legs[1].exists = false;
	} else {
		l.s.media.mode = RELAY_MODE_RTP;
		l.s.media.legs[0].receive = l.s.media.legs[0].send = NULL;
	}
	EXPECT_OK(call_update(&l.s.g, l.s.call, &l.s.spec));
	stage_run(&l.s.g, 6000);
	l.s.media.mode = RELAY_MODE_E2AE;
	l.s.media.legs[0].exists = l.s.media.legs[1].exists = true;
	take_keys(&l, 1);
	EXPECT_INT(reports(&l, 20), 20);
	rtp(&l, 2);
	/* The terminal also accepts a report of another source, whatever its first SRTCP index. */
	EXPECT_INT(report(&l, SSRC_B + 1), 1);
	listener_close(&l);
}

static void a_mode_or_a_pause_restarts_no_srtcp_index(void)
{
	clear_or_paused_between(false);
	clear_or_paused_between(true);
}

/* --- SRTP ------------------------------------------------------------------- */

static uint8_t *packet(uint8_t octets[256], size_t *n, uint16_t seq, uint32_t timestamp)
{
	*n = call_rtp(octets, SSRC_B, seq);
	be32_put(octets + 4, timestamp);
	return octets;
}

static void core_sends(struct listener *l, uint16_t seq, uint32_t timestamp)
{
	uint8_t octets[256];
	size_t n;

	packet(octets, &n, seq, timestamp);
	EXPECT_OK(sim_send(l->s.g.sim, &call_peer_b, &call_local_b, octets, n));
}

/* Sends `n` consecutive packets; returns how many the terminal accepts. */
static unsigned core_speaks(struct listener *l, uint64_t first, unsigned n, uint32_t timestamp)
{
	unsigned heard = 0;

	for (unsigned i = 0; i < n; i++) {
		core_sends(l, (uint16_t)(first + i), timestamp + i * 160);
		heard += hears(l);
	}
	return heard;
}

/* Drops the packets that wait at the terminal, as if the access network had lost them. */
static void loses(struct listener *l)
{
	struct sim_pkt got;

	stage_run(&l->s.g, 1);
	while (sim_receive(l->s.g.sim, &call_peer_a, &got))
		;
}

/* After one packet with a distant sequence number, received or lost, the source continues, and the
 * terminal accepts its packets. */
static void a_stray_packet_silences_nobody(void)
{
	static const uint16_t off[] = {200,   3000,  16000, 17000, 32000, 32767, 32768, 32769,
	                               40000, 50000, 60000, 65000, 65300, 65434, 65500};
	static const uint64_t first[] = {100, 40000, 65480, 65536 + 100, 3 * 65536 + 65500};

	for (unsigned i = 0; i < ARRAY_LEN(off) * ARRAY_LEN(first) * 4; i++) {
		uint64_t from = first[i / 4 % ARRAY_LEN(first)];
		uint16_t stray = (uint16_t)(from + 50 + off[i / 4 / ARRAY_LEN(first)]);
		uint32_t timestamp = 77000 + 50 * 160;
		struct listener l;

		if (!listener_open(&l))
			return;
		test_context("stray %u at %u, %s", stray, (unsigned)from, i & 1 ? "lost" : "heard");
		for (uint64_t at = from % 65536; at < from; at += 20000)
			(void)core_speaks(&l, at, 1, (uint32_t)(at * 160));
		EXPECT_INT(core_speaks(&l, from, 50, 77000), 50);
		core_sends(&l, stray,
		           i & 2 ? timestamp : timestamp + off[i / 4 / ARRAY_LEN(first)] * 160u);
		if (i & 1)
			loses(&l);
		else
			(void)hears(&l);
		EXPECT_INT(core_speaks(&l, from + 50, 80, timestamp), 80);
		listener_close(&l);
	}
}

/* After a hold of any length, the terminal accepts all packets from the first one on. */
static void a_hold_of_any_length(void)
{
	static const uint32_t holds[] = {100,   1000,  16000, 17000, 32000, 32700,
	                                 32768, 32800, 40000, 64000, 65000, 65480,
	                                 65500, 65535, 65536, 65600, 98304, 131000};

	for (unsigned i = 0; i < 3 * ARRAY_LEN(holds); i++) {
		uint64_t from = (const uint64_t[]){500, 60000, 2 * 65536 + 65500}[i % 3];
		uint32_t hold = holds[i / 3];
		struct listener l;

		if (!listener_open(&l))
			return;
		test_context("hold of %u at %u", hold, (unsigned)from);
		for (uint64_t at = from % 65536; at < from; at += 16000)
			(void)core_speaks(&l, at, 1, (uint32_t)(at * 160));
		EXPECT_INT(core_speaks(&l, from, 100, (uint32_t)(from * 160)), 100);
		l.s.media.legs[0].can_send = false;
		EXPECT_OK(call_update(&l.s.g, l.s.call, &l.s.spec));
		EXPECT_INT(core_speaks(&l, from + 100, 3, (uint32_t)((from + 100) * 160)), 0);
		l.s.media.legs[0].can_send = true;
		EXPECT_OK(call_update(&l.s.g, l.s.call, &l.s.spec));
		EXPECT_INT(core_speaks(&l, from + 100 + hold, 200,
		                       (uint32_t)((from + 100 + hold) * 160)),
		           200);
		listener_close(&l);
	}
}

/* After a transfer, a new source starts with the SSRC and the first sequence number of the old one,
 * which is still within the send window. */
static void a_source_that_begins_again(void)
{
	/* The new timestamps relative to the first old ones: later, earlier, equal. */
	static const struct {
		uint32_t timestamp;
		/* packets not received: with equal timestamps the first packets look like
		 * duplicates */
		unsigned lost;
	} rows[] = {{320000, 0}, {0x80000000, 0}, {(uint32_t)-5000000, 0}, {7, 3}};

	for (unsigned i = 0; i < ARRAY_LEN(rows) * 4; i++) {
		unsigned spoken = (const unsigned[]){90, 200, 600, 1000}[i % 4];
		struct listener l;

		if (!listener_open(&l))
			return;
		test_context("row %u, after %u packets", i / 4, spoken);
		EXPECT_INT(core_speaks(&l, 5000, spoken, 7), spoken);
		EXPECT(core_speaks(&l, 5000, 300, rows[i / 4].timestamp) >=
		               300 - rows[i / 4].lost ||
		       spoken < 100);
		EXPECT_INT(core_speaks(&l, 5300, 100, rows[i / 4].timestamp + 300 * 160), 100);
		EXPECT_INT(l.ear.n_ssrcs, 2);
		listener_close(&l);
	}
}

/* Two or more sources send with one SSRC and their own sequence numbers: all are received, each
 * under its own outgoing SSRC. */
static void counters_under_one_ssrc(void)
{
	/* Distances of the sequence numbers; within the window the first packets of the later
	 * source may look late. */
	static const struct {
		uint16_t apart;
		unsigned lost;
	} rows[] = {{40000, 0}, {32768, 0}, {20000, 0}, {5000, 1}, {1500, 1}, {900, 4}, {200, 4}};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct listener l;
		unsigned heard = 0;

		if (!listener_open(&l))
			return;
		test_context("%u apart", rows[i].apart);
		for (unsigned k = 0; k < 2000; k++) {
			core_sends(&l, (uint16_t)(1000 + k), k * 160);
			heard += hears(&l);
			core_sends(&l, (uint16_t)(1000 + rows[i].apart + k), 123456789 + k * 160);
			heard += hears(&l);
		}
		EXPECT(heard >= 4000 - rows[i].lost);
		EXPECT_INT(l.ear.n_ssrcs, 2);
		EXPECT_INT(scene_leg_a(&l.s)->ssrc_changes, 1);
		EXPECT_INT(l.s.g.media_stats[0].legs[1].verdicts[VERDICT_SSRC_LIMIT], 0);
		listener_close(&l);
	}
}

/* With more sources than outgoing SSRCs, the relay reclaims SSRCs, and no source is silenced by the
 * SSRC limit. */
static void outgoing_ssrcs_are_reclaimed(void)
{
	struct listener l;
	unsigned heard = 0;

	if (!listener_open(&l))
		return;
	for (unsigned k = 0; k < 1200; k++) {
		core_sends(&l, (uint16_t)(k % 12 * 5000 + k / 12), k % 12 * 99999999 + k * 160);
		heard += hears(&l);
	}
	EXPECT(heard >= 1200 - 12);
	/* All sources send at the same time: packets may be dropped, but no keystream is used
	 * twice. */
	for (unsigned k = 0; k < 60; k++)
		core_sends(&l, (uint16_t)test_random(&l.s.g.random),
		           (uint32_t)test_random(&l.s.g.random));
	(void)hears(&l);
	EXPECT_INT(core_speaks(&l, 30000, 50, 5), 50);
	/* There is still an outgoing SSRC for another source. */
	EXPECT_INT(report(&l, SSRC_B + 1), 1);
	EXPECT_OK(call_query(&l.s.g, l.s.call));
	EXPECT_INT(l.s.g.media_stats[0].legs[1].verdicts[VERDICT_DUPLICATE], 0);
	listener_close(&l);
}

/* With random sources, jumps, repeated packets and bursts, no index is used twice. */
static void random_sources_never_reuse_an_index(void)
{
	struct {
		uint16_t seq;
		uint32_t timestamp;
	} counters[5] = {{0, 0}};
	struct listener l;

	if (!listener_open(&l))
		return;
	for (unsigned i = 0; i < 2000; i++) {
		uint64_t *random = &l.s.g.random;

		for (unsigned k = (unsigned)(test_random(random) % 12); k > 0; k--) {
			unsigned at = (unsigned)(test_random(random) %
			                         (i % 1000 < 500 ? 1 : ARRAY_LEN(counters)));
			uint64_t what = test_random(random) % 100;

			counters[at].seq =
				(uint16_t)(what < 2   ? test_random(random)
			                   : what < 8 ? counters[at].seq - test_random(random) % 900
			                              : counters[at].seq + 1u);
			counters[at].timestamp = what == 5 ? (uint32_t)test_random(random)
			                                   : counters[at].timestamp + 160;
			core_sends(&l, counters[at].seq, counters[at].timestamp);
		}
		(void)hears(&l);
		if (i % 700 == 699)
			take_keys(&l, i / 700 % 2);
	}
	EXPECT(l.ear.heard > 7000);
	listener_close(&l);
}

/* Late and repeated packets of a regular source do not change its outgoing SSRC, and no packet is
 * forwarded twice. */
static void late_and_repeated_packets_change_no_ssrc(void)
{
	struct listener l;
	unsigned heard = 0;

	if (!listener_open(&l))
		return;
	for (unsigned k = 0; k < 3000; k++) {
		unsigned at = k % 10 == 7 ? k + 1 : k % 10 == 8 ? k - 1 : k; /* swap 2 of 10 */

		core_sends(&l, (uint16_t)(65000 + at), at * 160);
		if (k % 10 == 3)
			core_sends(&l, (uint16_t)(65000 + at), at * 160); /* sent twice */
		if (k % 10 == 5)
			/* send an earlier packet again */
			core_sends(&l, (uint16_t)(65000 + at - 5), (at - 5) * 160);
		heard += hears(&l);
	}
	EXPECT_INT(heard, 3000);
	EXPECT_INT(l.ear.n_ssrcs, 1);
	EXPECT_INT(l.ear.refused, 0);
	/* A packet that is older than the terminal's replay window leaves under the same SSRC. */
	core_sends(&l, (uint16_t)(65000 + 3000 + 200), 3200 * 160);
	core_sends(&l, (uint16_t)(65000 + 3001), 3001 * 160);
	core_sends(&l, (uint16_t)(65000 + 3000 + 201), 3201 * 160);
	(void)hears(&l);
	EXPECT_INT(stage_events(&l.s.g, RELAY_EVENT_SSRC_CHANGED), 0);
	EXPECT_OK(call_query(&l.s.g, l.s.call));
	EXPECT_INT(l.s.g.media_stats[0].legs[1].verdicts[VERDICT_DUPLICATE], 600);
	listener_close(&l);
}

TEST_MAIN("sending", {"a stray packet silences nobody", a_stray_packet_silences_nobody},
          {"a hold of any length", a_hold_of_any_length},
          {"a source that begins again", a_source_that_begins_again},
          {"counters under one SSRC", counters_under_one_ssrc},
          {"outgoing SSRCs are reclaimed", outgoing_ssrcs_are_reclaimed},
          {"random sources never reuse an index", random_sources_never_reuse_an_index},
          {"late and repeated packets change no SSRC", late_and_repeated_packets_change_no_ssrc},
          {"a new key restarts no SRTCP index", a_new_key_restarts_no_srtcp_index},
          {"a new address restarts no SRTCP index", a_new_address_restarts_no_srtcp_index},
          {"a mode or a pause restarts no SRTCP index", a_mode_or_a_pause_restarts_no_srtcp_index})
