/* SPDX-License-Identifier: MIT */
/* The state of a KMS on disk: a full store, expired entries, a second process, and a wrong master
 * key. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/unit/kms_on_disk.h"

/* A KMS whose store is full refuses requests, keeps what it has, and grants again when entries have
 * expired. */
static const char crowd[] = TWO_USERS("\"rate_per_minute\":0,\"skew_s\":100");
enum { CROWD_MAX = 20000 };

static void fill_up(struct office *o, struct terminal *t, enum kms_result *result)
{
	unsigned n = 0;

	do
		ticket_grant_free(request(o, t, "sip:bob@home1.example", result));
	while (*result == KMS_GRANTED && ++n < CROWD_MAX);
	EXPECT(n > 10 && n < CROWD_MAX);
}

/* The KMS still detects an earlier request as a replay, and grants new requests after old entries
 * have expired. */
static void recovers(struct office *o, struct terminal *t, struct view seen)
{
	enum kms_result result = KMS_BROKEN;
	struct kms_stats s;
	struct kms_request *j;

	close_office(o);
	REQUIRE(open_office(o));
	j = ask(o, KMS_REQUEST, seen, NOW_NS, NULL);
	EXPECT_INT(kms_request_result(j), KMS_REPLAYED);
	kms_request_free(j);
	t->wall_ns = NOW_NS + 201 * NS_PER_S;
	for (unsigned i = 0; i < 10; i++)
		EXPECT_OK(kms_tick(o->kms, t->wall_ns));
	kms_get_stats(o->kms, &s);
	EXPECT_INT((int)s.replay_entries, 0);
	ticket_grant_free(request(o, t, "sip:bob@home1.example", &result));
	EXPECT_INT(result, KMS_GRANTED);
}

static void fill_store(struct office *o)
{
	struct kms_store store = kms_store_disk_use(o->disk);
	uint8_t key[32] = {0};
	enum err e = ERR_OK;

	for (unsigned i = 0; !e && i < CROWD_MAX; i++) {
		memcpy(key, &i, sizeof(i));
		e = store.ops->remember(store.arg, NOW_NS, key);
	}
	EXPECT_ERR(e, ERR_LIMIT);
}

static void a_full_memory(void)
{
	struct office o = {.conf = crowd, .seen_max = 500, .dir = "/tmp/sluice-kms-XXXXXX"};
	struct terminal alice =
		terminal("sip:alice@home1.example", "alice", 0, "https://kms.home1.example");
	struct ticket_request *q = make_request(&alice, "sip:bob@home1.example");
	enum kms_result result = KMS_BROKEN;
	struct kms_stats s;

	REQUIRE(q && mkdtemp(o.dir) && open_office(&o));
	kms_request_free(ask(&o, KMS_REQUEST, ticket_request_octets(q), NOW_NS, NULL));
	fill_store(&o);
	/* Restarted, the KMS no longer knows how much of the store is Alice's. */
	close_office(&o);
	REQUIRE(open_office(&o));
	ticket_grant_free(request(&o, &alice, "sip:bob@home1.example", &result));
	EXPECT_INT(result, KMS_LIMITED);
	kms_get_stats(o.kms, &s);
	EXPECT(s.store_failures == 1 && s.replay_entries == 500);
	recovers(&o, &alice, ticket_request_octets(q));
	ticket_request_free(q);
	end(&o);
}

