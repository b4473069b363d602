/* SPDX-License-Identifier: MIT */
/* The overlap, while the previous key still decrypts packets: other tag lengths; streams that
 * appear, are evicted or return; the packet count of each key. */
#include "tests/harness/call.h"

#include "base/bytes.h"
#include "base/clk.h"

enum { SSRC = 0x0a0a0a0a, OVERLAP_MS = 1000 };

/* Writes an RTP packet with `payload` octets of payload; returns its length. */
static size_t rtp(uint8_t *out, uint32_t ssrc, uint64_t index, unsigned payload)
{
	(void)call_rtp(out, ssrc, index);
	return 12 + payload;
}

static size_t rtcp(uint8_t *out, uint32_t ssrc)
{
	memset(out, 0, 12);
	memcpy(out, (const uint8_t[]){0x80, 204, 0, 2}, 4);
	be32_put(out + 4, ssrc);
	return 12;
}

static bool comes_up(struct scene *s, struct srtp_end *end, uint32_t ssrc, uint64_t index)
{
	scene_send_up(s, end, rtp(s->octets, ssrc, index, CALL_PAYLOAD), index);
	return scene_heard(s) == 1;
}

static bool rtcp_comes_up(struct scene *s, struct srtp_end *end, uint32_t ssrc)
{
	scene_send_up(s, end, rtcp(s->octets, ssrc), 0);
	return scene_heard(s) == 1;
}

static bool rekey(struct scene *s, unsigned nth)
{
	scene_use_keys(s, nth);
	return EXPECT_OK(call_update(&s->g, s->call, &s->spec));
}

/* Opens a scene whose first receive key has the start ROC `roc`. */
static bool open_at(struct scene *s, const char *engine, uint32_t roc, unsigned ssrcs)
{
	if (!scene_prepare(s, engine, "AES_CM_128_HMAC_SHA1_80") ||
	    !scene_set_key(&s->up[0], call_key_at_roc(s->up[0].ctx, roc)))
		return false;
	scene_use_keys(s, 0);
	s->config.ssrcs_per_leg = ssrcs;
	s->media.legs[0].rekey_overlap_ms = ssrcs < 64 ? 120000 : OVERLAP_MS;
	return scene_start(s);
}

/* --- suites ----------------------------------------------------------------- */

/* Packets under the previous key are accepted, even if too short for a tag of the new key. */
static void short_packets(const char *engine, const char *before, const char *after)
{
	struct scene s;
	uint64_t old = 100, new = 200;

	test_context("%s, %s to %s", engine, before, after);
	if (!scene_prepare(&s, engine, before) || !scene_set_key(&s.up[1], call_key(after)) ||
	    !scene_set_key(&s.down[1], call_key(after)))
		return;
	scene_use_keys(&s, 0);
	s.media.legs[0].rekey_overlap_ms = OVERLAP_MS;
	if (!scene_start(&s))
		return;
	EXPECT(comes_up(&s, &s.up[0], SSRC, old++));
	rekey(&s, 1);
	/* Round 0: before the first packet under the new key; round 1: after it. */
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned payload = 0; payload <= 20; payload++) {
			scene_send_up(&s, &s.up[0], rtp(s.octets, SSRC, old, payload), old);
			EXPECT_INT(scene_heard(&s), 1);
			old++;
		}
		EXPECT(rtcp_comes_up(&s, &s.up[0], SSRC));
		for (unsigned payload = 0; payload <= 20; payload++) {
			scene_send_up(&s, &s.up[1], rtp(s.octets, SSRC, new, payload), new);
			EXPECT_INT(scene_heard(&s), 1);
			new ++;
		}
	}
	EXPECT_INT(scene_leg_a(&s)->verdicts[VERDICT_CLEAR], 0);
	EXPECT_INT(scene_leg_a(&s)->verdicts[VERDICT_AUTH_FAILED], 0);
	scene_close(&s);
}

static void another_suite_with_short_packets(void)
{
	for (unsigned i = 0; i < CALL_ENGINES; i++) {
		short_packets(call_engines[i], "AES_CM_128_HMAC_SHA1_32",
		              "AES_CM_128_HMAC_SHA1_80");
		short_packets(call_engines[i], "AES_CM_128_HMAC_SHA1_80",
		              "AES_CM_128_HMAC_SHA1_32");
		short_packets(call_engines[i], "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM");
		short_packets(call_engines[i], "AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_32");
		short_packets(call_engines[i], "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_256_GCM");
	}
}

