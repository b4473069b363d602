/* SPDX-License-Identifier: MIT */
/* The KMS with its state on disk: terminals (keyctx/ticket) send good and bad requests, and the KMS
 * is killed between them. */
#include "tests/unit/kms_on_disk.h"

static void mode_1_across_a_kill(void)
{
	struct office o;
	struct terminal alice =
		terminal("sip:alice@home1.example", "alice", 0, "https://kms.home1.example");
	struct terminal bob =
		terminal("sip:bob@home1.example", "bob", 0x20, "https://kms.home1.example");
	struct terminal mallory =
		terminal("sip:mallory@home1.example", "mallory", 0x40, "https://kms.home1.example");
	enum kms_result result = KMS_BROKEN;
	struct ticket_grant *grant;
	struct resolving x, y;
	struct kms_request *j;

	if (!start(&o, home1))
		return;
	grant = request(&o, &alice, bob.name, &result);
	if (EXPECT(grant) && offer(&x, &alice, &bob, grant)) {
		close_office(&o);
		REQUIRE(open_office(&o));
		j = ask(&o, KMS_RESOLVE, ticket_resolve_octets(x.q), NOW_NS, NULL);
		take(&x, j, grant);
		kms_request_free(j);
		/* The same message is a replay, also after the KMS was killed and started again. */
		close_office(&o);
		REQUIRE(open_office(&o));
		j = ask(&o, KMS_RESOLVE, ticket_resolve_octets(x.q), NOW_NS, NULL);
		EXPECT_INT(kms_request_result(j), KMS_REPLAYED);
		kms_request_free(j);
		if (offer(&y, &alice, &mallory, grant)) {
			j = ask(&o, KMS_RESOLVE, ticket_resolve_octets(y.q), NOW_NS, NULL);
			EXPECT_INT(kms_request_result(j), KMS_FORBIDDEN);
			kms_request_free(j);
		}
		resolving_end(&y);
		resolving_end(&x);
	}
	ticket_grant_free(grant);
	end(&o);
}

static void groups(void)
{
	struct office o;
	struct terminal alice =
		terminal("sip:alice@home1.example", "alice", 0, "https://kms.home1.example");
	struct terminal bob =
		terminal("sip:bob@home1.example", "bob", 0x20, "https://kms.home1.example");
	enum kms_result result = KMS_BROKEN;
	struct ticket_grant *grant;
	struct resolving x;
	struct kms_request *j;

	if (!start(&o, home1))
		return;
	grant = request(&o, &alice, "sip:desk@home1.example", &result);
	if (EXPECT(grant) && offer(&x, &alice, &bob, grant)) {
		j = ask(&o, KMS_RESOLVE, ticket_resolve_octets(x.q), NOW_NS, NULL);
		take(&x, j, grant);
		kms_request_free(j);
		resolving_end(&x);
	}
	ticket_grant_free(grant);
	end(&o);
}

/* Mode 3: the ticket's key is a NAF key, and the KMS asks the BSF for it. */
static void mode_3_with_gba(void)
{
	static const char btid[] = "oKGio6SlpqeoqaqrrK2urw==@bsf.home1.example";
	struct office o;
	struct terminal alice =
		terminal("sip:alice@home1.example", btid, 0x77, "https://kms.home1.example");
	struct terminal bob =
		terminal("sip:bob@home1.example", "bob", 0x20, "https://kms.home1.example");
	struct naf_key naf = {.key = {alice.key, sizeof(alice.key)},
	                      .until_s = NOW_NS / NS_PER_S + 100,
	                      .impi = STR("alice@home1.example"),
	                      .names = {uri("sip:alice@home1.example")},
	                      .n_names = 1};
	struct ticket_grant *grant = own_ticket(&alice, bob.name);
	struct resolving x;
	struct kms_request *j;

	if (!start(&o, home1))
		return;
	if (EXPECT(grant) && offer(&x, &alice, &bob, grant)) {
		j = ask(&o, KMS_RESOLVE, ticket_resolve_octets(x.q), NOW_NS, NULL);
		if (EXPECT_INT(kms_request_waits_for(j), KMS_WAIT_NAF) &&
		    EXPECT(str_is(kms_request_btid(j), btid))) {
			kms_request_give_naf(j, ERR_OK, &naf, NOW_NS);
			take(&x, j, grant);
		}
		kms_request_free(j);
		resolving_end(&x);
	}
	/* The KMS stores the NAF key until its bootstrapping expires, so it does not ask the BSF
	 * again. */
	if (grant && offer(&x, &alice, &bob, grant)) {
		j = ask(&o, KMS_RESOLVE, ticket_resolve_octets(x.q), NOW_NS, NULL);
		take(&x, j, grant);
		kms_request_free(j);
		resolving_end(&x);
	}
	bob.wall_ns += 101 * NS_PER_S;
	if (grant && offer(&x, &alice, &bob, grant)) {
		j = ask(&o, KMS_RESOLVE, ticket_resolve_octets(x.q), bob.wall_ns, NULL);
		EXPECT_INT(kms_request_result(j), KMS_REFUSED);
		kms_request_free(j);
		resolving_end(&x);
	}
	ticket_grant_free(grant);
	end(&o);
}

