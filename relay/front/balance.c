/* SPDX-License-Identifier: MIT */
/* Placing sessions by load. */
#include "relay/front/balance.h"

#include "base/clk.h"

bool place_is_due(const struct places *p, uint64_t now_ns)
{
	return p->n > 1 && now_ns - p->measured_ns >= NS_PER_S;
}

void place_measure(struct places *p, const uint64_t *pkts, uint64_t now_ns)
{
	uint64_t ms = (now_ns - p->measured_ns) / NS_PER_MS, pps = 0;
	unsigned sessions = 0;

	for (unsigned i = 0; i < p->n; i++) {
		struct place *w = &p->of[i];

		w->pps = ms ? (pkts[i] - w->pkts) * 1000 / ms : 0;
		w->pkts = pkts[i];
		w->measured = w->sessions;
		pps += w->pps;
		sessions += w->sessions;
	}
	p->session_mpps = sessions ? pps * 1000 / sessions : 0;
	p->measured_ns = now_ns;
}

static uint64_t load(const struct places *p, const struct place *w)
{
	uint64_t all = w->pps * 1000, each = p->session_mpps;

	if (w->sessions >= w->measured)
		return all + (w->sessions - w->measured) * each;
	uint64_t gone = (w->measured - w->sessions) * each;
	return all > gone ? all - gone : 0;
}

unsigned place_take(struct places *p)
{
	unsigned best = 0;

	for (unsigned i = 1; i < p->n; i++) {
		uint64_t one = load(p, &p->of[i]), other = load(p, &p->of[best]);

		if (one < other || (one == other && p->of[i].sessions < p->of[best].sessions))
			best = i;
	}
	p->of[best].sessions++;
	return best;
}

void place_give(struct places *p, unsigned worker)
{
	p->of[worker].sessions--;
}
