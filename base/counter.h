/* SPDX-License-Identifier: MIT */
/* Counters with one writer that any thread may read. */
#ifndef BASE_COUNTER_H
#define BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

/* One thread writes the counter. Other threads read a complete value, which may be slightly old. */
struct counter {
	_Atomic uint64_t value;
};

/* Uses a relaxed load and store instead of a locked instruction: only one thread writes, and no
 * thread uses a counter to order other memory accesses. */
static inline void counter_add(struct counter *c, uint64_t n)
{
	atomic_store_explicit(&c->value, atomic_load_explicit(&c->value, memory_order_relaxed) + n,
	                      memory_order_relaxed);
}

static inline void counter_inc(struct counter *c)
{
	counter_add(c, 1);
}

/* Sets the value, for gauges. */
static inline void counter_set(struct counter *c, uint64_t v)
{
	atomic_store_explicit(&c->value, v, memory_order_relaxed);
}

static inline uint64_t counter_get(const struct counter *c)
{
	return atomic_load_explicit(&((struct counter *)(uintptr_t)c)->value, memory_order_relaxed);
}

#endif
