/* SPDX-License-Identifier: MIT */
/* The load generator: sockets, calls, and the main loop. */
#include "bench/gen/loadgen.h"

#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/mem.h"
#include "bench/gen/loadgen_state.h"

enum {
	CALLS_IN_FLIGHT = 32, /* most requests in flight while calls are placed */
	NICE = -10,
	DRAIN_MS = 300, /* time at the end for packets still under way */
	WRAP_BEFORE = 65536,
	WINDOW_PKTS = 1024,
};

uint64_t loadgen_random(struct loadgen *g)
{
	g->random ^= g->random >> 12;
	g->random ^= g->random << 25;
	g->random ^= g->random >> 27;
	return g->random * 0x2545f4914f6cdd1dull;
}

uint64_t loadgen_now(const struct loadgen *g)
{
	uint64_t now = clk_wall_ns();

	return now > g->start_ns ? now - g->start_ns : 0;
}

enum err loadgen_new(struct loadgen **out, const struct loadgen_config *config, struct why *why)
{
	struct loadgen *g = mem_alloc(sizeof(*g));
	const struct engine_ops *ops;
	enum err e;

	if (!g)
		return ERR_NOMEM;
	g->config = *config;
	g->random = config->seed | 1;
	g->flows_per_call = config->directions == (LOADGEN_TO_CORE | LOADGEN_TO_ACCESS) ? 2 : 1;
	g->n_flows = config->calls * g->flows_per_call;
	if (g->n_flows > FLOWS_MAX) {
		e = why_fail(why, ERR_TOO_BIG,
		             "--sessions: at most %d flows for each generator thread; use more "
		             "--threads",
		             FLOWS_MAX);
		goto out;
	}
	e = engine_choose(&ops, str_of(config->engine), why);
	if (e == ERR_OK)
		e = party_engine_open(&g->engine, ops, WINDOW_PKTS, why);
	if (e == ERR_OK && config->target)
		e = target_open(&g->target, config->target, config->place->target_netns, why);
	for (int side = 0; side < SIDES && e == ERR_OK; side++)
		e = wire_open(&g->wire[side], config->place, (enum bench_side)side, why);
	if (e != ERR_OK)
		goto out;
	g->calls = mem_array(config->calls, sizeof(*g->calls));
	g->flows = mem_array(g->n_flows, sizeof(*g->flows));
	for (int side = 0; side < SIDES; side++)
		g->by_port[side] = mem_array(65536, sizeof(**g->by_port));
	e = g->calls && g->flows && g->by_port[SIDE_ACCESS] && g->by_port[SIDE_CORE] ? ERR_OK
	                                                                             : ERR_NOMEM;
out:
	if (e != ERR_OK)
		loadgen_free(g);
	else
		*out = g;
	return e;
}

void loadgen_free(struct loadgen *g)
{
	if (!g)
		return;
	for (unsigned i = 0; g->flows && i < g->n_flows; i++) {
		party_free(g->flows[i].tx);
		party_free(g->flows[i].rx);
		party_free(g->flows[i].rx_before);
	}
	for (unsigned i = 0; g->calls && i < g->config.calls; i++)
		call_fini(&g->calls[i]);
	for (int side = 0; side < SIDES; side++) {
		wire_close(g->wire[side]);
		mem_free(g->by_port[side]);
	}
	target_close(g->target);
	party_engine_close(&g->engine);
	mem_free(g->flows);
	mem_free(g->calls);
	mem_free(g);
}

const char *loadgen_engine(const struct loadgen *g)
{
	return g->engine.ops->name;
}

uint64_t loadgen_progress(const struct loadgen *g)
{
	return __atomic_load_n(&g->progress, __ATOMIC_RELAXED);
}

const struct loadgen_figures *loadgen_get_figures(const struct loadgen *g)
{
	return &g->figures;
}

void loadgen_add(struct loadgen_figures *into, const struct loadgen_figures *from)
{
	const uint64_t *b = &from->sent;
	uint64_t *a = &into->sent;

	/* The counters are adjacent from `sent` on; the histograms follow them. */
	for (size_t i = 0; i < offsetof(struct loadgen_figures, delay) / sizeof(*a); i++)
		a[i] += b[i];
	hist_merge(&into->delay, &from->delay);
	hist_merge(&into->due_delay, &from->due_delay);
	hist_merge(&into->late, &from->late);
}

/* --- calls ------------------------------------------------------------------ */

