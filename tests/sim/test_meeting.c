/* SPDX-License-Identifier: MIT */
/* Two calls of the gateway send media to each other: it passes in every mode, and the search for
 * rings takes learnt addresses into account. */
#include <stdio.h>

#include "base/clk.h"
#include "base/mem.h"
#include "tests/harness/world.h"

enum { SSRC = 0x0a0a0a0a };

struct ends {
	struct keyctx *keys[6];
	struct srtp_end up[2];   /* SRTP for sending, of caller and callee */
	struct srtp_end down[2]; /* SRTP for receiving, of caller and callee */
	bool has_keys;
};

/* Sets the keys of both calls for the mode: those of the terminals and of the two core legs. */
static void give_keys(struct ends *e, enum relay_mode mode, struct spec_session *p[2])
{
	bool ends_here = mode == RELAY_MODE_E2AE || mode == RELAY_MODE_SRTP_SRTP,
	     verified = mode == RELAY_MODE_E2E_VERIFIED;

	e->has_keys = ends_here || verified;
	for (unsigned i = 0; i < 6 && e->has_keys; i++)
		e->keys[i] = call_key("AES_CM_128_HMAC_SHA1_80");
	for (unsigned i = 0; i < 2 && ends_here; i++) {
		set_key(p[i], 0, false, e->keys[i]);
		set_key(p[i], 0, true, e->keys[2 + i]);
		if (mode != RELAY_MODE_SRTP_SRTP)
			continue;
		set_key(p[i], 1, true, e->keys[4 + i]);
		set_key(p[i], 1, false, e->keys[5 - i]);
	}
	for (unsigned i = 0; i < 2 && verified; i++) {
		set_key(p[i], 0, false, e->keys[i]);
		set_key(p[i], 1, false, e->keys[!i]);
	}
	for (unsigned i = 0; i < 2 && e->has_keys; i++) {
		struct keyctx *up = NULL, *down = NULL;

		CHECK(!keyctx_copy(&up, e->keys[i]) &&
		      !keyctx_copy(&down, e->keys[verified ? !i : 2 + i]));
		EXPECT(srtp_open(&e->up[i], up, ENGINE_SEND) &&
		       srtp_open(&e->down[i], down, ENGINE_RECEIVE));
	}
}

static void ends_close(struct ends *e)
{
	for (unsigned i = 0; i < 2 && e->has_keys; i++) {
		srtp_close(&e->up[i]);
		srtp_close(&e->down[i]);
	}
	for (unsigned i = 0; i < 6; i++)
		keyctx_free(e->keys[i]);
}

/* Sends a packet from one terminal to the other; true if it arrives once and unchanged. */
static bool goes_over(struct ends *e, unsigned from, uint64_t index)
{
	uint8_t clear[256], sent[256];
	size_t n = call_rtp(clear, SSRC + from, index), n_sent = n;
	struct addr peer = other_host(2 * from), to = json_local(from, 0, false),
		    other = other_host(2 * !from);
	enum verdict v;

	memcpy(sent, clear, n);
	if (e->has_keys)
		n_sent = end_protect(&e->up[from], sent, n, sizeof(sent), index);
	EXPECT_OK(sim_send(w.g.sim, &peer, &to, sent, n_sent));
	pump();
	if (w.left != 1 || !addr_eq(&w.last_left.to, &other))
		return false;
	if (e->has_keys)
		w.last_left.len = (uint16_t)srtp_open_pkt(&e->down[!from], w.last_left.data,
		                                          w.last_left.len, &v);
	return w.last_left.len == n && memcmp(w.last_left.data, clear, n) == 0;
}

static void meet(enum relay_mode mode, enum relay_latch latch, bool is_advertised)
{
	struct spec_session *p[2] = {patch_of(0), patch_of(1)};
	struct ends e = {0};
	struct addr none = {0}, there;

	REQUIRE(world_begin(is_advertised));
	give_keys(&e, mode, p);
	for (unsigned i = 0; i < 2; i++) {
		struct addr a = other_host(2 * i);

		set_mode(p[i], mode);
		set_leg(p[i], 0, &a, latch, RELAY_RTCP_MUX);
		set_leg(p[i], 1, i ? &there : &none, latch, RELAY_RTCP_MUX);
		REQUIRE_OK(create(p[i]));
		there = json_local(0, 1, is_advertised);
	}
	/* As an answer does, set the callee's core leg as peer of the caller's core leg. */
	p[1] = patch_of(1);
	leg_of(p[1], 1)->relay.remote = there;
	leg_of(p[1], 1)->has |= 1u << SPEC_LEG_REMOTE;
	EXPECT_OK(update(p[1]));
	there = json_local(1, 1, is_advertised);
	EXPECT_OK(point(0, 1, &there));
	test_context("%s, latch %u, %s: %s", relay_mode_name(mode), latch,
	             is_advertised ? "advertised" : "local", w.why);
	for (unsigned i = 0; i < 5; i++) {
		EXPECT(goes_over(&e, 0, i));
		EXPECT(goes_over(&e, 1, i));
	}
	ends_close(&e);
	world_end();
}

