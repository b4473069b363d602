/* SPDX-License-Identifier: MIT */
/* Repeats a load against one target, or several in turn, and makes the rows of the result. */
#include "bench/gen/loadrun.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { ROUNDS_MAX = 100 };

const struct result_column loadrun_columns[] = {
	{.key = "target", .title = "target"},
	{.key = "mode", .title = "mode"},
	{.key = "sessions", .title = "sessions"},
	{.key = "pps", .title = "pkt/s"},
	{.key = "cpu_target_ns", .title = "CPU ns"},
	{.key = "cpu_machine_ns", .title = "all ns"},
	{.key = "loss", .title = "loss %", .decimals = 3, .scale = 100},
	{.key = "duplicates", .title = "dup", .hide_zero = true},
	{.key = "reordered", .title = "reord", .hide_zero = true},
	{.key = "corrupted", .title = "corrupt", .hide_zero = true},
	{.key = "delay_us_p50", .title = "p50 us"},
	{.key = "delay_us_p90", .title = "p90"},
	{.key = "delay_us_p99", .title = "p99"},
	{.key = "delay_us_p999", .title = "p99.9"},
	{.key = "delay_us_max", .title = "max"},
	{.key = "switches_per_pkt", .title = "switches/pkt", .decimals = 2},
	{.key = "rss_mb", .title = "MB"},
	{.key = "fds", .title = "fds"},
	{.key = "events", .title = "events", .hide_zero = true},
	{.key = "events_failed", .title = "failed", .hide_zero = true},
	{.key = "passes", .title = "passes"},
	{.key = "attack_sent", .title = "hostile", .hide_zero = true},
};
const size_t loadrun_n_columns = ARRAY_LEN(loadrun_columns);

/* Sets the configuration for one target. `peer` NULL: a baseline. */
static void aim(struct measure_config *c, struct call_plan *plan, const struct peer *peer,
                char *what, size_t room)
{
	c->load.target = peer ? peer->control : NULL;
	c->load.place = peer ? c->through : c->direct;
	c->pid = peer ? peer->pid : 0;
	for (int side = 0; side < SIDES; side++)
		plan->interface[side] =
			peer && *peer->interface[side] ? peer->interface[side] : NULL;
	c->load.plan = plan;
	snprintf(what, room, "%s%s", c->round, peer ? peer->name : "baseline");
	c->what = what;
}

/* Refuses a run that measured nothing, and a baseline that lost more than 1 % of its packets. */
static enum err check_measured(const struct measured *m, const struct peer *peer,
                               const struct measure_config *c, struct why *why)
{
	const struct loadgen_figures *f = &m->figures;

	if (f->sent == 0)
		return why_fail(why, ERR_RANGE,
		                "nothing was measured: no packet was sent; --duration must be "
		                "longer than --ptime, and %u calls may be "
		                "more than the generator can do",
		                c->load.calls);
	if (f->received == 0)
		return why_fail(why, ERR_TIMEOUT,
		                "nothing was measured: none of %llu packets sent arrived "
		                "(received: %llu foreign packets, %llu not authentic); check that "
		                "%s can reach the generator's addresses",
		                (unsigned long long)f->sent, (unsigned long long)f->strangers,
		                (unsigned long long)f->corrupted,
		                peer ? peer->name : "one endpoint");
	if (!peer && f->lost * 100 > f->sent)
		return why_fail(why, ERR_RANGE,
		                "the baseline without a relay lost %.1f %% of its packets: the "
		                "generator cannot send this load; reduce it, or use --threads",
		                (double)f->lost * 100 / (double)f->sent);
	return ERR_OK;
}

static enum err one_run(struct measured *m, struct measure_config *c, struct peer *peer,
                        struct why *why)
{
	struct call_plan plan = *c->load.plan;
	const struct call_plan *given = c->load.plan;
	char what[128];
	enum err e = peer ? peer_start(peer, why) : ERR_OK;

	aim(c, &plan, peer, what, sizeof(what));
	if (e == ERR_OK)
		e = measure_run(m, c, why);
	if (peer && peer_check(peer, why) != ERR_OK) /* an exit causes all other errors */
		e = ERR_CLOSED;
	if (peer)
		peer_end(peer);
	if (e == ERR_OK)
		e = check_measured(m, peer, c, why);
	if (e != ERR_OK)
		why_prefix(why, "%s", peer ? peer->name : "baseline");
	c->load.plan = given;
	return e;
}

/* Returns the packets a second of the schedule. */
static double due_pps(const struct measure_config *c)
{
	unsigned ways = c->load.directions == (LOADGEN_TO_CORE | LOADGEN_TO_ACCESS) ? 2 : 1;

	return (double)c->load.calls * ways * 1e6 / c->load.ptime_us;
}

