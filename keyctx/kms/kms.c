/* SPDX-License-Identifier: MIT */
/* Creates the KMS; removes expired entries; returns statistics. */
#include "keyctx/kms/kms_state.h"

#include "base/clk.h"
#include "base/mem.h"

enum {
	FORGET_AT_ONCE = 10000,
	NAFS_AT_ONCE = 100,
	RATE_AT_ONCE = 10000,
	ASKS_AT_ONCE = 1000,
	RATE_IDLE_S = 600,
};

const char *kms_result_name(enum kms_result r)
{
	static const char *const names[] = {
		[KMS_GRANTED] = "granted",         [KMS_REFUSED] = "refused",
		[KMS_MALFORMED] = "malformed",     [KMS_REPLAYED] = "replayed",
		[KMS_UNKNOWN_KEY] = "unknown-key", [KMS_FORBIDDEN] = "forbidden",
		[KMS_LIMITED] = "limited",         [KMS_UNREACHABLE] = "unreachable",
		[KMS_BROKEN] = "broken",
	};

	return names[r];
}

enum err kms_new(struct kms **out, const struct kms_config *config, struct why *why)
{
	struct kms *k = mem_alloc(sizeof(*k));
	enum err e;

	if (!k) {
		kms_directory_free(config->directory);
		return why_fail(why, ERR_NOMEM, "out of memory");
	}
	k->config = *config;
	k->directory = config->directory;
	e = rate_new(&k->rate);
	if (!e)
		e = asks_new(&k->asks);
	if (e)
		e = why_fail(why, e, "out of memory");
	if (!e) {
		e = kms_tpks_init(&k->tpks, config->store);
		if (e)
			why_fail(why, e, "the ticket keys can't be read from the state: %s",
			         err_meaning(e));
	}
	if (!e && kms_directory_self(k->directory).data.n == 0)
		e = why_fail(why, ERR_INVALID, "the KMS has no identity: set kms.id");
	if (!e)
		e = kms_provision_load(k, why);
	if (e) {
		kms_free(k);
		return e;
	}
	*out = k;
	return ERR_OK;
}

void kms_free(struct kms *k)
{
	if (!k)
		return;
	CHECK(k->requests == 0);
	kms_tpks_fini(&k->tpks);
	rate_free(k->rate);
	asks_free(k->asks);
	kms_directory_free(k->directory);
	mem_free(k);
}

enum err kms_take_directory(struct kms *k, struct kms_directory *d, struct why *why)
{
	enum err e = kms_provision_carry(d, k->directory, why);

	if (e) {
		kms_directory_free(d);
		return e;
	}
	kms_directory_free(k->directory);
	k->directory = d;
	k->generation++;
	return ERR_OK;
}

const struct kms_directory *kms_get_directory(const struct kms *k)
{
	return k->directory;
}

/* Removes expired keys that a BSF gave. Lookups alone would not remove them, because most users
 * come back with a new B-TID. */
static enum err expire_nafs(struct kms *k, uint64_t now_s)
{
	const struct kms_store *store = &k->config.store;
	struct secret record = {0};
	struct naf_key key;
	enum err e = ERR_OK;

	for (unsigned i = 0; i < NAFS_AT_ONCE && !e; i++) {
		e = store->ops->next(store->arg, KMS_BUCKET_NAF,
		                     (struct view){k->naf_at, k->naf_at_n}, k->naf_at, &k->naf_at_n,
		                     &record);
		if (!e && (naf_read(&key, (struct view){record.octets, record.len}) ||
		           now_s >= key.until_s))
			e = store->ops->remove(store->arg, KMS_BUCKET_NAF,
			                       (struct view){k->naf_at, k->naf_at_n});
	}
	secret_clear(&record);
	if (e != ERR_NOT_FOUND)
		return e;
	k->naf_at_n = 0;
	return ERR_OK;
}

enum err kms_tick(struct kms *k, uint64_t wall_ns)
{
	const struct kms_policy *p = kms_directory_policy(k->directory);
	uint64_t keep_ns = 2 * (uint64_t)p->skew_s * NS_PER_S;
	size_t gone;
	enum err e = ERR_OK, e_nafs, e_users;

	/* A message whose T differs from now by more than the skew is refused because of its T, so
	 * its entry is no longer needed. */
	if (wall_ns > keep_ns)
		e = k->config.store.ops->forget(k->config.store.arg, wall_ns - keep_ns,
		                                FORGET_AT_ONCE, &gone);
	e_nafs = expire_nafs(k, wall_ns / NS_PER_S);
	kms_tpks_expire(&k->tpks, wall_ns / NS_PER_S);
	/* A counter stays at least as long as the messages that it counts. */
	rate_expire(k->rate, wall_ns,
	            RATE_IDLE_S * NS_PER_S > kms_keep_ns(p) ? RATE_IDLE_S * NS_PER_S
	                                                    : kms_keep_ns(p),
	            RATE_AT_ONCE);
	asks_expire(k->asks, wall_ns, ASKS_AT_ONCE);
	e_users = kms_provision_follow(k);
	return e ? e : e_nafs ? e_nafs : e_users;
}

enum err kms_rotate(struct kms *k, uint64_t wall_ns)
{
	const struct kms_policy *p = kms_directory_policy(k->directory);
	struct kms_tpk_life life = {.issue_s = p->tpk_issue_s,
	                            .open_s = p->ticket_max_s + 2 * p->skew_s};
	struct mikey_env env = {.now_ntp = clk_wall_to_ntp(wall_ns),
	                        .last_ntp = &k->last_ntp,
	                        .random = k->config.random,
	                        .random_ctx = k->config.random_ctx};
	enum err e = kms_tpks_rotate(&k->tpks, &life, &env, wall_ns / NS_PER_S);

	if (!e)
		k->tpks_made++;
	return e;
}

void kms_get_stats(const struct kms *k, struct kms_stats *out)
{
	*out = (struct kms_stats){
		.naf_asked = k->naf_asked,
		.naf_refused = k->naf_refused,
		.nafs_unknown = asks_unknown_count(k->asks),
		.clock_back = k->clock_back,
		.peer_asked = k->peer_asked,
		.tpks_made = k->tpks_made,
		.store_failures = k->store_failures,
		.users = kms_directory_users(k->directory),
		.users_skipped = k->users_skipped,
		.generation = k->generation,
		.tpks = k->tpks.n,
		.replay_entries = k->config.store.ops->count(k->config.store.arg),
		.rate_entries = rate_count(k->rate),
		.requests = k->requests,
	};
	memcpy(out->results, k->results, sizeof(out->results));
}
