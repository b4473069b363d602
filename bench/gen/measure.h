/* SPDX-License-Identifier: MIT */
/* One measurement: runs the generators, and reads CPU time and memory of target and machine. */
#ifndef BENCH_GEN_MEASURE_H
#define BENCH_GEN_MEASURE_H

#include "bench/gen/loadgen.h"
#include "bench/result/proc.h"
#include "bench/result/result.h"

struct measure_config {
	struct loadgen_config load; /* `calls` counts those of all threads together */
	unsigned threads;
	pid_t pid;        /* process of the target; 0: not known */
	bool quiet;       /* true: show no progress bar */
	const char *what; /* text beside the progress bar: round, mode and target */
	/* The places of runs through a target, and of baselines. */
	const struct netns_place *through, *direct;
	char round[48]; /* such as "round 2 of 5: e2ae " */
	unsigned pps;   /* packets a second of all calls in both directions; 0: ptime decides */
};

struct measured {
	struct loadgen_figures figures;
	double seconds;
	bool has_target;               /* `spent` and `held` are valid */
	struct proc_usage spent, held; /* used in the measured time; totals at its end */
	uint64_t busy_ns;              /* CPU time of the whole machine without foreign processes */
	uint64_t own_ns, foreign_ns, steal_ns;
	unsigned cpus;
	char engine[16];
};

/* Places the calls, sends and receives packets, and ends the calls. `*out` is large: keep it off
 * small stacks. */
enum err measure_run(struct measured *out, const struct measure_config *config,
                     struct why *why) MUST_USE;

/*
 * Adds the figures to a row: packets a second, loss, delay and others, and the CPU time per
 * forwarded packet: of the target's threads (cpu_target_ns), and of the machine less the baseline
 * (cpu_machine_ns; not added if `baseline` is NULL).
 */
void measure_put(const struct measured *m, const struct measured *baseline, json_t *row);
/* Sets the number of calls and, unless `pps` is 0, the packet time. */
void measure_set_load(struct measure_config *c, unsigned calls, unsigned pps);
/* True when the generator was the bottleneck. */
bool measure_is_generator_limited(const struct measured *m, const struct measure_config *c);
/* Adds warnings about a row (of one run or several): a busy machine, a generator at its limit. */
void measure_doubt(const json_t *row, const char *what, const struct measure_config *config,
                   struct result *r);

#endif
