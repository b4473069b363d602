/* SPDX-License-Identifier: MIT */
/* A log-linear histogram of values to 2^42: exact below 256, then within 0.8 %. */
#ifndef BENCH_RESULT_HIST_H
#define BENCH_RESULT_HIST_H

#include <stdint.h>

#include <jansson.h>

enum {
	HIST_SUB_BITS = 7,  /* 128 steps in each doubling */
	HIST_TOP_BITS = 42, /* larger values count as 2^42 - 1 (73 minutes in ns) */
	HIST_CELLS = (HIST_TOP_BITS - HIST_SUB_BITS + 1) << HIST_SUB_BITS,
};

/* Zero it before use. Only one thread may use it; hist_merge adds up those of several threads. */
struct hist {
	uint64_t count, sum, min, max;
	uint32_t cells[HIST_CELLS];
};

void hist_add(struct hist *h, uint64_t v);
void hist_merge(struct hist *into, const struct hist *from);
void hist_reset(struct hist *h);
/* Returns the middle of the percentile's cell; for 100 the exact maximum; 0 if empty. */
uint64_t hist_percentile(const struct hist *h, double percent);
/* Sets PREFIX_p50, _p90, _p99, _p999, _max of a result's row, each times `scale`. */
void hist_put(const struct hist *h, json_t *row, const char *prefix, double scale);

#endif
