/* SPDX-License-Identifier: MIT */
/* Session updates: the same key changes nothing, a new key makes a new context, and the setting
 * decides how the ROC continues. */
#include "tests/harness/call.h"

#include "base/bytes.h"
#include "base/mem.h"

enum { SSRC_A = 0x0a0a0a0a, SSRC_B = 0x0b0b0b0b };
static bool comes_up(struct scene *s, struct srtp_end *end, uint64_t index)
{
	return scene_goes_up(s, end, SSRC_A, index);
}

static bool comes_down(struct scene *s, struct srtp_end *end, uint64_t index)
{
	return scene_goes_down(s, end, SSRC_B, index);
}

static bool open_scene(struct scene *s, const char *engine)
{
	if (!scene_prepare(s, engine, "AES_CM_128_HMAC_SHA1_80"))
		return false;
	s->media.legs[0].rekey_overlap_ms = 1000;
	return scene_start(s);
}

/* Fifty holds and resumes with the same keys, around a wrap, with a packet before and after each:
 * no packet is lost. */
static void storm(const char *engine)
{
	struct scene s;
	uint64_t i = 65500;

	if (!open_scene(&s, engine))
		return;
	for (int round = 0; round < 50; round++) {
		for (int hold = 1; hold >= 0; hold--) {
			struct keyctx *same_up, *same_down;

			REQUIRE_OK(keyctx_copy(&same_up, s.up[0].ctx));
			REQUIRE_OK(keyctx_copy(&same_down, s.down[0].ctx));
			s.media.legs[0].receive = same_up;
			s.media.legs[0].send = same_down;
			s.media.legs[0].can_send = s.media.legs[1].can_receive = !hold;
			EXPECT_OK(call_update(&s.g, s.call, &s.spec));
			keyctx_free(same_up);
			keyctx_free(same_down);
			EXPECT(comes_up(&s, &s.up[0], i));
			EXPECT(comes_down(&s, &s.down[0], i) == !hold);
			i++;
		}
	}
	EXPECT_OK(call_query(&s.g, s.call));
	EXPECT_INT(s.g.media_stats[0].legs[0].streams[0].roc, 1);
	EXPECT_INT(s.g.media_stats[0].legs[0].rekeys, 0);
	EXPECT_INT(s.g.media_stats[0].legs[0].streams[0].lost, 0);
	scene_close(&s);
}

static void an_update_storm_loses_nothing(void)
{
	storm("evp");
	storm("libsrtp");
}

/* New keys at the same address while the ROC is 1: with setting `either`, packets are accepted from
 * a terminal that keeps its ROC, and from one that resets it. */
static void rekey_with(enum relay_rekey_roc how, bool terminal_keeps, bool heard)
{
	struct scene s;

	test_context("setting %d, terminal %s", (int)how, terminal_keeps ? "keeps" : "resets");
	if (!open_scene(&s, "evp"))
		return;
	for (uint64_t i = 65530; i < 65545; i++) {
		EXPECT(comes_up(&s, &s.up[0], i));
		EXPECT(comes_down(&s, &s.down[0], i));
	}
	scene_use_keys(&s, 1);
	s.media.legs[0].rekey_roc = how;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	/* A late packet under the old key is accepted. */
	EXPECT(comes_up(&s, &s.up[0], 65545));
	for (uint64_t i = 65546; i < 65560; i++)
		EXPECT(comes_up(&s, &s.up[1], terminal_keeps ? i : i - 65536) == heard);
	/* The gateway keeps its ROC: the terminal decrypts with the new key and ROC 1. */
	EXPECT(srtp_begin(&s.down[1], SSRC_B, 1));
	EXPECT(comes_down(&s, &s.down[1], 65546));
	/* After the overlap no packet under the old key is accepted. */
	stage_run(&s.g, 2000);
	EXPECT(!comes_up(&s, &s.up[0], 65570));
	scene_close(&s);
}

static void a_new_key_continues_the_roc_as_configured(void)
{
	rekey_with(RELAY_ROC_EITHER, true, true);
	rekey_with(RELAY_ROC_EITHER, false, true);
	rekey_with(RELAY_ROC_KEEP, true, true);
	rekey_with(RELAY_ROC_KEEP, false, false);
	rekey_with(RELAY_ROC_ZERO, true, false);
	rekey_with(RELAY_ROC_ZERO, false, true);
}

