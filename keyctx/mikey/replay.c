/* SPDX-License-Identifier: MIT */
/* Messages seen: a ring in order of arrival, so that the oldest leave first, and a hash over it. */
#include "keyctx/mikey/replay.h"

#include "base/map.h"
#include "base/mem.h"
#include "keyctx/prim.h"

struct entry {
	uint8_t key[32];
	uint64_t until_ntp;
};

struct mikey_replay {
	struct map *map;
	struct entry *ring;
	size_t max, first, n;
	uint64_t keep_ntp;
};

enum err mikey_replay_key(const struct mikey_msg *m, struct mikey_id sender, uint8_t out[32])
{
	const struct mikey_payload *t = mikey_msg_find(m, MIKEY_T);
	uint8_t room[1 + 4 + 1 + 1 + 8 + 32];
	struct wr w = wr_make(room, sizeof(room));
	uint8_t hash[32];
	enum err e = prim_digest(PRIM_SHA256, sender.data, hash);

	if (e || !t)
		return e ? e : ERR_INVALID;
	wr_u8(&w, m->hdr.data_type);
	wr_u32(&w, m->hdr.csb_id);
	wr_u8(&w, t->u.t.type);
	wr_u64(&w, t->u.t.value);
	wr_u8(&w, sender.type);
	wr_octets(&w, hash, sizeof(hash));
	return prim_digest(PRIM_SHA256, (struct view){.p = room, .n = wr_len(&w)}, out);
}

enum err mikey_replay_new(struct mikey_replay **out, size_t max, uint32_t keep_s)
{
	struct mikey_replay *r;
	enum err e = ERR_NOMEM;

	if (!max)
		return ERR_INVALID;
	r = mem_alloc(sizeof(*r));
	if (!r)
		return ERR_NOMEM;
	r->max = max;
	r->keep_ntp = (uint64_t)keep_s << 32;
	r->ring = mem_array(max, sizeof(*r->ring));
	if (r->ring)
		e = map_new(&r->map);
	if (e)
		mikey_replay_free(r);
	else
		*out = r;
	return e;
}

void mikey_replay_free(struct mikey_replay *r)
{
	if (!r)
		return;
	map_free(r->map);
	mem_free(r->ring);
	mem_free(r);
}

static void drop_old(struct mikey_replay *r, uint64_t now_ntp)
{
	while (r->n && (int64_t)(now_ntp - r->ring[r->first].until_ntp) > 0) {
		map_remove(r->map, r->ring[r->first].key, sizeof(r->ring[r->first].key));
		r->first = (r->first + 1) % r->max;
		r->n--;
	}
}

bool mikey_replay_has(const struct mikey_replay *r, const uint8_t key[32])
{
	return map_get(r->map, key, 32) != NULL;
}

enum err mikey_replay_add(struct mikey_replay *r, const uint8_t key[32], uint64_t now_ntp)
{
	struct entry *e;
	enum err err;

	drop_old(r, now_ntp);
	if (mikey_replay_has(r, key))
		return ERR_REPLAY;
	if (r->n == r->max)
		return ERR_LIMIT;
	e = &r->ring[(r->first + r->n) % r->max];
	memcpy(e->key, key, sizeof(e->key));
	e->until_ntp = now_ntp + r->keep_ntp;
	err = map_put(r->map, e->key, sizeof(e->key), e);
	r->n += !err;
	return err;
}
