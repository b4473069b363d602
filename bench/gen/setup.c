/* SPDX-License-Identifier: MIT */
/* Measures call set-up: rate, latency, cost of a held call, leaks. */
#include "bench/gen/setup.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/mem.h"
#include "bench/gen/loadrun.h"
#include "base/opt.h"
#include "bench/result/proc.h"
#include "bench/progress.h"
#include "bench/target/target.h"

enum { FIRST_PORT = 10000, PORTS = 25000, SETTLE_MS = 300 };

const struct result_column setup_columns[] = {
	{.key = "target", .title = "target"},
	{.key = "in_flight", .title = "in flight"},
	{.key = "calls_per_s", .title = "calls/s"},
	{.key = "cpu_us_per_call", .title = "CPU us/call", .decimals = 1},
	{.key = "create_us_p50", .title = "create p50 us"},
	{.key = "create_us_p99", .title = "p99"},
	{.key = "offer_us_p50", .title = "offer p50 us"},
	{.key = "offer_us_p99", .title = "p99"},
	{.key = "answer_us_p50", .title = "answer p50 us"},
	{.key = "answer_us_p99", .title = "p99"},
	{.key = "delete_us_p50", .title = "delete p50 us"},
	{.key = "delete_us_p99", .title = "p99"},
	{.key = "failed", .title = "failed"},
	{.key = "held", .title = "held"},
	{.key = "kb_per_call", .title = "kB/call", .decimals = 1},
	{.key = "fds_per_call", .title = "fds/call", .decimals = 2},
	{.key = "fds_left", .title = "fds left"},
	{.key = "kb_left", .title = "kB left"},
};
const size_t setup_n_columns = ARRAY_LEN(setup_columns);

const struct setup_options setup_defaults = {
	.mode = "e2ae",
	.suite = "AES_CM_128_HMAC_SHA1_80",
	.in_flight = 32,
	.held = 500,
	.repeat = 3,
	.duration = 3,
};

size_t setup_rows(struct opt *rows, struct setup_options *o)
{
	const struct opt table[] = {
		{
			.name = "mode",
			.kind = OPT_CHOICE,
			.out = &o->mode,
			.choices = "e2ae|srtp-srtp|e2e|rtp",
			.help = "mode of the target",
		},
		{
			.name = "suite",
			.kind = OPT_TEXT,
			.out = &o->suite,
			.arg = "NAME",
			.help = "crypto suite of the access side",
		},
		{
			.name = "in-flight",
			.kind = OPT_COUNT,
			.out = &o->in_flight,
			.min = 1,
			.max = TARGET_IN_FLIGHT_MAX,
			.help = "calls being set up or ended at the same time",
		},
		{
			.name = "held",
			.kind = OPT_COUNT,
			.out = &o->held,
			.max = 200000,
			.help = "calls held at the same time to measure memory and descriptors; 0: "
				"none",
		},
		{
			.name = "duration",
			.kind = OPT_REAL,
			.out = &o->duration,
			.min = 0.1,
			.max = 86400,
			.arg = "S",
			.help = "time during which calls are made and ended",
		},
		{
			.name = "repeat",
			.kind = OPT_COUNT,
			.out = &o->repeat,
			.min = 1,
			.max = 100,
			.help = "number of repetitions; medians and spread are shown",
		},
	};

	memcpy(rows, table, sizeof(table));
	return ARRAY_LEN(table);
}

struct run {
	const struct setup_config *config;
	struct target *target;
	struct call *calls;
	unsigned made; /* number of calls made so far; part of each new call's id */
	uint64_t done, failed, until_ns;
	bool is_cycling; /* true: end each established call and make a new one */
	enum err failure;
	struct why why;
};

static void made_or_ended(void *arg, struct call *c, enum target_verb verb, enum err e,
                          const struct why *why);

static enum err name_call(struct run *r, struct call *c)
{
	enum err e;

	call_fini(c);
	e = call_init(c, &r->config->plan, r->made);
	for (int side = 0; side < SIDES; side++)
		c->side[side].local = addr_with_port(&r->config->place->ours[side],
		                                     (uint16_t)(FIRST_PORT + r->made % PORTS * 2));
	r->made++;
	return e;
}

static void ask(struct run *r, struct call *c, enum target_verb verb)
{
	enum err e = verb == TARGET_CREATE ? name_call(r, c) : ERR_OK;

	if (e == ERR_OK)
		e = target_ask(r->target, c, verb, (struct target_done){made_or_ended, r}, &r->why);
	if (e != ERR_OK && r->failure == ERR_OK)
		r->failure = e;
}

