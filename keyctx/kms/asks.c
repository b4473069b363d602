/* SPDX-License-Identifier: MIT */
/* Unknown B-TIDs in a map, and in a list by the time at which they are forgotten. */
#include "keyctx/kms/asks.h"

#include "base/clk.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

enum { SOURCE_IDLE_S = 600, BUSY_WAIT_S = 1 };

struct unknown {
	struct link link;
	uint64_t until_ns;
	size_t n;
	char btid[];
};

struct asks {
	struct map *map;
	/* all entries, the oldest first; after a reload of the time to keep them, an entry may wait
	 * for an older one */
	struct link oldest;
	struct rate *sources;
	unsigned under_way;
};

enum err asks_new(struct asks **out)
{
	struct asks *a = mem_alloc(sizeof(*a));

	if (!a)
		return ERR_NOMEM;
	list_init(&a->oldest);
	if (map_new(&a->map) || rate_new(&a->sources)) {
		asks_free(a);
		return ERR_NOMEM;
	}
	*out = a;
	return ERR_OK;
}

static void forget(struct asks *a, struct unknown *u)
{
	map_remove(a->map, u->btid, u->n);
	list_remove(&u->link);
	mem_free(u);
}

void asks_free(struct asks *a)
{
	if (!a)
		return;
	while (!list_is_empty(&a->oldest))
		forget(a, LIST_OF(a->oldest.next, struct unknown, link));
	map_free(a->map);
	rate_free(a->sources);
	mem_free(a);
}

enum err asks_begin(struct asks *a, struct view source, const struct asks_limits *limits,
                    uint64_t now_ns, struct asks_refusal *why)
{
	enum err e;

	*why = (struct asks_refusal){.wait_s = BUSY_WAIT_S};
	if (a->under_way >= limits->at_once)
		return ERR_LIMIT;
	e = source.n ? rate_take(a->sources, source, limits->source, now_ns, &why->wait_s) : ERR_OK;
	why->by_source = e == ERR_LIMIT;
	a->under_way += !e;
	return e;
}

void asks_end(struct asks *a, struct view source, bool is_known)
{
	a->under_way--;
	if (is_known && source.n)
		rate_give(a->sources, source);
}

void asks_note_unknown(struct asks *a, struct str btid, uint64_t now_ns, uint64_t keep_ns)
{
	struct unknown *u = map_get(a->map, btid.p, btid.n);

	if (u)
		forget(a, u);
	if (!keep_ns || map_count(a->map) >= ASKS_UNKNOWN_MAX)
		return;
	u = mem_alloc(sizeof(*u) + btid.n);
	if (!u)
		return;
	u->until_ns = now_ns + keep_ns;
	u->n = btid.n;
	memcpy(u->btid, btid.p, btid.n);
	if (map_put(a->map, u->btid, u->n, u)) {
		mem_free(u);
		return;
	}
	list_add_tail(&a->oldest, &u->link);
}

bool asks_is_unknown(const struct asks *a, struct str btid, uint64_t now_ns)
{
	const struct unknown *u = map_get(a->map, btid.p, btid.n);

	return u && now_ns < u->until_ns;
}

void asks_expire(struct asks *a, uint64_t now_ns, size_t max)
{
	rate_expire(a->sources, now_ns, SOURCE_IDLE_S * NS_PER_S, max);
	for (size_t i = 0; i < max && !list_is_empty(&a->oldest); i++) {
		struct unknown *u = LIST_OF(a->oldest.next, struct unknown, link);

		if (now_ns < u->until_ns)
			return;
		forget(a, u);
	}
}

size_t asks_unknown_count(const struct asks *a)
{
	return map_count(a->map);
}
