/* SPDX-License-Identifier: MIT */
/* Events of inactivity, set-up, key lifetimes, failure rates and stream limits are raised once;
 * only authentic packets count as activity. */
#include "tests/harness/call.h"

#include "base/clk.h"
#include "keyctx/keyctx.h"

enum { SSRC_A = 0x0a0a0a0a, SSRC_B = 0x0b0b0b0b, LIFETIME = 100, SOFT = 90 };

static bool prepare(struct scene *s)
{
	return scene_prepare(s, "evp", "AES_CM_128_HMAC_SHA1_80");
}

/* Gives `end` a new key with a lifetime of `pkts` packets. */
static bool make_short_lived(struct scene *s, struct srtp_end *end, uint64_t pkts)
{
	struct keyctx *whole = call_key("AES_CM_128_HMAC_SHA1_80");
	bool ok = scene_set_key(end, call_key_again(whole, (struct view){.n = 0}, pkts));

	keyctx_free(whole);
	scene_use_keys(s, 0);
	return ok;
}

/* Sends a packet from the terminal; `forged`: with a wrong tag. True if the core receives it. */
static bool comes_up(struct scene *s, uint32_t ssrc, uint64_t index, bool forged)
{
	size_t n = call_rtp(s->octets, ssrc, index);
	struct sim_pkt got;

	n = end_protect(&s->up[0], s->octets, n, sizeof(s->octets), index);
	if (!EXPECT(n > 0))
		return false;
	s->octets[n - 1] ^= forged;
	EXPECT_OK(sim_send(s->g.sim, &call_peer_a, &call_local_a, s->octets, n));
	stage_run(&s->g, 0);
	return sim_receive(s->g.sim, &call_peer_b, &got);
}

static bool comes_down(struct scene *s, uint64_t index)
{
	size_t n = call_rtp(s->octets, SSRC_B, index);
	struct sim_pkt got;

	EXPECT_OK(sim_send(s->g.sim, &call_peer_b, &call_local_b, s->octets, n));
	stage_run(&s->g, 0);
	return sim_receive(s->g.sim, &call_peer_a, &got);
}

static const struct relay_event *last_event(const struct stage *g, enum relay_event_kind kind)
{
	static const struct relay_event none = {.owner = NULL};

	for (unsigned i = g->n_events; i > 0; i--)
		if (g->events[i - 1].kind == kind)
			return &g->events[i - 1];
	return &none;
}

/* --- silence ---------------------------------------------------------------- */

static void inactivity_is_raised_once_per_silence(void)
{
	struct scene s;
	uint64_t index = 0;

	if (!prepare(&s))
		return;
	s.media.legs[0].inactivity_ms = 200;
	s.spec.owner = &s;
	if (!scene_start(&s))
		return;
	stage_run(&s.g, 150);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_MEDIA_TIMEOUT), 0);
	stage_run(&s.g, 100);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_MEDIA_TIMEOUT), 1);
	EXPECT_INT(last_event(&s.g, RELAY_EVENT_MEDIA_TIMEOUT)->leg, 0);
	EXPECT(last_event(&s.g, RELAY_EVENT_MEDIA_TIMEOUT)->owner == &s);
	stage_run(&s.g, 2000);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_MEDIA_TIMEOUT), 1);
	for (unsigned i = 0; i < 30; i++) {
		EXPECT(comes_up(&s, SSRC_A, index++, false));
		stage_run(&s.g, 50);
	}
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_MEDIA_TIMEOUT), 1);
	stage_run(&s.g, 140);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_MEDIA_TIMEOUT), 1);
	stage_run(&s.g, 60);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_MEDIA_TIMEOUT), 2);
	scene_close(&s);
}

