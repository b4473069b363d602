/* SPDX-License-Identifier: MIT */
/* One measurement: runs the generators, and reads CPU time and memory of target and machine. */
#ifndef BENCH_GEN_MEASURE_H
#define BENCH_GEN_MEASURE_H

#include "bench/gen/loadgen.h"
#include "bench/result/proc.h"
#include "bench/result/result.h"

struct measure_config {
	struct loadgen_config load; /* calls of all threads together */
	unsigned threads;
	pid_t pid;        /* of the target; 0: not known */
	bool quiet;       /* no bar */
	const char *what; /* beside the bar: which target, which round */
	const struct netns_place *through,
		*direct; /* where runs through a target and baselines take place */
	char round[48];  /* "round 2 of 5: e2ae " */
	unsigned pps;    /* of all calls, both ways; 0: according to the packet time */
};

struct measured {
	struct loadgen_figures figures;
	double seconds;
	bool has_target;               /* the next line holds */
	struct proc_usage spent, held; /* differences over the measured time; absolute at its end */
	uint64_t busy_ns;              /* whole machine, less foreign processes */
	uint64_t own_ns, foreign_ns, steal_ns;
	unsigned cpus;
	char engine[16];
};

/* Places calls, sends, ends calls. *out is large: not on a small stack. */
enum err measure_run(struct measured *out, const struct measure_config *config,
                     struct why *why) MUST_USE;

/*
 * Adds the figures to a row: sessions, pps, loss, delay ... and CPU per forwarded packet: of the
 * target's threads (cpu_target_ns), and of the machine less the baseline (cpu_machine_ns;
 * `baseline` may be NULL).
 */
void measure_put(const struct measured *m, const struct measured *baseline, json_t *row);
/* Sets the number of calls and, if packets a second are given, the packet time. */
void measure_set_load(struct measure_config *c, unsigned calls, unsigned pps);
/* True when the generator was the bottleneck. */
bool measure_is_generator_limited(const struct measured *m, const struct measure_config *c);
/* Adds warnings about a row (of one run or several): a busy machine, a generator at its limit. */
void measure_doubt(const json_t *row, const char *what, const struct measure_config *config,
                   struct result *r);

#endif
