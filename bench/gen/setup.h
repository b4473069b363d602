/* SPDX-License-Identifier: MIT */
/* Call set-up: rate, latency of requests, cost of a held call, leaks. */
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
	double seconds; /* of making and ending calls */
	bool quiet;
};

extern const struct result_column setup_columns[];
extern const size_t setup_n_columns;

/* Options shared with compare. */
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

/* `repeat` rounds against each target in turn, the order reversed each time: one row each. */
enum err setup_targets(struct result *r, const struct setup_run *run, struct why *why) MUST_USE;

#endif
