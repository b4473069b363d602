/* SPDX-License-Identifier: MIT */
/* Token buckets in a map; a list keeps them in order of last use. */
#include "keyctx/kms/rate.h"

#include "base/clk.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

enum { SLOTS = 4 }; /* the present part of the time that messages are kept, and three whole ones */

struct bucket {
	struct link link;
	uint64_t last_ns;
	double tokens;
	uint64_t slot; /* number of the present slot since 1970 */
	uint32_t remembered[SLOTS];
	size_t n;
	uint8_t who[];
};

struct rate {
	struct map *map;
	struct link idle; /* all buckets, the longest unused first */
};

enum err rate_new(struct rate **out)
{
	struct rate *r = mem_alloc(sizeof(*r));

	if (!r || map_new(&r->map)) {
		mem_free(r);
		return ERR_NOMEM;
	}
	list_init(&r->idle);
	*out = r;
	return ERR_OK;
}

static void forget(struct rate *r, struct bucket *b)
{
	map_remove(r->map, b->who, b->n);
	list_remove(&b->link);
	mem_free(b);
}

void rate_free(struct rate *r)
{
	if (!r)
		return;
	while (!list_is_empty(&r->idle))
		forget(r, LIST_OF(r->idle.next, struct bucket, link));
	map_free(r->map);
	mem_free(r);
}

static struct bucket *find_or_make(struct rate *r, struct view who, uint32_t burst, uint64_t now_ns)
{
	struct bucket *b = map_get(r->map, who.p, who.n);

	if (b)
		return b;
	if (map_count(r->map) >= RATE_USERS_MAX)
		forget(r, LIST_OF(r->idle.next, struct bucket, link));
	b = mem_alloc(sizeof(*b) + who.n);
	if (!b)
		return NULL;
	b->n = who.n;
	memcpy(b->who, who.p, who.n);
	b->tokens = burst;
	b->last_ns = now_ns;
	list_add_tail(&r->idle, &b->link);
	if (map_put(r->map, b->who, b->n, b)) {
		list_remove(&b->link);
		mem_free(b);
		return NULL;
	}
	return b;
}

enum err rate_take(struct rate *r, struct view who, struct rate_limit limit, uint64_t now_ns,
                   unsigned *wait_s)
{
	struct bucket *b;
	double per_ns = (double)limit.per_minute / 60e9, most = limit.burst ? limit.burst : 1;

	if (limit.per_minute == 0)
		return ERR_OK;
	b = find_or_make(r, who, limit.burst ? limit.burst : 1, now_ns);
	if (!b)
		return ERR_NOMEM;
	/* If the clock was set back, the bucket neither gains nor loses tokens. */
	if (now_ns > b->last_ns)
		b->tokens += (double)(now_ns - b->last_ns) * per_ns;
	if (b->tokens > most)
		b->tokens = most;
	b->last_ns = now_ns;
	list_remove(&b->link);
	list_add_tail(&r->idle, &b->link);
	if (b->tokens < 1) {
		*wait_s = (unsigned)((1 - b->tokens) / per_ns / 1e9) + 1;
		return ERR_LIMIT;
	}
	b->tokens -= 1;
	return ERR_OK;
}

void rate_give(struct rate *r, struct view who)
{
	struct bucket *b = map_get(r->map, who.p, who.n);

	/* This may exceed the burst; the next rate_take cuts the tokens to it. */
	if (b)
		b->tokens += 1;
}

/* Empties the slots that are older than the time for which messages are kept. If the clock was set
 * back, the present slot stays. */
static void turn_slots(struct bucket *b, uint64_t now_ns, uint64_t keep_ns)
{
	uint64_t slot_ns = keep_ns / (SLOTS - 1), slot = now_ns / (slot_ns ? slot_ns : 1);

	for (unsigned i = 0; b->slot < slot && i < SLOTS; i++)
		b->remembered[++b->slot % SLOTS] = 0;
	if (b->slot < slot)
		b->slot = slot;
}

enum err rate_remember(struct rate *r, struct view who, uint64_t now_ns, uint64_t keep_ns)
{
	struct bucket *b = find_or_make(r, who, UINT32_MAX, now_ns);

	if (!b)
		return ERR_NOMEM;
	turn_slots(b, now_ns, keep_ns);
	b->remembered[b->slot % SLOTS]++;
	if (now_ns > b->last_ns)
		b->last_ns = now_ns;
	list_remove(&b->link);
	list_add_tail(&r->idle, &b->link);
	return ERR_OK;
}

size_t rate_remembered(struct rate *r, struct view who, uint64_t now_ns, uint64_t keep_ns)
{
	struct bucket *b = map_get(r->map, who.p, who.n);
	size_t n = 0;

	if (!b)
		return 0;
	turn_slots(b, now_ns, keep_ns);
	for (unsigned i = 0; i < SLOTS; i++)
		n += b->remembered[i];
	return n;
}

void rate_expire(struct rate *r, uint64_t now_ns, uint64_t idle_ns, size_t max)
{
	for (size_t i = 0; i < max && !list_is_empty(&r->idle); i++) {
		struct bucket *b = LIST_OF(r->idle.next, struct bucket, link);

		if (now_ns < b->last_ns + idle_ns)
			return;
		forget(r, b);
	}
}

size_t rate_count(const struct rate *r)
{
	return map_count(r->map);
}
