/* SPDX-License-Identifier: MIT */
/* What a KMS must keep across restarts: messages served, its ticket protection keys, keys of the
 * BSF. An interface: control/kms/store.c keeps it on disk. */
#ifndef KEYCTX_KMS_STORE_H
#define KEYCTX_KMS_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/secret.h"

enum { KMS_STORE_KEY_MAX = 400 };

enum kms_bucket { KMS_BUCKET_TPK, KMS_BUCKET_NAF, KMS_BUCKETS };

/* Called for each entry until it returns an error, which ends the walk. Views
 * are valid during the call. */
typedef enum err kms_store_fn(void *arg, struct view key, struct view value);

/*
 * After ERR_OK the change survives the death of the process. Errors: ERR_IO, ERR_LIMIT (no
 * room), ERR_AUTH (a value was changed outside this program), ERR_NOMEM. Keys of entries have at
 * most KMS_STORE_KEY_MAX octets.
 */
struct kms_store_ops {
	/* Stores the 32-octet key of a message with T `wall_ns`. ERR_REPLAY:
	 * it is stored already. */
	enum err (*remember)(void *arg, uint64_t wall_ns, const uint8_t key[32]);
	/* Removes messages with T before `wall_ns`, at most `max` in one call; `*n` is their
	 * number. Also works if the store is full. */
	enum err (*forget)(void *arg, uint64_t wall_ns, size_t max, size_t *n);
	/* The number of messages stored. */
	size_t (*count)(void *arg);
	enum err (*put)(void *arg, enum kms_bucket bucket, struct view key, struct view value);
	enum err (*get)(void *arg, enum kms_bucket bucket, struct view key,
	                struct secret *value); /* ERR_NOT_FOUND */
	/* ERR_OK also if absent */
	enum err (*remove)(void *arg, enum kms_bucket bucket, struct view key);
	/* The first entry after the key `after` (empty: the very first). `key` has room for
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