/* Mallory makes a ticket in Alice's name with his own key: the KMS refuses to resolve it. */
static void mode_3_in_anothers_name(void)
{
	struct office o;
	struct terminal liar =
		terminal("sip:alice@home1.example", "mallory", 0x40, "https://kms.home1.example");
	struct terminal bob =
		terminal("sip:bob@home1.example", "bob", 0x20, "https://kms.home1.example");
	struct ticket_grant *grant = own_ticket(&liar, bob.name);
	struct resolving x;
	struct kms_request *j;

	if (!start(&o, home1))
		return;
	if (EXPECT(grant) && offer(&x, &liar, &bob, grant)) {
		j = ask(&o, KMS_RESOLVE, ticket_resolve_octets(x.q), NOW_NS, NULL);
		EXPECT(kms_request_result(j) == KMS_FORBIDDEN ||
		       kms_request_result(j) == KMS_REFUSED);
		kms_request_free(j);
		resolving_end(&x);
	}
	ticket_grant_free(grant);
	end(&o);
}

static void refusals(void)
{
	static const struct {
		const char *name, *psk_id, *kms;
		uint8_t first;
		int64_t late_s;
		enum kms_result want;
	} rows[] = {
		{"sip:alice@home1.example", "alice", "https://kms.home1.example", 0, 0,
	         KMS_GRANTED},
		{"sip:alice@home1.example", "alice", "https://kms.home1.example", 1, 0,
	         KMS_FORBIDDEN},
		{"sip:bob@home1.example", "alice", "https://kms.home1.example", 0, 0,
	         KMS_FORBIDDEN},
		{"sip:alice@home1.example", "nobody", "https://kms.home1.example", 0, 0,
	         KMS_UNKNOWN_KEY},
		{"sip:old@home1.example", "old", "https://kms.home1.example", 0x60, 0,
	         KMS_UNKNOWN_KEY},
		{"sip:mallory@home1.example", "mallory", "https://kms.home1.example", 0x40, 0,
	         KMS_FORBIDDEN},
		{"sip:alice@home1.example", "alice", "https://kms.home3.example", 0, 0,
	         KMS_FORBIDDEN},
		{"sip:alice@home1.example", "alice", "https://kms.home1.example", 0, 301,
	         KMS_REPLAYED},
		{"sip:alice@home1.example", "alice", "https://kms.home1.example", 0, -301,
	         KMS_REPLAYED},
	};
	struct office o;

	if (!start(&o, home1))
		return;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct terminal t =
			terminal(rows[i].name, rows[i].psk_id, rows[i].first, rows[i].kms);
		struct ticket_request *q = make_request(&t, "sip:bob@home1.example");
		struct kms_request *j =
			q ? ask(&o, KMS_REQUEST, ticket_request_octets(q),
		                (uint64_t)((int64_t)NOW_NS + rows[i].late_s * (int64_t)NS_PER_S),
		                NULL)
			  : NULL;

		test_context("row %zu", i);
		EXPECT_INT(j ? (int)kms_request_result(j) : -1, rows[i].want);
		kms_request_free(j);
		ticket_request_free(q);
	}
	end(&o);
}

/* No damaged request is granted: each octet is changed once, and the request is truncated to each
 * length. The KMS answers each at once. */