/* --- streams ---------------------------------------------------------------- */

/* A source first received under the previous key continues under the new one with its ROC. */
static void first_heard(const char *engine, enum relay_rekey_roc rule, uint32_t roc)
{
	struct scene s;

	test_context("%s, rule %d, ROC %u", engine, (int)rule, roc);
	if (!open_at(&s, engine, roc, 64))
		return;
	s.media.legs[0].rekey_roc = rule;
	rekey(&s, 1);
	for (uint64_t i = 0; i < 5; i++)
		EXPECT(comes_up(&s, &s.up[0], SSRC, ((uint64_t)roc << 16 | 700) + i));
	EXPECT(rtcp_comes_up(&s, &s.up[0], SSRC));
	for (uint64_t i = 5; i < 10; i++)
		EXPECT(comes_up(&s, &s.up[1], SSRC, ((uint64_t)roc << 16 | 700) + i));
	EXPECT(rtcp_comes_up(&s, &s.up[1], SSRC));
	stage_run(&s.g, OVERLAP_MS + 100);
	EXPECT(comes_up(&s, &s.up[1], SSRC, (uint64_t)roc << 16 | 710));
	EXPECT(!comes_up(&s, &s.up[0], SSRC, (uint64_t)roc << 16 | 711));
	scene_close(&s);
}

static void a_stream_first_heard_in_the_overlap(void)
{
	for (unsigned i = 0; i < CALL_ENGINES; i++) {
		first_heard(call_engines[i], RELAY_ROC_KEEP, 0);
		first_heard(call_engines[i], RELAY_ROC_KEEP, 1);
		first_heard(call_engines[i], RELAY_ROC_KEEP, 5);
		first_heard(call_engines[i], RELAY_ROC_EITHER, 5);
	}
}

/* A source is evicted, the key changes, and the source returns: its ROC is still known, and no
 * packet under the old key is accepted again. */
static void evicted_before(const char *engine, bool after_overlap)
{
	enum { IDLE_MS = 31000 };
	struct scene s;
	uint8_t old[256];
	size_t n;

	test_context("%s, %s the overlap", engine, after_overlap ? "after" : "in");
	if (!open_at(&s, engine, 5, 1))
		return;
	s.media.legs[0].rekey_roc = RELAY_ROC_KEEP;
	n = scene_send_up(&s, &s.up[0], rtp(s.octets, SSRC, 5u << 16 | 9, CALL_PAYLOAD),
	                  5u << 16 | 9);
	memcpy(old, s.octets, n);
	EXPECT_INT(scene_heard(&s), 1);
	stage_run(&s.g, IDLE_MS);
	EXPECT(comes_up(&s, &s.up[0], SSRC + 1, 9));
	rekey(&s, 1);
	stage_run(&s.g, after_overlap ? 121000 : IDLE_MS);
	EXPECT(comes_up(&s, &s.up[1], SSRC, 5u << 16 | 10));
	EXPECT(comes_up(&s, &s.up[1], SSRC, 5u << 16 | 11));
	EXPECT_OK(sim_send(s.g.sim, &call_peer_a, &call_local_a, old, n));
	EXPECT_INT(scene_heard(&s), 0);
	scene_close(&s);
}

static void eviction_before_a_rekeying(void)
{
	for (unsigned i = 0; i < CALL_ENGINES; i++) {
		evicted_before(call_engines[i], false);
		evicted_before(call_engines[i], true);
	}
}

/* A source is evicted under one key, and again under the next key: each key keeps its own state,
 * and after two re-keyings all memory is free again. */
static void evicted_under_two_keys(void)
{
	enum { IDLE_MS = 31000 };
	struct scene s;

	if (!open_at(&s, "evp", 5, 1))
		return;
	for (unsigned round = 0; round < 3; round++) {
		uint64_t index = (5ull << 16) + 10 * (round + 1);

		EXPECT(comes_up(&s, &s.up[round], SSRC, index));
		stage_run(&s.g, IDLE_MS);
		EXPECT(comes_up(&s, &s.up[round], SSRC + 1, 10 * (round + 1)));
		if (round < 2)
			rekey(&s, round + 1);
		stage_run(&s.g, 121000);
	}
	scene_close(&s);
}

