/* SPDX-License-Identifier: MIT */
/* Users that are provisioned while the KMS runs: a change is stored or nothing has changed, a
 * removed user is refused at once, and KMSs that share a store follow each other. */
#include "keyctx/kms/provision.h"

#include "base/mem.h"
#include "keyctx/kms/user_record.h"
#include "tests/unit/kms_on_disk.h"

static struct kms_user *user(const char *name, const char *psk_id, uint8_t key)
{
	struct kms_user *u = mem_alloc(sizeof(*u));
	struct kms_name *n = kms_name_new(uri(name));
	uint8_t octets[32];

	for (unsigned i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(key + i);
	if (u && n && kms_names_take(&u->names, n) == ERR_OK) {
		u->psk_id = kms_name_new(octets_id(psk_id));
		if (u->psk_id && secret_set(&u->psk, octets, sizeof(octets)) == ERR_OK)
			return u;
	} else {
		mem_free(n);
	}
	kms_user_free(u);
	return NULL;
}

static const char carol_name[] = "sip:carol@home1.example";

static enum err put(struct office *o, const char *name, const char *psk_id, uint8_t key)
{
	struct kms_user *u = user(name, psk_id, key);

	return u ? kms_provision_put(o->kms, u, NOW_NS, NULL) : ERR_NOMEM;
}

static const struct kms_user *found(const struct office *o, const char *name)
{
	return kms_directory_user_by_name(kms_get_directory(o->kms), uri(name));
}

static struct terminal carol_with(uint8_t key)
{
	return terminal(carol_name, "carol", key, "https://kms.home1.example");
}

static enum kms_result asks(struct office *o, struct terminal *t)
{
	enum kms_result result = KMS_BROKEN;

