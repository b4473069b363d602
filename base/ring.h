/* SPDX-License-Identifier: MIT */
/* A ring of fixed-size entries between two threads: one thread pushes (producer), one thread pops
 * (consumer). */
#ifndef BASE_RING_H
#define BASE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

/* The producer and the consumer each keep a copy of the index that the other thread writes, in
 * their own cache line. They read the original only if the copy shows a full or empty ring. */
struct ring {
	uint8_t *entries;
	size_t entry_bytes;
	uint32_t mask;
	struct {
		_Atomic uint32_t index; /* number of entries ever pushed */
		uint32_t seen_tail;     /* the producer's copy of tail.index */
	} head __attribute__((aligned(64)));
	struct {
		_Atomic uint32_t index; /* number of entries ever popped */
		uint32_t seen_head;     /* the consumer's copy of head.index */
	} tail __attribute__((aligned(64)));
};

/* Allocates a ring of `n` entries; `n` is rounded up to a power of two. */
static inline enum err ring_init(struct ring *r, uint32_t n, size_t entry_bytes)
{
	uint32_t size = 1;

	while (size < n)
		size *= 2;
	memset(r, 0, sizeof(*r));
	r->entries = mem_array(size, entry_bytes);
	if (!r->entries)
		return ERR_NOMEM;
	r->mask = size - 1;
	r->entry_bytes = entry_bytes;
	return ERR_OK;
}

static inline void ring_fini(struct ring *r)
{
	mem_free(r->entries);
	r->entries = NULL;
}

/* Producer only: copies the entry into the ring; returns false if the ring is full. The release
 * store makes the entry visible before the new index. */
static inline bool ring_push(struct ring *r, const void *entry)
{
	uint32_t head = atomic_load_explicit(&r->head.index, memory_order_relaxed);

	if (head - r->head.seen_tail > r->mask) {
		/* Acquire: the consumer has finished reading the slots that are now free. */
		r->head.seen_tail = atomic_load_explicit(&r->tail.index, memory_order_acquire);
		if (head - r->head.seen_tail > r->mask)
			return false;
	}
	memcpy(r->entries + (size_t)(head & r->mask) * r->entry_bytes, entry, r->entry_bytes);
	atomic_store_explicit(&r->head.index, head + 1, memory_order_release);
	return true;
}

/* Consumer only: copies the oldest entry out of the ring; returns false if the ring is empty. */
static inline bool ring_pop(struct ring *r, void *entry)
{
	uint32_t tail = atomic_load_explicit(&r->tail.index, memory_order_relaxed);

	if (tail == r->tail.seen_head) {
		/* Acquire: pairs with the release in ring_push. */
		r->tail.seen_head = atomic_load_explicit(&r->head.index, memory_order_acquire);
		if (tail == r->tail.seen_head)
			return false;
	}
	memcpy(entry, r->entries + (size_t)(tail & r->mask) * r->entry_bytes, r->entry_bytes);
	atomic_store_explicit(&r->tail.index, tail + 1, memory_order_release);
	return true;
}

#endif
