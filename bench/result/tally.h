/* SPDX-License-Identifier: MIT */
/* What arrived of one flow: new, again, out of order, too late to tell. */
#ifndef BENCH_RESULT_TALLY_H
#define BENCH_RESULT_TALLY_H

#include <stdbool.h>
#include <stdint.h>

enum { TALLY_WINDOW = 1024 }; /* counters looked back for duplicates */

enum tally_fate { TALLY_NEW, TALLY_REORDERED, TALLY_DUPLICATE, TALLY_TOO_LATE };

/* Starts zeroed. */
struct tally {
	uint32_t next;                      /* one above the highest counter seen */
	uint64_t window[TALLY_WINDOW / 64]; /* bit counter % 1024 */
};

/* REORDERED is new too: a counter below the highest seen that was missing. TOO_LATE: left of the
 * window, taken for lost. */
enum tally_fate tally_add(struct tally *t, uint32_t counter);

#endif