	ticket_grant_free(request(o, t, "sip:bob@home1.example", &result));
	return result;
}

/* --- records ---------------------------------------------------------------- */

static void records(void)
{
	struct kms_user *u = user(carol_name, "carol", 3), *back = NULL;
	uint8_t room[KMS_PROVISION_RECORD_MAX], small[KMS_PROVISION_RECORD_MAX];
	size_t len = 0, n = 0;

	REQUIRE(u);
	u->version = 77;
	u->psk_until_s = 1900000000;
	snprintf(u->impi, sizeof(u->impi), "carol@home1.example");
	REQUIRE_OK(user_record_write(u, room, sizeof(room), &len));
	if (EXPECT_OK(user_record_read(&back, (struct view){room, len}))) {
		EXPECT(back->version == 77 && back->psk_until_s == 1900000000);
		EXPECT(back->origin == KMS_USER_PROVISIONED && back->names.n == 1);
		EXPECT_TEXT(back->impi, u->impi);
		EXPECT_OCTETS(back->psk.octets, back->psk.len, u->psk.octets, u->psk.len);
		EXPECT(mikey_id_eq(kms_name_id(back->psk_id), octets_id("carol")));
		EXPECT(kms_user_has(back, uri(carol_name)));
	}
	kms_user_free(back);
	for (size_t cut = 0; cut < len; cut++) {
		test_context("record of %zu of %zu octets", cut, len);
		EXPECT_ERR(user_record_read(&back, (struct view){room, cut}), ERR_SYNTAX);
		EXPECT_ERR(user_record_write(u, small, cut, &n), ERR_TOO_BIG);
	}
	room[0]++;
	EXPECT_ERR(user_record_read(&back, (struct view){room, len}), ERR_SYNTAX);
	kms_user_free(u);
}

/* --- a change or nothing ---------------------------------------------------- */

static void across_a_kill(void)
{
	struct office o;
	struct terminal t3 = carol_with(3), t9 = carol_with(9);

	REQUIRE(start(&o, home1));
	EXPECT_INT(asks(&o, &t3), KMS_UNKNOWN_KEY);
	EXPECT_OK(put(&o, carol_name, "carol", 3));
	EXPECT_INT(asks(&o, &t3), KMS_GRANTED);
	close_office(&o);
	REQUIRE(open_office(&o));
	EXPECT_INT(asks(&o, &t3), KMS_GRANTED);
	EXPECT_OK(put(&o, carol_name, "carol", 9));
	EXPECT_INT(asks(&o, &t3), KMS_FORBIDDEN);
	EXPECT_INT(asks(&o, &t9), KMS_GRANTED);
	EXPECT_OK(kms_provision_remove(o.kms, uri(carol_name), NULL));
	EXPECT_INT(asks(&o, &t9), KMS_UNKNOWN_KEY);
	close_office(&o);
	REQUIRE(open_office(&o));
	EXPECT_INT(asks(&o, &t9), KMS_UNKNOWN_KEY);
	end(&o);
}

static void conflicts(void)
{
	static const struct {
		const char *name, *psk_id;
		enum err want;
	} rows[] = {
		{"sip:dave@home1.example", "alice", ERR_EXISTS},
		{"sip:dave@home1.example", "carol", ERR_EXISTS},
		{"sip:alice@home1.example", "dave", ERR_WRONG_STATE},
		{carol_name, "bob", ERR_EXISTS},
	};
	struct office o;
	struct terminal t = carol_with(3);
	size_t n;
	uint64_t version;

	REQUIRE(start(&o, home1));
	EXPECT_OK(put(&o, carol_name, "carol", 3));
	n = kms_directory_users(kms_get_directory(o.kms));
	version = found(&o, carol_name)->version;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_context("%s with %s", rows[i].name, rows[i].psk_id);
		EXPECT_ERR(put(&o, rows[i].name, rows[i].psk_id, 7), rows[i].want);
		EXPECT_INT(kms_directory_users(kms_get_directory(o.kms)), n);
		EXPECT(found(&o, carol_name)->version == version);
		EXPECT(!found(&o, "sip:dave@home1.example"));
	}
	EXPECT_ERR(kms_provision_remove(o.kms, uri("sip:alice@home1.example"), NULL),
	           ERR_WRONG_STATE);
	EXPECT_ERR(kms_provision_remove(o.kms, uri("sip:dave@home1.example"), NULL), ERR_NOT_FOUND);
	EXPECT_INT(asks(&o, &t), KMS_GRANTED);
	/* The clock stands still; the version grows nevertheless. */
	EXPECT_OK(put(&o, carol_name, "carol", 3));
	EXPECT(found(&o, carol_name)->version > version);
	end(&o);
}

static void files_that_conflict(void)
{
	static const char *const files[] = {
		"{\"kms\":{\"id\":\"https://kms.home1.example\"},\"users\":[{\"names\":["
		"\"sip:carol@home1.example\"]}]}",
		"{\"kms\":{\"id\":\"https://kms.home1.example\"},\"users\":[{\"names\":[\"sip:x@"
		"y\"],\"psk\":{\"id\":\"carol\",\"key\":\"00112233445566778899aabbccddeeff\"}}]}",
	};
	struct office o;

	REQUIRE(start(&o, home1));
	EXPECT_OK(put(&o, carol_name, "carol", 3));
	EXPECT_OK(put(&o, "sip:dave@home1.example", "dave", 5));
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct kms_directory *d = NULL;
		struct why why = {{0}};
		struct terminal t = carol_with(3);

		test_context("%s", files[i]);
		REQUIRE_OK(kms_conf_parse(&d, str_of(files[i]), NULL));
		EXPECT_ERR(kms_take_directory(o.kms, d, &why), ERR_EXISTS);
		EXPECT(strstr(why.text, carol_name));
		EXPECT_INT(asks(&o, &t), KMS_GRANTED);
		EXPECT_OK(kms_provision_remove(o.kms, uri(carol_name), NULL));
		EXPECT_OK(put(&o, carol_name, "carol", 3));
	}
	end(&o);
}

/* A store that fails, or that tells a second KMS what was changed, in front of the store on disk.
 */
static struct wrapped {
	struct kms_store store;
	struct kms_store_ops ops;
	enum err fails;
	struct {
		uint8_t key[KMS_STORE_KEY_MAX], value[1024];
		size_t key_n, value_n;
	} changes[8];
	size_t n_changes;
} wrapped;

