/* SPDX-License-Identifier: MIT */
/* A hash table from octet strings to pointers. The hash is keyed (SipHash-1-3), so that attackers
 * cannot choose keys that collide. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Open addressing. The map does not copy keys: a key must live unchanged as long as its entry
 * (usually it is part of the value). One thread. */
struct map;

enum err map_new(struct map **out) MUST_USE;
void map_free(struct map *m); /* does not free the values */

/* NULL if the key is absent. */
void *map_get(const struct map *m, const void *key, size_t len);
/* ERR_EXISTS: the key is already in the map. ERR_NOMEM. `value` must not be NULL. */
enum err map_put(struct map *m, const void *key, size_t len, void *value) MUST_USE;
/* Returns the removed value; NULL if the key is absent. Never allocates. */
void *map_remove(struct map *m, const void *key, size_t len);
size_t map_count(const struct map *m);

/* Iterates over the values in no particular order: `size_t at = 0; while ((v = map_next(m, &at)))`.
 * Between the calls the map must not change. */
void *map_next(const struct map *m, size_t *at);

/* The keyed hash function of the map. */
uint64_t map_hash(const uint8_t key[16], const void *p, size_t n);

#endif
