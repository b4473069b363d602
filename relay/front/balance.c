/* SPDX-License-Identifier: MIT */
/* Places sessions on workers by their load. */
#include "relay/front/balance.h"

#include "base/clk.h"

bool balance_is_due(const struct balance *b, uint64_t now_ns)
{
	return b->n > 1 && now_ns - b->measured_ns >= NS_PER_S;
}

void balance_measure(struct balance *b, const uint64_t *pkts, uint64_t now_ns)
{
	uint64_t ms = (now_ns - b->measured_ns) / NS_PER_MS, pps = 0;
	unsigned sessions = 0;

	for (unsigned i = 0; i < b->n; i++) {
		struct balance_worker *w = &b->of[i];

		w->pps = ms ? (pkts[i] - w->pkts) * 1000 / ms : 0;
		w->pkts = pkts[i];
		w->measured = w->sessions;
		pps += w->pps;
		sessions += w->sessions;
	}
	b->session_mpps = sessions ? pps * 1000 / sessions : 0;
	b->measured_ns = now_ns;
}

static uint64_t load(const struct balance *b, const struct balance_worker *w)
{
	uint64_t all = w->pps * 1000, each = b->session_mpps;

	if (w->sessions >= w->measured)
		return all + (w->sessions - w->measured) * each;
	uint64_t gone = (w->measured - w->sessions) * each;
	return all > gone ? all - gone : 0;
}

unsigned balance_take(struct balance *b)
{
	unsigned best = 0;

	for (unsigned i = 1; i < b->n; i++) {
		uint64_t one = load(b, &b->of[i]), other = load(b, &b->of[best]);

		if (one < other || (one == other && b->of[i].sessions < b->of[best].sessions))
			best = i;
	}
	b->of[best].sessions++;
	return best;
}

void balance_give(struct balance *b, unsigned worker)
{
	b->of[worker].sessions--;
}
