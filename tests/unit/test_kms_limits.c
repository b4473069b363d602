/* SPDX-License-Identifier: MIT */
/* Nobody takes the KMS from the others: limits of a user, the store of served messages, questions
 * to the BSF, and a clock that is set back. */
#include "tests/unit/kms_on_disk.h"

static const char kms_name[] = "https://kms.home1.example";

static struct terminal alice_of(void)
{
	return terminal("sip:alice@home1.example", "alice", 0, kms_name);
}

static struct terminal bob_of(void)
{
	return terminal("sip:bob@home1.example", "bob", 0x20, kms_name);
}

static size_t entries(const struct office *o)
{
	struct kms_stats s;

	kms_get_stats(o->kms, &s);
	return s.replay_entries;
}

static enum kms_result request_once(struct office *o, struct terminal *t)
{
	enum kms_result result = KMS_RESULTS;

	ticket_grant_free(request(o, t, "sip:bob@home1.example", &result));
	return result;
}

/* A user over the limit writes nothing to the store, and a replay of a user's message costs the
 * user nothing. */
static void the_rate_comes_before_the_store(void)
{
	static const char conf[] = TWO_USERS("\"rate_per_minute\":60,\"rate_burst\":5");
	struct terminal alice = alice_of();
	struct ticket_request *q = make_request(&alice, "sip:bob@home1.example");
	struct kms_request *j;
	struct office o;

	if (!start(&o, conf))
		return;
	for (unsigned i = 0; i < 100; i++) {
		j = ask(&o, KMS_REQUEST, ticket_request_octets(q), NOW_NS, NULL);
		EXPECT_INT(kms_request_result(j), i ? KMS_REPLAYED : KMS_GRANTED);
		kms_request_free(j);
	}
	for (unsigned i = 0; i < 100; i++)
		EXPECT_INT(request_once(&o, &alice), i < 4 ? KMS_GRANTED : KMS_LIMITED);
	EXPECT_INT((int)entries(&o), 5);
	/* A replay by a user over the limit is not written or served either. */
	j = ask(&o, KMS_REQUEST, ticket_request_octets(q), NOW_NS, NULL);
	EXPECT_INT(kms_request_result(j), KMS_LIMITED);
	EXPECT(strstr(kms_request_reason(j), "rate_per_minute") &&
	       strstr(kms_request_reason(j), "try again in 1 s") &&
	       kms_request_retry_after_s(j) == 1);
	kms_request_free(j);
	ticket_request_free(q);
	end(&o);
}

/* Two users without a rate limit fill the store as far as they can: a third still has room. When
 * the messages expire, all have room again. */
static void a_share_of_the_store(void)
{
	static const char conf[] =
		"{\"kms\":{\"id\":\"https://kms.home1.example\"},"
		"\"policy\":{\"rate_per_minute\":0,\"skew_s\":100},\"users\":["
		"{\"names\":[\"sip:alice@home1.example\"],\"psk\":{\"id\":\"alice\",\"key\":"
		"\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"}},"
		"{\"names\":[\"sip:bob@home1.example\"],\"psk\":{\"id\":\"bob\",\"key\":"
		"\"202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f\"}},"
		"{\"names\":[\"sip:carol@home1.example\"],\"psk\":{\"id\":\"carol\",\"key\":"
		"\"404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f\"}}]}";
	struct office o = {.conf = conf, .seen_max = 100, .dir = "/tmp/sluice-kms-XXXXXX"};
	struct terminal alice = alice_of(), bob = bob_of();
	struct terminal carol = terminal("sip:carol@home1.example", "carol", 0x40, kms_name);
	unsigned granted[3] = {0};

	REQUIRE(mkdtemp(o.dir) && open_office(&o));
	for (unsigned i = 0; i < 200; i++) {
		granted[0] += request_once(&o, &alice) == KMS_GRANTED;
		granted[1] += request_once(&o, &bob) == KMS_GRANTED;
	}
	for (unsigned i = 0; i < 10; i++)
		granted[2] += request_once(&o, &carol) == KMS_GRANTED;
	test_context("%u %u %u", granted[0], granted[1], granted[2]);
	EXPECT(granted[0] >= 30 && granted[1] >= 30 && granted[0] + granted[1] < 80);
	EXPECT_INT((int)granted[2], 10);
	alice.wall_ns += 401 * NS_PER_S;
	EXPECT_OK(kms_tick(o.kms, alice.wall_ns));
	EXPECT_INT(request_once(&o, &alice), KMS_GRANTED);
	EXPECT_INT((int)entries(&o), 1);
	end(&o);
}

/* A message that the KMS served and forgot is not served again when the clock is set back, also
 * over a restart. A clock that only jumped ahead for a while stops nothing. */
