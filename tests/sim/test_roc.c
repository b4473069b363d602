/* SPDX-License-Identifier: MIT */
/* How the relay finds the ROC of a stream that it does not know: the first packets were lost, the
 * gateway restarted, a hint gives the ROC, or the sender was silent for long. */
#include "tests/harness/call.h"

#include "base/bytes.h"

enum { SSRC = 0x0a0a0a0a, KEPT_MAX = 64 };

static const struct addr mallory = {.ip = {203, 0, 113, 9}, .port = 666, .version = 4};

static uint64_t at(uint32_t roc, uint16_t seq)
{
	return (uint64_t)roc << 16 | seq;
}

/* Sends one packet of the terminal and does not run the relay. */
static size_t send_up(struct scene *s, struct srtp_end *end, uint32_t ssrc, uint64_t index,
                      bool is_rtcp)
{
	size_t n = 12;

	memset(s->octets, 0, sizeof(s->octets));
	if (is_rtcp) {
		memcpy(s->octets, (const uint8_t[]){0x80, 204, 0, 2}, 4);
		be32_put(s->octets + 4, ssrc);
	} else {
		n = call_rtp(s->octets, ssrc, index);
	}
	return scene_send_up(s, end, n, index);
}

static bool goes_up(struct scene *s, struct srtp_end *end, uint32_t ssrc, uint64_t index)
{
	send_up(s, end, ssrc, index, false);
	return scene_heard(s) == 1;
}

/* Sends these octets again; true if the packet is accepted. */
static bool is_heard_again(struct scene *s, const uint8_t *octets, size_t n)
{
	EXPECT_OK(sim_send(s->g.sim, &call_peer_a, &call_local_a, octets, n));
	return scene_heard(s) > 0;
}

static bool open_scene(struct scene *s, const char *engine)
{
	if (!scene_prepare(s, engine, "AES_CM_128_HMAC_SHA1_80"))
		return false;
	s->media.legs[0].rekey_overlap_ms = 1000;
	return scene_start(s);
}

/* --- the first packet ------------------------------------------------------- */

/* The earlier packets were lost around a wrap, or sent before the key was known: the relay also
 * tries ROC 1, and the replay window works as for any stream. */
static void first_at(const char *engine, uint64_t first)
{
	struct scene s;
	uint8_t old[256];
	size_t n;

	test_context("%s, first heard %llx", engine, (unsigned long long)first);
	if (!open_scene(&s, engine))
		return;
	n = send_up(&s, &s.up[0], SSRC, first, false);
	memcpy(old, s.octets, n);
	EXPECT_INT(scene_heard(&s), 1);
	EXPECT(!is_heard_again(&s, old, n));
	for (uint64_t i = first + 1; i < first + 40; i++)
		EXPECT(goes_up(&s, &s.up[0], SSRC, i));
	/* Late packets within the window are accepted once, also across the wrap. */
	for (uint64_t i = first - 20; i < first - 10; i++) {
		n = send_up(&s, &s.up[0], SSRC, i, false);
		memcpy(old, s.octets, n);
		EXPECT_INT(scene_heard(&s), 1);
		EXPECT(!is_heard_again(&s, old, n));
	}
	EXPECT(!goes_up(&s, &s.up[0], SSRC, first - 200));
	EXPECT_INT(scene_leg_a(&s)->streams[0].roc, (first + 39) >> 16);
	EXPECT_INT(scene_leg_a(&s)->streams[0].pkts, 50);
	scene_close(&s);
}

static void first_packets_lost_around_the_wrap(void)
{
	for (unsigned i = 0; i < CALL_ENGINES; i++) {
		first_at(call_engines[i], at(1, 0));
		first_at(call_engines[i], at(1, 5));
		first_at(call_engines[i], at(1, 40000));
		first_at(call_engines[i], at(1, 65535));
		first_at(call_engines[i], 300);
	}
}

/* SRTCP arrives first and does not tell the ROC. It is not accepted twice, neither in one batch
 * with RTP nor after RTP. */