static void damaged(void)
{
	struct office o;
	struct terminal alice =
		terminal("sip:alice@home1.example", "alice", 0, "https://kms.home1.example");
	struct ticket_request *q = make_request(&alice, "sip:bob@home1.example");
	uint8_t copy[MIKEY_MESSAGE_MAX];
	struct view good;

	REQUIRE(q);
	good = ticket_request_octets(q);
	if (!start(&o, home1))
		return;
	for (size_t i = 0; i < good.n; i++) {
		struct kms_request *j;

		memcpy(copy, good.p, good.n);
		copy[i] ^= 0x01;
		j = ask(&o, KMS_REQUEST, (struct view){copy, good.n}, NOW_NS, NULL);
		test_context("octet %zu", i);
		EXPECT(kms_request_waits_for(j) == KMS_ANSWERED &&
		       kms_request_result(j) != KMS_GRANTED);
		kms_request_free(j);
		j = ask(&o, KMS_REQUEST, (struct view){good.p, i}, NOW_NS, NULL);
		EXPECT(kms_request_waits_for(j) == KMS_ANSWERED &&
		       kms_request_result(j) != KMS_GRANTED);
		kms_request_free(j);
	}
	ticket_request_free(q);
	end(&o);
}

static void limits_rate(void)
{
	struct office o;
	struct terminal alice =
		terminal("sip:alice@home1.example", "alice", 0, "https://kms.home1.example");
	enum kms_result result = KMS_BROKEN;

	if (!start(&o, home1))
		return;
	for (unsigned i = 0; i < 5; i++) {
		ticket_grant_free(request(&o, &alice, "sip:bob@home1.example", &result));
		EXPECT_INT(result, KMS_GRANTED);
	}
	EXPECT(!request(&o, &alice, "sip:bob@home1.example", &result));
	EXPECT_INT(result, KMS_LIMITED);
	alice.wall_ns += 2 * NS_PER_S;
	ticket_grant_free(request(&o, &alice, "sip:bob@home1.example", &result));
	EXPECT_INT(result, KMS_GRANTED);
	end(&o);
}

static bool names_kms2(void *arg, const char *dns_name)
{
	(void)arg;
	return strcmp(dns_name, "kms.home2.example") == 0;
}

/* Carol's KMS asks Alice's KMS. Without the certificate of Carol's KMS, Alice's KMS refuses; with
 * it, it grants. */
static void two_domains(void)
{
	struct office one, two;
	struct terminal alice =
		terminal("sip:alice@home1.example", "alice", 0, "https://kms.home1.example");
	struct terminal carol =
		terminal("sip:carol@home2.example", "carol", 0xa0, "https://kms.home2.example");
	enum kms_result result = KMS_BROKEN;
	struct ticket_grant *grant;
	struct resolving x;

	if (!start(&one, home1) || !start(&two, home2))
		return;
	grant = request(&one, &alice, carol.name, &result);
	if (EXPECT(grant) && offer(&x, &alice, &carol, grant)) {
		struct kms_request *at2 = ask(&two, KMS_RESOLVE, ticket_resolve_octets(x.q), NOW_NS,
		                              NULL),
				   *at1;

		if (EXPECT_INT(kms_request_waits_for(at2), KMS_WAIT_PEER)) {
			at1 = ask(&one, KMS_RESOLVE, kms_request_peer_octets(at2), NOW_NS, NULL);
			EXPECT_INT(kms_request_result(at1), KMS_UNKNOWN_KEY);
			kms_request_free(at1);
			at1 = ask(&one, KMS_RESOLVE, kms_request_peer_octets(at2), NOW_NS,
			          names_kms2);
			EXPECT_INT(kms_request_result(at1), KMS_GRANTED);
			kms_request_give_peer(at2, ERR_OK, kms_request_octets(at1), NOW_NS);
			take(&x, at2, grant);
			kms_request_free(at1);
		}
		kms_request_free(at2);
		resolving_end(&x);
	}
	ticket_grant_free(grant);
	end(&one);
	end(&two);
}

static void rotates(void)
{
	struct office o;
	struct terminal alice =
		terminal("sip:alice@home1.example", "alice", 0, "https://kms.home1.example");
	struct terminal bob =
		terminal("sip:bob@home1.example", "bob", 0x20, "https://kms.home1.example");
	enum kms_result result = KMS_BROKEN;
	struct ticket_grant *grant;
	struct kms_stats s;
	struct resolving x;
	struct kms_request *j;

	if (!start(&o, home1))
		return;
	grant = request(&o, &alice, bob.name, &result);
	EXPECT_OK(kms_rotate(o.kms, NOW_NS));
	if (EXPECT(grant) && offer(&x, &alice, &bob, grant)) {
		j = ask(&o, KMS_RESOLVE, ticket_resolve_octets(x.q), NOW_NS, NULL);
		take(&x, j, grant);
		kms_request_free(j);
		resolving_end(&x);
	}
	kms_get_stats(o.kms, &s);
	EXPECT(s.tpks == 2 && s.replay_entries == 2);
	EXPECT_OK(kms_tick(o.kms, NOW_NS + 3 * 86400 * NS_PER_S));
	kms_get_stats(o.kms, &s);
	EXPECT(s.tpks == 0 && s.replay_entries == 0);
	ticket_grant_free(grant);
	end(&o);
}