static void a_clock_set_back(void)
{
	static const char conf[] = TWO_USERS("\"rate_per_minute\":0");
	const uint64_t hour_ns = 3600 * NS_PER_S;
	struct terminal alice = alice_of();
	struct ticket_request *q = make_request(&alice, "sip:bob@home1.example");
	struct kms_stats s;
	struct kms_request *j;
	struct office o;

	if (!start(&o, conf))
		return;
	EXPECT_INT(request_once(&o, &alice), KMS_GRANTED);
	j = ask(&o, KMS_REQUEST, ticket_request_octets(q), NOW_NS, NULL);
	EXPECT_INT(kms_request_result(j), KMS_GRANTED);
	kms_request_free(j);
	EXPECT_OK(kms_tick(o.kms, NOW_NS + hour_ns));
	EXPECT_INT((int)entries(&o), 0);
	for (unsigned restarted = 0; restarted < 2; restarted++) {
		test_context("restarted %u", restarted);
		j = ask(&o, KMS_REQUEST, ticket_request_octets(q), NOW_NS, NULL);
		EXPECT_INT(kms_request_result(j), KMS_REPLAYED);
		EXPECT(strstr(kms_request_reason(j), "clock"));
		kms_request_free(j);
		kms_get_stats(o.kms, &s);
		EXPECT(s.clock_back == 1 && s.replay_entries == 0);
		close_office(&o);
		REQUIRE(open_office(&o));
	}
	/* The clock is right again, one second after the last message that was forgotten. */
	alice.wall_ns = NOW_NS + NS_PER_S;
	EXPECT_INT(request_once(&o, &alice), KMS_GRANTED);
	ticket_request_free(q);
	end(&o);
}

static const char gba_conf[] =
	"{\"kms\":{\"id\":\"https://kms.home1.example\"},\"policy\":{\"rate_per_minute\":0},"
	"\"gba\":{\"bsf\":\"http://127.0.0.1:1/\",\"naf_fqdn\":\"kms.home1.example\","
	"\"bsf_domain\":\"bsf.home1.example\",\"ask_max\":3,\"ask_per_minute\":60,"
	"\"ask_burst\":10,\"unknown_s\":30}}";

/* A request whose key is the B-TID number `i`, from the address 192.0.2.`host`. */
static struct kms_request *ask_btid(struct office *o, unsigned i, uint8_t host, uint64_t wall_ns)
{
	uint8_t rand[GBA_RAND_LEN] = {(uint8_t)i, (uint8_t)(i >> 8)}, source[4] = {192, 0, 2, host};
	char btid[GBA_BTID_MAX + 1];
	struct terminal t = terminal("sip:alice@home1.example", btid, 0, kms_name);
	struct ticket_request *q;
	struct kms_request *j = NULL;

	CHECK(!gba_btid_print(rand, STR("bsf.home1.example"), btid, sizeof(btid)));
	t.wall_ns = wall_ns;
	q = make_request(&t, "sip:bob@home1.example");
	EXPECT_OK(kms_request_new(&j, o->kms,
	                          &(struct kms_request_params){
					  .octets = ticket_request_octets(q),
					  .wall_ns = wall_ns,
					  .source = {source, sizeof(source)},
				  }));
	ticket_request_free(q);
	return j;
}

static uint64_t asked(const struct office *o)
{
	struct kms_stats s;

	kms_get_stats(o->kms, &s);
	return s.naf_asked;
}

/* Forged B-TIDs: the BSF is asked once for each and about few from one address; other addresses are
 * not affected. */
static void forged_btids(void)
{
	struct office o;
	unsigned refused = 0;

	if (!start(&o, gba_conf))
		return;
	for (unsigned i = 0; i < 1000; i++) {
		struct kms_request *j = ask_btid(&o, i, 1, NOW_NS);

		if (kms_request_waits_for(j) == KMS_WAIT_NAF)
			kms_request_give_naf(j, ERR_NOT_FOUND, NULL, NOW_NS);
		else
			refused += kms_request_result(j) == KMS_LIMITED &&
			           strstr(kms_request_reason(j), "ask_per_minute");
		kms_request_free(j);
	}
	EXPECT_INT((int)asked(&o), 10);
	EXPECT_INT((int)refused, 990);
	for (unsigned i = 0; i < 1000; i++) {
		struct kms_request *j = ask_btid(&o, 0, 1, NOW_NS);

		EXPECT_INT(kms_request_waits_for(j), KMS_ANSWERED);
		EXPECT_INT(kms_request_result(j), KMS_UNKNOWN_KEY);
		kms_request_free(j);
	}
	EXPECT_INT((int)asked(&o), 10);
	for (unsigned after = 0; after < 2; after++) {
		/* Another address asks; later the B-TID is no longer remembered as unknown. */
		struct kms_request *j =
			ask_btid(&o, after ? 0 : 5000, 2, NOW_NS + after * 31 * NS_PER_S);

		EXPECT_INT(kms_request_waits_for(j), KMS_WAIT_NAF);
		kms_request_give_naf(j, ERR_NOT_FOUND, NULL, NOW_NS);
		kms_request_free(j);
	}
	end(&o);
}

