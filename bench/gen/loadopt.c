/* SPDX-License-Identifier: MIT */
/* Defines and checks the options of a load. */
#include "bench/gen/loadopt.h"

#include <string.h>

#include "base/clk.h"
#include "bench/settings.h"

const struct loadopt loadopt_defaults = {
	.mode = "e2ae",
	.suite = "AES_CM_128_HMAC_SHA1_80",
	.direction = "both",
	.scenario = "steady",
	.engine = "auto",
	.payload = 160,
	.ptime = 20,
	.repeat = 3,
	.threads = 1,
	.tick_us = 250,
	.warmup = 2,
	.duration = 5,
	.attack = 10,
	.event_period = 4,
	.loss_max = 0.001,
	.p99_max_ms = 10,
};

size_t loadopt_rows(struct opt *rows, struct loadopt *o)
{
	const struct opt table[] = {
		{.help = "load"},
		{
			.name = "sessions",
			.kind = OPT_LIST,
			.out = &o->sessions,
			.min = 1,
			.max = 200000,
			.arg = "N,N,...",
			.help = "number of calls at the same time; each number gives a row "
				"(default: 100, "
				"or as --pps needs)",
		},
		{
			.name = "pps",
			.kind = OPT_COUNT,
			.out = &o->pps,
			.max = 5e6,
			.help = "packets a second of all calls in both directions; sets the number "
				"of "
				"calls, or with --sessions the packet rate of each; 0: not given",
		},
		{
			.name = "ptime",
			.kind = OPT_COUNT,
			.out = &o->ptime,
			.min = 1,
			.max = 1000,
			.arg = "MS",
			.help = "time between packets of a flow; ignored when --sessions and --pps "
				"are "
				"both given",
		},
		{
			.name = "payload",
			.kind = OPT_COUNT,
			.out = &o->payload,
			.min = 20,
			.max = 1200,
			.arg = "OCTETS",
			.help = "octets of RTP payload",
		},
		{
			.name = "direction",
			.kind = OPT_CHOICE,
			.out = &o->direction,
			.choices = "both|access-core|core-access",
			.help = "direction of packets",
		},
		{
			.name = "rtcp",
			.kind = OPT_REAL,
			.out = &o->rtcp,
			.max = 1,
			.arg = "SHARE",
			.help = "RTCP packets per RTP packet, multiplexed",
		},
		{.help = "calls"},
		{
			.name = "mode",
			.kind = OPT_TEXT,
			.out = &o->mode,
			.arg = "WORD,...",
			.help = "mode of the target: e2ae, srtp-srtp, e2e, rtp; each gives a row",
		},
		{
			.name = "suite",
			.kind = OPT_TEXT,
			.out = &o->suite,
			.arg = "NAME",
			.help = "crypto suite of the access side",
		},
		{
			.name = "suite-core",
			.kind = OPT_TEXT,
			.out = &o->suite_core,
			.arg = "NAME",
			.help = "crypto suite of the core side in srtp-srtp (default: another "
				"suite than "
				"on the access side)",
		},
		{.help = "course of the run"},
		{
			.name = "scenario",
			.kind = OPT_CHOICE,
			.out = &o->scenario,
			.choices = scenario_names,
			.help = "events and disturbances of the calls",
		},
		{
			.name = "ramp",
			.kind = OPT_REAL,
			.out = &o->ramp,
			.max = 3600,
			.arg = "S",
			.help = "calls start one after the other within this time",
		},
		{
			.name = "warmup",
			.kind = OPT_REAL,
			.out = &o->warmup,
			.min = 0.1,
			.max = 3600,
			.arg = "S",
			.help = "time before the measurement",
		},
		{
			.name = "duration",
			.kind = OPT_REAL,
			.out = &o->duration,
			.min = 0.2,
			.max = 86400,
			.arg = "S",
			.help = "measured time",
		},
		{
			.name = "repeat",
			.kind = OPT_COUNT,
			.out = &o->repeat,
			.min = 1,
			.max = 100,
			.help = "number of repetitions; medians and spread are shown",
		},
		{
			.name = "attack",
			.kind = OPT_REAL,
			.out = &o->attack,
			.max = 1000,
			.arg = "X",
			.help = "scenario attack: hostile packets per good SRTP packet",
		},
		{
			.name = "event-period",
			.kind = OPT_REAL,
			.out = &o->event_period,
			.min = 0.5,
			.max = 3600,
			.arg = "S",
			.help = "scenarios hold, rekey, ssrc: period of each call's event",
		},
		{
			.name = "loss-max",
			.kind = OPT_REAL,
			.out = &o->loss_max,
			.max = 1,
			.arg = "SHARE",
			.help = "scenario ramp: highest loss that passes",
		},
		{
			.name = "p99-max",
			.kind = OPT_REAL,
			.out = &o->p99_max_ms,
			.min = 0.01,
			.max = 10000,
			.arg = "MS",
			.help = "scenario ramp: highest p99 delay that passes",
		},
		{.help = "generator and output"},
		{
			.name = "engine",
			.kind = OPT_CHOICE,
			.out = &o->engine,
			.choices = "auto|mb|evp|libsrtp",
			.help = "SRTP engine of the endpoints",
			.local = true,
		},
		{
			.name = "threads",
			.kind = OPT_COUNT,
			.out = &o->threads,
			.min = 1,
			.max = 64,
			.help = "generator threads; the calls are divided among them",
		},
		{
			.name = "tick-us",
			.kind = OPT_COUNT,
			.out = &o->tick_us,
			.min = 20,
			.max = 20000,
			.help = "wake-up period of the generator; packets due in one period are "
				"sent "
				"together",
		},
		{
			.name = "no-baseline",
			.kind = OPT_FLAG,
			.out = &o->no_baseline,
			.help = "skip the baseline (generator and sink without a relay)",
		},
		SETTINGS_FILES(&o->json, &o->csv),
		{
			.name = "quiet",
			.kind = OPT_FLAG,
			.out = &o->quiet,
			.help = "print no table and no progress bar",
			.local = true,
		},
	};

	_Static_assert(ARRAY_LEN(table) <= LOADOPT_ROWS, "LOADOPT_ROWS");
	memcpy(rows, table, sizeof(table));
	return ARRAY_LEN(table);
}