static void made_or_ended(void *arg, struct call *c, enum target_verb verb, enum err e,
                          const struct why *why)
{
	struct run *r = arg;

	if (e != ERR_OK && r->failed++ == 0 && why)
		r->why = *why;
	if (!r->is_cycling)
		return;
	if (verb == TARGET_CREATE && e == ERR_OK) {
		ask(r, c, TARGET_DELETE);
		return;
	}
	r->done += verb == TARGET_DELETE && e == ERR_OK;
	if (clk_mono_ns() < r->until_ns && r->failure == ERR_OK)
		ask(r, c, TARGET_CREATE);
}

static enum err settle(struct run *r, unsigned limit)
{
	enum err e = r->failure;

	while (e == ERR_OK && target_in_flight(r->target) > limit)
		e = target_turn(r->target, 100, &r->why);
	return e;
}

/* Makes and ends calls for a while, with a fixed number in flight. */
static enum err measure_rate(struct run *r, const struct peer *peer, json_t *row)
{
	struct proc_usage before = {0}, after = {0};
	bool has_usage = peer->pid && proc_read(peer->pid, &before) == ERR_OK;
	uint64_t start = clk_mono_ns(), now = start;
	enum err e = ERR_OK;
	char prefix[32];
	struct why first;

	r->is_cycling = true;
	r->until_ns = start + (uint64_t)(r->config->seconds * NS_PER_S);
	for (unsigned i = 0; i < r->config->in_flight; i++)
		ask(r, &r->calls[i], TARGET_CREATE);
	while (e == ERR_OK && r->failure == ERR_OK && target_in_flight(r->target)) {
		e = target_turn(r->target, 100, &r->why);
		now = clk_mono_ns();
		if (!r->config->quiet)
			progress_show((double)(now - start) / (r->config->seconds * NS_PER_S),
			              "%s: %llu calls", peer->name, (unsigned long long)r->done);
	}
	r->is_cycling = false;
	if (e == ERR_OK)
		e = r->failure;
	if (e != ERR_OK)
		return e;
	if (r->done == 0) {
		first = r->why;
		return why_fail(&r->why, ERR_DENIED,
		                "nothing was measured: no call was made and ended within %g s%s%s",
		                r->config->seconds, *first.text ? "; the first failure: " : "",
		                first.text);
	}
	json_object_set_new(row, "calls_per_s",
	                    json_real((double)r->done * NS_PER_S / (double)(now - start)));
	json_object_set_new(row, "failed", json_real((double)r->failed));
	json_object_set_new(row, "repeats", json_real((double)target_repeats(r->target)));
	if (has_usage && proc_read(peer->pid, &after) == ERR_OK && r->done)
		json_object_set_new(
			row, "cpu_us_per_call",
			json_real((double)(after.cpu_ns - before.cpu_ns) / 1e3 / (double)r->done));
	for (int i = 0; i < REQUEST_COUNT; i++) {
		const struct hist *h = target_latency(r->target, (enum target_request)i);

		snprintf(prefix, sizeof(prefix), "%s_us",
		         target_request_name((enum target_request)i));
		if (h->count)
			hist_put(h, row, prefix, 1e-3);
	}
	return ERR_OK;
}

static enum err all(struct run *r, enum target_verb verb)
{
	enum err e = ERR_OK;

	for (unsigned i = 0; i < r->config->held && e == ERR_OK; i++) {
		e = settle(r, r->config->in_flight - 1);
		if (e == ERR_OK)
			ask(r, &r->calls[i], verb);
	}
	return e == ERR_OK ? settle(r, 0) : e;
}

/* Makes and ends one call, so that the target opens the descriptors that it opens only once. */
static enum err greet(struct run *r)
{
	enum err e;

	ask(r, &r->calls[0], TARGET_CREATE);
	e = settle(r, 0);
	if (e == ERR_OK)
		ask(r, &r->calls[0], TARGET_DELETE);
	return e == ERR_OK ? settle(r, 0) : e;
}

/*
 * Measures the memory and descriptors of held calls, and those left after the calls ended. Memory
 * is counted from the start of the first round, because a process keeps memory that it has freed.
 * Leaks are counted from the second round, when the target's pools are filled.
 */