/* One load, and the rows of its runs against each target. */
struct work {
	unsigned calls;
	const struct call_plan *plan;
	json_t *runs[LOADRUN_TARGETS_MAX][ROUNDS_MAX];
};

static enum err run_work(const struct loadrun *run, struct work *w, unsigned round,
                         struct measured m[2], struct why *why)
{
	const struct loadopt *o = run->options;
	struct measure_config *c = run->config;
	struct measured *baseline = o->no_baseline ? NULL : &m[1];
	enum err e = ERR_OK;

	measure_set_load(c, w->calls, o->pps);
	snprintf(c->round, sizeof(c->round), "round %u of %u: %s ", round + 1, o->repeat,
	         w->plan->mode);
	c->load.plan = w->plan;
	if (baseline)
		e = one_run(baseline, c, NULL, why);
	for (unsigned i = 0; i < run->n_peers && e == ERR_OK; i++) {
		unsigned which = round % 2 ? run->n_peers - 1 - i : i;

		e = one_run(&m[0], c, &run->peers[which], why);
		if (e != ERR_OK)
			break;
		w->runs[which][round] = json_pack("{s:f}", "pps_due", due_pps(c));
		measure_put(&m[0], baseline, w->runs[which][round]);
		json_object_set_new(run->result->doc, "generator_engine", json_string(m[0].engine));
	}
	return e;
}

/* Runs every load in each round, so that disturbances of the machine affect all loads alike. */
static enum err run_rounds(const struct loadrun *run, struct work *works, unsigned n_works,
                           struct why *why)
{
	struct measured *m = mem_array(2, sizeof(*m));
	enum err e = m ? ERR_OK : ERR_NOMEM;

	for (unsigned round = 0; round < run->options->repeat && e == ERR_OK; round++)
		for (unsigned i = 0; i < n_works && e == ERR_OK; i++)
			e = run_work(run, &works[round % 2 ? n_works - 1 - i : i], round, m, why);
	mem_free(m);
	return e;
}

static void put_row(const struct loadrun *run, struct work *w, unsigned target)
{
	const struct peer *peer = &run->peers[target];
	json_t *row = result_row(run->result);
	char what[128];

	json_object_set_new(row, "target", json_string(peer->name));
	json_object_set_new(row, "mode", json_string(w->plan->mode));
	json_object_set_new(row, "sessions", json_integer(w->calls));
	result_fold(row, w->runs[target], run->options->repeat);
	snprintf(what, sizeof(what), "%s, %s, %u sessions", peer->name, w->plan->mode, w->calls);
	measure_doubt(row, what, run->config, run->result);
}

static enum err run_works(const struct loadrun *run, struct why *why)
{
	const struct loadopt_scene *scene = run->scene;
	const struct loadopt *o = run->options;
	unsigned n = o->sessions.n * scene->n_plans;
	struct work *works = mem_array(n, sizeof(*works));
	enum err e;

	if (!works)
		return ERR_NOMEM;
	for (unsigned i = 0; i < n; i++) {
		works[i].calls = o->sessions.v[i / scene->n_plans];
		works[i].plan = &scene->plans[i % scene->n_plans];
	}
	e = run_rounds(run, works, n, why);
	for (unsigned i = 0; i < n; i++)
		for (unsigned t = 0; t < run->n_peers; t++) {
			if (e == ERR_OK)
				put_row(run, &works[i], t);
			for (unsigned k = 0; k < o->repeat; k++)
				json_decref(works[i].runs[t][k]);
		}
	mem_free(works);
	return e;
}

/* --- ramp ------------------------------------------------------------------- */

/* State of a ramp. The load is the number of sessions or, with --pps, the packets a second of a
 * fixed number of sessions. */
struct ramp {
	struct peer *peer;
	struct measured *measured;
	unsigned good, bad;
	double good_pps;
	bool is_generator_limited; /* true: at the load `bad` */
};

/* Number of runs in a row that must fail before a load counts as failed: the machine may cause one
 * failure. */
enum { TRIES = 2 };