/* A flood of forged packets does not keep a dead call alive. */
static void forgeries_are_no_activity(void)
{
	struct scene s;

	if (!prepare(&s))
		return;
	s.media.legs[0].inactivity_ms = 200;
	s.spec.setup_timeout_ms = 300;
	if (!scene_start(&s))
		return;
	for (uint64_t i = 0; i < 20; i++) {
		EXPECT(!comes_up(&s, SSRC_A, i, true));
		stage_run(&s.g, 20);
	}
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_MEDIA_TIMEOUT), 1);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_SETUP_TIMEOUT), 1);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_FIRST_MEDIA), 0);
	scene_close(&s);
}

/* An update that sets inactivity_ms starts the time anew, because the silence of a hold does not
 * count. An update can also disable the event. */
static void inactivity_can_be_changed(void)
{
	struct scene s;

	if (!prepare(&s))
		return;
	if (!scene_start(&s))
		return;
	EXPECT(comes_up(&s, SSRC_A, 0, false));
	stage_run(&s.g, 1000);
	EXPECT_OK(call_query(&s.g, s.call));
	EXPECT(s.g.media_stats[0].legs[0].last_rx_ns != 0);
	EXPECT_INT(s.g.media_stats[0].legs[1].last_rx_ns, 0);
	s.media.legs[0].inactivity_ms = 200;
	s.media.legs[1].inactivity_ms = 100;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	stage_run(&s.g, 80);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_MEDIA_TIMEOUT), 0);
	stage_run(&s.g, 50);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_MEDIA_TIMEOUT), 1);
	EXPECT_INT(last_event(&s.g, RELAY_EVENT_MEDIA_TIMEOUT)->leg, 1);
	s.media.legs[0].inactivity_ms = 0;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	stage_run(&s.g, 500);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_MEDIA_TIMEOUT), 1);
	s.media.legs[1].inactivity_ms = 0;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	s.media.legs[1].inactivity_ms = 100;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	stage_run(&s.g, 80);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_MEDIA_TIMEOUT), 1);
	stage_run(&s.g, 50);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_MEDIA_TIMEOUT), 2);
	scene_close(&s);
}

static void setup_timeout(bool with_media)
{
	struct scene s;

	if (!prepare(&s))
		return;
	s.spec.setup_timeout_ms = 300;
	s.spec.owner = &s;
	if (!scene_start(&s))
		return;
	stage_run(&s.g, 100);
	if (with_media)
		EXPECT(comes_down(&s, 1));
	stage_run(&s.g, 150);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_SETUP_TIMEOUT), 0);
	stage_run(&s.g, 1000);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_SETUP_TIMEOUT), !with_media);
	EXPECT(with_media || last_event(&s.g, RELAY_EVENT_SETUP_TIMEOUT)->owner == &s);
	scene_close(&s);
}

static void setup_timeout_without_media(void)
{
	setup_timeout(false);
}

static void no_setup_timeout_with_media(void)
{
	setup_timeout(true);
}

/* --- keys ------------------------------------------------------------------- */

static void a_receive_key_ends(void)
{
	struct scene s;
	struct keyctx *twin = NULL;

	if (!prepare(&s))
		return;
	s.config.enforces_receive_lifetime = true;
	if (!make_short_lived(&s, &s.up[0], LIFETIME) ||
	    !EXPECT_OK(keyctx_copy(&twin, s.up[0].ctx)) || !scene_start(&s))
		return;
	for (uint64_t i = 0; i < LIFETIME; i++) {
		EXPECT(comes_up(&s, SSRC_A + i % 3, i, false));
		EXPECT_INT(stage_events(&s.g, RELAY_EVENT_KEY_SOFT_LIMIT), i + 1 >= SOFT);
	}
	EXPECT_INT(last_event(&s.g, RELAY_EVENT_KEY_SOFT_LIMIT)->count, SOFT);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_KEY_EXPIRED), 0);
	/* The terminal ignores the key's lifetime: open a new SRTP end, which has counted no
	 * packets. */
	if (!scene_set_key(&s.up[0], twin))
		return;
	for (uint64_t i = 200; i < 210; i++)
		EXPECT(!comes_up(&s, SSRC_A, i, false));
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_KEY_EXPIRED), 1);
	EXPECT(!last_event(&s.g, RELAY_EVENT_KEY_EXPIRED)->is_send);
	EXPECT_OK(call_query(&s.g, s.call));
	EXPECT_INT(s.g.media_stats[0].legs[0].verdicts[VERDICT_KEY_EXPIRED], 10);
	EXPECT_INT(s.g.media_stats[0].legs[0].receive_key_pkts, LIFETIME);
	EXPECT(comes_down(&s, 1));
	scene_close(&s);
}

