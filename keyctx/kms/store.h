/* SPDX-License-Identifier: MIT */
/* What a KMS must keep across restarts: the messages it served, its ticket protection keys, keys
 * from a BSF, and provisioned users. This is an interface; control/kms/store.c keeps the data on
 * disk. */
#ifndef KEYCTX_KMS_STORE_H
#define KEYCTX_KMS_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/secret.h"

enum { KMS_STORE_KEY_MAX = 400 };

enum kms_bucket { KMS_BUCKET_TPK, KMS_BUCKET_NAF, KMS_BUCKET_USER, KMS_BUCKETS };

/* Called for each entry; an error that it returns ends the walk. The views are valid during the
 * callback. */
typedef enum err kms_store_fn(void *arg, struct view key, struct view value);

/*
 * The functions of a store. After ERR_OK the change survives a crash of the process. Errors:
 * ERR_IO, ERR_LIMIT (the store is full), ERR_AUTH (another program changed a value), ERR_NOMEM. The
 * key of an entry has at most KMS_STORE_KEY_MAX octets.
 */
struct kms_store_ops {
	/* Stores the 32-octet key of a message whose T is `wall_ns`. ERR_REPLAY: the key is already
	 * stored. ERR_EXPIRED: T is not later than that of a message that `forget` removed, so the
	 * store can't tell whether it had this one: the clock was set back. The store knows this
	 * also after a restart. */
	enum err (*remember)(void *arg, uint64_t wall_ns, const uint8_t key[32]);
	/* Removes messages whose T is before `wall_ns`, at most `max` in one call; sets `*n` to
	 * their number. Also works if the store is full. */
	enum err (*forget)(void *arg, uint64_t wall_ns, size_t max, size_t *n);
	/* Returns the number of messages stored. */
	size_t (*count)(void *arg);
	enum err (*put)(void *arg, enum kms_bucket bucket, struct view key, struct view value);
	enum err (*get)(void *arg, enum kms_bucket bucket, struct view key,
	                struct secret *value); /* ERR_NOT_FOUND: no such entry */
	/* Returns ERR_OK also if there is no such entry. */
	enum err (*remove)(void *arg, enum kms_bucket bucket, struct view key);
	/* Reads the first entry after the key `after` (if `after` is empty, the very first). `key`
	 * has room for KMS_STORE_KEY_MAX octets. ERR_NOT_FOUND: there is none. */
	enum err (*next)(void *arg, enum kms_bucket bucket, struct view after, uint8_t *key,
	                 size_t *key_n, struct secret *value);
	enum err (*each)(void *arg, enum kms_bucket bucket, kms_store_fn *fn, void *fn_arg);
	/* For a store that several KMSs share: calls `fn` for each entry that another KMS put or
	 * removed (then the value is empty) since the last call. NULL: nobody else uses the store.
	 */
	enum err (*follow)(void *arg, enum kms_bucket bucket, kms_store_fn *fn, void *fn_arg);
};

struct kms_store {
	const struct kms_store_ops *ops;
	void *arg;
	size_t seen_max; /* maximum number of messages stored; 0: no limit is known */
};

#endif