/* RFC 4568 7.1.4: a new key with a new address starts at ROC 0, in both directions. */
static void a_new_address_begins_at_zero(void)
{
	struct scene s;

	if (!open_scene(&s, "evp"))
		return;
	for (uint64_t i = 65530; i < 65545; i++) {
		EXPECT(comes_up(&s, &s.up[0], i));
		EXPECT(comes_down(&s, &s.down[0], i));
	}
	scene_use_keys(&s, 1);
	s.media.legs[0].remote.ip[3] = 77;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	/* The packet comes from the old address, which is learnt because it authenticates. */
	EXPECT(comes_up(&s, &s.up[1], 10));
	EXPECT(comes_down(&s, &s.down[1], 65546 - 65536));
	scene_close(&s);
}

/* Forged packets do not decide the ROC while the relay tries both ROCs. */
static void a_forgery_does_not_settle_the_roc(void)
{
	struct scene s;
	size_t n;

	if (!open_scene(&s, "evp"))
		return;
	for (uint64_t i = 65530; i < 65545; i++)
		EXPECT(comes_up(&s, &s.up[0], i));
	s.media.legs[0].receive = s.up[1].ctx;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	for (unsigned i = 0; i < 100; i++) {
		n = call_rtp(s.octets, SSRC_A, test_random(&s.g.random));
		EXPECT_OK(sim_send(s.g.sim, &call_peer_a, &call_local_a, s.octets, n + 10));
		stage_run(&s.g, 1);
	}
	EXPECT(comes_up(&s, &s.up[1], 10));
	EXPECT(comes_up(&s, &s.up[1], 11));
	scene_close(&s);
}

static void an_update_that_fails_changes_nothing(void)
{
	struct scene s;
	struct relay_media_spec before;

	if (!open_scene(&s, "evp"))
		return;
	EXPECT(comes_up(&s, &s.up[0], 1));
	before = s.media;
	s.media.legs[0].receive = NULL; /* e2ae without a receive key on an open gate */
	s.media.active = 7;
	EXPECT(call_update(&s.g, s.call, &s.spec) != ERR_OK);
	s.media = before;
	EXPECT(comes_up(&s, &s.up[0], 2));
	EXPECT(comes_down(&s, &s.down[0], 2));
	scene_close(&s);
}

/* Sends an APP packet of the terminal; it stays in s->octets. True if the core received it. */
static bool rtcp_comes_up(struct scene *s, struct srtp_end *end, size_t *n)
{
	struct sim_pkt got;

	memset(s->octets, 0, sizeof(s->octets));
	memcpy(s->octets, (const uint8_t[]){0x80, 204, 0, 2}, 4);
	be32_put(s->octets + 4, SSRC_A);
	*n = end_protect(end, s->octets, 12, sizeof(s->octets), 0);
	EXPECT_OK(sim_send(s->g.sim, &call_peer_a, &call_local_a, s->octets, *n));
	stage_run(&s->g, 1);
	return sim_receive(s->g.sim, &call_peer_b, &got);
}

/* After a re-keying only SRTCP arrives at first, which does not tell the ROC. RTP is then accepted
 * from a terminal that kept its ROC, and from one that reset it, also across the next wrap; no
 * SRTCP packet is accepted twice. */
static void rtcp_first(const char *engine, bool terminal_keeps)
{
	struct scene s;
	struct sim_pkt got;
	uint8_t rtcp[256];
	size_t n;

	test_context("%s, terminal %s", engine, terminal_keeps ? "keeps" : "resets");
	if (!open_scene(&s, engine))
		return;
	for (uint64_t i = 65530; i < 65545; i++)
		EXPECT(comes_up(&s, &s.up[0], i));
	scene_use_keys(&s, 1);
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT(rtcp_comes_up(&s, &s.up[1], &n));
	memcpy(rtcp, s.octets, n);
	uint64_t from = terminal_keeps ? 65546 : 10;
	for (uint64_t i = from; i < from + 5; i++)
		EXPECT(comes_up(&s, &s.up[1], i));
	EXPECT_OK(sim_send(s.g.sim, &call_peer_a, &call_local_a, rtcp, n));
	stage_run(&s.g, 1);
	EXPECT(!sim_receive(s.g.sim, &call_peer_b, &got));
	EXPECT(rtcp_comes_up(&s, &s.up[1], &n));
	uint64_t wrap = (from >> 16) + 1;
	for (uint64_t i = from + 5; i < (wrap << 16) + 20; i += i + 40 < wrap << 16 ? 300 : 1)
		EXPECT(comes_up(&s, &s.up[1], i));
	scene_close(&s);
}

