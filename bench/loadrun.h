/* SPDX-License-Identifier: MIT */
/* Repetitions of a load against one target or several in turn, and the rows they make. */
#ifndef BENCH_LOADRUN_H
#define BENCH_LOADRUN_H

#include "bench/loadopt.h"
#include "bench/peer.h"
#include "bench/result.h"

enum { LOADRUN_TARGETS_MAX = 4 };

extern const struct result_column loadrun_columns[];
extern const size_t loadrun_n_columns;

/*
 * For each number of sessions: `repeat` rounds, in each a baseline and every target in turn, the order reversed from round to round, so that
 * what the machine does meanwhile falls on all alike. One row for each number and target. Scenario ramp: the highest load that passes.
 */
enum err loadrun_targets(struct result *r, struct measure_config *config, const struct loadopt *o, const struct peer *peers,
                         unsigned n_peers, struct why *why) MUST_USE;

#endif
