/* SPDX-License-Identifier: MIT */
/* Adds, changes and removes users in the directory and in the store. */
#include "keyctx/kms/provision.h"

#include "base/clk.h"
#include "base/mem.h"
#include "keyctx/kms/kms_state.h"
#include "keyctx/kms/user_record.h"

enum { SHOWN_MAX = 100 };

static const char *first_name(const struct kms_user *u, char out[SHOWN_MAX])
{
	return kms_name_print(kms_name_id(u->names.v[0]), out, SHOWN_MAX);
}

static struct view store_key(const struct kms_user *u)
{
	return (struct view){u->names.v[0]->octets, u->names.v[0]->n};
}

static enum err fail_store(struct why *why, enum err e)
{
	return why_fail(why, e,
	                "the state cannot be written (%s): nothing has changed; free disk space or "
	                "see the log, then send the request again",
	                err_meaning(e));
}

/* Finds the provisioned user whose first name is `name`. ERR_NOT_FOUND: no user has that name. */
static enum err find_changeable(const struct kms *k, struct mikey_id name, struct kms_user **out,
                                struct why *why)
{
	const struct kms_user *u = kms_directory_user_by_name(k->directory, name);
	char asked[SHOWN_MAX], first[SHOWN_MAX];

	kms_name_print(name, asked, sizeof(asked));
	if (!u)
		return why_fail(why, ERR_NOT_FOUND, "no user has the name %s", asked);
	if (u->origin == KMS_USER_OF_FILE)
		return why_fail(why, ERR_WRONG_STATE,
		                "%s is a user of the credentials file, which can only be changed "
		                "there: edit the file, then send SIGHUP to sluice-kms",
		                asked);
	if (!mikey_id_eq(kms_name_id(u->names.v[0]), name))
		return why_fail(why, ERR_WRONG_STATE,
		                "%s is a further name of the user %s: use that name in the URL",
		                asked, first_name(u, first));
	/* The directory belongs to this KMS; its lookups are const for those who only read. */
	*out = (struct kms_user *)(uintptr_t)u;
	return ERR_OK;
}

static enum err fail_conflict(const struct kms *k, const struct kms_user *u,
                              const struct kms_user *old, struct why *why)
{
	const struct kms_user *other = kms_directory_conflict(k->directory, u, old);
	char name[SHOWN_MAX];

	if (!other)
		return why_fail(why, ERR_EXISTS, "names: each name may be given once");
	return why_fail(why, ERR_EXISTS,
	                "the user %s (%s) has one of these names, this psk.id or this impi: each "
	                "must belong to one user",
	                first_name(other, name),
	                other->origin == KMS_USER_OF_FILE ? "of the credentials file"
	                                                  : "provisioned");
}

static enum err write_record(const struct kms *k, const struct kms_user *u, struct why *why)
{
	const struct kms_store *store = &k->config.store;
	uint8_t *room = secret_alloc(KMS_PROVISION_RECORD_MAX);
	size_t len = 0;
	enum err e = room ? ERR_OK : why_fail(why, ERR_NOMEM, "out of memory");

	if (!e) {
		e = user_record_write(u, room, KMS_PROVISION_RECORD_MAX, &len);
		if (e)
			why_fail(why, e, "a user must need at most %d octets: give fewer names",
			         KMS_PROVISION_RECORD_MAX);
	}
	if (!e) {
		e = store->ops->put(store->arg, KMS_BUCKET_USER, store_key(u),
		                    (struct view){room, len});
		if (e)
			fail_store(why, e);
	}
	secret_free(room);
	return e;
}

/* Puts `u` into the directory, in the place of `old` if there is one. Takes ownership of `u` on
 * success. */
static enum err enter(struct kms *k, struct kms_user *old, struct kms_user *u, struct why *why)
{
	enum err e;

	/* One reference for the directory, one for the caller until the user is stored. */
	kms_user_keep(u);
	e = old ? kms_directory_replace_user(k->directory, old, u)
	        : kms_directory_take_user(k->directory, u);
	if (e == ERR_EXISTS)
		return fail_conflict(k, u, old, why);
	return e ? why_fail(why, e, "out of memory") : ERR_OK;
}

static void leave(struct kms *k, struct kms_user *old, struct kms_user *u)
{
	if (old)
		CHECK(kms_directory_replace_user(k->directory, u, kms_user_keep(old)) == ERR_OK);
	else
		kms_directory_remove_user(k->directory, u);
}

enum err kms_provision_put(struct kms *k, struct kms_user *u, uint64_t wall_ns, struct why *why)
{
	struct kms_user *old = NULL;
	uint64_t version = wall_ns / NS_PER_US;
	enum err e = find_changeable(k, kms_name_id(u->names.v[0]), &old, why);