static void rtcp_before_rtp_settles_no_roc(void)
{
	static const char *const engines[] = {"evp", "libsrtp"};

	for (unsigned i = 0; i < ARRAY_LEN(engines); i++) {
		rtcp_first(engines[i], true);
		rtcp_first(engines[i], false);
	}
}

/* An update of keys, a port and a third leg in which the nth allocation fails changes nothing, and
 * the call continues. */
static void no_memory_changes_nothing(const char *engine)
{
	struct scene s;
	struct relay_media_spec before;
	uint64_t index = 65530;
	unsigned failures = 0;
	enum err e;

	test_context("%s", engine);
	if (!open_scene(&s, engine))
		return;
	before = s.media;
	for (uint64_t nth = 1; nth < 200; nth++) {
		scene_use_keys(&s, 1);
		s.media.legs[1].rtcp = RELAY_RTCP_PAIR;
		s.media.legs[1].port_rtcp = (uint16_t)(s.media.legs[1].port_rtp + 1);
		s.media.n_legs = 3;
		s.media.legs[2] = s.media.legs[1];
		s.media.legs[2].port_rtp = 33000;
		s.media.legs[2].port_rtcp = 33001;
		mem_fail_nth(nth);
		e = call_update(&s.g, s.call, &s.spec);
		bool has_failed = mem_has_failed();
		mem_fail_nth(0);
		if (!e)
			break;
		EXPECT(has_failed);
		EXPECT_ERR(e, ERR_NOMEM);
		failures++;
		s.media = before;
		EXPECT(comes_up(&s, &s.up[0], index));
		EXPECT(comes_down(&s, &s.down[0], index));
		index++;
		EXPECT_INT(sim_open_ports(s.g.sim), 2);
	}
	EXPECT_OK(e);
	EXPECT(failures > 8);
	EXPECT(srtp_begin(&s.down[1], SSRC_B, 1));
	EXPECT(comes_up(&s, &s.up[1], index));
	EXPECT(comes_down(&s, &s.down[1], index));
	scene_close(&s);
}

static void an_update_without_memory(void)
{
	no_memory_changes_nothing("evp");
	no_memory_changes_nothing("libsrtp");
}

/* A key that returns, during the overlap or after it, continues at its index. */
static void a_key_that_comes_back(void)
{
	struct scene s;

	if (!open_scene(&s, "evp"))
		return;
	for (uint64_t i = 65530; i < 65540; i++)
		EXPECT(comes_up(&s, &s.up[0], i) && comes_down(&s, &s.down[0], i));
	scene_use_keys(&s, 1);
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	scene_use_keys(&s, 0);
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT(comes_up(&s, &s.up[0], 65540) && comes_down(&s, &s.down[0], 65540));
	stage_run(&s.g, 1100);
	for (unsigned way = 0; way < 2; way++) {
		const struct keyctx **key = way ? &s.media.legs[0].send : &s.media.legs[0].receive,
				    *now = *key;

		*key = way ? s.down[1].ctx : s.up[1].ctx;
		EXPECT_OK(call_update(&s.g, s.call, &s.spec));
		stage_run(&s.g, 1100);
		*key = now;
	}
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT(comes_up(&s, &s.up[0], 65541) && comes_down(&s, &s.down[0], 65541));
	/* The peer's send key cannot become our send key, and ours cannot become the peer's. */
	s.media.legs[0].send = s.up[1].ctx;
	EXPECT_ERR(call_update(&s.g, s.call, &s.spec), ERR_REKEY);
	scene_use_keys(&s, 0);
	s.media.legs[0].receive = s.down[1].ctx;
	EXPECT_ERR(call_update(&s.g, s.call, &s.spec), ERR_REKEY);
	scene_use_keys(&s, 0);
	scene_close(&s);
}

TEST_MAIN("rekey", {"an update storm loses nothing", an_update_storm_loses_nothing},
          {"a new key continues the ROC as configured", a_new_key_continues_the_roc_as_configured},
          {"a new address begins at zero", a_new_address_begins_at_zero},
          {"a forgery does not settle the ROC", a_forgery_does_not_settle_the_roc},
          {"an update that fails changes nothing", an_update_that_fails_changes_nothing},
          {"RTCP before RTP settles no ROC", rtcp_before_rtp_settles_no_roc},
          {"a key that comes back", a_key_that_comes_back},
          {"an update without memory", an_update_without_memory})