static unsigned directions_of(const char *word)
{
	return !strcmp(word, "both")          ? LOADGEN_TO_CORE | LOADGEN_TO_ACCESS
	       : !strcmp(word, "access-core") ? LOADGEN_TO_CORE
	                                      : LOADGEN_TO_ACCESS;
}

/* Reads --mode, such as "e2ae,rtp", into the plans of the scene. */
static enum err read_modes(struct loadopt_scene *scene, const struct loadopt *o, struct why *why)
{
	struct str rest = str_of(o->mode);
	enum err e = str_ends(rest, ",")
	                     ? why_fail(why, ERR_INVALID, "--mode: '%s' ends with a comma", o->mode)
	                     : ERR_OK;

	for (scene->n_plans = 0; e == ERR_OK && (rest.n || scene->n_plans == 0); scene->n_plans++) {
		char one[16] = "";

		if (scene->n_plans == LOADOPT_MODES_MAX)
			return why_fail(why, ERR_TOO_BIG, "--mode: more than %d modes, the maximum",
			                LOADOPT_MODES_MAX);
		if (str_copy(str_cut(rest, ',', &rest), one, sizeof(one)) != ERR_OK)
			one[0] = 0;
		e = call_plan_init(&scene->plans[scene->n_plans], one, o->suite, o->suite_core,
		                   why);
	}
	if (e == ERR_OK && scene->n_plans > 1 && scenario_find(o->scenario)->ramp)
		return why_fail(why, ERR_INVALID,
		                "--mode: scenario ramp takes one mode, but '%s' names several",
		                o->mode);
	return e;
}

/* Computes the number of sessions from --pps and --ptime, unless --sessions gives it. */
static enum err resolve_load(struct loadopt *o, unsigned directions, struct why *why)
{
	unsigned ways = directions == (LOADGEN_TO_CORE | LOADGEN_TO_ACCESS) ? 2 : 1;

	if (!o->pps && !o->sessions.n)
		o->sessions = (struct opt_list){.v = {100}, .n = 1};
	if (o->pps && !o->sessions.n) {
		o->sessions = (struct opt_list){
			.v = {(unsigned)((uint64_t)o->pps * o->ptime / 1000 / ways)},
			.n = 1,
		};
		if (o->sessions.v[0] == 0)
			return why_fail(why, ERR_RANGE,
			                "--pps %u is too low: one call with --ptime %u already "
			                "sends more packets per second",
			                o->pps, o->ptime);
		o->pps = 0;
	}
	for (unsigned i = 0; o->pps && i < o->sessions.n; i++)
		if ((double)o->sessions.v[i] * ways / o->pps > 1)
			return why_fail(why, ERR_RANGE,
			                "--pps: %u packets a second for %u sessions would leave "
			                "more than one second between packets of a flow",
			                o->pps, o->sessions.v[i]);
	return ERR_OK;
}

enum err loadopt_apply(struct measure_config *out, struct loadopt *o, struct loadopt_scene *scene,
                       struct why *why)
{
	unsigned directions = directions_of(o->direction);
	enum err e = place_init(&scene->through, why);

	if (e == ERR_OK && !o->no_baseline)
		e = place_init_direct(&scene->direct, &scene->through, why);
	if (e == ERR_OK)
		e = read_modes(scene, o, why);
	if (e != ERR_OK)
		return e;
	e = resolve_load(o, directions, why);
	if (e != ERR_OK)
		return e;
	if (o->warmup < o->ramp)
		o->warmup = o->ramp + 1;
	*out = (struct measure_config){
		.threads = o->threads,
		.through = &scene->through,
		.direct = &scene->direct,
		.pps = o->pps,
		.quiet = o->quiet,
		.load =
			{
				.engine = o->engine,
				.plan = &scene->plans[0],
				.scenario = scenario_find(o->scenario),
				.directions = directions,
				.ptime_us = o->ptime * 1000,
				.payload_bytes = o->payload,
				.tick_us = o->tick_us,
				.rtcp_share = o->rtcp,
				.attack_multiple = o->attack,
				.ramp_ns = (uint64_t)(o->ramp * NS_PER_S),
				.warmup_ns = (uint64_t)(o->warmup * NS_PER_S),
				.measure_ns = (uint64_t)(o->duration * NS_PER_S),
				.event_period_ns = (uint64_t)(o->event_period * NS_PER_S),
				.seed = clk_wall_ns(),
			},
	};
	for (unsigned i = 0; i < o->sessions.n; i++)
		if (o->sessions.v[i] < o->threads)
			return why_fail(why, ERR_RANGE,
			                "--threads: %u threads are more than the %u sessions",
			                o->threads, o->sessions.v[i]);
	return ERR_OK;
}
