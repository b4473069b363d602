/* SPDX-License-Identifier: MIT */
/* A hash table from octet strings to pointers, keyed (SipHash-1-3) so that strangers can't choose
 * collisions. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Open addressing. Keys are borrowed: they must live, unchanged, as long as their entry (usually
 * inside the value). One thread. */
struct map;

enum err map_new(struct map **out) MUST_USE;
void map_free(struct map *m); /* entries are not touched */

/* NULL when absent. */
void *map_get(const struct map *m, const void *key, size_t len);
/* ERR_EXISTS when the key is there, ERR_NOMEM. `value` is not NULL. */
enum err map_put(struct map *m, const void *key, size_t len, void *value) MUST_USE;
/* The value taken out, NULL when absent. Never allocates. */
void *map_remove(struct map *m, const void *key, size_t len);
size_t map_count(const struct map *m);

/* Each value once, in no order: `size_t at = 0; while ((v = map_next(m, &at)))`. No put or remove
 * in between. */
void *map_next(const struct map *m, size_t *at);

/* The keyed hash itself. */
uint64_t map_hash(const uint8_t key[16], const void *p, size_t n);

#endif
