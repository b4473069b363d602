/* SPDX-License-Identifier: MIT */
/* Repeats a load against one target, or several in turn, and makes the rows of the result. */
#ifndef BENCH_GEN_LOADRUN_H
#define BENCH_GEN_LOADRUN_H

#include "bench/gen/loadopt.h"
#include "bench/target/peer.h"
#include "bench/result/result.h"

enum { LOADRUN_TARGETS_MAX = 4 };

extern const struct result_column loadrun_columns[];
extern const size_t loadrun_n_columns;

/* One run of the command: options, targets, and the result for its rows. */
struct loadrun {
	struct result *result;
	struct measure_config *config; /* loadrun_targets changes it for each run */
	const struct loadopt *options;
	const struct loadopt_scene *scene;
	struct peer *peers;
	unsigned n_peers;
};

/*
 * Runs `repeat` rounds. Each round runs every load (sessions, modes), with its own baseline,
 * against every target in turn; the order reverses from round to round. The result gets one row for
 * each load and target. Scenario ramp: searches the highest load of each target that passes.
 * Targets are started for each run and ended after it.
 */
enum err loadrun_targets(const struct loadrun *run, struct why *why) MUST_USE;

#endif