static enum err log_change(struct view key, struct view value)
{
	size_t i = wrapped.n_changes++;

	CHECK(i < ARRAY_LEN(wrapped.changes) && value.n <= sizeof(wrapped.changes[i].value));
	memcpy(wrapped.changes[i].key, key.p, key.n);
	wrapped.changes[i].key_n = key.n;
	if (value.n)
		memcpy(wrapped.changes[i].value, value.p, value.n);
	wrapped.changes[i].value_n = value.n;
	return ERR_OK;
}

static enum err wrapped_put(void *arg, enum kms_bucket bucket, struct view key, struct view value)
{
	if (wrapped.fails)
		return wrapped.fails;
	return bucket == KMS_BUCKET_USER ? log_change(key, value)
	                                 : wrapped.store.ops->put(arg, bucket, key, value);
}

static enum err wrapped_remove(void *arg, enum kms_bucket bucket, struct view key)
{
	if (wrapped.fails)
		return wrapped.fails;
	return bucket == KMS_BUCKET_USER ? log_change(key, (struct view){0})
	                                 : wrapped.store.ops->remove(arg, bucket, key);
}

static enum err wrapped_follow(void *arg, enum kms_bucket bucket, kms_store_fn *fn, void *fn_arg)
{
	enum err e = ERR_OK;

	(void)arg, (void)bucket;
	for (size_t i = 0; i < wrapped.n_changes && !e; i++)
		e = fn(fn_arg, (struct view){wrapped.changes[i].key, wrapped.changes[i].key_n},
		       (struct view){wrapped.changes[i].value, wrapped.changes[i].value_n});
	if (!e)
		wrapped.n_changes = 0;
	return e;
}

static bool start_wrapped(struct office *o, bool follows)
{
	struct kms_config c = {.random = mikey_random_system};

	*o = (struct office){.conf = home1};
	snprintf(o->dir, sizeof(o->dir), "/tmp/sluice-kms-XXXXXX");
	if (!EXPECT(mkdtemp(o->dir)) ||
	    !EXPECT_OK(kms_store_disk_open(
		    &o->disk, &(struct kms_store_disk_config){.path = o->dir}, NULL)) ||
	    !EXPECT_OK(kms_conf_parse(&c.directory, str_of(home1), NULL)))
		return false;
	wrapped.store = kms_store_disk_use(o->disk);
	wrapped.ops = *wrapped.store.ops;
	wrapped.ops.put = wrapped_put;
	wrapped.ops.remove = wrapped_remove;
	wrapped.ops.follow = follows ? wrapped_follow : NULL;
	wrapped.fails = ERR_OK;
	wrapped.n_changes = 0;
	c.store = wrapped.store;
	c.store.ops = &wrapped.ops;
	return EXPECT_OK(kms_new(&o->kms, &c, NULL));
}

static void a_store_that_fails(void)
{
	struct office o;
	struct terminal t = carol_with(3);
	struct kms_stats before, after;

	REQUIRE(start_wrapped(&o, false));
	EXPECT_OK(put(&o, carol_name, "carol", 3));
	EXPECT_INT(asks(&o, &t), KMS_GRANTED);
	kms_get_stats(o.kms, &before);
	wrapped.fails = ERR_LIMIT;
	EXPECT_ERR(put(&o, carol_name, "other", 9), ERR_LIMIT);
	EXPECT_ERR(put(&o, "sip:dave@home1.example", "dave", 9), ERR_LIMIT);
	EXPECT_ERR(kms_provision_remove(o.kms, uri(carol_name), NULL), ERR_LIMIT);
	kms_get_stats(o.kms, &after);
	EXPECT_INT(after.users, before.users);
	EXPECT(!kms_directory_user_by_psk(kms_get_directory(o.kms), octets_id("other")));
	EXPECT(!found(&o, "sip:dave@home1.example"));
	EXPECT(found(&o, carol_name) && !found(&o, carol_name)->is_removed);
	wrapped.fails = ERR_OK;
	EXPECT_INT(asks(&o, &t), KMS_GRANTED);
	EXPECT_OK(kms_provision_remove(o.kms, uri(carol_name), NULL));
	end(&o);
}

