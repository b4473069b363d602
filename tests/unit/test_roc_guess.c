/* SPDX-License-Identifier: MIT */
/* relay/worker/roc_guess: which ROCs a worker tries for a packet, in which order, and how often. */
#include "relay/worker/roc_guess.h"

#include "base/clk.h"
#include "relay/packet/replay.h"
#include "relay/packet/roc.h"
#include "tests/harness/harness.h"

/* The worker must try exactly the ROCs in `want`, in this order; -1 ends the list. */
static void expect(const struct roc_known *known, uint16_t seq, const int64_t *want)
{
	struct roc_guess got[ROC_GUESSES_MAX];
	unsigned n = roc_guesses(got, known, seq), i = 0;

	for (; want[i] >= 0 && EXPECT(i < n); i++)
		EXPECT_INT(got[i].goes_on ? roc_estimate(got[i].index, seq) >> 16 : got[i].roc,
		           want[i]);
	EXPECT_INT(n, i);
}

#define ROCS(...)               \
	(const int64_t[])       \
	{                       \
		__VA_ARGS__, -1 \
	}

static void nothing_is_known(void)
{
	expect(&(struct roc_known){0}, 5, ROCS(0, 1));
	expect(&(struct roc_known){0}, 65000, ROCS(0, 1));
	expect(&(struct roc_known){.has_other = true, .other = 4}, 5, ROCS(0, 1, 4));
	expect(&(struct roc_known){.has_other = true, .other = 1}, 5, ROCS(0, 1));
	expect(&(struct roc_known){.rule = RELAY_ROC_KEEP}, 5, ROCS(0, 1));
	expect(&(struct roc_known){.rule = RELAY_ROC_ZERO}, 5, ROCS(0, 1));
}

static void a_hint_is_tried_first(void)
{
	expect(&(struct roc_known){.has_hint = true, .hint = 7}, 5, ROCS(7, 0, 8, 6, 1));
	expect(&(struct roc_known){.has_hint = true, .hint = 7}, 65000, ROCS(7, 0, 6, 8, 1));
	expect(&(struct roc_known){.has_hint = true, .hint = 0}, 5, ROCS(0, 1));
	expect(&(struct roc_known){.has_hint = true, .hint = UINT32_MAX}, 5,
	       ROCS(UINT32_MAX, 0, UINT32_MAX - 1, 1));
	expect(
		&(struct roc_known){
			.has_hint = true,
			.hint = 9,
			.has_kept = true,
			.kept = 4ull << 16 | 100,
			.has_other = true,
			.other = 3,
		},
		200, ROCS(9, 4, 0, 10, 8, 5, 6, 1, 3));
}

static void the_kept_roc_follows_the_rule(void)
{
	struct roc_known k = {.has_kept = true, .kept = 3ull << 16 | 65000};

	expect(&k, 65100, ROCS(3, 0, 4, 5, 1));
	expect(&k, 10, ROCS(4, 0, 5, 6, 1));
	k.rule = RELAY_ROC_KEEP;
	expect(&k, 65100, ROCS(3, 4, 5));
	k.rule = RELAY_ROC_ZERO;
	expect(&k, 65100, ROCS(0, 1));
	/* This rule forbids an index that could continue the kept one: here ROC 1. Below, the
	 * sequence number is lower than the kept one, so ROC 1 is allowed. */
	k.kept = 1ull << 16 | 100;
	expect(&k, 110, ROCS(0));
	k.kept = 1ull << 16 | 65000;
	expect(&k, 10, ROCS(0, 1));
	k.kept = 65000;
	expect(&k, 10, ROCS(0, 1));
}

/* For a sender that lost its ROC, each index that is tried is ahead of all received ones by more
 * than any replay window. */
static void ahead_is_never_behind(void)
{
	uint64_t seed = test_seed();

	for (unsigned i = 0; i < 100000; i++) {
		uint64_t highest =
			test_random(&seed) & (ROC_INDEX_MAX >> (test_random(&seed) % 40));
		uint16_t seq = (uint16_t)test_random(&seed);
		struct roc_guess got[2];
		unsigned n = roc_guesses_ahead(got, highest, seq);

		for (unsigned k = 0; k < n; k++)
			EXPECT(roc_index(got[k].roc, seq) > highest + REPLAY_PKTS_MAX);
		EXPECT(n == 2 || highest >> 16 >= UINT32_MAX - 2);
	}
}

/* --- rate ------------------------------------------------------------------- */

static struct roc_gate gate;

static unsigned passed(const struct roc_rate *rate, uint64_t from_ns, uint64_t span_ns,
                       uint64_t every_ns, bool everywhere)
{
	static uint64_t hash;
	unsigned n = 0;

	for (uint64_t t = 0; t < span_ns; t += every_ns)
		n += roc_gate_pass(&gate, rate, everywhere ? hash++ : 42, from_ns + t);
	return n;
}

static void one_source_has_a_rate_limit(void)
{
	uint64_t start = 1000 * NS_PER_S;

	memset(&gate, 0, sizeof(gate));
	EXPECT_INT(passed(&roc_rate_first, start, NS_PER_S, NS_PER_MS, false), 32 + 9);
	EXPECT_INT(passed(&roc_rate_first, start + NS_PER_S, 10 * NS_PER_S, NS_PER_MS, false), 100);
	/* After a pause the full burst of 32 is available again, but no more. */
	EXPECT_INT(passed(&roc_rate_first, start + 1000 * NS_PER_S, NS_PER_S / 1000,
	                  NS_PER_S / 1000000, false),
	           32);
	memset(&gate, 0, sizeof(gate));
	EXPECT_INT(passed(&roc_rate_lost, start, 10 * NS_PER_S, NS_PER_MS, false), 50);
}

/* The limit of the worker holds for all sources together. */
static void all_sources_together_have_a_limit(void)
{
	uint64_t start = 1000 * NS_PER_S;
	unsigned n;

	memset(&gate, 0, sizeof(gate));
	(void)passed(&roc_rate_first, start, NS_PER_S, 5000, true);
	n = passed(&roc_rate_first, start + NS_PER_S, 10 * NS_PER_S, 5000, true);
	EXPECT(n <= 10 * 10 * ROC_GATE_PLACES + ROC_GATE_PLACES);
	EXPECT(n >= 9 * 10 * ROC_GATE_PLACES);
}

TEST_MAIN("roc_guess", {"nothing is known", nothing_is_known},
          {"a hint is tried first", a_hint_is_tried_first},
          {"the kept ROC follows the rule", the_kept_roc_follows_the_rule},
          {"ahead is never behind", ahead_is_never_behind},
          {"one source has a rate limit", one_source_has_a_rate_limit},
          {"all sources together have a limit", all_sources_together_have_a_limit})
