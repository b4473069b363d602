/* SPDX-License-Identifier: MIT */
/* Memory for key octets: locked, not in core files, wiped on release. Also a comparison in constant
 * time. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Returns a zeroed block, aligned to 64 octets, in locked pages (mlock, MADV_DONTDUMP,
 * MADV_WIPEONFORK) that all secrets share. Any thread, but never on the packet path: it takes a
 * mutex. Returns NULL if out of memory, or if secret_require_locked(true) was called and the pages
 * cannot be locked.
 */
void *secret_alloc(size_t bytes);
/* Wipes and frees the block; `p` may be NULL. */
void secret_free(void *p);

/* Overwrites `n` octets of any memory with zeros; the compiler cannot optimize the call away. */
void secret_wipe(void *p, size_t n);
/* Returns true if the octets are equal. The duration depends on `n` only. */
bool secret_eq(const void *a, const void *b, size_t n);

/* A secret whose length is known only at run time. `octets` is from secret_alloc; NULL if empty. */
struct secret {
	uint8_t *octets;
	size_t len;
};

/* Replaces the value by a copy of `octets`. On ERR_NOMEM the old value stays. */
enum err secret_set(struct secret *s, const void *octets, size_t len) MUST_USE;
/* Replaces the value by `len` zeros, which the caller overwrites. On ERR_NOMEM the old value
 * stays. */
enum err secret_make(struct secret *s, size_t len) MUST_USE;
void secret_clear(struct secret *s);

struct secret_usage {
	size_t in_use_bytes; /* size of all allocated blocks, each rounded up to its size class */
	size_t mapped_bytes; /* size of all pages mapped for secrets */
	/* size of the pages that are not locked, because of the limit on locked memory */
	size_t unlocked_bytes;
};

/* true: secret_alloc fails if pages cannot be locked; false (default): it uses unlocked pages. */
void secret_require_locked(bool on);
void secret_get_usage(struct secret_usage *out);

#endif
