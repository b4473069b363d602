/* SPDX-License-Identifier: MIT */
/* What a KMS must not forget: messages seen, its ticket protection keys, keys of the BSF. An
 * interface: control/kms/store.c keeps it on disk. */
#ifndef KEYCTX_KMS_STORE_H
#define KEYCTX_KMS_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/secret.h"

enum { KMS_STORE_KEY_MAX = 400 };

enum kms_bucket { KMS_BUCKET_TPK, KMS_BUCKET_NAF, KMS_BUCKETS };

/* Made once for each entry, until it returns an error, which ends the walk. Views live for the
 * call. */
typedef enum err kms_store_fn(void *arg, struct view key, struct view value);

/*
 * Whatever a call reports as done survives the death of the process. Errors: ERR_IO, ERR_LIMIT (no
 * room), ERR_AUTH (a value that was changed behind our back), ERR_NOMEM. Keys of entries have at
 * most KMS_STORE_KEY_MAX octets.
 */
struct kms_store_ops {
	/* Remembers a message whose T is `wall_ns` by its 32-octet key. ERR_REPLAY: it was there.
	 */
	enum err (*remember)(void *arg, uint64_t wall_ns, const uint8_t key[32]);
	/* Forgets what carries a T before `wall_ns`, at most `max` entries at a time; `*n` tells
	 * how many. Works with a full store, too. */
	enum err (*forget)(void *arg, uint64_t wall_ns, size_t max, size_t *n);
	/* Messages remembered. */
	size_t (*count)(void *arg);
	enum err (*put)(void *arg, enum kms_bucket bucket, struct view key, struct view value);
	enum err (*get)(void *arg, enum kms_bucket bucket, struct view key,
	                struct secret *value);                                  /* ERR_NOT_FOUND */
	enum err (*remove)(void *arg, enum kms_bucket bucket, struct view key); /* absent is fine */
	/* The first entry behind the key `after` (empty: the very first): its key goes to `key`, of
	 * KMS_STORE_KEY_MAX octets. ERR_NOT_FOUND: there is none. */
	enum err (*next)(void *arg, enum kms_bucket bucket, struct view after, uint8_t *key,
	                 size_t *key_n, struct secret *value);
	enum err (*each)(void *arg, enum kms_bucket bucket, kms_store_fn *fn, void *fn_arg);
};

struct kms_store {
	const struct kms_store_ops *ops;
	void *arg;
};

#endif