static enum err measure_held(struct run *r, const struct peer *peer, struct proc_usage *first,
                             json_t *row)
{
	struct proc_usage before, held, after, fresh;
	double n = r->config->held;
	enum err e;

	if (peer->pid == 0 || r->config->held == 0)
		return ERR_OK;
	e = greet(r);
	if (e != ERR_OK || proc_read(peer->pid, &fresh) != ERR_OK)
		return e;
	if (first->rss_bytes == 0)
		*first = fresh;
	e = all(r, TARGET_CREATE);
	if (e == ERR_OK && proc_read(peer->pid, &held) == ERR_OK) {
		json_object_set_new(
			row, "kb_per_call",
			json_real(((double)held.rss_bytes - (double)first->rss_bytes) / n / 1e3));
		json_object_set_new(row, "fds_per_call",
		                    json_real(((double)held.fds - (double)fresh.fds) / n));
	}
	if (e == ERR_OK)
		e = all(r, TARGET_DELETE);
	usleep(SETTLE_MS * 1000);
	if (e != ERR_OK || proc_read(peer->pid, &before) != ERR_OK)
		return e;
	e = all(r, TARGET_CREATE);
	if (e == ERR_OK)
		e = all(r, TARGET_DELETE);
	usleep(SETTLE_MS * 1000);
	if (e == ERR_OK && proc_read(peer->pid, &after) == ERR_OK) {
		json_object_set_new(row, "fds_left",
		                    json_real((double)after.fds - (double)fresh.fds));
		json_object_set_new(
			row, "kb_left",
			json_real(((double)after.rss_bytes - (double)before.rss_bytes) / 1e3));
	}
	return e;
}

static enum err setup_measure(json_t *row, const struct setup_config *c, const struct peer *peer,
                              struct proc_usage *first, struct why *why)
{
	unsigned n = c->held > c->in_flight ? c->held : c->in_flight;
	struct run *r = mem_alloc(sizeof(*r));
	struct setup_config own = *c;
	enum err e = ERR_NOMEM;

	if (!r)
		return ERR_NOMEM;
	for (int side = 0; side < SIDES; side++)
		own.plan.interface[side] = *peer->interface[side] ? peer->interface[side] : NULL;
	r->config = &own;
	r->calls = mem_array(n, sizeof(*r->calls));
	if (r->calls)
		e = target_open(&r->target, peer->control, c->place->target_netns, &r->why);
	/* Measure held calls first, because a fresh target's memory says more about them. */
	if (e == ERR_OK)
		e = measure_held(r, peer, first, row);
	for (int i = 0; i < REQUEST_COUNT && e == ERR_OK; i++)
		hist_reset(target_latency(r->target, (enum target_request)i));
	if (e == ERR_OK)
		e = measure_rate(r, peer, row);
	if (!c->quiet)
		progress_clear();
	json_object_set_new(row, "in_flight", json_integer(c->in_flight));
	json_object_set_new(row, "held", json_integer(c->held));
	if (e != ERR_OK || r->failed)
		why_fail(why, e, "%s: %s", peer->name, *r->why.text ? r->why.text : err_meaning(e));
	target_close(r->target);
	for (unsigned i = 0; r->calls && i < n; i++)
		call_fini(&r->calls[i]);
	mem_free(r->calls);
	mem_free(r);
	return e;
}

enum err setup_targets(struct result *r, const struct setup_run *run, struct why *why)
{
	const struct setup_options *o = run->options;
	struct peer *peers = run->peers;
	unsigned n_peers = run->n_peers;
	struct setup_config c = {.place = run->place,
	                         .in_flight = o->in_flight,
	                         .held = o->held,
	                         .seconds = o->duration,
	                         .quiet = run->quiet};
	json_t *runs[LOADRUN_TARGETS_MAX][100] = {{NULL}};
	struct proc_usage first[LOADRUN_TARGETS_MAX] = {{.rss_bytes = 0}};
	enum err e = call_plan_init(&c.plan, o->mode, o->suite, NULL, why);

	for (unsigned round = 0; round < o->repeat && e == ERR_OK; round++)
		for (unsigned i = 0; i < n_peers && e == ERR_OK; i++) {
			unsigned which = round % 2 ? n_peers - 1 - i : i;
			struct why doubt = {""};

			runs[which][round] = json_object();
			e = peer_start(&peers[which], &doubt);
			if (peers[which].is_child)
				first[which] = (struct proc_usage){.rss_bytes = 0};
			if (e == ERR_OK)
				e = setup_measure(runs[which][round], &c, &peers[which],
				                  &first[which], &doubt);
			if (peer_check(&peers[which], &doubt) != ERR_OK)
				e = ERR_CLOSED;
			peer_end(&peers[which]);
			if (e != ERR_OK && why)
				*why = doubt;
			else if (*doubt.text)
				result_warn(r, "%s", doubt.text);
		}
	for (unsigned i = 0; i < n_peers; i++) {
		if (e == ERR_OK) {
			json_t *row = result_row(r);

			json_object_set_new(row, "target", json_string(peers[i].name));
			result_fold(row, runs[i], o->repeat);
		}
		for (unsigned k = 0; k < o->repeat; k++)
			json_decref(runs[i][k]);
	}
	return e;
}
