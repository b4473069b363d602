/* SPDX-License-Identifier: MIT */
/* Corner cases of key changes, full tables and odd RTCP: no index is used twice, forged packets
 * change no state, no access is out of bounds. */
#include "tests/harness/call.h"

#include "base/bytes.h"

enum { SSRC_A = 0x0a0a0a0a, SSRC_B = 0x0b0b0b0b, RTCP_RSI = 209 };
static bool open_scene(struct scene *s, unsigned ssrcs_per_leg)
{
	if (!scene_prepare(s, "evp", "AES_CM_128_HMAC_SHA1_80"))
		return false;
	s->config.ssrcs_per_leg = ssrcs_per_leg;
	s->media.legs[1].latch = RELAY_LATCH_FOLLOW;
	return scene_start(s);
}

static bool comes_up(struct scene *s, struct srtp_end *end, uint64_t index)
{
	return scene_goes_up(s, end, SSRC_A, index);
}

static bool rtcp_comes_up(struct scene *s, struct srtp_end *end)
{
	struct sim_pkt got;
	size_t n = 12;

	memset(s->octets, 0, sizeof(s->octets));
	memcpy(s->octets, (const uint8_t[]){0x80, 204, 0, 2}, 4);
	be32_put(s->octets + 4, SSRC_A);
	n = end_protect(end, s->octets, n, sizeof(s->octets), 0);
	EXPECT_OK(sim_send(s->g.sim, &call_peer_a, &call_local_a, s->octets, n));
	stage_run(&s->g, 1);
	return sim_receive(s->g.sim, &call_peer_b, &got);
}

/* Sends octets from the core; true if a packet leaves to `to`, which is stored in *got. */
static bool goes_down(struct scene *s, const uint8_t *octets, size_t n, const struct addr *to,
                      struct sim_pkt *got)
{
	EXPECT_OK(sim_send(s->g.sim, &call_peer_b, &call_local_b, octets, n));
	stage_run(&s->g, 1);
	return sim_receive(s->g.sim, to, got);
}

static bool rtp_goes_down(struct scene *s, uint64_t index, const struct addr *to,
                          struct sim_pkt *got)
{
	return goes_down(s, s->octets, call_rtp(s->octets, SSRC_B, index), to, got);
}

/* Under the second key only RTCP was received, so its ROC is unknown when the third key arrives:
 * four states must be tried. */
static void a_third_key_while_the_second_is_open(void)
{
	struct scene s;

	if (!open_scene(&s, 64))
		return;
	EXPECT(comes_up(&s, &s.up[0], 65530));
	EXPECT(comes_up(&s, &s.up[0], 65540));
	scene_use_keys(&s, 1);
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT(rtcp_comes_up(&s, &s.up[1]));
	scene_use_keys(&s, 2);
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	/* The terminal reset its ROC under the second key (a late packet), and again under the
	 * third. */
	EXPECT(comes_up(&s, &s.up[1], 20));
	EXPECT(comes_up(&s, &s.up[2], 21));
	EXPECT(comes_up(&s, &s.up[2], 22));
	scene_close(&s);
}

/* RTCP packets of types that are not renamed, or without an SSRC, leave under the outgoing SSRC
 * whose SRTCP index they use. */
static void odd_rtcp_takes_the_streams_name(void)
{
	static const uint8_t firsts[][2] = {
		{0x80, RTCP_RSI}, {0x80, 203}, {0x80, 202}, {0x80, 192}};
	struct scene s;
	struct sim_pkt got;
	uint32_t name;

	if (!open_scene(&s, 64))
		return;
	EXPECT(rtp_goes_down(&s, 20000, &call_peer_a, &got));
	EXPECT(rtp_goes_down(&s, 10, &call_peer_a, &got));
	name = be32_get(got.data + 8);
	EXPECT(name != SSRC_B);
	for (unsigned i = 0; i < ARRAY_LEN(firsts); i++) {
		uint8_t rtcp[8] = {firsts[i][0], firsts[i][1], 0, 1};

		be32_put(rtcp + 4, SSRC_B);
		EXPECT(goes_down(&s, rtcp, sizeof(rtcp), &call_peer_a, &got));
		EXPECT_INT(be32_get(got.data + 4), name);
	}
	/* A BYE without an SSRC before a report: its second word is not an SSRC. */
	EXPECT(!goes_down(&s, (const uint8_t[]){0x80, 203, 0, 0, 0x80, 201, 0, 1, 1, 2, 3, 4}, 12,
	                  &call_peer_a, &got));
	scene_close(&s);
}

/* The table of streams has one place, and its stream restarts after a pause: it keeps the place,
 * and its state is still known. */
static void a_restart_in_a_full_table(void)
{
	struct scene s;
	struct sim_pkt got;
	uint32_t name = 0;

	if (!open_scene(&s, 1))
		return;
	EXPECT(rtp_goes_down(&s, 20000, &call_peer_a, &got));
	stage_run(&s.g, 31000);
	for (unsigned i = 10; i < 20; i++) {
		EXPECT(rtp_goes_down(&s, i, &call_peer_a, &got));
		EXPECT(be32_get(got.data + 8) != SSRC_B);
		EXPECT(i == 10 || be32_get(got.data + 8) == name);
		name = be32_get(got.data + 8);
	}
	scene_close(&s);
}

