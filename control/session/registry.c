/* SPDX-License-Identifier: MIT */
/* Finds sessions by id and by slot. A session keeps its slot, so its place in the list is fixed. */
#include "control/session/registry.h"

#include "base/map.h"
#include "base/mem.h"

struct registry {
	struct map *by_id;
	struct registry_session **slots;
	uint32_t *free_slots; /* a stack of unused slots, with as much room as `slots` */
	uint32_t n_slots, n_free;
};

enum { FIRST_SLOTS = 64 };

enum err registry_new(struct registry **out)
{
	struct registry *r = mem_alloc(sizeof(*r));

	if (!r)
		return ERR_NOMEM;
	if (map_new(&r->by_id)) {
		mem_free(r);
		return ERR_NOMEM;
	}
	*out = r;
	return ERR_OK;
}

static void session_free(struct registry_session *s)
{
	if (s->attached_free)
		s->attached_free(s->attached);
	past_free(s->past);
	spec_free(s->spec);
	mem_free(s->permitted);
	mem_free(s);
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	for (uint32_t i = 0; i < r->n_slots; i++)
		if (r->slots[i])
			session_free(r->slots[i]);
	map_free(r->by_id);
	mem_free(r->slots);
	mem_free(r->free_slots);
	mem_free(r);
}

struct registry_session *registry_find(const struct registry *r, struct str id)
{
	return map_get(r->by_id, id.p, id.n);
}

static enum err slots_grow(struct registry *r)
{
	uint32_t n = r->n_slots ? r->n_slots * 2 : FIRST_SLOTS;
	struct registry_session **slots =
		mem_resize(r->slots, n, sizeof(struct registry_session *));
	uint32_t *free_slots;

	if (!slots)
		return ERR_NOMEM;
	r->slots = slots;
	free_slots = mem_resize(r->free_slots, n, sizeof(*free_slots));
	if (!free_slots)
		return ERR_NOMEM;
	r->free_slots = free_slots;
	/* Pushes the lowest slot last: it is used first, so that sessions fill the first pages. */
	for (uint32_t i = n; i-- > r->n_slots;) {
		r->slots[i] = NULL;
		r->free_slots[r->n_free++] = i;
	}
	r->n_slots = n;
	return ERR_OK;
}

enum err registry_add_take(struct registry *r, struct spec_session *spec,
                           struct registry_session **out)
{
	struct registry_session *s;
	enum err e;

	if (r->n_free == 0 && slots_grow(r))
		return ERR_NOMEM;
	s = mem_alloc(sizeof(*s));
	if (!s)
		return ERR_NOMEM;
	e = map_put(r->by_id, spec->id, strlen(spec->id), s);
	if (e) {
		mem_free(s);
		return e;
	}
	s->spec = spec;
	s->slot = r->free_slots[--r->n_free];
	r->slots[s->slot] = s;
	*out = s;
	return ERR_OK;
}

void registry_remove(struct registry *r, struct registry_session *s)
{
	CHECK(map_remove(r->by_id, s->spec->id, strlen(s->spec->id)) == s);
	r->slots[s->slot] = NULL;
	r->free_slots[r->n_free++] = s->slot;
	session_free(s);
}

size_t registry_count(const struct registry *r)
{
	return map_count(r->by_id);
}

struct registry_session *registry_next(const struct registry *r, uint32_t *at)
{
	while (*at < r->n_slots) {
		struct registry_session *s = r->slots[(*at)++];

		if (s)
			return s;
	}
	return NULL;
}