/* Many terminals announce a key lifetime and exceed it: their media continues, and an event warns
 * signalling in time. */
static void a_receive_key_near_its_lifetime_is_reported(void)
{
	struct keyctx *endless;
	struct scene s;

	if (!prepare(&s) || !make_short_lived(&s, &s.up[0], LIFETIME))
		return;
	/* The terminal sends with the same key, but without a lifetime. */
	s.media.legs[0].receive = s.up[0].ctx;
	endless = call_key_again(s.up[0].ctx, (struct view){.n = 0}, 0);
	if (!EXPECT(endless != NULL) || !scene_set_key(&s.up[1], endless) || !scene_start(&s))
		return;
	for (uint64_t i = 0; i < 10 * LIFETIME; i++) {
		EXPECT(scene_goes_up(&s, &s.up[1], SSRC_A + i % 3, i));
		EXPECT_INT(stage_events(&s.g, RELAY_EVENT_KEY_SOFT_LIMIT), i + 1 >= SOFT);
	}
	EXPECT(!last_event(&s.g, RELAY_EVENT_KEY_SOFT_LIMIT)->is_send);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_KEY_EXPIRED), 0);
	EXPECT_INT(scene_leg_a(&s)->receive_key_pkts, 10 * LIFETIME);
	EXPECT_INT(scene_leg_a(&s)->receive_key_lifetime, LIFETIME);
	EXPECT(scene_leg_a(&s)->send_key_lifetime > LIFETIME);
	scene_close(&s);
}

/* Video has its own replay window size, because 128 packets are only half a second of video. */
static void windows_by_kind(void)
{
	for (unsigned video = 0; video < 2; video++) {
		struct scene s;

		if (!prepare(&s))
			return;
		s.media.is_video = video;
		if (!scene_start(&s))
			return;
		for (uint64_t i = 1; i <= 2000; i += i == 1 ? 999 : 1000)
			EXPECT(comes_up(&s, SSRC_A, i, false));
		EXPECT(comes_up(&s, SSRC_A, 2000 - 100, false));
		EXPECT(comes_up(&s, SSRC_A, 2000 - 600, false) == video);
		EXPECT(comes_up(&s, SSRC_A, 2000 - 1001, false) == video);
		EXPECT_INT(scene_leg_a(&s)->verdicts[VERDICT_TOO_OLD], video ? 0 : 2);
		scene_close(&s);
	}
}

static void a_send_key_ends(void)
{
	struct scene s;

	if (!prepare(&s))
		return;
	if (!make_short_lived(&s, &s.down[0], LIFETIME) || !scene_start(&s))
		return;
	for (uint64_t i = 0; i < LIFETIME; i++) {
		EXPECT(comes_down(&s, i));
		EXPECT_INT(stage_events(&s.g, RELAY_EVENT_KEY_SOFT_LIMIT), i + 1 >= SOFT);
	}
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_KEY_EXPIRED), 0);
	for (uint64_t i = LIFETIME; i < LIFETIME + 10; i++)
		EXPECT(!comes_down(&s, i));
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_KEY_EXPIRED), 1);
	EXPECT(last_event(&s.g, RELAY_EVENT_KEY_EXPIRED)->is_send);
	EXPECT_INT(last_event(&s.g, RELAY_EVENT_KEY_EXPIRED)->leg, 0);
	EXPECT(comes_up(&s, SSRC_A, 1, false));
	scene_close(&s);
}

