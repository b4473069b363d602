/* SPDX-License-Identifier: MIT */
/* The KMS's own ticket protection keys (TPKs). Each key makes tickets for a while, and is kept
 * until the last of its tickets ends. */
#ifndef KEYCTX_KMS_TPK_H
#define KEYCTX_KMS_TPK_H

#include "keyctx/kms/store.h"
#include "keyctx/mikey/env.h"
#include "keyctx/mikey/payload.h"

enum { KMS_TPK_ID_LEN = 8, KMS_TPK_LEN = 32, KMS_TPKS_MAX = 64 };

/*   make --> ISSUING --a newer key is made--> OPENING --its last ticket ends--> removed */
struct kms_tpk {
	uint8_t id[KMS_TPK_ID_LEN];
	uint64_t made_s, issue_until_s, open_until_s; /* seconds since 1970 */
	/* in secret memory: KMS_TPK_LEN octets, then 16 octets for the 128-bit algorithms */
	uint8_t *octets;
};

struct kms_tpks {
	struct kms_store store;
	struct kms_tpk t[KMS_TPKS_MAX]; /* oldest key first; the last key makes tickets */
	size_t n;
};

/* Reads all keys from the store. ERR_SYNTAX, ERR_LIMIT, ERR_NOMEM, or an error of the store. */
enum err kms_tpks_init(struct kms_tpks *all, struct kms_store store) MUST_USE;
void kms_tpks_fini(struct kms_tpks *all);

/* The lifetime of a key. */
struct kms_tpk_life {
	uint32_t issue_s; /* how long a key makes tickets, seconds */
	/* how long a key opens tickets after that, seconds: longest ticket plus twice the skew */
	uint32_t open_s;
};

/* Gives the key that makes tickets at `now_s`. Makes and stores a new key if the last one may not
 * make this ticket any more. ERR_LIMIT: KMS_TPKS_MAX keys still open tickets. */
enum err kms_tpks_issuing(struct kms_tpks *all, const struct kms_tpk_life *life,
                          const struct mikey_env *env, uint64_t now_s,
                          const struct kms_tpk **out) MUST_USE;
/* Makes and stores a new key, even if the last one is not old. */
enum err kms_tpks_rotate(struct kms_tpks *all, const struct kms_tpk_life *life,
                         const struct mikey_env *env, uint64_t now_s) MUST_USE;
/* Returns the key with that id; NULL if it is unknown or expired. */
const struct kms_tpk *kms_tpks_find(const struct kms_tpks *all, struct mikey_id id, uint64_t now_s);
/* Removes expired keys from memory and from the store. */
void kms_tpks_expire(struct kms_tpks *all, uint64_t now_s);

/* Returns the key octets for tickets with that PRF, as many as its algorithms need (RFC 6043
 * 12.1). */
struct view kms_tpk_key(const struct kms_tpk *t, unsigned prf);
struct mikey_id kms_tpk_id(const struct kms_tpk *t);

#endif