static void two_calls_that_meet_pass_media(void)
{
	for (unsigned mode = 0; mode < RELAY_MODE_COUNT; mode++)
		for (unsigned latch = RELAY_LATCH_SIGNALLED; latch < RELAY_LATCH_COUNT; latch++)
			for (unsigned is_advertised = 0; is_advertised < 2; is_advertised++)
				meet((enum relay_mode)mode, (enum relay_latch)latch, is_advertised);
}

/* A core leg whose signalled peer is another host receives packets of another call of this gateway:
 * control permits such a source if it closes no ring. */
static void a_call_of_ours_may_be_learnt(void)
{
	struct addr there, from;

	REQUIRE(world_begin(false));
	REQUIRE_OK(plain(0, RELAY_LATCH_FOLLOW, RELAY_RTCP_MUX));
	REQUIRE_OK(plain(1, RELAY_LATCH_FOLLOW, RELAY_RTCP_MUX));
	there = json_local(1, 1, false);
	REQUIRE_OK(point(0, 1, &there));
	from = other_host(0);
	there = json_local(0, 0, false);
	/* For the first packet, the worker asks control about its source; the second packet is
	 * accepted and its source learnt. */
	for (unsigned i = 0; i < 2; i++) {
		inject(&from, &there, false);
		pump();
		EXPECT_INT(w.left, i);
	}
	from = other_host(2);
	there = json_local(1, 0, false);
	inject(&from, &there, false);
	pump();
	from = other_host(0);
	EXPECT_INT(w.left, 1);
	EXPECT(addr_eq(&w.last_left.to, &from));
	world_end();
}

/* When a worker has asked control about a source of RTCP, it may ask about a source of RTP within
 * the same second. */
static void rtcp_that_asks_holds_no_rtp_up(void)
{
	struct addr from, there;

	REQUIRE(world_begin(false));
	REQUIRE_OK(plain(0, RELAY_LATCH_FOLLOW, RELAY_RTCP_PAIR));
	REQUIRE_OK(plain(1, RELAY_LATCH_FOLLOW, RELAY_RTCP_PAIR));
	there = other_host(3);
	REQUIRE_OK(point(0, 0, &there));
	from = json_local(1, 0, true);
	there = json_local(0, 1, true);
	inject(&from, &there, true);
	pump();
	w.left = 0;
	from = json_local(1, 0, false);
	there = json_local(0, 1, false);
	for (unsigned i = 0; i < 2; i++) {
		inject(&from, &there, false);
		pump();
	}
	EXPECT_INT(w.left, 1);
	world_end();
}

/* Control remembers sources that it permitted: a later update cannot close a ring through them. */
static void what_was_learnt_counts(void)
{
	struct addr from, there;

	REQUIRE(world_begin(false));
	REQUIRE_OK(plain(0, RELAY_LATCH_FOLLOW, RELAY_RTCP_MUX));
	REQUIRE_OK(plain(1, RELAY_LATCH_FOLLOW, RELAY_RTCP_MUX));
	from = json_local(1, 0, false);
	there = json_local(0, 1, false);
	for (unsigned i = 0; i < 2; i++) {
		inject(&from, &there, false);
		pump();
	}
	from = json_local(0, 0, false);
	EXPECT_INT(point(1, 1, &from), ERR_DENIED);
	expect_no_more_than_one(2, RELAY_RTCP_MUX);
	world_end();
}

TEST_MAIN("meeting", {"two_calls_that_meet_pass_media", two_calls_that_meet_pass_media},
          {"a_call_of_ours_may_be_learnt", a_call_of_ours_may_be_learnt},
          {"what_was_learnt_counts", what_was_learnt_counts},
          {"rtcp_that_asks_holds_no_rtp_up", rtcp_that_asks_holds_no_rtp_up})