static void rtcp_first(const char *engine, bool in_one_batch, uint32_t roc)
{
	struct scene s;
	uint8_t rtcp[2][256];
	size_t n;

	test_context("%s, %s, ROC %u", engine, in_one_batch ? "one batch" : "apart", roc);
	if (!open_scene(&s, engine))
		return;
	n = send_up(&s, &s.up[0], SSRC, 0, true);
	memcpy(rtcp[0], s.octets, n);
	if (!in_one_batch)
		EXPECT_INT(scene_heard(&s), 1);
	send_up(&s, &s.up[0], SSRC, 0, true);
	memcpy(rtcp[1], s.octets, n);
	send_up(&s, &s.up[0], SSRC, at(roc, 3), false);
	send_up(&s, &s.up[0], SSRC, 0, true);
	send_up(&s, &s.up[0], SSRC, at(roc, 4), false);
	EXPECT_INT(scene_heard(&s), in_one_batch ? 5 : 4);
	for (unsigned i = 0; i < 2; i++)
		EXPECT(!is_heard_again(&s, rtcp[i], n));
	EXPECT(goes_up(&s, &s.up[0], SSRC, at(roc, 5)));
	send_up(&s, &s.up[0], SSRC, 0, true);
	EXPECT_INT(scene_heard(&s), 1);
	scene_close(&s);
}

static void rtcp_comes_before_rtp(void)
{
	for (unsigned i = 0; i < CALL_ENGINES; i++) {
		for (uint32_t roc = 0; roc < 2; roc++) {
			rtcp_first(call_engines[i], false, roc);
			rtcp_first(call_engines[i], true, roc);
		}
	}
}

/* RTP and then SRTCP in one batch: both are accepted, the SRTCP only once. */
static void rtp_before_rtcp_in_one_batch(void)
{
	for (unsigned i = 0; i < CALL_ENGINES; i++) {
		struct scene s;
		uint8_t rtcp[256];
		size_t n;

		test_context("%s", call_engines[i]);
		if (!open_scene(&s, call_engines[i]))
			return;
		send_up(&s, &s.up[0], SSRC, at(1, 3), false);
		n = send_up(&s, &s.up[0], SSRC, 0, true);
		memcpy(rtcp, s.octets, n);
		send_up(&s, &s.up[0], SSRC, at(1, 4), false);
		EXPECT_INT(scene_heard(&s), 3);
		EXPECT(!is_heard_again(&s, rtcp, n));
		EXPECT(goes_up(&s, &s.up[0], SSRC, at(1, 5)));
		scene_close(&s);
	}
}

/* --- a hint ----------------------------------------------------------------- */

static void hinted(const char *engine, enum relay_mode mode, uint32_t hint, uint64_t first,
                   bool is_heard)
{
	struct scene s;
	struct keyctx *key;

	test_context("%s %s, hint %u, first %llx", engine, relay_mode_name(mode), hint,
	             (unsigned long long)first);
	if (!scene_prepare(&s, engine, "AES_CM_128_HMAC_SHA1_80"))
		return;
	key = call_key_at_roc(s.up[0].ctx, hint);
	EXPECT(keyctx_eq(key, s.up[0].ctx));
	s.media.mode = mode;
	s.media.legs[0].receive = key;
	if (mode == RELAY_MODE_E2E_VERIFIED) {
		s.media.legs[0].send = NULL;
		s.media.legs[1].receive = s.down[0].ctx;
	}
	if (!scene_start(&s))
		return;
	for (uint64_t i = first; i < first + 5; i++)
		EXPECT(goes_up(&s, &s.up[0], SSRC, i) == is_heard);
	/* The hint applies to the first stream; the next stream starts at ROC 0. */
	if (is_heard) {
		EXPECT(goes_up(&s, &s.up[0], SSRC + 1, 7));
		EXPECT(goes_up(&s, &s.up[0], SSRC, first + 5));
	}
	scene_close(&s);
	keyctx_free(key);
}

