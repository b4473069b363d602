/* SPDX-License-Identifier: MIT */
/* The packet descriptors and packet buffers of a worker, allocated once: the packet
 * path never allocates. */
#ifndef RELAY_PACKET_POOL_H
#define RELAY_PACKET_POOL_H

#include <stdint.h>

#include "base/err.h"
#include "relay/packet/pkt.h"

/* Worker only, except new and free. It uses stacks, because the item used last is still in the CPU
 * cache. */
struct pool;

/* `n_pkts` descriptors and the same number of buffers of PKT_ROOM octets. ERR_NOMEM. */
enum err pool_new(struct pool **out, unsigned n_pkts) MUST_USE;
void pool_free(struct pool *p);

/* A zeroed descriptor; NULL if none is free. The worker gives it back at the end of the turn. */
struct pkt *pool_take(struct pool *p);
void pool_give(struct pool *p, struct pkt *pkt);

/* A buffer of PKT_ROOM octets, aligned to 64, with undefined contents; NULL if none is free. */
uint8_t *pool_take_buffer(struct pool *p);
void pool_give_buffer(struct pool *p, uint8_t *buffer);

/* A new descriptor with its own buffer, which holds the same payload with full headroom and
 * tailroom; `io` is NULL and `frame` is that buffer. NULL: no descriptor or buffer is free, or the
 * payload is too long. */
struct pkt *pool_copy(struct pool *p, const struct pkt *pkt);
/* Gives back a copy made by pool_copy. */
void pool_give_copy(struct pool *p, struct pkt *copy);

/* For tests: number of free descriptors. */
unsigned pool_free_pkts(const struct pool *p);

#endif
