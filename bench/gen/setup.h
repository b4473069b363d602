/* SPDX-License-Identifier: MIT */
/* Call set-up: how many a second, how long each request takes, what a held call costs, what is left
 * afterwards. */
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
	unsigned held;  /* calls held at the same time for memory and descriptors; 0: leave out */
	double seconds; /* of making and ending calls */
	bool quiet;
};

extern const struct result_column setup_columns[];
extern const size_t setup_n_columns;

/* One round against one target; fills `row`. `first`, zeroed before the first round: the process
 * before it ever held a call. */
enum err setup_measure(json_t *row, const struct setup_config *config, const struct peer *peer,
                       struct proc_usage *first, struct why *why) MUST_USE;

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
/* `repeat` rounds against each target in turn, the order reversed each time: one row each. */
enum err setup_targets(struct result *r, const struct setup_options *o,
                       const struct netns_place *place, struct peer *peers, unsigned n_peers,
                       bool quiet, struct why *why) MUST_USE;

#endif
