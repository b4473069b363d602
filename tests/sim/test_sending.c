/* SPDX-License-Identifier: MIT */
/* What a terminal with an estimator of its own hears of us: its libsrtp opens all that was sent, whatever the core or signalling did before. */
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

/* All that is at the terminal now. */
static unsigned hears(struct listener *l)
{
	unsigned before = l->ear.heard;
	struct sim_pkt got;

	stage_run(&l->s.g, 1);
	while (sim_receive(l->s.g.sim, &call_peer_a, &got))
		(void)ear_hears(&l->ear, got.data, got.len);
	return l->ear.heard - before;
}

/* --- SRTCP ------------------------------------------------------------------------------------------ */

/* A sender report of the core's source: how many the terminal hears of it. */
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

	EXPECT_OK(sim_send(l->s.g.sim, &call_peer_b, &call_local_b, octets, call_rtp(octets, SSRC_B, seq)));
	EXPECT_INT(hears(l), 1);
}

static void take_keys(struct listener *l, unsigned nth)
{
	scene_use_keys(&l->s, nth);
	EXPECT_OK(call_update(&l->s.g, l->s.call, &l->s.spec));
	EXPECT(ear_rekey(&l->ear, l->s.down[nth].ctx));
}

/* RFC 3711 3.4: the SRTCP index is not reset when keys change. A terminal that follows it refused as many reports as had been sent. */
static void rekey_with(const char *engine, const char *suite)
{
	struct listener l;

	test_context("%s %s", engine, suite);
	if (!listener_open_with(&l, engine, suite))
		return;
	rtp(&l, 1);
	EXPECT_INT(reports(&l, 200), 200);
	take_keys(&l, 1);
	EXPECT_INT(reports(&l, 20), 20);
	rtp(&l, 2);
	/* The offer is taken back: its key goes on where the one between has ended. */
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
	static const char *const suites[] = {"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM"};

	for (unsigned i = 0; i < ARRAY_LEN(engines); i++)
		for (unsigned k = 0; k < ARRAY_LEN(suites); k++)
			rekey_with(engines[i], suites[k]);
}

/* The key comes with a new address: the ROC begins at 0 (RFC 4568 7.1.4), the SRTCP index does not. */
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

/* SRTP, RTP, SRTP again; and the media ended and begun anew. Both with a new key. */
static void clear_or_paused_between(bool is_paused)
{
	struct listener l;

	test_context("%s", is_paused ? "paused" : "clear");
	if (!listener_open(&l))
		return;
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
	/* Another source too: its SRTCP index may begin anywhere. */
	EXPECT_INT(report(&l, SSRC_B + 1), 1);
	listener_close(&l);
}

static void a_mode_or_a_pause_restarts_no_srtcp_index(void)
{
	clear_or_paused_between(false);
	clear_or_paused_between(true);
}

TEST_MAIN("sending", {"a new key restarts no SRTCP index", a_new_key_restarts_no_srtcp_index},
          {"a new address restarts no SRTCP index", a_new_address_restarts_no_srtcp_index},
          {"a mode or a pause restarts no SRTCP index", a_mode_or_a_pause_restarts_no_srtcp_index})
