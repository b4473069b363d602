/* SPDX-License-Identifier: MIT */
/* A keyed hash table with linear probing and backward-shift deletion. */
#include "base/map.h"

#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

struct slot {
	uint64_t hash;
	const void *key;
	size_t len;
	void *value; /* NULL: the slot is free */
};

struct map {
	struct slot *slots;
	size_t mask, count;
	uint8_t hash_key[16];
};

enum { MAP_FIRST_SLOTS = 16 };

static uint64_t rotl(uint64_t x, unsigned b)
{
	return x << b | x >> (64 - b);
}

static uint64_t load_le64(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

uint64_t map_hash(const uint8_t key[16], const void *p, size_t n)
{
	uint64_t k0 = load_le64(key, 8), k1 = load_le64(key + 8, 8);
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du,
	                 k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u};
	const uint8_t *at = p;
	uint64_t m = 0;

	for (size_t left = n; left >= 8; left -= 8, at += 8) {
		m = load_le64(at, 8);
		v[3] ^= m;
		sip_round(v);
		v[0] ^= m;
	}
	m = load_le64(at, n & 7) | (uint64_t)n << 56;
	v[3] ^= m;
	sip_round(v);
	v[0] ^= m;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

enum err map_new(struct map **out)
{
	struct map *m = mem_alloc(sizeof(*m));

	if (!m)
		return ERR_NOMEM;
	m->slots = mem_array(MAP_FIRST_SLOTS, sizeof(*m->slots));
	if (!m->slots || getrandom(m->hash_key, sizeof(m->hash_key), 0) != sizeof(m->hash_key)) {
		map_free(m);
		return ERR_NOMEM;
	}
	m->mask = MAP_FIRST_SLOTS - 1;
	*out = m;
	return ERR_OK;
}

void map_free(struct map *m)
{
	if (!m)
		return;
	mem_free(m->slots);
	mem_free(m);
}

/* Returns the slot of the key, or the free slot where the key belongs. */
static struct slot *probe(const struct map *m, uint64_t hash, const void *key, size_t len)
{
	for (size_t i = hash & m->mask;; i = (i + 1) & m->mask) {
		struct slot *s = &m->slots[i];

		if (!s->value)
			return s;
		if (s->hash == hash && s->len == len && memcmp(s->key, key, len) == 0)
			return s;
	}
}

void *map_get(const struct map *m, const void *key, size_t len)
{
	return probe(m, map_hash(m->hash_key, key, len), key, len)->value;
}

static enum err grow(struct map *m)
{
	struct slot *old = m->slots;
	size_t old_slots = m->mask + 1;
	struct slot *slots = mem_array(old_slots * 2, sizeof(*slots));

	if (!slots)
		return ERR_NOMEM;
	m->slots = slots;
	m->mask = old_slots * 2 - 1;
	for (size_t i = 0; i < old_slots; i++)
		if (old[i].value)
			*probe(m, old[i].hash, old[i].key, old[i].len) = old[i];
	mem_free(old);
	return ERR_OK;
}

enum err map_put(struct map *m, const void *key, size_t len, void *value)
{
	uint64_t hash = map_hash(m->hash_key, key, len);
	struct slot *s;

	CHECK(value != NULL);
	if (probe(m, hash, key, len)->value)
		return ERR_EXISTS;
	if ((m->count + 1) * 4 > (m->mask + 1) * 3 && grow(m))
		return ERR_NOMEM;
	s = probe(m, hash, key, len);
	*s = (struct slot){.hash = hash, .key = key, .len = len, .value = value};
	m->count++;
	return ERR_OK;
}

void *map_remove(struct map *m, const void *key, size_t len)
{
	struct slot *s = probe(m, map_hash(m->hash_key, key, len), key, len);
	void *value = s->value;
	size_t hole = (size_t)(s - m->slots);

	if (!value)
		return NULL;
	/* A search stops at a free slot. So each following entry that the hole would cut off moves
	 * into the hole; the table needs no markers for removed entries. */
	for (size_t i = (hole + 1) & m->mask; m->slots[i].value; i = (i + 1) & m->mask) {
		size_t home = m->slots[i].hash & m->mask;

		if (((i - home) & m->mask) >= ((i - hole) & m->mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = (struct slot){0};
	m->count--;
	return value;
}

size_t map_count(const struct map *m)
{
	return m->count;
}

void *map_next(const struct map *m, size_t *at)
{
	while (*at <= m->mask) {
		void *v = m->slots[(*at)++].value;

		if (v)
			return v;
	}
	return NULL;
}
