/* SPDX-License-Identifier: MIT */
/* Makes, stores, finds and removes the KMS's ticket protection keys. */
#include "keyctx/kms/tpk.h"

#include <string.h>

#include "base/secret.h"
#include "keyctx/prim.h"

enum { SHORT_LEN = 16, RECORD_LEN = 3 * 8 + KMS_TPK_LEN };

static void drop(struct kms_tpk *t)
{
	secret_free(t->octets);
	t->octets = NULL;
}

/* Fills in the octets of a key: `key`, and a derived key for 128-bit tickets, so that no key is
 * used with two algorithm sets. */
static enum err fill(struct kms_tpk *t, const uint8_t key[KMS_TPK_LEN])
{
	static const char label[] = "sluice kms tpk 128";
	uint8_t *short_key = secret_alloc(PRIM_SHA256_LEN);
	enum err e;

	t->octets = secret_alloc(KMS_TPK_LEN + SHORT_LEN);
	e = t->octets && short_key ? ERR_OK : ERR_NOMEM;
	if (!e)
		e = prim_hmac(PRIM_SHA256, (struct view){key, KMS_TPK_LEN},
		              &(struct view){(const uint8_t *)label, sizeof(label) - 1}, 1,
		              short_key);
	if (!e) {
		memcpy(t->octets, key, KMS_TPK_LEN);
		memcpy(t->octets + KMS_TPK_LEN, short_key, SHORT_LEN);
	} else {
		drop(t);
	}
	secret_free(short_key);
	return e;
}

static enum err load_one(void *arg, struct view key, struct view value)
{
	struct kms_tpks *all = arg;
	struct rd r = rd_view(value);
	struct kms_tpk t = {0};
	size_t at = all->n;
	struct view octets;
	enum err e;

	t.made_s = rd_u64(&r);
	t.issue_until_s = rd_u64(&r);
	t.open_until_s = rd_u64(&r);
	octets = rd_octets(&r, KMS_TPK_LEN);
	if (!rd_done(&r) || key.n != KMS_TPK_ID_LEN)
		return ERR_SYNTAX;
	if (all->n == KMS_TPKS_MAX)
		return ERR_LIMIT;
	memcpy(t.id, key.p, KMS_TPK_ID_LEN);
	e = fill(&t, octets.p);
	if (e)
		return e;
	/* The store returns keys in order of their ids; sort them by age. */
	for (; at > 0 && all->t[at - 1].made_s > t.made_s; at--)
		all->t[at] = all->t[at - 1];
	all->t[at] = t;
	all->n++;
	return ERR_OK;
}

enum err kms_tpks_init(struct kms_tpks *all, struct kms_store store)
{
	enum err e;

	*all = (struct kms_tpks){.store = store};
	e = store.ops->each(store.arg, KMS_BUCKET_TPK, load_one, all);
	if (e)
		kms_tpks_fini(all);
	return e;
}

void kms_tpks_fini(struct kms_tpks *all)
{
	for (size_t i = 0; i < all->n; i++)
		drop(&all->t[i]);
	all->n = 0;
}

static enum err save(struct kms_tpks *all, const struct kms_tpk *t)
{
	uint8_t *record = secret_alloc(RECORD_LEN);
	struct wr w = wr_make(record, RECORD_LEN);
	enum err e;

	if (!record)
		return ERR_NOMEM;
	wr_u64(&w, t->made_s);
	wr_u64(&w, t->issue_until_s);
	wr_u64(&w, t->open_until_s);
	wr_octets(&w, t->octets, KMS_TPK_LEN);
	e = all->store.ops->put(all->store.arg, KMS_BUCKET_TPK,
	                        (struct view){t->id, KMS_TPK_ID_LEN},
	                        (struct view){record, wr_len(&w)});
	secret_free(record);
	return e;
}

enum err kms_tpks_rotate(struct kms_tpks *all, const struct kms_tpk_life *life,
                         const struct mikey_env *env, uint64_t now_s)
{
	struct kms_tpk t = {.made_s = now_s, .issue_until_s = now_s + life->issue_s};
	uint8_t *key;
	enum err e;

	t.open_until_s = t.issue_until_s + life->open_s;
	kms_tpks_expire(all, now_s);
	if (all->n == KMS_TPKS_MAX)
		return ERR_LIMIT;
	key = secret_alloc(KMS_TPK_LEN);
	e = key ? env->random(env->random_ctx, "tpk-id", t.id, sizeof(t.id)) : ERR_NOMEM;
	if (!e)
		e = env->random(env->random_ctx, "tpk", key, KMS_TPK_LEN);
	if (!e)
		e = fill(&t, key);
	/* The key is stored before it is used: a ticket must not outlive the only copy of its
	 * key. */
	if (!e)
		e = save(all, &t);
	secret_free(key);
	if (e) {
		drop(&t);
		return e;
	}
	all->t[all->n++] = t;
	return ERR_OK;
}

enum err kms_tpks_issuing(struct kms_tpks *all, const struct kms_tpk_life *life,
                          const struct mikey_env *env, uint64_t now_s, const struct kms_tpk **out)
{
	const struct kms_tpk *last = all->n ? &all->t[all->n - 1] : NULL;

	/* A new key is also needed if a reload allowed tickets that end after the last key
	 * expires. */
	if (!last || now_s >= last->issue_until_s || now_s + life->open_s > last->open_until_s) {
		enum err e = kms_tpks_rotate(all, life, env, now_s);

		if (e)
			return e;
	}
	*out = &all->t[all->n - 1];
	return ERR_OK;
}

const struct kms_tpk *kms_tpks_find(const struct kms_tpks *all, struct mikey_id id, uint64_t now_s)
{
	if (id.type != MIKEY_ID_BYTES || id.data.n != KMS_TPK_ID_LEN)
		return NULL;
	for (size_t i = 0; i < all->n; i++)
		if (memcmp(all->t[i].id, id.data.p, KMS_TPK_ID_LEN) == 0 &&
		    now_s < all->t[i].open_until_s)
			return &all->t[i];
	return NULL;
}

void kms_tpks_expire(struct kms_tpks *all, uint64_t now_s)
{
	size_t kept = 0;

	for (size_t i = 0; i < all->n; i++) {
		struct view id = {all->t[i].id, KMS_TPK_ID_LEN};

		if (now_s >= all->t[i].open_until_s &&
		    all->store.ops->remove(all->store.arg, KMS_BUCKET_TPK, id) == ERR_OK)
			drop(&all->t[i]);
		else
			all->t[kept++] = all->t[i];
	}
	all->n = kept;
}

struct view kms_tpk_key(const struct kms_tpk *t, unsigned prf)
{
	return prf == MIKEY_PRF_SHA256 ? (struct view){t->octets, KMS_TPK_LEN}
	                               : (struct view){t->octets + KMS_TPK_LEN, SHORT_LEN};
}

struct mikey_id kms_tpk_id(const struct kms_tpk *t)
{
	return (struct mikey_id){.type = MIKEY_ID_BYTES, .data = {t->id, KMS_TPK_ID_LEN}};
}
