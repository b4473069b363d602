/* SPDX-License-Identifier: MIT */
/* The KMS's own ticket protection keys: made, used for a while, kept until the last ticket under
 * them has ended. */
#ifndef KEYCTX_KMS_TPK_H
#define KEYCTX_KMS_TPK_H

#include "keyctx/kms/store.h"
#include "keyctx/mikey/env.h"
#include "keyctx/mikey/payload.h"

enum { KMS_TPK_ID_LEN = 8, KMS_TPK_LEN = 32, KMS_TPKS_MAX = 64 };

/*   (none) --make--> ISSUING --a newer one is made--> OPENING --its tickets have ended--> gone */
struct kms_tpk {
	uint8_t id[KMS_TPK_ID_LEN];
	uint64_t made_s, issue_until_s, open_until_s; /* since 1970 */
	uint8_t *octets; /* secret: KMS_TPK_LEN, then 16 for the 128-bit set */
};

struct kms_tpks {
	struct kms_store store;
	struct kms_tpk t[KMS_TPKS_MAX]; /* oldest first; the last one issues */
	size_t n;
};

/* Reads them from the store. */
enum err kms_tpks_init(struct kms_tpks *all, struct kms_store store) MUST_USE;
void kms_tpks_fini(struct kms_tpks *all);

/* How long keys live. */
struct kms_tpk_life {
	uint32_t issue_s; /* makes tickets */
	uint32_t open_s;  /* opens them thereafter: the longest ticket and the skew */
};

/* The key to make a ticket with at `now_s`, made and stored now when the last one's time is over.
 * ERR_LIMIT: KMS_TPKS_MAX are still needed. */
enum err kms_tpks_issuing(struct kms_tpks *all, const struct kms_tpk_life *life,
                          const struct mikey_env *env, uint64_t now_s,
                          const struct kms_tpk **out) MUST_USE;
/* A new one at once, whatever the last one's age. */
enum err kms_tpks_rotate(struct kms_tpks *all, const struct kms_tpk_life *life,
                         const struct mikey_env *env, uint64_t now_s) MUST_USE;
/* NULL: unknown, or over. */
const struct kms_tpk *kms_tpks_find(const struct kms_tpks *all, struct mikey_id id, uint64_t now_s);
/* Forgets those that are over. */
void kms_tpks_expire(struct kms_tpks *all, uint64_t now_s);

/* The octets for tickets of that PRF: as long as its algorithms (RFC 6043 12.1). */
struct view kms_tpk_key(const struct kms_tpk *t, unsigned prf);
struct mikey_id kms_tpk_id(const struct kms_tpk *t);

#endif
