/* SPDX-License-Identifier: MIT */
/* A hierarchical timer wheel. It reads no clock; the caller passes the time. */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

enum { WHEEL_LEVELS = 4, WHEEL_SLOTS = 64 };

struct wheel_timer;
/* The callback of a timer, called by wheel_advance. The timer is no longer in the wheel: the
 * callback may set it again, or free its memory. */
typedef void wheel_fn(struct wheel_timer *t, uint64_t now_ns);

/* A timer, a member of the struct that waits. Zero it and set `fn` before first use. */
struct wheel_timer {
	struct link link;
	uint64_t due_tick;
	wheel_fn *fn;
};

/* A timer wheel, for one thread. A timer fires in the first wheel_advance at or after its due
 * time. */
struct wheel {
	struct link slots[WHEEL_LEVELS][WHEEL_SLOTS];
	uint64_t tick_ns;
	uint64_t now_tick;
	uint64_t count;
};

void wheel_init(struct wheel *w, uint64_t tick_ns, uint64_t now_ns);
/* Sets a timer, or moves it if it is already set. A timer beyond the span of the wheel (64^4 ticks)
 * waits in the last slot and is then placed again. */
void wheel_set(struct wheel *w, struct wheel_timer *t, uint64_t due_ns);
void wheel_cancel(struct wheel *w, struct wheel_timer *t);
bool wheel_is_set(const struct wheel_timer *t);
void wheel_advance(struct wheel *w, uint64_t now_ns);
/* Returns the time until which the event loop may sleep: not later than the next timer; UINT64_MAX
 * if no timer is set. */
uint64_t wheel_next_ns(const struct wheel *w);

#endif
