/* SPDX-License-Identifier: MIT */
/* Sessions whose legs name each other's ports: rings are refused, however they are built. */
#include <malloc.h>
#include <stdio.h>

#include "base/clk.h"
#include "base/mem.h"
#include "tests/harness/world.h"

enum { RING_MAX = 5, SESSIONS_MAX = 6 };

/* --- rings over JSON -------------------------------------------------------- */

/* Each of n sessions sends from its core leg to the access leg of the next session. The update of
 * the last session would close the ring. */
static void ring_by_updates(unsigned n, enum relay_latch latch, enum relay_rtcp rtcp,
                            bool is_advertised, bool is_back)
{
	REQUIRE(world_begin(is_advertised));
	for (unsigned i = 0; i < n; i++)
		REQUIRE_OK(plain(i, latch, rtcp));
	for (unsigned i = 0; i < n; i++) {
		struct addr next = json_local((i + 1) % n, is_back, is_advertised);
		enum err e = point(i, !is_back, &next);
		char text[ADDR_TEXT_MAX];

		test_context("ring of %u, latch %u, rtcp %u, session %u: %s", n, latch, rtcp, i,
		             w.why);
		/* The ring is refused in another mode, too. */
		if (i % 2 && e == ERR_OK)
			EXPECT_OK(to_mode(i, RELAY_MODE_E2E));
		EXPECT_INT(e, i + 1 < n ? ERR_OK : ERR_DENIED);
		EXPECT(i + 1 < n ||
		       (strstr(w.why, addr_print(&next, text)) && strstr(w.why, "ring")));
	}
	expect_no_more_than_one(n, rtcp);
	world_end();
}

static void no_ring_by_updates(void)
{
	for (unsigned n = 1; n <= RING_MAX; n++)
		for (unsigned latch = RELAY_LATCH_SIGNALLED; latch < RELAY_LATCH_COUNT; latch++)
			ring_by_updates(n, (enum relay_latch)latch,
			                n % 2 ? RELAY_RTCP_PAIR : RELAY_RTCP_MUX, n > 2, latch % 2);
}

/* Creating the last session of a ring is refused: the session before it sends to its port, and it
 * would send to the port of the first one. */
static void no_ring_by_create(void)
{
	for (unsigned n = 1; n <= RING_MAX; n++) {
		struct spec_session *p;
		struct addr first, last;

		REQUIRE(world_begin(false));
		/* Ports are assigned in order, so the port of the last session is
		 * known in advance. */
		first = addr_with_port(&w.g.interfaces[0].bind, 30000);
		last = addr_with_port(&w.g.interfaces[0].bind, (uint16_t)(30000 + 4 * (n - 1)));
		for (unsigned i = 0; i < n; i++) {
			struct addr a = other_host(2 * i),
				    next = i + 1 < n
			                           ? addr_with_port(&last,
			                                            (uint16_t)(30000 + 4 * (i + 1)))
			                           : first;

			p = patch_of(i);
			set_mode(p, RELAY_MODE_E2E);
			set_leg(p, 0, &a, RELAY_LATCH_FOLLOW, RELAY_RTCP_MUX);
			set_leg(p, 1, &next, RELAY_LATCH_FOLLOW, RELAY_RTCP_MUX);
			test_context("session %u of %u: %s", i, n, w.why);
			EXPECT_INT(create(p), i + 1 < n ? ERR_OK : ERR_DENIED);
		}
		world_end();
	}
}

/* A ring of RTCP alone is refused: by remote_rtcp or by the port above `remote`, and from an RTCP
 * port to an RTP port. */