/* A policy that allows only 256-bit suites refuses a 128-bit ticket inside 256-bit messages,
 * whether the KMS is to make the ticket or Alice has made it. */
static void sets_of_algorithms(void)
{
	static const char only_256[] = TWO_USERS("\"suites\":[\"256\"]");
	struct office o;
	struct terminal alice =
		terminal("sip:alice@home1.example", "alice", 0, "https://kms.home1.example");
	struct terminal bob =
		terminal("sip:bob@home1.example", "bob", 0x20, "https://kms.home1.example");
	enum kms_result result = KMS_BROKEN;
	struct ticket_grant *grant;
	struct resolving x;
	struct kms_request *j;

	if (!start(&o, only_256))
		return;
	grant = request(&o, &alice, bob.name, &result);
	EXPECT_INT(result, KMS_GRANTED);
	ticket_grant_free(grant);
	alice.ticket_prf = MIKEY_PRF_SHA1;
	grant = request(&o, &alice, bob.name, &result);
	EXPECT_INT(result, KMS_FORBIDDEN);
	ticket_grant_free(grant);
	grant = own_ticket(&alice, bob.name);
	if (EXPECT(grant) && offer(&x, &alice, &bob, grant)) {
		j = ask(&o, KMS_RESOLVE, ticket_resolve_octets(x.q), NOW_NS, NULL);
		EXPECT_INT(kms_request_result(j), KMS_FORBIDDEN);
		kms_request_free(j);
		resolving_end(&x);
	}
	ticket_grant_free(grant);
	end(&o);
}

static void credentials_are_strict(void)
{
	static const char *const wrong[] = {
		"{}",
		"{\"kms\":{}}",
		"{\"kms\":{\"id\":\"x\"},\"oops\":1}",
		"{\"kms\":{\"id\":\"x\"},\"users\":[{\"names\":[]}]}",
		"{\"kms\":{\"id\":\"x\"},\"users\":[{\"names\":[\"a\"],\"psk\":{\"id\":\"a\","
		"\"key\":\"c0ffee\"}}]}",
		"{\"kms\":{\"id\":\"x\"},\"users\":[{\"names\":[\"a\"]},{\"names\":[\"a\"]}]}",
		"{\"kms\":{\"id\":\"x\"},\"policy\":{\"modes\":[5]}}",
		"{\"kms\":{\"id\":\"x\"},\"policy\":{\"ticket_max_s\":0}}",
		"{\"kms\":{\"id\":\"x\"},\"policy\":{\"ticket_max_s\":86400,\"ticket_key_issue_s\":"
		"60}}",
		"{\"kms\":{\"id\":\"x\"},\"peers\":[{\"id\":\"https://b\",\"url\":\"http://"
		"b\",\"psk\":{\"id\":\"a\",\"key\":\"00112233445566778899aabbccddeeff\"},"
		"\"domains\":[\"b\"]}]}",
		"{\"kms\":{\"id\":\"x\"},\"peers\":[{\"id\":\"text:b\",\"psk\":{\"id\":\"a\","
		"\"key\":\"00112233445566778899aabbccddeeff\"},\"domains\":[\"b\"]}]}",
	};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct kms_directory *d = NULL;
		struct why why = {{0}};

		test_context("%s", wrong[i]);
		EXPECT(kms_conf_parse(&d, str_of(wrong[i]), &why) != ERR_OK && !d);
		EXPECT(why.text[0] && !strstr(why.text, "c0ffee"));
	}
}

static enum err parse_once(void)
{
	struct kms_directory *d = NULL;
	enum err e = kms_conf_parse(&d, str_of(home1), NULL);

	if (!e)
		kms_directory_free(d);
	return e;
}

static void survives_no_memory(void)
{
	test_each_allocation_failing(parse_once);
}

TEST_MAIN("kms", {"mode 1 across a kill", mode_1_across_a_kill}, {"groups", groups},
          {"mode 3 with GBA", mode_3_with_gba},
          {"mode 3 in another's name", mode_3_in_anothers_name}, {"refusals", refusals},
          {"damaged", damaged}, {"limits rate", limits_rate}, {"two domains", two_domains},
          {"rotates", rotates}, {"sets of algorithms", sets_of_algorithms},
          {"credentials are strict", credentials_are_strict},
          {"survives no memory", survives_no_memory})