/* Simulates a full disk: a limit on the size of files. */
static void a_full_disk(void)
{
	struct office o = {.conf = crowd, .dir = "/tmp/sluice-kms-XXXXXX"};
	struct terminal alice =
		terminal("sip:alice@home1.example", "alice", 0, "https://kms.home1.example");
	struct ticket_request *q = make_request(&alice, "sip:bob@home1.example");
	enum kms_result result = KMS_BROKEN;
	struct rlimit before, tight;

	REQUIRE(q && mkdtemp(o.dir) && open_office(&o) && getrlimit(RLIMIT_FSIZE, &before) == 0);
	kms_request_free(ask(&o, KMS_REQUEST, ticket_request_octets(q), NOW_NS, NULL));
	signal(SIGXFSZ, SIG_IGN);
	tight = (struct rlimit){.rlim_cur = 128 << 10, .rlim_max = before.rlim_max};
	REQUIRE(setrlimit(RLIMIT_FSIZE, &tight) == 0);
	fill_up(&o, &alice, &result);
	/* LMDB returns EIO for a truncated write and EFBIG for a refused write. Both mean a full
	 * disk. */
	EXPECT(result == KMS_LIMITED || result == KMS_BROKEN);
	/* Rotates until the new key cannot be stored. Below, the KMS must still work after a
	 * restart. */
	for (unsigned i = 0; i < 64; i++)
		if (kms_rotate(o.kms, NOW_NS) != ERR_OK)
			break;
	REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
	recovers(&o, &alice, ticket_request_octets(q));
	ticket_request_free(q);
	end(&o);
}

static enum err put_naf(struct office *o, const char *btid, uint64_t until_s)
{
	struct kms_store store = kms_store_disk_use(o->disk);
	uint8_t octets[16] = {1}, record[NAF_RECORD_MAX];
	struct naf_key key = {
		.key = {octets, sizeof(octets)}, .until_s = until_s, .impi = STR("x")};
	size_t len = 0;
	enum err e = naf_write(&key, record, sizeof(record), &len);

	return e ? e
	         : store.ops->put(store.arg, KMS_BUCKET_NAF,
	                          (struct view){(const uint8_t *)btid, strlen(btid)},
	                          (struct view){record, len});
}

/* A user gets a new B-TID each time, and nobody asks for the old one again, so old entries must
 * expire by themselves. */
static void old_keys_of_the_bsf_go(void)
{
	enum { OLD = 1000, LIVE = 150 };
	struct office o;
	struct kms_store store;
	struct secret record = {0};
	uint8_t key[KMS_STORE_KEY_MAX];
	size_t n = 0, left = 0;
	char btid[32];

	if (!start(&o, home1))
		return;
	for (unsigned i = 0; i < OLD + LIVE; i++) {
		snprintf(btid, sizeof(btid), "%08x@bsf", i * 2654435761u);
		EXPECT_OK(put_naf(&o, btid,
		                  NOW_NS / NS_PER_S + (i % 8 == 0 && i / 8 < LIVE ? 100 : 0)));
	}
	for (unsigned i = 0; i < 20; i++)
		EXPECT_OK(kms_tick(o.kms, NOW_NS));
	store = kms_store_disk_use(o.disk);
	while (store.ops->next(store.arg, KMS_BUCKET_NAF, (struct view){key, n}, key, &n,
	                       &record) == ERR_OK)
		left++;
	EXPECT_INT((int)left, (OLD + LIVE + 7) / 8);
	secret_clear(&record);
	end(&o);
}

static void state_is_one_process_and_one_key(void)
{
	struct office o;
	struct kms_store_disk *second = NULL;
	struct why why = {{0}};
	char other[80];
	FILE *f;

	if (!start(&o, home1))
		return;
	EXPECT_ERR(
		kms_store_disk_open(&second, &(struct kms_store_disk_config){.path = o.dir}, &why),
		ERR_BUSY);
	EXPECT_OK(kms_rotate(o.kms, NOW_NS));
	close_office(&o);
	snprintf(other, sizeof(other), "%s/other.key", o.dir);
	umask(077);
	f = fopen(other, "w");
	REQUIRE(f);
	fprintf(f, "%064d\n", 7);
	fclose(f);
	EXPECT_ERR(kms_store_disk_open(
			   &second,
			   &(struct kms_store_disk_config){.path = o.dir, .master_file = other},
			   &why),
	           ERR_AUTH);
	unlink(other);
	REQUIRE(open_office(&o));
	end(&o);
}

TEST_MAIN("kms-store", {"a full memory of messages", a_full_memory}, {"a full disk", a_full_disk},
          {"old keys of the BSF go", old_keys_of_the_bsf_go},
          {"state is one process and one key", state_is_one_process_and_one_key})