static void no_ring_of_rtcp(void)
{
	for (unsigned how = 0; how < 3; how++) {
		struct spec_session *p;
		struct addr there;

		REQUIRE(world_begin(false));
		REQUIRE_OK(plain(0, RELAY_LATCH_FIRST, RELAY_RTCP_PAIR));
		REQUIRE_OK(plain(1, RELAY_LATCH_FIRST, RELAY_RTCP_PAIR));
		there = json_local(1, 0, false);
		REQUIRE_OK(point(0, 1, &there));
		there = json_local(0, 0, false);
		p = patch_of(1);
		/* 0: remote_rtcp is the RTCP port; 1: the RTP port; 2: the port above `remote`. */
		leg_of(p, 1)->relay.remote_rtcp =
			addr_with_port(&there, (uint16_t)(there.port + (how == 0)));
		leg_of(p, 1)->has |= 1u << SPEC_LEG_REMOTE_RTCP;
		if (how == 2) {
			leg_of(p, 1)->relay.remote_rtcp = (struct addr){0};
			leg_of(p, 1)->has = 1u << SPEC_LEG_REMOTE;
			leg_of(p, 1)->relay.remote =
				addr_with_port(&there, (uint16_t)(there.port - 1));
		}
		test_context("how %u: %s", how, w.why);
		EXPECT_INT(update(p), ERR_DENIED);
		expect_no_more_than_one(2, RELAY_RTCP_PAIR);
		world_end();
	}
}

/* A ring over an inactive fork is refused when it is created, because the fork may become active at
 * any time. */
static void no_ring_over_a_fork(void)
{
	struct spec_session *p;
	struct addr there;

	REQUIRE(world_begin(false));
	REQUIRE_OK(plain(0, RELAY_LATCH_FIRST, RELAY_RTCP_MUX));
	p = patch_of(0);
	there = json_local(0, 0, false);
	set_leg(p, 2, &there, RELAY_LATCH_FIRST, RELAY_RTCP_MUX);
	EXPECT_INT(update(p), ERR_DENIED);
	REQUIRE_OK(plain(1, RELAY_LATCH_FIRST, RELAY_RTCP_MUX));
	p = patch_of(0);
	there = json_local(1, 0, false);
	set_leg(p, 2, &there, RELAY_LATCH_FIRST, RELAY_RTCP_MUX);
	EXPECT_OK(update(p));
	there = json_local(0, 0, false);
	EXPECT_INT(point(1, 1, &there), ERR_DENIED);
	expect_no_more_than_one(2, RELAY_RTCP_MUX);
	world_end();
}

/* A leg whose peer is its own address is refused. */
static void no_leg_is_its_own_peer(void)
{
	struct addr there;

	REQUIRE(world_begin(false));
	REQUIRE_OK(plain(0, RELAY_LATCH_FOLLOW, RELAY_RTCP_PAIR));
	for (unsigned leg = 0; leg < 2; leg++) {
		there = json_local(0, leg, false);
		EXPECT_INT(point(0, leg, &there), ERR_DENIED);
		there.port++;
		EXPECT_INT(point(0, leg, &there), ERR_DENIED);
	}
	world_end();
}

/* The check takes requests under way into account: each of two updates is harmless, but together
 * they would close a ring. */
static void no_ring_of_two_at_once(void)
{
	struct spec_session *p[2];
	enum err first;

	REQUIRE(world_begin(false));
	REQUIRE_OK(plain(0, RELAY_LATCH_FIRST, RELAY_RTCP_MUX));
	REQUIRE_OK(plain(1, RELAY_LATCH_FIRST, RELAY_RTCP_MUX));
	for (unsigned i = 0; i < 2; i++) {
		p[i] = patch_of(i);
		leg_of(p[i], 1)->relay.remote = json_local(!i, 0, false);
		leg_of(p[i], 1)->has |= 1u << SPEC_LEG_REMOTE;
	}
	w.e = ERR_BUSY;
	service_update_take(w.sv, p[0], on_result, NULL);
	EXPECT_INT(w.e, ERR_BUSY);
	service_update_take(w.sv, p[1], on_result, NULL);
	first = w.e;
	stage_run(&w.g, 1);
	EXPECT_INT(first, ERR_DENIED);
	EXPECT_INT(w.e, ERR_OK);
	expect_no_more_than_one(2, RELAY_RTCP_MUX);
	world_end();
}

/* The signalled addresses belong to other hosts. From forged packets with own ports as source, the
 * legs would learn a ring. */
