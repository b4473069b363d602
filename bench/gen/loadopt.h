/* SPDX-License-Identifier: MIT */
/* The options of a load, shared by `call` and `compare`. */
#ifndef BENCH_GEN_LOADOPT_H
#define BENCH_GEN_LOADOPT_H

#include "bench/gen/measure.h"
#include "base/opt.h"

enum { LOADOPT_ROWS = 32 };

struct loadopt {
	const char *mode, *suite, *suite_core, *direction, *scenario, *engine;
	const char *json, *csv;
	struct opt_list sessions;
	unsigned pps, payload, ptime, repeat, threads, tick_us;
	double rtcp, ramp, warmup, duration, attack, event_period, loss_max, p99_max_ms;
	bool no_baseline, quiet;
};

enum { LOADOPT_MODES_MAX = 4 };

/* The network places of runs, and the call plan of each mode. */
struct loadopt_scene {
	struct netns_place through, direct;
	struct call_plan plans[LOADOPT_MODES_MAX];
	unsigned n_plans;
};

extern const struct loadopt loadopt_defaults;

/* Writes the rows of the option table; returns their number (at most LOADOPT_ROWS). */
size_t loadopt_rows(struct opt *rows, struct loadopt *o);
/* Checks the rules between options, and converts --pps to a number of sessions. `scene` is filled
 * and must outlive `out`. */
enum err loadopt_apply(struct measure_config *out, struct loadopt *o, struct loadopt_scene *scene,
                       struct why *why) MUST_USE;

#endif
