/* SPDX-License-Identifier: MIT */
/* A hierarchical timer wheel that reads no clock: it is told the time. */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

enum { WHEEL_LEVELS = 4, WHEEL_SLOTS = 64 };

struct wheel_timer;
/* Called from wheel_advance with the timer already out of the wheel: it may add itself again, or
 * free what it lives in. */
typedef void wheel_fn(struct wheel_timer *t, uint64_t now_ns);

/* Lives inside the thing that waits; zeroed before first use. */
struct wheel_timer {
	struct link link;
	uint64_t due_tick;
	wheel_fn *fn;
};

/* One thread. A timer fires at the first advance at or after its time, never before. */
struct wheel {
	struct link slots[WHEEL_LEVELS][WHEEL_SLOTS];
	uint64_t tick_ns;
	uint64_t now_tick;
	uint64_t count;
};

void wheel_init(struct wheel *w, uint64_t tick_ns, uint64_t now_ns);
/* Sets or moves the timer. Beyond the wheel's span (64^4 ticks) it waits in the last slot and is
 * re-placed. */
void wheel_set(struct wheel *w, struct wheel_timer *t, uint64_t due_ns);
void wheel_cancel(struct wheel *w, struct wheel_timer *t);
bool wheel_is_set(const struct wheel_timer *t);
void wheel_advance(struct wheel *w, uint64_t now_ns);
/* A time not after the next timer's, for the event loop to sleep until; UINT64_MAX when none is
 * set. */
uint64_t wheel_next_ns(const struct wheel *w);

#endif