static void no_ring_of_learnt_sources(void)
{
	for (unsigned n = 1; n <= RING_MAX; n++)
		for (unsigned latch = RELAY_LATCH_SIGNALLED; latch < RELAY_LATCH_COUNT; latch++) {
			REQUIRE(world_begin(false));
			for (unsigned i = 0; i < n; i++)
				REQUIRE_OK(plain(i, (enum relay_latch)latch, RELAY_RTCP_MUX));
			for (unsigned round = 0; round < 3; round++)
				for (unsigned i = 0; i < n; i++) {
					struct addr from = json_local((i + 1) % n, 0, false),
						    to = json_local(i, 1, false);

					inject(&from, &to, false);
					pump();
					test_context(
						"ring of %u, latch %u, session %u: hops %u left %u",
						n, latch, i, w.hops, w.left);
					EXPECT(w.left <= 1 && w.hops <= 2 * n);
					/* After a second the worker may ask control about the leg
					 * again. */
					stage_run(&w.g, 1001);
				}
			expect_no_more_than_one(n, RELAY_RTCP_MUX);
			world_end();
		}
}

/* An address that is refused as target is not learnt from packets either, under any policy; an
 * ordinary source is learnt at once. */
static void no_bad_source_is_learnt(void)
{
	static const struct addr bad[] = {
		{.ip = {10, 0, 0, 1}, .port = 2223, .version = 4},
		{.ip = {127, 0, 0, 1}, .port = 4000, .version = 4},
		{.ip = {224, 0, 0, 9}, .port = 4000, .version = 4},
		{.ip = {255, 255, 255, 255}, .port = 4000, .version = 4},
		{.ip = {169, 254, 1, 1}, .port = 4000, .version = 4},
		{.ip = {0, 0, 0, 1}, .port = 4000, .version = 4},
		{.ip = {192, 0, 2, 200}, .port = 4000, .version = 4},
	};
	struct addr good = other_host(77), peer, to, back;

	for (unsigned latch = RELAY_LATCH_FIRST; latch < RELAY_LATCH_COUNT; latch++)
		for (size_t i = 0; latch != RELAY_LATCH_ASYMMETRIC && i <= ARRAY_LEN(bad); i++) {
			const struct addr *from = i < ARRAY_LEN(bad) ? &bad[i] : &good;
			struct service_counts counts;
			char text[ADDR_TEXT_MAX];

			REQUIRE(world_begin(false));
			REQUIRE_OK(plain(0, (enum relay_latch)latch, RELAY_RTCP_MUX));
			to = json_local(0, 1, false);
			for (unsigned k = 0; k < 2; k++) {
				inject(from, &to, false);
				pump();
				stage_run(&w.g, 1001);
			}
			peer = other_host(0);
			back = other_host(1);
			to = json_local(0, 0, false);
			inject(&peer, &to, false);
			pump();
			service_get_counts(w.sv, &counts);
			test_context("latch %u, source %s", latch, addr_print(from, text));
			EXPECT(w.left == 1 &&
			       addr_eq(&w.last_left.to, i < ARRAY_LEN(bad) ? &back : &good));
			EXPECT_INT(counts.targets_refused, i < ARRAY_LEN(bad) ? 2 : 0);
			world_end();
		}
}

/* A proxy may set another media-address for each call, which changes the table of sources that
 * workers ask about. The old table is freed when all workers have the new one. */
static void tables_are_not_kept(void)
{
	enum { ROUNDS = 200 };
	size_t before;

	REQUIRE(world_begin(false));
	before = mallinfo2().uordblks;
	for (unsigned i = 0; i < ROUNDS; i++) {
		EXPECT_OK(service_publish_targets(w.sv));
		stage_run(&w.g, 1);
	}
	EXPECT(mallinfo2().uordblks < before + ROUNDS / 10 * sizeof(struct relay_asked));
	world_end();
}

TEST_MAIN("rings", {"tables_are_not_kept", tables_are_not_kept},
          {"no_ring_by_updates", no_ring_by_updates}, {"no_ring_by_create", no_ring_by_create},
          {"no_ring_of_rtcp", no_ring_of_rtcp}, {"no_ring_over_a_fork", no_ring_over_a_fork},
          {"no_leg_is_its_own_peer", no_leg_is_its_own_peer},
          {"no_ring_of_two_at_once", no_ring_of_two_at_once},
          {"no_ring_of_learnt_sources", no_ring_of_learnt_sources},
          {"no_bad_source_is_learnt", no_bad_source_is_learnt})
