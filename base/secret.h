/* SPDX-License-Identifier: MIT */
/* Memory for key octets: locked, left out of core files, wiped on release, compared in constant
 * time. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Blocks come from locked pages (mlock, MADV_DONTDUMP, MADV_WIPEONFORK) shared by all secrets,
 * aligned to 64 octets and zeroed. Any thread; a mutex guards the pages, so never on the packet
 * path. NULL when out of memory, or when locking fails and secret_require_locked(true) was set.
 */
void *secret_alloc(size_t bytes);
/* Wipes the whole block, then gives it back. Takes NULL. */
void secret_free(void *p);

/* Wipes octets that lived elsewhere for a moment; the compiler may not drop it. */
void secret_wipe(void *p, size_t n);
/* Same octets? Time depends on n alone. */
bool secret_eq(const void *a, const void *b, size_t n);

/* A key whose length is known at run time. `octets` is a block of this module, or NULL when empty.
 */
struct secret {
	uint8_t *octets;
	size_t len;
};

/* Replaces what was there. On ERR_NOMEM the old value stays. */
enum err secret_set(struct secret *s, const void *octets, size_t len) MUST_USE;
/* Room for `len` octets, zeroed, to be filled by the caller. */
enum err secret_make(struct secret *s, size_t len) MUST_USE;
void secret_clear(struct secret *s);

struct secret_usage {
	size_t in_use_bytes;   /* given out, as blocks of the sizes there are */
	size_t mapped_bytes;   /* pages held */
	size_t unlocked_bytes; /* pages the limit on locked memory left swappable */
};

/* Refuse (true) or tolerate (false, the default) pages that can't be locked. */
void secret_require_locked(bool on);
void secret_get_usage(struct secret_usage *out);

#endif