enum err loadgen_party_new(struct loadgen *g, struct party **out, const struct keyctx *key,
                           enum engine_direction direction, struct stream_start at)
{
	struct party *p = NULL;
	enum err e = party_new(&p, &g->engine, key, direction, NULL);

	if (e == ERR_OK)
		e = party_begin(p, at.ssrc, at.roc);
	if (e != ERR_OK) {
		party_free(p);
		return e;
	}
	*out = p;
	return ERR_OK;
}

/*
 * Makes the party that the sink uses for the packets of a flow. With a target, it unprotects
 * packets with the key of that side. In a baseline, the sink does the same amount of work: it
 * unprotects packets that were sent protected, and protects packets that were sent unencrypted.
 */
static enum err arm_receiver(struct loadgen *g, struct flow *f)
{
	const struct call_side *from = &f->call->side[f->from],
			       *to = &f->call->side[call_other_side(f->from)];
	const struct keyctx *key = g->target                   ? to->receive
	                           : to->receive && from->send ? from->send
	                                                       : to->receive;
	enum engine_direction direction = !g->target && !from->send ? ENGINE_SEND : ENGINE_RECEIVE;
	struct party *rx = NULL;
	enum err e;

	if (!key)
		return ERR_OK;
	e = loadgen_party_new(g, &rx, key, direction,
	                      (struct stream_start){f->ssrc, (uint32_t)(f->rtp_index >> 16)});
	if (e != ERR_OK)
		return e;
	party_free(f->rx_before);
	f->rx_before = f->rx;
	f->rx = rx;
	return ERR_OK;
}

enum err loadgen_arm(struct loadgen *g, struct flow *f)
{
	const struct call_side *from = &f->call->side[f->from];
	struct party *tx = NULL;
	enum err e = ERR_OK;

	if (from->send)
		e = loadgen_party_new(
			g, &tx, from->send, ENGINE_SEND,
			(struct stream_start){f->ssrc, (uint32_t)(f->rtp_index >> 16)});
	if (e != ERR_OK)
		return e;
	party_free(f->tx);
	f->tx = tx;
	return arm_receiver(g, f);
}

static enum err start_flow(struct loadgen *g, struct call *c, unsigned i)
{
	struct flow *f = loadgen_flow_of(g, c, i);
	uint64_t warm_pkts =
		(g->config.warmup_ns - g->config.ramp_ns) / (g->config.ptime_us * NS_PER_US);
	enum bench_side to;

	f->call = c;
	f->from = g->flows_per_call == 2                    ? (enum bench_side)i
	          : g->config.directions == LOADGEN_TO_CORE ? SIDE_ACCESS
	                                                    : SIDE_CORE;
	to = call_other_side(f->from);
	f->ssrc = (uint32_t)(loadgen_random(g) << SSRC_FLOW_BITS | (uint64_t)(f - g->flows));
	f->timestamp = (uint32_t)loadgen_random(g);
	f->rtp_index = 1 + loadgen_random(g) % 30000;
	if (g->config.scenario->starts_at_wrap)
		f->rtp_index = WRAP_BEFORE - 2 - (warm_pkts < 60000 ? warm_pkts : 60000) -
		               loadgen_random(g) % 16;
	f->rtcp_due = g->config.rtcp_share > 0
	                      ? 1 + (uint32_t)(loadgen_random(g) %
	                                       (uint64_t)(1 / g->config.rtcp_share + 1))
	                      : 0;
	f->to = g->target ? c->side[f->from].target : wire_local(g->wire[to]);
	if (g->target)
		g->by_port[to][c->side[to].target.port] = (uint32_t)(f - g->flows) + 1;
	return loadgen_arm(g, f);
}

static void call_done(void *arg, struct call *c, enum target_verb verb, enum err e,
                      const struct why *why)
{
	struct loadgen *g = arg;

	(void)verb;
	for (unsigned i = 0; i < g->flows_per_call && e == ERR_OK; i++)
		e = start_flow(g, c, i);
	if (e != ERR_OK && g->failed == ERR_OK) {
		g->failed = e;
		why_fail(&g->failed_why, e, "%s", why && *why->text ? why->text : err_meaning(e));
	}
}

static void delete_done(void *arg, struct call *c, enum target_verb verb, enum err e,
                        const struct why *why)
{
	(void)arg, (void)c, (void)verb, (void)e, (void)why;
}