/* --- lifetimes -------------------------------------------------------------- */

static const uint8_t mkis[3][4] = {{0, 0, 0, 1}, {0, 0, 0, 2}, {0, 0, 0, 3}};

/* When the previous key reaches its lifetime in the overlap, the new key continues and no event is
 * raised. When the new key reaches its lifetime, events report it. */
static void used_up(const char *engine, bool has_mki)
{
	struct scene s;

	test_context("%s, %s", engine, has_mki ? "with MKI" : "without MKI");
	if (!scene_prepare(&s, engine, "AES_CM_128_HMAC_SHA1_80"))
		return;
	for (unsigned i = 0; i < 2; i++) {
		struct view mki = {.p = mkis[i], .n = has_mki ? sizeof(mkis[i]) : 0};

		EXPECT(scene_set_key(&s.up[i], call_key_again(s.up[i].ctx, mki, 20 + 20 * i)));
	}
	s.media.legs[0].rekey_overlap_ms = 60000;
	s.config.enforces_receive_lifetime = true;
	scene_use_keys(&s, 0);
	if (!scene_start(&s))
		return;
	for (uint64_t i = 0; i < 15; i++)
		EXPECT(comes_up(&s, &s.up[0], SSRC, 100 + i));
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_KEY_SOFT_LIMIT), 0);
	rekey(&s, 1);
	for (uint64_t i = 0; i < 5; i++)
		EXPECT(comes_up(&s, &s.up[0], SSRC, 115 + i));
	/* The terminal's context has reached its lifetime too; use another context of the same key
	 * without a limit. */
	EXPECT(scene_set_key(
		&s.up[2],
		call_key_again(s.up[0].ctx, (struct view){.p = mkis[0], .n = has_mki ? 4 : 0}, 0)));
	for (uint64_t i = 0; i < 5; i++)
		EXPECT(!comes_up(&s, &s.up[2], SSRC, 120 + i));
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_KEY_SOFT_LIMIT), 0);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_KEY_EXPIRED), 0);
	for (uint64_t i = 0; i < 40; i++)
		EXPECT(comes_up(&s, &s.up[1], SSRC, 140 + i));
	EXPECT_INT(scene_leg_a(&s)->receive_key_pkts, 40);
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_KEY_SOFT_LIMIT), 1);
	EXPECT(scene_set_key(
		&s.up[2],
		call_key_again(s.up[1].ctx, (struct view){.p = mkis[1], .n = has_mki ? 4 : 0}, 0)));
	EXPECT(!comes_up(&s, &s.up[2], SSRC, 180));
	EXPECT_INT(stage_events(&s.g, RELAY_EVENT_KEY_EXPIRED), 1);
	scene_close(&s);
}

static void the_previous_key_reaches_its_lifetime(void)
{
	for (unsigned i = 0; i < CALL_ENGINES; i++) {
		used_up(call_engines[i], false);
		used_up(call_engines[i], true);
	}
}

/* A repeated packet of the old key gets the verdict replayed, not auth-failed. */
static void a_repetition_gets_the_verdict_replayed(void)
{
	struct scene s;
	size_t n;

	if (!scene_open(&s, "evp"))
		return;
	n = scene_send_up(&s, &s.up[0], rtp(s.octets, SSRC, 9, CALL_PAYLOAD), 9);
	EXPECT_INT(scene_heard(&s), 1);
	rekey(&s, 1);
	EXPECT_OK(sim_send(s.g.sim, &call_peer_a, &call_local_a, s.octets, n));
	EXPECT_INT(scene_heard(&s), 0);
	EXPECT_INT(scene_leg_a(&s)->verdicts[VERDICT_REPLAYED], 1);
	EXPECT_INT(scene_leg_a(&s)->verdicts[VERDICT_AUTH_FAILED], 0);
	scene_close(&s);
}

/* --- RTCP ------------------------------------------------------------------- */

/* The terminal's SRTCP index starts again under a new key. The relay still learns the terminal's
 * new address from RTCP, with or without RTP first, also when it moves back. */
