/* SPDX-License-Identifier: MIT */
/* Measures call set-up: rate, latency of requests, cost of a held call, leaks. */
#ifndef BENCH_GEN_SETUP_H
#define BENCH_GEN_SETUP_H

#include "bench/target/call.h"
#include "bench/target/peer.h"
#include "bench/result/proc.h"
#include "bench/result/result.h"

struct setup_config {
	const struct netns_place *place;
	struct call_plan plan;
	unsigned in_flight; /* calls being set up or ended at the same time */
	/* Calls held at the same time to measure memory and descriptors; 0: not measured. */
	unsigned held;
	double seconds; /* time during which calls are made and ended */
	bool quiet;
};

extern const struct result_column setup_columns[];
extern const size_t setup_n_columns;

/* The options of `setup`, and of `compare --setup`. */
struct opt;
struct setup_options {
	const char *mode, *suite;
	unsigned in_flight, held, repeat;
	double duration;
};
extern const struct setup_options setup_defaults;
enum { SETUP_ROWS = 6 };
size_t setup_rows(struct opt *rows, struct setup_options *o);
struct setup_run {
	const struct setup_options *options;
	const struct netns_place *place;
	struct peer *peers;
	unsigned n_peers;
	bool quiet;
};

/* Runs `repeat` rounds; each measures all targets in turn, every second round in reverse order.
 * Adds one row for each target. */
enum err setup_targets(struct result *r, const struct setup_run *run, struct why *why) MUST_USE;

#endif
