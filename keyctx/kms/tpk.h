/* SPDX-License-Identifier: MIT */
/* The KMS's own ticket protection keys (TPKs). Each makes tickets for a while and is kept until
 * the last of its tickets ends. */
#ifndef KEYCTX_KMS_TPK_H
#define KEYCTX_KMS_TPK_H

#include "keyctx/kms/store.h"
#include "keyctx/mikey/env.h"
#include "keyctx/mikey/payload.h"

enum { KMS_TPK_ID_LEN = 8, KMS_TPK_LEN = 32, KMS_TPKS_MAX = 64 };

/*   make --> ISSUING --a newer key is made--> OPENING --its last ticket ends--> removed */
struct kms_tpk {
	uint8_t id[KMS_TPK_ID_LEN];
	uint64_t made_s, issue_until_s, open_until_s; /* since 1970 */
	uint8_t *octets; /* in secret memory: KMS_TPK_LEN, then 16 for the 128-bit algorithms */
};

struct kms_tpks {
	struct kms_store store;
	struct kms_tpk t[KMS_TPKS_MAX]; /* oldest first; the last one makes tickets */
	size_t n;
};

/* Reads the keys from the store. ERR_SYNTAX, ERR_LIMIT, ERR_NOMEM, or an error of the store. */
enum err kms_tpks_init(struct kms_tpks *all, struct kms_store store) MUST_USE;
void kms_tpks_fini(struct kms_tpks *all);

/* The lifetime of keys. */
struct kms_tpk_life {
	uint32_t issue_s; /* how long a key makes tickets */
	uint32_t open_s;  /* how long it opens them after that: the longest ticket and the skew */
};

/* The key that makes tickets at `now_s`. Makes and stores a new one if the last one's time has
 * ended. ERR_LIMIT: KMS_TPKS_MAX keys still open tickets. */
enum err kms_tpks_issuing(struct kms_tpks *all, const struct kms_tpk_life *life,
                          const struct mikey_env *env, uint64_t now_s,
                          const struct kms_tpk **out) MUST_USE;
/* Makes and stores a new key, whatever the age of the last one. */
enum err kms_tpks_rotate(struct kms_tpks *all, const struct kms_tpk_life *life,
                         const struct mikey_env *env, uint64_t now_s) MUST_USE;
/* The key with that id; NULL if unknown or expired. */
const struct kms_tpk *kms_tpks_find(const struct kms_tpks *all, struct mikey_id id, uint64_t now_s);
/* Removes expired keys, also from the store. */
void kms_tpks_expire(struct kms_tpks *all, uint64_t now_s);

/* The octets for tickets of that PRF, as long as its algorithms need (RFC 6043 12.1). */
struct view kms_tpk_key(const struct kms_tpk *t, unsigned prf);
struct mikey_id kms_tpk_id(const struct kms_tpk *t);

#endif