/* Writes the row of a step; true when it passes. */
static bool put_step(const struct loadrun *run, const struct ramp *ramp)
{
	const struct measure_config *c = run->config;
	const struct measured *m = ramp->measured;
	const struct peer *peer = ramp->peer;
	double loss, p99_ms;
	char what[128];
	json_t *row;
	bool passes;

	loss = m->figures.sent ? (double)m->figures.lost / (double)m->figures.sent : 1;
	p99_ms = (double)hist_percentile(&m->figures.delay, 99) / 1e6;
	passes = loss <= run->options->loss_max && p99_ms <= run->options->p99_max_ms &&
	         (double)m->figures.sent / m->seconds > 0.97 * due_pps(c);
	row = result_row(run->result);
	json_object_set_new(row, "target", json_string(peer->name));
	json_object_set_new(row, "mode", json_string(c->load.plan->mode));
	json_object_set_new(row, "sessions", json_integer(c->load.calls));
	json_object_set_new(row, "pps_due", json_real(due_pps(c)));
	measure_put(m, NULL, row);
	json_object_set_new(row, "passes", json_boolean(passes));
	snprintf(what, sizeof(what), "%s, %u sessions, %.0f packets/s", peer->name, c->load.calls,
	         due_pps(c));
	measure_doubt(row, what, c, run->result);
	return passes;
}

/* Measures a load, and sets `good` or `bad` to it. */
static enum err try_load(const struct loadrun *run, struct ramp *ramp, unsigned load,
                         struct why *why)
{
	const struct loadopt *o = run->options;
	struct measure_config *c = run->config;
	struct measured *m = ramp->measured;
	bool passes = false, is_limited = false;
	enum err e = ERR_OK;

	measure_set_load(c, o->pps ? o->sessions.v[0] : load, o->pps ? load : 0);
	for (unsigned i = 0; i < TRIES && !passes && e == ERR_OK; i++) {
		e = one_run(m, c, ramp->peer, why);
		passes = e == ERR_OK && put_step(run, ramp);
		is_limited = e == ERR_OK && measure_is_generator_limited(m, c);
	}
	if (e != ERR_OK && ramp->good) { /* a lower load passed, so this load caused the error */
		result_note(run->result, "%u sessions: %s", c->load.calls,
		            why && *why->text ? why->text : err_meaning(e));
		e = ERR_OK;
	}
	if (passes) {
		ramp->good = load;
		ramp->good_pps = (double)m->figures.sent / m->seconds;
	} else {
		ramp->bad = load;
		ramp->is_generator_limited = is_limited;
	}
	return e;
}

static void put_highest(const struct loadrun *run, const struct ramp *ramp)
{
	const struct peer *peer = ramp->peer;
	const struct loadopt *o = run->options;
	struct result *r = run->result;
	json_t *list = json_object_get(r->doc, "highest");

	if (!list) {
		list = json_array();
		json_object_set_new(r->doc, "highest", list);
	}
	json_array_append_new(list, json_pack("{s:s,s:f,s:s}", "target", peer->name, "pps",
	                                      ramp->good_pps, "limited_by",
	                                      ramp->is_generator_limited ? "generator" : "target"));
	result_note(r,
	            "%s: %.0f packets/s pass (loss at most %g %%, p99 at most %g ms); %u %s fail%s",
	            peer->name, ramp->good_pps, o->loss_max * 100, o->p99_max_ms, ramp->bad,
	            o->pps ? "packets/s" : "sessions",
	            ramp->is_generator_limited
	                    ? ", but the generator was at its limit: the target may carry more"
	                    : "");
}

/* Doubles the load until it fails, then bisects until the interval is at most a sixteenth of the
 * load. */
static enum err ramp_up(const struct loadrun *run, struct peer *peer, struct why *why)
{
	const struct loadopt *o = run->options;
	struct measured *m = mem_alloc(sizeof(*m));
	struct ramp ramp = {.peer = peer, .measured = m};
	unsigned first = o->pps ? o->pps : o->sessions.v[0], load = first;
	enum err e = m ? ERR_OK : ERR_NOMEM;

	while (e == ERR_OK && load > ramp.good &&
	       (ramp.bad == 0 || ramp.bad - ramp.good > ramp.bad / 16)) {
		e = try_load(run, &ramp, load, why);
		load = ramp.bad ? (ramp.good + ramp.bad) / 2 : ramp.good * 2;
	}
	if (e == ERR_OK && ramp.good == 0)
		e = why_fail(why, ERR_RANGE,
		             "%s: no load passes; even %u %s fail (loss at most %g %%, p99 at most "
		             "%g ms)",
		             peer->name, ramp.bad, o->pps ? "packets/s" : "sessions",
		             o->loss_max * 100, o->p99_max_ms);
	if (e == ERR_OK)
		put_highest(run, &ramp);
	mem_free(m);
	return e;
}

enum err loadrun_targets(const struct loadrun *run, struct why *why)
{
	enum err e = ERR_OK;

	if (!run->config->load.scenario->ramp)
		return run_works(run, why);
	for (unsigned i = 0; i < run->n_peers && e == ERR_OK; i++)
		e = ramp_up(run, &run->peers[i], why);
	return e;
}