/* What another KMS wrote to the shared store: the user `u`, or the removal of the user `name`. */
static void other_kms_writes(const struct kms_user *u, const char *name)
{
	struct mikey_id id = uri(name);
	uint8_t key[64] = {id.type}, record[1024];
	size_t len = 0;

	memcpy(key + 1, id.data.p, id.data.n);
	if (u)
		REQUIRE_OK(user_record_write(u, record, sizeof(record), &len));
	EXPECT_OK(log_change((struct view){key, 1 + id.data.n}, (struct view){record, len}));
}

static void a_shared_store(void)
{
	static const char alice_name[] = "sip:alice@home1.example";
	struct office o;
	struct terminal t3 = carol_with(3), t9 = carol_with(9);
	struct kms_user *u = user(carol_name, "carol", 3), *v = user(carol_name, "carol", 9);
	struct kms_stats s;

	REQUIRE(u && v && start_wrapped(&o, true));
	u->version = 5;
	other_kms_writes(u, carol_name);
	EXPECT_INT(asks(&o, &t3), KMS_UNKNOWN_KEY);
	EXPECT_OK(kms_tick(o.kms, NOW_NS));
	EXPECT_INT(asks(&o, &t3), KMS_GRANTED);
	/* An older version changes nothing, a newer one does. */
	v->version = 4;
	other_kms_writes(v, carol_name);
	EXPECT_OK(kms_tick(o.kms, NOW_NS));
	EXPECT_INT(asks(&o, &t3), KMS_GRANTED);
	v->version = 6;
	other_kms_writes(v, carol_name);
	EXPECT_OK(kms_tick(o.kms, NOW_NS));
	EXPECT_INT(asks(&o, &t3), KMS_FORBIDDEN);
	EXPECT_INT(asks(&o, &t9), KMS_GRANTED);
	/* A removal, then a user with a key id of the credentials file, which is left out. */
	other_kms_writes(NULL, carol_name);
	EXPECT_OK(kms_tick(o.kms, NOW_NS));
	EXPECT_INT(asks(&o, &t9), KMS_UNKNOWN_KEY);
	other_kms_writes(u, carol_name);
	EXPECT_OK(kms_tick(o.kms, NOW_NS));
	mem_free(u->psk_id);
	u->psk_id = kms_name_new(octets_id("bob"));
	u->version = 7;
	other_kms_writes(u, carol_name);
	EXPECT_OK(kms_tick(o.kms, NOW_NS));
	EXPECT(!found(&o, carol_name));
	kms_get_stats(o.kms, &s);
	EXPECT_INT(s.users_skipped, 1);
	/* Another KMS does not change a user of this KMS's file. */
	other_kms_writes(NULL, alice_name);
	EXPECT_OK(kms_tick(o.kms, NOW_NS));
	EXPECT(found(&o, alice_name));
	kms_user_free(u);
	kms_user_free(v);
	end(&o);
}

/* --- requests under way ------------------------------------------------------- */

