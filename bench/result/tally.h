/* SPDX-License-Identifier: MIT */
/* Arrivals of one flow: new, duplicate, reordered, or older than the window. */
#ifndef BENCH_RESULT_TALLY_H
#define BENCH_RESULT_TALLY_H

#include <stdbool.h>
#include <stdint.h>

enum { TALLY_WINDOW = 1024 }; /* number of latest counters among which duplicates are found */

enum tally_fate { TALLY_NEW, TALLY_REORDERED, TALLY_DUPLICATE, TALLY_TOO_LATE };

/* Zero it before use. */
struct tally {
	uint32_t next;                      /* one above the highest counter seen */
	uint64_t window[TALLY_WINDOW / 64]; /* bit (counter % 1024) is set: that packet arrived */
};

/* REORDERED: a missing counter below the highest, received for the first time. TOO_LATE: older than
 * the window, counted as lost. */
enum tally_fate tally_add(struct tally *t, uint32_t counter);

#endif
