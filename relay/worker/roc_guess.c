/* SPDX-License-Identifier: MIT */
/* Guesses of a rollover counter (ROC), and the limit on their rate. */
#include "relay/worker/roc_guess.h"

#include "base/clk.h"
#include "relay/packet/roc.h"

const struct roc_rate roc_rate_first = {.interval_ns = 100 * NS_PER_MS, .burst = 32};
const struct roc_rate roc_rate_lost = {.interval_ns = 200 * NS_PER_MS, .burst = 1};

/* The guesses for one packet so far. */
struct guesses {
	struct roc_guess *at;
	unsigned n;
	uint16_t seq;
};

static uint32_t roc_of(const struct roc_guess *g, uint16_t seq)
{
	return g->goes_on ? (uint32_t)(roc_estimate(g->index, seq) >> 16) : g->roc;
}

static void add(struct guesses *g, const struct roc_guess *guess)
{
	for (unsigned i = 0; i < g->n; i++)
		if (roc_of(&g->at[i], g->seq) == roc_of(guess, g->seq))
			return;
	if (g->n < ROC_GUESSES_MAX)
		g->at[g->n++] = *guess;
}

static void add_roc(struct guesses *g, uint64_t roc)
{
	if (roc <= UINT32_MAX)
		add(g, &(struct roc_guess){.roc = (uint32_t)roc});
}

/* The likelier neighbour first: a small sequence number comes after a wrap, a large one before. A
 * guess below 0 wraps to a large number, which add_roc drops. */
static void add_neighbours(struct guesses *g, uint64_t roc)
{
	bool is_small = g->seq < 32768;

	add_roc(g, is_small ? roc + 1 : roc - 1);
	add_roc(g, is_small ? roc - 1 : roc + 1);
}

/* After a gap of 32,768 packets or more the estimated ROC is one or two too low. */
static void add_ahead(struct guesses *g, uint64_t highest)
{
	uint64_t roc = roc_estimate(highest, g->seq) >> 16;

	add_roc(g, roc + 1);
	add_roc(g, roc + 2);
}

/* Whether ROC 1 must be a continuation of the kept index: the kept ROC is not 0, and the nearest
 * index is at ROC 1. Rule `zero` excludes continuations. With a kept ROC of 0, ROC 1 may instead be
 * the first wrap after a restart at 0. */
static bool is_kept_one(uint64_t kept, uint16_t seq)
{
	return kept >> 16 && roc_estimate(kept, seq) >> 16 == 1;
}

unsigned roc_guesses(struct roc_guess out[ROC_GUESSES_MAX], const struct roc_known *known,
                     uint16_t seq)
{
	struct guesses g = {.at = out, .seq = seq};
	bool keeps = known->has_kept && known->rule != RELAY_ROC_ZERO;

	if (known->has_hint)
		add_roc(&g, known->hint);
	if (keeps)
		add(&g, &(struct roc_guess){.goes_on = true, .index = known->kept});
	if (!keeps || known->rule == RELAY_ROC_EITHER)
		add_roc(&g, 0);
	if (known->has_hint)
		add_neighbours(&g, known->hint);
	if (keeps)
		add_ahead(&g, known->kept);
	if (known->rule == RELAY_ROC_EITHER || !known->has_kept ||
	    (!keeps && !is_kept_one(known->kept, seq)))
		add_roc(&g, 1);
	/* Some senders keep their counter when they change the SSRC. */
	if (known->has_other)
		add_roc(&g, known->other);
	return g.n;
}

unsigned roc_guesses_ahead(struct roc_guess out[2], uint64_t highest, uint16_t seq)
{
	struct guesses g = {.at = out, .seq = seq};

	add_ahead(&g, highest);
	return g.n;
}

bool roc_gate_pass(struct roc_gate *g, const struct roc_rate *rate, uint64_t hash, uint64_t now_ns)
{
	uint64_t *full_ns = &g->full_ns[(hash * 0x9e3779b97f4a7c15ull) >> 54];
	uint64_t from = *full_ns > now_ns ? *full_ns : now_ns;

	if (from - now_ns > (rate->burst - 1) * rate->interval_ns)
		return false;
	*full_ns = from + rate->interval_ns;
	return true;
}