/* B-TIDs that the BSF knows do not count against an address, such as that of a proxy. */
static void known_btids(void)
{
	uint8_t key[32] = {0};
	struct naf_key naf = {.key = {key, sizeof(key)},
	                      .until_s = NOW_NS / NS_PER_S + 1000,
	                      .impi = STR("alice@home1.example"),
	                      .n_names = 0};
	struct office o;

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	if (!start(&o, gba_conf))
		return;
	for (unsigned i = 0; i < 50; i++) {
		struct kms_request *j = ask_btid(&o, i, 1, NOW_NS);

		test_context("B-TID %u", i);
		EXPECT_INT(kms_request_waits_for(j), KMS_WAIT_NAF);
		if (kms_request_waits_for(j) == KMS_WAIT_NAF)
			kms_request_give_naf(j, ERR_OK, &naf, NOW_NS);
		kms_request_free(j);
	}
	EXPECT_INT((int)asked(&o), 50);
	end(&o);
}

/* The BSF gets few questions at one time. A request that ends while it waits frees its place. */
static void questions_at_one_time(void)
{
	struct kms_request *waiting[3], *j;
	struct office o;

	if (!start(&o, gba_conf))
		return;
	for (unsigned i = 0; i < ARRAY_LEN(waiting); i++) {
		waiting[i] = ask_btid(&o, i, (uint8_t)i, NOW_NS);
		EXPECT_INT(kms_request_waits_for(waiting[i]), KMS_WAIT_NAF);
	}
	j = ask_btid(&o, 9, 9, NOW_NS);
	EXPECT_INT(kms_request_result(j), KMS_LIMITED);
	EXPECT(strstr(kms_request_reason(j), "ask_max"));
	kms_request_free(j);
	kms_request_free(waiting[0]);
	j = ask_btid(&o, 9, 9, NOW_NS);
	EXPECT_INT(kms_request_waits_for(j), KMS_WAIT_NAF);
	kms_request_free(j);
	kms_request_free(waiting[1]);
	kms_request_free(waiting[2]);
	end(&o);
}

/* A request for which the other KMS cannot be asked, because too many wait, is told to come again;
 * one that the other KMS does not answer is not. */
static void too_many_wait_for_a_peer(void)
{
	static const struct {
		enum err e;
		enum kms_result want;
		const char *reason;
	} rows[] = {
		{ERR_LIMIT, KMS_LIMITED, "--waiting-max"},
		{ERR_TIMEOUT, KMS_UNREACHABLE, "did not answer"},
	};
	struct terminal alice = alice_of();
	struct terminal carol =
		terminal("sip:carol@home2.example", "carol", 0xa0, "https://kms.home2.example");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum kms_result result = KMS_BROKEN;
		struct ticket_grant *grant;
		struct kms_request *q;
		struct office one, two;
		struct resolving x;

		test_context("%s", rows[i].reason);
		REQUIRE(start(&one, home1) && start(&two, home2));
		grant = request(&one, &alice, carol.name, &result);
		REQUIRE(grant && offer(&x, &alice, &carol, grant));
		q = ask(&two, KMS_RESOLVE, ticket_resolve_octets(x.q), NOW_NS, NULL);
		REQUIRE(EXPECT_INT(kms_request_waits_for(q), KMS_WAIT_PEER));
		kms_request_give_peer(q, rows[i].e, (struct view){0}, NOW_NS);
		EXPECT_INT(kms_request_result(q), rows[i].want);
		EXPECT(strstr(kms_request_reason(q), rows[i].reason));
		EXPECT_INT(kms_request_retry_after_s(q), rows[i].want == KMS_LIMITED ? 1 : 0);
		kms_request_free(q);
		resolving_end(&x);
		ticket_grant_free(grant);
		end(&one);
		end(&two);
	}
}

TEST_MAIN("kms_limits", {"the rate comes before the store", the_rate_comes_before_the_store},
          {"a share of the store", a_share_of_the_store}, {"a clock set back", a_clock_set_back},
          {"forged B-TIDs", forged_btids}, {"known B-TIDs", known_btids},
          {"questions at one time", questions_at_one_time},
          {"too many wait for a peer", too_many_wait_for_a_peer})
