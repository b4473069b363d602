/* SPDX-License-Identifier: MIT */
/* Repetitions of a load against one target or several in turn, and the rows they make. */
#include "bench/loadrun.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { ROUNDS_MAX = 100 };

const struct result_column loadrun_columns[] = {
	{.key = "target", .title = "target"},
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

/* Aims the configuration at one target; NULL: the baseline. */
static void aim(struct measure_config *c, struct call_plan *plan, const struct peer *peer, char *what, size_t room)
{
	c->load.target = peer ? peer->control : NULL;
	c->load.place = peer ? c->through : c->direct;
	c->pid = peer ? peer->pid : 0;
	for (int side = 0; side < SIDES; side++)
		plan->interface[side] = peer && *peer->interface[side] ? peer->interface[side] : NULL;
	c->load.plan = plan;
	snprintf(what, room, "%s", peer ? peer->name : "baseline");
	c->what = what;
}

/* Figures of nothing are no figures. */
static enum err check_measured(const struct measured *m, const struct peer *peer, const struct measure_config *c, struct why *why)
{
	const struct loadgen_figures *f = &m->figures;

	if (f->sent == 0)
		return why_fail(why, ERR_RANGE, "nothing was measured: no packet was sent; --duration must be longer than --ptime, and %u calls may be "
		                "more than the generator can do", c->load.calls);
	if (f->received == 0)
		return why_fail(why, ERR_TIMEOUT, "nothing was measured: of %llu packets sent none came back (%llu were no packets of this run, %llu did not "
		                "authenticate); does %s reach the generator's addresses?", (unsigned long long)f->sent, (unsigned long long)f->strangers,
		                (unsigned long long)f->corrupted, peer ? peer->name : "one endpoint");
	if (!peer && f->lost * 100 > f->sent)
		return why_fail(why, ERR_RANGE, "the baseline without a relay lost %.1f %% of its packets: the generator can't do this load; use less, or --threads",
		                (double)f->lost * 100 / (double)f->sent);
	return ERR_OK;
}

static enum err one_run(struct measured *m, struct measure_config *c, const struct peer *peer, struct why *why)
{
	struct call_plan plan = *c->load.plan;
	const struct call_plan *given = c->load.plan;
	char what[64];
	enum err e;

	aim(c, &plan, peer, what, sizeof(what));
	e = measure_run(m, c, why);
	if (e == ERR_OK)
		e = check_measured(m, peer, c, why);
	if (e != ERR_OK)
		why_prefix(why, "%s", what);
	c->load.plan = given;
	return e;
}

struct rounds {
	json_t *runs[LOADRUN_TARGETS_MAX][ROUNDS_MAX];
};

static enum err run_rounds(struct result *r, struct rounds *rounds, struct measure_config *c, const struct loadopt *o, const struct peer *peers,
                           unsigned n_peers, struct why *why)
{
	struct measured *m = mem_alloc(sizeof(*m)), *baseline = mem_alloc(sizeof(*baseline));
	enum err e = m && baseline ? ERR_OK : ERR_NOMEM;

	for (unsigned round = 0; round < o->repeat && e == ERR_OK; round++) {
		if (!o->no_baseline)
			e = one_run(baseline, c, NULL, why);
		for (unsigned i = 0; i < n_peers && e == ERR_OK; i++) {
			unsigned which = round % 2 ? n_peers - 1 - i : i;

			e = one_run(m, c, &peers[which], why);
			if (e != ERR_OK)
				break;
			rounds->runs[which][round] = json_object();
			measure_put(m, o->no_baseline ? NULL : baseline, rounds->runs[which][round]);
			json_object_set_new(r->doc, "generator_engine", json_string(m->engine));
		}
	}
	mem_free(m);
	mem_free(baseline);
	return e;
}

static enum err run_load(struct result *r, struct measure_config *c, const struct loadopt *o, const struct peer *peers, unsigned n_peers,
                         struct why *why)
{
	struct rounds *rounds = mem_alloc(sizeof(*rounds));
	char what[96];
	enum err e = rounds ? run_rounds(r, rounds, c, o, peers, n_peers, why) : ERR_NOMEM;

	for (unsigned i = 0; rounds && i < n_peers; i++) {
		if (e == ERR_OK) {
			json_t *row = result_row(r);

			json_object_set_new(row, "target", json_string(peers[i].name));
			json_object_set_new(row, "sessions", json_integer(c->load.calls));
			result_fold(row, rounds->runs[i], o->repeat);
			snprintf(what, sizeof(what), "%s, %u sessions", peers[i].name, c->load.calls);
			measure_doubt(row, what, c, r);
		}
		for (unsigned k = 0; k < o->repeat; k++)
			json_decref(rounds->runs[i][k]);
	}
	mem_free(rounds);
	return e;
}

/* Packets a second the schedule holds. */
static double due_pps(const struct measure_config *c)
{
	unsigned ways = c->load.directions == (LOADGEN_TO_CORE | LOADGEN_TO_ACCESS) ? 2 : 1;

	return (double)c->load.calls * ways * 1e6 / c->load.ptime_us;
}

/* --- ramp ----------------------------------------------------------------------------------------- */

/* Where a ramp stands. What grows is the number of sessions or, where --pps was given, packets a second of a fixed number of sessions. */
struct ramp {
	unsigned good, bad;
	double good_pps;
	bool is_generator_limited; /* in the least load that broke it */
};

static enum err try_load(struct result *r, struct measured *m, struct measure_config *c, const struct loadopt *o, const struct peer *peer,
                         unsigned load, struct ramp *ramp, struct why *why)
{
	double loss, p99_ms;
	char what[96];
	enum err e;
	json_t *row;
	bool passes;

	measure_set_load(c, o->pps ? o->sessions.v[0] : load, o->pps ? load : 0);
	e = one_run(m, c, peer, why);
	if (e != ERR_OK && ramp->good) { /* it carried less: this load is what broke it */
		result_note(r, "%u sessions: %s", c->load.calls, why && *why->text ? why->text : err_meaning(e));
		ramp->bad = load;
		return ERR_OK;
	}
	if (e != ERR_OK)
		return e;
	loss = m->figures.sent ? (double)m->figures.lost / (double)m->figures.sent : 1;
	p99_ms = (double)hist_percentile(&m->figures.delay, 99) / 1e6;
	passes = loss <= o->loss_max && p99_ms <= o->p99_max_ms && (double)m->figures.sent / m->seconds > 0.97 * due_pps(c);
	row = result_row(r);
	json_object_set_new(row, "target", json_string(peer->name));
	json_object_set_new(row, "sessions", json_integer(c->load.calls));
	measure_put(m, NULL, row);
	json_object_set_new(row, "passes", json_boolean(passes));
	snprintf(what, sizeof(what), "%s, %u sessions, %.0f packets/s", peer->name, c->load.calls, due_pps(c));
	measure_doubt(row, what, c, r);
	if (passes) {
		ramp->good = load;
		ramp->good_pps = (double)m->figures.sent / m->seconds;
	} else {
		ramp->bad = load;
		ramp->is_generator_limited = measure_is_generator_limited(m, c);
	}
	return ERR_OK;
}

static void put_highest(struct result *r, const struct loadopt *o, const struct peer *peer, const struct ramp *ramp)
{
	json_t *list = json_object_get(r->doc, "highest");

	if (!list) {
		list = json_array();
		json_object_set_new(r->doc, "highest", list);
	}
	json_array_append_new(list, json_pack("{s:s,s:f,s:s}", "target", peer->name, "pps", ramp->good_pps, "limited_by",
	                                      ramp->is_generator_limited ? "generator" : "target"));
	result_note(r, "%s: %.0f packets/s pass (loss at most %g %%, p99 at most %g ms); %u %s break it%s", peer->name, ramp->good_pps, o->loss_max * 100,
	            o->p99_max_ms, ramp->bad, o->pps ? "packets/s" : "sessions",
	            ramp->is_generator_limited ? ", but there the generator was at its own limit: the target may carry more" : "");
}

/* Doubles until it breaks, then halves the distance until it is a sixteenth of the load. */
static enum err ramp_up(struct result *r, struct measure_config *c, const struct loadopt *o, const struct peer *peer, struct why *why)
{
	struct measured *m = mem_alloc(sizeof(*m));
	struct ramp ramp = {.good = 0};
	unsigned first = o->pps ? o->pps : o->sessions.v[0], load = first;
	enum err e = m ? ERR_OK : ERR_NOMEM;

	while (e == ERR_OK && load > ramp.good && (ramp.bad == 0 || ramp.bad - ramp.good > ramp.bad / 16)) {
		e = try_load(r, m, c, o, peer, load, &ramp, why);
		load = ramp.bad ? (ramp.good + ramp.bad) / 2 : ramp.good * 2;
	}
	if (e == ERR_OK && ramp.good == 0)
		e = why_fail(why, ERR_RANGE, "%s: no load passes: %u %s already break it (loss at most %g %%, p99 at most %g ms)", peer->name, ramp.bad,
		             o->pps ? "packets/s" : "sessions", o->loss_max * 100, o->p99_max_ms);
	if (e == ERR_OK)
		put_highest(r, o, peer, &ramp);
	mem_free(m);
	return e;
}

enum err loadrun_targets(struct result *r, struct measure_config *c, const struct loadopt *o, const struct peer *peers, unsigned n_peers,
                         struct why *why)
{
	enum err e = ERR_OK;

	if (c->load.scenario->ramp) {
		for (unsigned i = 0; i < n_peers && e == ERR_OK; i++)
			e = ramp_up(r, c, o, &peers[i], why);
		return e;
	}
	for (unsigned i = 0; i < o->sessions.n && e == ERR_OK; i++) {
		measure_set_load(c, o->sessions.v[i], o->pps);
		e = run_load(r, c, o, peers, n_peers, why);
	}
	return e;
}
