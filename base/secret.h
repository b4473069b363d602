/* SPDX-License-Identifier: MIT */
/* Memory for key octets: locked, not in core files, wiped on release; and a comparison
 * in constant time. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Returns a zeroed block, aligned to 64 octets, in locked pages (mlock, MADV_DONTDUMP,
 * MADV_WIPEONFORK) shared by all secrets. Any thread, but never on the packet path: it takes
 * a mutex. NULL: out of memory, or the pages cannot be locked and
 * secret_require_locked(true) was called.
 */
void *secret_alloc(size_t bytes);
/* Wipes and frees the block. NULL is allowed. */
void secret_free(void *p);

/* Wipes octets in any memory; the compiler cannot remove it. */
void secret_wipe(void *p, size_t n);
/* Compares; the time depends on n only. */
bool secret_eq(const void *a, const void *b, size_t n);

/* A secret whose length is known at run time. `octets` is from secret_alloc, or NULL if empty. */
struct secret {
	uint8_t *octets;
	size_t len;
};

/* Replaces the value. On ERR_NOMEM the old value stays. */
enum err secret_set(struct secret *s, const void *octets, size_t len) MUST_USE;
/* Replaces the value by `len` zeros, for the caller to fill. */
enum err secret_make(struct secret *s, size_t len) MUST_USE;
void secret_clear(struct secret *s);

struct secret_usage {
	size_t in_use_bytes; /* allocated blocks, counted with their size class */
	size_t mapped_bytes; /* size of all pages */
	/* pages that are not locked because of the limit on locked memory */
	size_t unlocked_bytes;
};

/* Pages that cannot be locked: true refuses them, false (the default) uses them. */
void secret_require_locked(bool on);
void secret_get_usage(struct secret_usage *out);

#endif
