/* SPDX-License-Identifier: MIT */
/* Events of calls during the measurement: hold and resume, a new key, a new SSRC. */
#include "base/clk.h"
#include "bench/gen/loadgen_state.h"

/*
 * The states of an event:
 *
 *   hold:    IDLE ── due ──> QUIET ── 60 ms ──> ASKED ── reply ──> HELD
 *            HELD ── 100 ms ──> RESUMING ── reply ──> IDLE
 *   re-key:  IDLE ── due ──> ASKED ── reply ──> IDLE
 *
 * The endpoints of a held call stop sending in QUIET. After a re-key, the endpoint sends under its
 * new key.
 */
enum { QUIET_MS = 60, HELD_MS = 100 };

static void set_state(struct event *v, enum event_state state, uint64_t until_ns)
{
	v->state = state;
	v->until_ns = until_ns;
}

static void silence(struct loadgen *g, const struct call *c, uint64_t until_ns)
{
	for (unsigned i = 0; i < g->flows_per_call; i++)
		loadgen_flow_of(g, c, i)->quiet_until_ns = until_ns;
}

static void finish(struct loadgen *g, struct event *v, enum err e)
{
	g->figures.events += g->is_measuring;
	g->figures.events_failed += e != ERR_OK;
	keyctx_free(v->old);
	v->old = NULL;
	silence(g, v->call, 0);
	set_state(v, EVENT_IDLE, 0);
}

static struct event *event_of(struct loadgen *g, const struct call *c)
{
	for (unsigned i = 0; i < EVENTS_MAX; i++)
		if (g->events[i].state != EVENT_IDLE && g->events[i].call == c)
			return &g->events[i];
	return NULL;
}

/* Switches the endpoint to its new key, and to the target's new key if the answer has one. */
static enum err use_new_keys(struct loadgen *g, const struct call *c)
{
	enum err e = ERR_OK;

	for (unsigned i = 0; i < g->flows_per_call && e == ERR_OK; i++)
		e = loadgen_arm(g, loadgen_flow_of(g, c, i));
	return e;
}

static void update_done(void *arg, struct call *c, enum target_verb verb, enum err e,
                        const struct why *why)
{
	struct loadgen *g = arg;
	struct event *v = event_of(g, c);

	(void)verb, (void)why;
	if (!v)
		return;
	if (e != ERR_OK || v->state == EVENT_RESUMING) {
		finish(g, v, e);
	} else if (g->config.scenario->event == SCENARIO_REKEY) {
		finish(g, v, use_new_keys(g, c));
	} else {
		set_state(v, EVENT_HELD, loadgen_now(g) + HELD_MS * NS_PER_MS);
	}
}

static void ask(struct loadgen *g, struct event *v, enum event_state next)
{
	enum err e;

	v->call->version++;
	set_state(v, next, UINT64_MAX);
	e = target_ask(g->target, v->call, TARGET_UPDATE, (struct target_done){update_done, g},
	               NULL);
	if (e != ERR_OK)
		finish(g, v, e);
}

static void new_ssrc(struct loadgen *g, const struct call *c)
{
	for (unsigned i = 0; i < g->flows_per_call; i++) {
		struct flow *f = loadgen_flow_of(g, c, i);

		f->ssrc += 1u << SSRC_FLOW_BITS;
		f->rtp_index = 1 + loadgen_random(g) % 30000;
		f->is_swapping = false;
		(void)loadgen_arm(g, f);
	}
	g->figures.events += g->is_measuring;
}

static void start(struct loadgen *g, struct event *v, struct call *c, uint64_t now)
{
	*v = (struct event){.call = c};
	switch (g->config.scenario->event) {
	case SCENARIO_NOTHING:
		return;
	case SCENARIO_SSRC:
		new_ssrc(g, c);
		return;
	case SCENARIO_HOLD:
		silence(g, c, UINT64_MAX);
		set_state(v, EVENT_QUIET, now + QUIET_MS * NS_PER_MS);
		return;
	case SCENARIO_REKEY:
		if (c->side[SIDE_ACCESS].send && call_rekey(c, SIDE_ACCESS, &v->old) == ERR_OK)
			ask(g, v, EVENT_ASKED);
		return;
	}
}

static void step(struct loadgen *g, struct event *v, uint64_t now)
{
	if (v->state == EVENT_IDLE || now < v->until_ns)
		return;
	v->call->is_held = v->state == EVENT_QUIET;
	ask(g, v, v->state == EVENT_QUIET ? EVENT_ASKED : EVENT_RESUMING);
}

void loadgen_events(struct loadgen *g, uint64_t now)
{
	uint64_t gap = g->config.event_period_ns / g->config.calls;
	unsigned slot = 0;

	for (unsigned i = 0; i < EVENTS_MAX; i++)
		step(g, &g->events[i], now);
	if (now < g->config.warmup_ns ||
	    now + g->config.event_period_ns / 4 > g->config.warmup_ns + g->config.measure_ns)
		return;
	while (g->events_started * gap <= now - g->config.warmup_ns) {
		while (slot < EVENTS_MAX && g->events[slot].state != EVENT_IDLE)
			slot++;
		if (slot == EVENTS_MAX)
			return; /* the target is slow: try again at the next turn */
		start(g, &g->events[slot], &g->calls[g->events_started++ % g->config.calls], now);
	}
}

void loadgen_events_end(struct loadgen *g)
{
	for (unsigned i = 0; i < EVENTS_MAX; i++)
		if (g->events[i].state != EVENT_IDLE)
			finish(g, &g->events[i], ERR_TIMEOUT);
}