static void rtcp_is_followed(const char *engine, bool rtp_first)
{
	static const struct addr local = {.ip = {10, 0, 0, 1}, .port = 30001, .version = 4};
	struct addr from = {.ip = {192, 0, 2, 1}, .port = 4001, .version = 4};
	struct scene s;
	unsigned nths[] = {0, 1, 0};

	test_context("%s, %s first", engine, rtp_first ? "RTP" : "RTCP");
	if (!scene_prepare(&s, engine, "AES_CM_128_HMAC_SHA1_80"))
		return;
	call_spec(&s.spec, &s.media, RELAY_MODE_E2AE, RELAY_RTCP_PAIR);
	s.media.legs[0].latch = RELAY_LATCH_FOLLOW;
	s.media.legs[0].rekey_overlap_ms = 60000;
	scene_use_keys(&s, 0);
	if (!scene_start(&s))
		return;
	for (unsigned round = 0; round < ARRAY_LEN(nths); round++) {
		struct srtp_end *end = &s.up[nths[round]];

		if (round)
			rekey(&s, nths[round]);
		if (rtp_first)
			EXPECT(comes_up(&s, end, SSRC, 100 + round));
		for (unsigned i = 0; i < (round ? 2u : 20u); i++) {
			size_t n = end_protect(end, s.octets, rtcp(s.octets, SSRC),
			                       sizeof(s.octets), 0);

			from.port = (uint16_t)(4001 + 2 * (round * 100 + i));
			EXPECT_OK(sim_send(s.g.sim, &from, &local, s.octets, n));
			stage_run(&s.g, 1);
			EXPECT(addr_eq(&scene_leg_a(&s)->remote_rtcp, &from));
		}
	}
	scene_close(&s);
}

static void rtcp_is_followed_under_a_new_key(void)
{
	for (unsigned i = 0; i < CALL_ENGINES; i++) {
		rtcp_is_followed(call_engines[i], true);
		rtcp_is_followed(call_engines[i], false);
	}
}

/* After a re-keying that resets the ROC, SRTCP in the batch that decides the ROC is accepted only
 * once. */
static void rtcp_in_the_batch_that_settles(const char *engine, uint64_t first)
{
	struct scene s;
	uint8_t reports[3][256];
	size_t n = 0;

	test_context("%s, first %llx", engine, (unsigned long long)first);
	if (!open_at(&s, engine, 3, 64))
		return;
	EXPECT(comes_up(&s, &s.up[0], SSRC, 3u << 16 | 100));
	rekey(&s, 1);
	for (unsigned i = 0; i < 3; i++) {
		n = scene_send_up(&s, &s.up[1], rtcp(s.octets, SSRC), 0);
		memcpy(reports[i], s.octets, n);
		if (i == 0)
			EXPECT_INT(scene_heard(&s), 1);
		if (i == 1)
			scene_send_up(&s, &s.up[1], rtp(s.octets, SSRC, first, CALL_PAYLOAD),
			              first);
	}
	EXPECT_INT(scene_heard(&s), 3);
	for (unsigned i = 0; i < 3; i++) {
		EXPECT_OK(sim_send(s.g.sim, &call_peer_a, &call_local_a, reports[i], n));
		EXPECT_INT(scene_heard(&s), 0);
	}
	EXPECT(comes_up(&s, &s.up[1], SSRC, first + 1));
	EXPECT(rtcp_comes_up(&s, &s.up[1], SSRC));
	scene_close(&s);
}

static void a_report_is_heard_once(void)
{
	for (unsigned i = 0; i < CALL_ENGINES; i++) {
		rtcp_in_the_batch_that_settles(call_engines[i], 10);
		rtcp_in_the_batch_that_settles(call_engines[i], 65546);
		rtcp_in_the_batch_that_settles(call_engines[i], 3u << 16 | 101);
	}
}

TEST_MAIN("overlap", {"another suite with short packets", another_suite_with_short_packets},
          {"a stream first heard in the overlap", a_stream_first_heard_in_the_overlap},
          {"eviction before a re-keying", eviction_before_a_rekeying},
          {"evicted under two keys", evicted_under_two_keys},
          {"the previous key reaches its lifetime", the_previous_key_reaches_its_lifetime},
          {"a repetition gets the verdict replayed", a_repetition_gets_the_verdict_replayed},
          {"RTCP is followed under a new key", rtcp_is_followed_under_a_new_key},
          {"a report is heard once", a_report_is_heard_once})