static void a_hint_with_the_key(void)
{
	for (unsigned i = 0; i < CALL_ENGINES; i++) {
		hinted(call_engines[i], RELAY_MODE_E2AE, 7, at(7, 1000), true);
		hinted(call_engines[i], RELAY_MODE_E2AE, 7, at(8, 3), true);
		hinted(call_engines[i], RELAY_MODE_E2AE, 7, at(6, 65500), true);
		hinted(call_engines[i], RELAY_MODE_E2AE, 7, at(6, 10), true);
		hinted(call_engines[i], RELAY_MODE_E2AE, 7, at(0, 10), true);
		hinted(call_engines[i], RELAY_MODE_E2AE, 7, at(1, 10), true);
		hinted(call_engines[i], RELAY_MODE_E2AE, 7, at(10, 10), false);
		hinted(call_engines[i], RELAY_MODE_E2AE, 0, at(1, 10), true);
		hinted(call_engines[i], RELAY_MODE_E2E_VERIFIED, 7, at(8, 3), true);
		hinted(call_engines[i], RELAY_MODE_E2E_VERIFIED, 0, at(1, 3), true);
	}
	hinted("evp", RELAY_MODE_E2AE, UINT32_MAX, at(UINT32_MAX, 9), true);
	hinted("evp", RELAY_MODE_E2AE, UINT32_MAX, at(UINT32_MAX - 1, 65000), true);
}

/* After the first stream, the hint no longer applies, with another key and SSRC; RTCP before that
 * stream makes no difference. */
static void a_hint_is_used_once(void)
{
	struct scene s;
	struct keyctx *key;

	if (!scene_prepare(&s, "evp", "AES_CM_128_HMAC_SHA1_80"))
		return;
	key = call_key_at_roc(s.up[0].ctx, 9);
	s.media.legs[0].receive = key;
	if (!scene_start(&s))
		return;
	send_up(&s, &s.up[0], SSRC, 0, true);
	EXPECT_INT(scene_heard(&s), 1);
	EXPECT(goes_up(&s, &s.up[0], SSRC, at(9, 500)));
	EXPECT(!goes_up(&s, &s.up[0], SSRC + 2, at(10, 65000)));
	scene_close(&s);
	keyctx_free(key);
}

/* --- another SSRC, another key ---------------------------------------------- */

static void an_ssrc_changes_late_in_the_call(void)
{
	const struct {
		uint64_t first;
		bool is_heard;
	} rows[] = {{at(0, 9), true}, {at(1, 9), true}, {at(5, 9), true}, {at(4, 9), false}};

	for (unsigned e = 0; e < CALL_ENGINES; e++) {
		for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
			struct scene s;
			struct keyctx *key;

			test_context("%s, second stream at %llx", call_engines[e],
			             (unsigned long long)rows[i].first);
			if (!scene_prepare(&s, call_engines[e], "AES_CM_128_HMAC_SHA1_80"))
				return;
			key = call_key_at_roc(s.up[0].ctx, 5);
			s.media.legs[0].receive = key;
			if (!scene_start(&s))
				return;
			for (uint64_t k = 0; k < 5; k++)
				EXPECT(goes_up(&s, &s.up[0], SSRC, at(5, 100) + k));
			for (uint64_t k = 0; k < 5; k++)
				EXPECT(goes_up(&s, &s.up[0], SSRC + 1, rows[i].first + k) ==
				       rows[i].is_heard);
			EXPECT(goes_up(&s, &s.up[0], SSRC, at(5, 105)));
			scene_close(&s);
			keyctx_free(key);
		}
	}
}

/* Under a new key at the same address, the setting decides which ROCs are tried. Packets lost
 * around the re-keying make no difference. */
static void rekeyed(const char *engine, enum relay_rekey_roc rule, uint64_t last, uint64_t first,
                    bool is_heard)
{
	struct scene s;
	struct keyctx *key;

	test_context("%s, rule %d, last %llx, first %llx", engine, (int)rule,
	             (unsigned long long)last, (unsigned long long)first);
	if (!scene_prepare(&s, engine, "AES_CM_128_HMAC_SHA1_80"))
		return;
	key = call_key_at_roc(s.up[0].ctx, (uint32_t)(last >> 16));
	s.media.legs[0].receive = key;
	s.media.legs[0].rekey_roc = rule;
	s.media.legs[0].rekey_overlap_ms = 100;
	if (!scene_start(&s))
		return;
	for (uint64_t i = last - 3; i <= last; i++)
		EXPECT(goes_up(&s, &s.up[0], SSRC, i));
	scene_use_keys(&s, 1);
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	stage_run(&s.g, 200);
	for (uint64_t i = first; i < first + 5; i++)
		EXPECT(goes_up(&s, &s.up[1], SSRC, i) == is_heard);
	scene_close(&s);
	keyctx_free(key);
}