enum err loadgen_place_calls(struct loadgen *g, struct why *why)
{
	enum err e = ERR_OK;

	while (e == ERR_OK && g->failed == ERR_OK &&
	       (g->n_calls < g->config.calls || (g->target && target_in_flight(g->target)))) {
		struct call *c = &g->calls[g->n_calls];

		if (g->n_calls == g->config.calls ||
		    (g->target && target_in_flight(g->target) >= CALLS_IN_FLIGHT)) {
			e = target_turn(g->target, 100, why);
			continue;
		}
		e = call_init(c, g->config.plan, g->config.first_call + g->n_calls);
		if (e != ERR_OK)
			break;
		c->side[SIDE_ACCESS].local = wire_local(g->wire[SIDE_ACCESS]);
		c->side[SIDE_CORE].local = wire_local(g->wire[SIDE_CORE]);
		g->n_calls++;
		if (g->target)
			e = target_ask(g->target, c, TARGET_CREATE,
			               (struct target_done){call_done, g}, why);
		else
			call_done(g, c, TARGET_CREATE, ERR_OK, NULL);
	}
	if (e == ERR_OK && g->failed != ERR_OK)
		e = why_fail(why, g->failed, "%s", g->failed_why.text);
	return e;
}

void loadgen_end_calls(struct loadgen *g)
{
	enum err e = ERR_OK;

	for (unsigned i = 0; g->target && i < g->n_calls && e == ERR_OK; i++) {
		while (e == ERR_OK && target_in_flight(g->target) >= CALLS_IN_FLIGHT)
			e = target_turn(g->target, 100, NULL);
		if (e == ERR_OK)
			e = target_ask(g->target, &g->calls[i], TARGET_DELETE,
			               (struct target_done){delete_done, g}, NULL);
	}
	while (g->target && e == ERR_OK && target_in_flight(g->target))
		e = target_turn(g->target, 100, NULL);
	g->n_calls = 0;
}

/* --- the main loop ---------------------------------------------------------- */

static void sleep_until(uint64_t wall_ns)
{
	uint64_t now = clk_wall_ns();
	struct timespec ts;

	if (wall_ns <= now)
		return;
	ts.tv_sec = (time_t)((wall_ns - now) / NS_PER_S);
	ts.tv_nsec = (long)((wall_ns - now) % NS_PER_S);
	nanosleep(&ts, NULL);
}

static uint64_t sink_drops(const struct loadgen *g)
{
	return wire_drops(g->wire[SIDE_ACCESS]) + wire_drops(g->wire[SIDE_CORE]);
}

static void begin_measuring(struct loadgen *g)
{
	g->drops_before = sink_drops(g);
	memset(&g->figures, 0, sizeof(g->figures));
	for (unsigned i = 0; i < g->n_flows; i++)
		g->flows[i].first_measured = g->flows[i].counter + 2u * g->flows[i].is_swapping;
	g->is_measuring = true;
}

enum err loadgen_run(struct loadgen *g, uint64_t start_ns, struct why *why)
{
	uint64_t end_ns = g->config.warmup_ns + g->config.measure_ns,
		 stop_ns = end_ns + DRAIN_MS * NS_PER_MS, now;
	uint64_t tick_ns = g->config.tick_us * NS_PER_US;
	enum err e = ERR_OK;

	/* Set the timer slack to 1 us: with the default of 50 us, sleeps would end late. */
	prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
	/* Run with a higher priority than other programs, if permitted. */
	(void)setpriority(PRIO_PROCESS, 0, NICE);
	g->start_ns = start_ns;
	sleep_until(start_ns);
	while (e == ERR_OK && (now = loadgen_now(g)) < stop_ns) {
		if (!g->is_measuring && now >= g->config.warmup_ns && g->slot)
			begin_measuring(g);
		if (now < end_ns)
			loadgen_send_due(g, end_ns);
		loadgen_receive(g);
		if (g->target && g->config.scenario->event) {
			loadgen_events(g, now);
			e = target_turn(g->target, 0, why);
		}
		sleep_until(g->start_ns + (now / tick_ns + 1) * tick_ns);
	}
	loadgen_receive(g);
	if (g->target && e == ERR_OK)
		loadgen_events_end(g);
	g->figures.sink_dropped = sink_drops(g) - g->drops_before;
	g->figures.lost =
		g->figures.sent > g->figures.received ? g->figures.sent - g->figures.received : 0;
	return e;
}