/* --- attacks ---------------------------------------------------------------- */

static void failures_above_a_rate_are_reported(void)
{
	struct scene s;
	uint64_t index = 0;

	if (!prepare(&s))
		return;
	s.config.auth_fail_rate = 10;
	if (!scene_start(&s))
		return;
	for (unsigned i = 0; i < 10; i++)
		EXPECT(!comes_up(&s, SSRC_A, index++, true));
	stage_run(&s.g, 1100);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_AUTH_FAILURES), 0);
	for (unsigned i = 0; i < 25; i++)
		EXPECT(!comes_up(&s, SSRC_A, index++, true));
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_AUTH_FAILURES), 0);
	stage_run(&s.g, 1100);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_AUTH_FAILURES), 1);
	EXPECT_INT(last_event(&s.g, RELAY_EVENT_AUTH_FAILURES)->count, 25);
	stage_run(&s.g, 3000);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_AUTH_FAILURES), 1);
	EXPECT(comes_up(&s, SSRC_A, index, false));
	scene_close(&s);
}

static void later(struct scene *s, uint64_t seconds)
{
	sim_set_time(s->g.sim, sim_time(s->g.sim) + seconds * NS_PER_S);
	stage_run(&s->g, 1);
}

/* A leg has room for four sources. The fifth is refused and reported until one of the four has been
 * idle for long; then the source that was idle longest is evicted. */
static void sources_above_the_limit(void)
{
	struct scene s;

	if (!prepare(&s))
		return;
	s.config.ssrcs_per_leg = 4;
	if (!scene_start(&s))
		return;
	for (uint32_t k = 0; k < 4; k++) {
		EXPECT(comes_up(&s, SSRC_A + k, 1, false));
		stage_run(&s.g, 1);
	}
	for (uint64_t i = 0; i < 20; i++)
		EXPECT(!comes_up(&s, SSRC_A + 4, i, false));
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_STREAM_LIMIT), 1);
	EXPECT_INT(last_event(&s.g, RELAY_EVENT_STREAM_LIMIT)->ssrc, SSRC_A + 4);
	EXPECT_INT(last_event(&s.g, RELAY_EVENT_STREAM_LIMIT)->count, 4);
	for (uint32_t k = 0; k < 4; k++)
		EXPECT(comes_up(&s, SSRC_A + k, 2, false));
	later(&s, 20);
	for (uint32_t k = 0; k < 4; k++)
		if (k != 2)
			EXPECT(comes_up(&s, SSRC_A + k, 3, false));
	later(&s, 15);
	EXPECT(comes_up(&s, SSRC_A + 4, 100, false));
	EXPECT_OK(call_query(&s.g, s.call));
	const struct relay_leg_stats *leg = &s.g.media_stats[0].legs[0];
	EXPECT_INT(leg->n_streams, 4);
	for (unsigned i = 0; i < leg->n_streams; i++)
		EXPECT(leg->streams[i].ssrc != SSRC_A + 2);
	EXPECT_INT(leg->verdicts[VERDICT_SSRC_LIMIT], 20);
	for (uint32_t k = 0; k < 4; k++)
		EXPECT_INT(comes_up(&s, SSRC_A + k, 4, false), k != 2);
	scene_close(&s);
}

TEST_MAIN("timers",
          {"inactivity is raised once per silence", inactivity_is_raised_once_per_silence},
          {"forgeries are no activity", forgeries_are_no_activity},
          {"inactivity can be changed", inactivity_can_be_changed},
          {"setup timeout without media", setup_timeout_without_media},
          {"no setup timeout with media", no_setup_timeout_with_media},
          {"a receive key ends", a_receive_key_ends},
          {"a receive key near its lifetime is reported",
           a_receive_key_near_its_lifetime_is_reported},
          {"windows by kind", windows_by_kind}, {"a send key ends", a_send_key_ends},
          {"failures above a rate are reported", failures_above_a_rate_are_reported},
          {"sources above the limit", sources_above_the_limit})