static void a_gap_at_a_rekeying(void)
{
	for (unsigned i = 0; i < CALL_ENGINES; i++) {
		rekeyed(call_engines[i], RELAY_ROC_EITHER, at(3, 40000), at(3, 40010), true);
		rekeyed(call_engines[i], RELAY_ROC_EITHER, at(3, 40000), at(4, 30000), true);
		rekeyed(call_engines[i], RELAY_ROC_EITHER, at(3, 65000), at(0, 65100), true);
		rekeyed(call_engines[i], RELAY_ROC_EITHER, at(3, 65000), at(1, 10), true);
		rekeyed(call_engines[i], RELAY_ROC_KEEP, at(3, 40000), at(4, 30000), true);
		rekeyed(call_engines[i], RELAY_ROC_KEEP, at(3, 65000), at(0, 65100), false);
		rekeyed(call_engines[i], RELAY_ROC_ZERO, at(3, 65000), at(0, 65100), true);
		rekeyed(call_engines[i], RELAY_ROC_ZERO, at(3, 65000), at(1, 10), true);
		rekeyed(call_engines[i], RELAY_ROC_ZERO, at(0, 65000), at(1, 10), true);
		rekeyed(call_engines[i], RELAY_ROC_ZERO, at(3, 40000), at(3, 40010), false);
	}
}

/* A terminal that keeps its ROC with a new address and key is accepted with `either`. */
static void a_terminal_that_moves_may_keep_its_counter(void)
{
	struct scene s;
	struct keyctx *key;

	if (!scene_prepare(&s, "evp", "AES_CM_128_HMAC_SHA1_80"))
		return;
	key = call_key_at_roc(s.up[0].ctx, 3);
	s.media.legs[0].receive = key;
	if (!scene_start(&s))
		return;
	EXPECT(goes_up(&s, &s.up[0], SSRC, at(3, 9)));
	scene_use_keys(&s, 1);
	s.media.legs[0].remote.ip[3] = 77;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT(goes_up(&s, &s.up[1], SSRC, at(3, 10)));
	scene_close(&s);
	keyctx_free(key);
}

/* --- a sender whose packets were lost --------------------------------------- */

/* `gap` packets are sent and lost. The stream is accepted again within a second, and no old packet
 * is accepted twice. */
static void away_for(const char *engine, uint64_t from, uint64_t gap)
{
	struct scene s;
	struct keyctx *key;
	uint8_t old[256];
	unsigned n_heard = 0;
	size_t n;

	test_context("%s, away at %llx for %llu packets", engine, (unsigned long long)from,
	             (unsigned long long)gap);
	if (!scene_prepare(&s, engine, "AES_CM_128_HMAC_SHA1_80"))
		return;
	key = call_key_at_roc(s.up[0].ctx, (uint32_t)(from >> 16));
	s.media.legs[0].receive = key;
	if (!scene_start(&s))
		return;
	n = send_up(&s, &s.up[0], SSRC, from, false);
	memcpy(old, s.octets, n);
	EXPECT_INT(scene_heard(&s), 1);
	send_up(&s, &s.up[0], SSRC, 0, true);
	EXPECT_INT(scene_heard(&s), 1);
	for (uint64_t i = 0; i < 50; i++) {
		n_heard += goes_up(&s, &s.up[0], SSRC, from + gap + i);
		stage_run(&s.g, 19);
	}
	EXPECT(n_heard >= 30);
	EXPECT(goes_up(&s, &s.up[0], SSRC, from + gap + 50));
	EXPECT(!is_heard_again(&s, old, n));
	EXPECT_INT(scene_leg_a(&s)->streams[0].roc, (from + gap + 50) >> 16);
	send_up(&s, &s.up[0], SSRC, 0, true);
	EXPECT_INT(scene_heard(&s), 1);
	scene_close(&s);
	keyctx_free(key);
}

static void a_sender_that_was_away_is_found(void)
{
	static const uint64_t gaps[] = {30000, 40000, 60000, 70000, 98000, 100000, 131000};

	for (unsigned e = 0; e < CALL_ENGINES; e++) {
		for (unsigned i = 0; i < ARRAY_LEN(gaps); i++) {
			away_for(call_engines[e], at(1, 100), gaps[i]);
			away_for(call_engines[e], 60000, gaps[i]);
		}
	}
}

/* Packets from the peer's address that fail authentication change no state: no packet is accepted
 * twice, whatever the ROC, and the stream continues. */
