/* SPDX-License-Identifier: MIT */
/* A worker's packet descriptors and packet buffers, made once: the path takes and gives, it never
 * allocates. */
#ifndef RELAY_PACKET_POOL_H
#define RELAY_PACKET_POOL_H

#include <stdint.h>

#include "base/err.h"
#include "relay/packet/pkt.h"

/* Worker only, but for new and free. Last in, first out: what was used last is still in the cache.
 */
struct pool;

/* `n_pkts` descriptors and as many buffers of PKT_ROOM octets. ERR_NOMEM. */
enum err pool_new(struct pool **out, unsigned n_pkts) MUST_USE;
void pool_free(struct pool *p);

/* A descriptor, zeroed; NULL when none is left. Given back by the worker at the end of the packet's
 * turn. */
struct pkt *pool_take(struct pool *p);
void pool_give(struct pool *p, struct pkt *pkt);

/* A buffer of PKT_ROOM octets on a boundary of 64, contents undefined; NULL when none is left. */
uint8_t *pool_take_buffer(struct pool *p);
void pool_give_buffer(struct pool *p, uint8_t *buffer);

/* A descriptor with a buffer of its own that holds the same payload with full headroom and
 * tailroom; `io` and `frame` are its own. NULL: none left. */
struct pkt *pool_copy(struct pool *p, const struct pkt *pkt);
/* Gives back what pool_copy took. */
void pool_give_copy(struct pool *p, struct pkt *copy);

/* For tests: descriptors that nobody has taken. */
unsigned pool_free_pkts(const struct pool *p);

#endif
