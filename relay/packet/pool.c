/* SPDX-License-Identifier: MIT */
/* Stacks of free descriptors and buffers in two blocks of memory. */
#include "relay/packet/pool.h"

#include <string.h>

#include "base/mem.h"

struct pool {
	unsigned n_pkts, n_free, n_free_buffers;
	struct pkt *pkts;
	uint8_t *buffers;
	struct pkt **free;
	uint8_t **free_buffers;
};

enum err pool_new(struct pool **out, unsigned n_pkts)
{
	struct pool *p = mem_alloc(sizeof(*p));

	if (!p)
		return ERR_NOMEM;
	p->n_pkts = p->n_free = p->n_free_buffers = n_pkts;
	p->pkts = mem_aligned(64, n_pkts * sizeof(*p->pkts));
	/* mem_aligned would touch every page, but most of these pages are never used. */
	p->buffers = mem_array((size_t)n_pkts + 1, PKT_ROOM);
	p->free = mem_array(n_pkts, sizeof(*p->free));
	p->free_buffers = mem_array(n_pkts, sizeof(*p->free_buffers));
	if (!p->pkts || !p->buffers || !p->free || !p->free_buffers) {
		pool_free(p);
		return ERR_NOMEM;
	}
	uint8_t *first = p->buffers + (64 - (uintptr_t)p->buffers % 64) % 64;
	for (unsigned i = 0; i < n_pkts; i++) {
		p->free[i] = &p->pkts[n_pkts - 1 - i];
		p->free_buffers[i] = first + (size_t)(n_pkts - 1 - i) * PKT_ROOM;
	}
	*out = p;
	return ERR_OK;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	mem_free(p->free_buffers);
	mem_free(p->free);
	mem_free(p->buffers);
	mem_free(p->pkts);
	mem_free(p);
}

struct pkt *pool_take(struct pool *p)
{
	struct pkt *pkt;

	if (p->n_free == 0)
		return NULL;
	pkt = p->free[--p->n_free];
	memset(pkt, 0, sizeof(*pkt));
	return pkt;
}

void pool_give(struct pool *p, struct pkt *pkt)
{
	CHECK(p->n_free < p->n_pkts);
	p->free[p->n_free++] = pkt;
}

uint8_t *pool_take_buffer(struct pool *p)
{
	return p->n_free_buffers ? p->free_buffers[--p->n_free_buffers] : NULL;
}

void pool_give_buffer(struct pool *p, uint8_t *buffer)
{
	CHECK(p->n_free_buffers < p->n_pkts);
	p->free_buffers[p->n_free_buffers++] = buffer;
}

struct pkt *pool_copy(struct pool *p, const struct pkt *pkt)
{
	struct pkt *copy;

	if (p->n_free == 0 || p->n_free_buffers == 0 || pkt->len > PKT_PAYLOAD_MAX)
		return NULL;
	copy = pool_take(p);
	*copy = *pkt;
	copy->io = NULL;
	copy->frame = pool_take_buffer(p);
	copy->data = (uint8_t *)copy->frame + PKT_HEADROOM;
	copy->tailroom = (uint16_t)(PKT_ROOM - PKT_HEADROOM - pkt->len);
	memcpy(copy->data, pkt->data, pkt->len);
	return copy;
}

void pool_give_copy(struct pool *p, struct pkt *copy)
{
	pool_give_buffer(p, copy->frame);
	pool_give(p, copy);
}

unsigned pool_free_pkts(const struct pool *p)
{
	return p->n_free;
}
