/* SPDX-License-Identifier: MIT */
/* A hash table that maps octet strings to pointers. The hash is keyed (SipHash-1-3), so that
 * attackers cannot choose map keys that collide. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The map uses open addressing and does not copy keys: the octets of a key must stay unchanged as
 * long as its entry exists (usually they are part of the value). One thread only. */
struct map;

enum err map_new(struct map **out) MUST_USE;
void map_free(struct map *m); /* does not free the values */

/* Returns the value; NULL if the key is absent. */
void *map_get(const struct map *m, const void *key, size_t len);
/* Adds an entry; `value` must not be NULL. ERR_EXISTS: the key is already in the map. ERR_NOMEM. */
enum err map_put(struct map *m, const void *key, size_t len, void *value) MUST_USE;
/* Removes the entry and returns its value; NULL if the key is absent. Never allocates. */
void *map_remove(struct map *m, const void *key, size_t len);
size_t map_count(const struct map *m);

/* Iterates over the values in no particular order: `size_t at = 0; while ((v = map_next(m, &at)))`.
 * The map must not change during the iteration. */
void *map_next(const struct map *m, size_t *at);

/* The hash function of the map, SipHash-1-3 with `key`. */
uint64_t map_hash(const uint8_t key[16], const void *p, size_t n);

#endif