static void failures_open_no_way_back(void)
{
	struct scene s;
	uint8_t old[10][256];
	size_t n = 0;

	if (!open_scene(&s, "evp"))
		return;
	for (uint64_t i = 0; i < 10; i++) {
		n = send_up(&s, &s.up[0], SSRC, 65536 + i, false);
		memcpy(old[i], s.octets, n);
		EXPECT_INT(scene_heard(&s), 1);
	}
	for (uint64_t i = 65600; i < 65536 * 2 + 100; i += 20000)
		EXPECT(goes_up(&s, &s.up[0], SSRC, i));
	EXPECT(goes_up(&s, &s.up[0], SSRC, 65536 * 2 + 100));
	for (unsigned round = 0; round < 50; round++) {
		size_t len = call_rtp(s.octets, SSRC, test_random(&s.g.random));

		EXPECT_OK(sim_send(s.g.sim, &call_peer_a, &call_local_a, s.octets, len + 10));
		for (unsigned i = 0; i < 10; i++)
			EXPECT(!is_heard_again(&s, old[i], n));
		stage_run(&s.g, 50);
	}
	EXPECT(goes_up(&s, &s.up[0], SSRC, 65536 * 2 + 101));
	EXPECT_INT(scene_leg_a(&s)->streams[0].roc, 2);
	scene_close(&s);
}

/* --- floods ----------------------------------------------------------------- */

enum flood { FLOOD_ELSEWHERE, FLOOD_SPOOFED, FLOOD_SAME_SSRC, FLOOD_SAME_NUMBERS };

static void forge(struct scene *s, enum flood how, uint64_t index)
{
	uint64_t r = test_random(&s->g.random);
	size_t n = call_rtp(s->octets, how >= FLOOD_SAME_SSRC ? SSRC : (uint32_t)r,
	                    how == FLOOD_SAME_NUMBERS ? index : r);

	for (unsigned i = 12; i < n + 10; i++)
		s->octets[i] = (uint8_t)test_random(&s->g.random);
	EXPECT_OK(sim_send(s->g.sim, how == FLOOD_ELSEWHERE ? &mallory : &call_peer_a,
	                   &call_local_a, s->octets, n + 10));
}

/* Twenty forged packets per millisecond before and during a stream at ROC 1: the stream is accepted
 * within two seconds, and no forged packet is accepted. */
static void flooded(enum flood how)
{
	struct scene s;
	unsigned first = 0, n_heard = 0;

	test_context("flood %d", (int)how);
	if (!open_scene(&s, "evp"))
		return;
	for (unsigned ms = 0; ms < 3000; ms++) {
		uint64_t index = 65536 + 50 + ms / 20;

		for (unsigned i = 0; i < 20; i++)
			forge(&s, how, index);
		if (ms >= 500 && ms % 20 == 0)
			send_up(&s, &s.up[0], SSRC, index, false);
		n_heard += scene_heard(&s);
		if (n_heard && !first)
			first = ms;
	}
	EXPECT(first > 0 && first < 2500);
	EXPECT(n_heard >= 20 && n_heard <= 125);
	scene_close(&s);
}

static void a_flood_does_not_stop_the_stream(void)
{
	flooded(FLOOD_ELSEWHERE);
	flooded(FLOOD_SPOOFED);
	flooded(FLOOD_SAME_SSRC);
	flooded(FLOOD_SAME_NUMBERS);
}

TEST_MAIN("roc", {"first packets lost around the wrap", first_packets_lost_around_the_wrap},
          {"RTCP comes before RTP", rtcp_comes_before_rtp},
          {"RTP before RTCP in one batch", rtp_before_rtcp_in_one_batch},
          {"a hint with the key", a_hint_with_the_key},
          {"a hint is used once", a_hint_is_used_once},
          {"an SSRC changes late in the call", an_ssrc_changes_late_in_the_call},
          {"a gap at a re-keying", a_gap_at_a_rekeying},
          {"a terminal that moves may keep its counter",
           a_terminal_that_moves_may_keep_its_counter},
          {"a sender that was away is found", a_sender_that_was_away_is_found},
          {"failures open no way back", failures_open_no_way_back},
          {"a flood does not stop the stream", a_flood_does_not_stop_the_stream})