	if (e == ERR_NOT_FOUND)
		e = ERR_OK;
	if (!e && u->names.v[0]->n > KMS_STORE_KEY_MAX)
		e = why_fail(why, ERR_TOO_BIG, "names[0]: must be at most %d octets",
		             KMS_PROVISION_NAME_MAX);
	if (e) {
		kms_user_free(u);
		return e;
	}
	u->origin = KMS_USER_PROVISIONED;
	u->version = old && old->version >= version ? old->version + 1 : version;
	if (old)
		kms_user_keep(old);
	e = enter(k, old, u, why);
	if (!e) {
		e = write_record(k, u, why);
		if (e)
			leave(k, old, u);
	}
	kms_user_free(old);
	kms_user_free(u);
	return e;
}

enum err kms_provision_remove(struct kms *k, struct mikey_id name, struct why *why)
{
	const struct kms_store *store = &k->config.store;
	struct kms_user *u = NULL;
	enum err e = find_changeable(k, name, &u, why);

	if (e)
		return e;
	e = store->ops->remove(store->arg, KMS_BUCKET_USER, store_key(u));
	if (e)
		return fail_store(why, e);
	kms_directory_remove_user(k->directory, u);
	return ERR_OK;
}

/* --- users of the store ------------------------------------------------------- */

enum err kms_provision_carry(struct kms_directory *to, const struct kms_directory *from,
                             struct why *why)
{
	for (size_t i = 0; i < kms_directory_users(from); i++) {
		const struct kms_user *u = kms_directory_user_at(from, i), *other;
		char mine[SHOWN_MAX], theirs[SHOWN_MAX];
		enum err e;

		if (u->origin != KMS_USER_PROVISIONED)
			continue;
		other = kms_directory_conflict(to, u, NULL);
		if (other)
			return why_fail(why, ERR_EXISTS,
			                "users: %s has a name, a psk.id or an impi of the "
			                "provisioned user %s: change it in the credentials file, "
			                "or remove that user over --admin",
			                first_name(other, theirs), first_name(u, mine));
		e = kms_directory_take_user(to, kms_user_keep((struct kms_user *)(uintptr_t)u));
		if (e)
			return why_fail(why, e, "out of memory");
	}
	return ERR_OK;
}

/* Reads the user of a record, which must be stored under the user's first name. */
static enum err read_record(struct kms_user **out, struct view key, struct view value)
{
	struct kms_user *u = NULL;
	enum err e = user_record_read(&u, value);

	if (e)
		return e;
	if (key.n != u->names.v[0]->n || memcmp(key.p, u->names.v[0]->octets, key.n) != 0) {
		kms_user_free(u);
		return ERR_SYNTAX;
	}
	*out = u;
	return ERR_OK;
}

struct loading {
	struct kms *k;
	struct kms_directory *d;
};

static enum err load_one(void *arg, struct view key, struct view value)
{
	struct loading *l = arg;
	struct kms_user *u = NULL;
	enum err e = read_record(&u, key, value);

	if (!e)
		e = kms_directory_take_user(l->d, u);
	if (e != ERR_EXISTS)
		return e;
	/* Two KMSs that share the store gave one key id to two users at one time. */
	l->k->users_skipped++;
	return ERR_OK;
}

enum err kms_provision_load(struct kms *k, struct why *why)
{
	const struct kms_store *store = &k->config.store;
	struct loading l = {.k = k};
	enum err e = kms_directory_new(&l.d);

	if (!e)
		e = store->ops->each(store->arg, KMS_BUCKET_USER, load_one, &l);
	if (e)
		why_fail(why, e, "the provisioned users cannot be read from the state: %s",
		         err_meaning(e));
	else
		e = kms_provision_carry(k->directory, l.d, why);
	kms_directory_free(l.d);
	return e;
}

/* Applies a change that another KMS made in the shared store. A change that does not fit to the
 * users of this KMS leaves no user of that name. */
static enum err follow_one(void *arg, struct view key, struct view value)
{
	struct kms *k = arg;
	struct kms_user *u = NULL, *old = NULL;
	enum err e,
		found = key.n < 2 ? ERR_SYNTAX
	                          : find_changeable(
					    k, (struct mikey_id){key.p[0], {key.p + 1, key.n - 1}},
					    &old, NULL);

	if (found && found != ERR_NOT_FOUND) {
		k->users_skipped += value.n > 0;
		return ERR_OK;
	}
	e = value.n ? read_record(&u, key, value) : ERR_OK;
	if (e == ERR_NOMEM)
		return e;
	if (u && old && u->version <= old->version) {
		kms_user_free(u);
		return ERR_OK;
	}
	if (u)
		e = old ? kms_directory_replace_user(k->directory, old, u)
		        : kms_directory_take_user(k->directory, u);
	if (old && (!u || e))
		kms_directory_remove_user(k->directory, old);
	k->users_skipped += e != ERR_OK;
	return e == ERR_NOMEM ? e : ERR_OK;
}

enum err kms_provision_follow(struct kms *k)
{
	const struct kms_store *store = &k->config.store;

	return store->ops->follow ? store->ops->follow(store->arg, KMS_BUCKET_USER, follow_one, k)
	                          : ERR_OK;
}