/* Carol of home 2 resolves a ticket of home 1. While her KMS asks the other one, she is removed. */
static void removed_while_waiting(void)
{
	struct office one, two;
	struct terminal alice =
		terminal("sip:alice@home1.example", "alice", 0, "https://kms.home1.example");
	struct terminal dave =
		terminal("sip:dave@home2.example", "dave", 7, "https://kms.home2.example");
	enum kms_result result = KMS_BROKEN;
	struct ticket_grant *grant;
	struct resolving x;

	REQUIRE(start(&one, home1) && start(&two, home2));
	for (unsigned change = 0; change < 3; change++) {
		struct kms_request *q;

		test_context("change %u", change);
		alice.wall_ns += NS_PER_S;
		dave.wall_ns += NS_PER_S;
		EXPECT_OK(put(&two, dave.name, "dave", 7));
		grant = request(&one, &alice, dave.name, &result);
		REQUIRE(grant && offer(&x, &alice, &dave, grant));
		q = ask(&two, KMS_RESOLVE, ticket_resolve_octets(x.q), dave.wall_ns, NULL);
		REQUIRE(EXPECT_INT(kms_request_waits_for(q), KMS_WAIT_PEER));
		if (change == 0)
			EXPECT_OK(kms_provision_remove(two.kms, uri(dave.name), NULL));
		else if (change == 1)
			EXPECT_OK(put(&two, dave.name, "dave", 8));
		kms_request_give_peer(q, ERR_OK, (struct view){0}, dave.wall_ns);
		/* Without a change the empty answer counts as none. */
		EXPECT_INT(kms_request_result(q), change < 2 ? KMS_UNKNOWN_KEY : KMS_UNREACHABLE);
		kms_request_free(q);
		resolving_end(&x);
		ticket_grant_free(grant);
	}
	end(&one);
	end(&two);
}

/* --- listing, and all allocations ---------------------------------------------- */

static void lists_in_parts(void)
{
	struct office o;
	const struct kms_directory *d;
	uint64_t serial;
	size_t i;

	REQUIRE(start(&o, home2));
	d = kms_get_directory(o.kms);
	EXPECT_INT(kms_directory_users_after(d, 0), 0);
	EXPECT_OK(put(&o, "sip:d1@home2.example", "d1", 1));
	EXPECT_OK(put(&o, "sip:d2@home2.example", "d2", 1));
	EXPECT_OK(put(&o, "sip:d3@home2.example", "d3", 1));
	serial = kms_directory_user_serial(d, 2);
	EXPECT_OK(kms_provision_remove(o.kms, uri("sip:d1@home2.example"), NULL));
	EXPECT_OK(kms_provision_remove(o.kms, uri("sip:d2@home2.example"), NULL));
	EXPECT_OK(put(&o, "sip:d4@home2.example", "d4", 1));
	EXPECT_OK(put(&o, "sip:d3@home2.example", "d3", 2));
	i = kms_directory_users_after(d, serial);
	EXPECT_INT(i, 1);
	EXPECT(kms_user_has(kms_directory_user_at(d, i), uri("sip:d3@home2.example")));
	EXPECT(kms_user_has(kms_directory_user_at(d, i + 1), uri("sip:d4@home2.example")));
	EXPECT_INT(kms_directory_users_after(d, kms_directory_user_serial(d, 2)), 3);
	end(&o);
}

static struct office poor;

static enum err change_once(void)
{
	const struct kms_directory *d = kms_get_directory(poor.kms);
	size_t n = kms_directory_users(d);
	const struct kms_user *old = found(&poor, carol_name);
	uint64_t version = old ? old->version : 0;
	enum err e = put(&poor, carol_name, "carol", 3);

	if (e) {
		EXPECT_INT(kms_directory_users(d), n);
		EXPECT(found(&poor, carol_name) == old && (!old || old->version == version));
		EXPECT(!old || kms_directory_user_by_psk(d, octets_id("carol")) == old);
	}
	return e;
}

static enum err add_and_remove_once(void)
{
	enum err e = change_once();

	return e ? e : kms_provision_remove(poor.kms, uri(carol_name), NULL);
}

static void survives_no_memory(void)
{
	REQUIRE(start(&poor, home1));
	test_each_allocation_failing(add_and_remove_once);
	EXPECT_OK(put(&poor, carol_name, "carol", 3));
	test_each_allocation_failing(change_once);
	end(&poor);
}

TEST_MAIN("provision", {"records", records}, {"across a kill", across_a_kill},
          {"conflicts", conflicts}, {"files that conflict", files_that_conflict},
          {"a store that fails", a_store_that_fails}, {"a shared store", a_shared_store},
          {"removed while waiting", removed_while_waiting}, {"lists in parts", lists_in_parts},
          {"survives no memory", survives_no_memory})