/* A key that returns under another MKI is refused, as is a change of the present key's MKI. */
static void a_key_comes_back_under_its_own_mki_only(void)
{
	static const uint8_t mki[] = {7};
	struct scene s;

	if (!open_scene(&s, 64))
		return;
	const struct keyctx *first = s.down[0].ctx;
	struct keyctx *other = call_key_again(first, (struct view){.p = mki, .n = sizeof(mki)}, 0);
	REQUIRE(other != NULL);
	scene_use_keys(&s, 1);
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	s.media.legs[0].send = other;
	EXPECT_INT(call_update(&s.g, s.call, &s.spec), ERR_REKEY);
	s.media.legs[0].send = first;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	keyctx_free(other);
	scene_close(&s);
}

/* Forged packets of an unknown SSRC do not count against the lifetime of the key: its SRTCP
 * continues after many of them. */
static void forgeries_do_not_use_up_a_key(void)
{
	struct scene s;
	struct keyctx *brief;

	if (!open_scene(&s, 64))
		return;
	brief = call_key_again(s.up[2].ctx, (struct view){.n = 0}, 64);
	REQUIRE(brief != NULL);
	EXPECT(comes_up(&s, &s.up[0], 65530));
	EXPECT(comes_up(&s, &s.up[0], 65540));
	s.media.legs[0].receive = brief;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT(rtcp_comes_up(&s, &s.up[2]));
	for (unsigned i = 0; i < 200; i++) {
		size_t n = call_rtp(s.octets, SSRC_A, i);

		EXPECT_OK(sim_send(s.g.sim, &call_peer_a, &call_local_a, s.octets, n + 10));
		stage_run(&s.g, 1);
	}
	EXPECT(rtcp_comes_up(&s, &s.up[2]));
	keyctx_free(brief);
	scene_close(&s);
}

/* A move to a new address with a new key is undone: the first key continues at its own ROC, not at
 * ROC 0 of the second key. */
static void an_undone_move_keeps_the_roc(void)
{
	struct scene s;
	struct sim_pkt got;
	enum verdict v;

	if (!open_scene(&s, 64))
		return;
	EXPECT(rtp_goes_down(&s, 65530, &call_peer_a, &got));
	EXPECT(srtp_open_pkt(&s.down[0], got.data, got.len, &v) > 0);
	EXPECT(rtp_goes_down(&s, 65540, &call_peer_a, &got));
	EXPECT(srtp_open_pkt(&s.down[0], got.data, got.len, &v) > 0);
	scene_use_keys(&s, 1);
	struct addr was = s.media.legs[0].remote, moved = was;
	moved.ip[3] = 77;
	s.media.legs[0].remote = moved;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT(rtp_goes_down(&s, 65541, &moved, &got));
	EXPECT(srtp_open_pkt(&s.down[1], got.data, got.len, &v) > 0);
	scene_use_keys(&s, 0);
	s.media.legs[0].remote = was;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	for (uint64_t i = 65542; i < 65550; i++) {
		EXPECT(rtp_goes_down(&s, i, &call_peer_a, &got));
		EXPECT(srtp_open_pkt(&s.down[0], got.data, got.len, &v) > 0);
	}
	scene_close(&s);
}

/* A change of the latch policy is not a move to another address: sending keeps its ROC under the
 * new key. */
static void a_latch_policy_is_no_move(void)
{
	struct scene s;
	struct sim_pkt got;
	enum verdict v;

	if (!open_scene(&s, 64))
		return;
	EXPECT(rtp_goes_down(&s, 65530, &call_peer_a, &got));
	EXPECT(rtp_goes_down(&s, 65540, &call_peer_a, &got));
	scene_use_keys(&s, 1);
	s.media.legs[0].latch = RELAY_LATCH_SIGNALLED;
	EXPECT_OK(call_update(&s.g, s.call, &s.spec));
	EXPECT(rtp_goes_down(&s, 65541, &call_peer_a, &got));
	EXPECT(srtp_begin(&s.down[1], SSRC_B, 1));
	EXPECT(srtp_open_pkt(&s.down[1], got.data, got.len, &v) > 0);
	scene_close(&s);
}

TEST_MAIN("key-corners",
          {"a third key while the second is open", a_third_key_while_the_second_is_open},
          {"odd RTCP takes the stream's name", odd_rtcp_takes_the_streams_name},
          {"a restart in a full table", a_restart_in_a_full_table},
          {"a key comes back under its own MKI only", a_key_comes_back_under_its_own_mki_only},
          {"forgeries do not use up a key", forgeries_do_not_use_up_a_key},
          {"an undone move keeps the ROC", an_undone_move_keeps_the_roc},
          {"a latch policy is no move", a_latch_policy_is_no_move})
