/* SPDX-License-Identifier: MIT */
/* The KMS obeys its policy: what it grants, which tickets of other makers it resolves, and the
 * result of each refusal. */
#include "tests/harness/mikey_vectors.h"
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

static struct mikey_ts at_s(int64_t s)
{
	return ticket_ts_32(clk_wall_to_ntp((uint64_t)((int64_t)NOW_NS + s * (int64_t)NS_PER_S)));
}

/* Bob lets the KMS resolve `grant`. Frees the grant. */
static enum kms_result resolve(struct office *o, struct terminal *alice, struct terminal *bob,
                               struct ticket_grant *grant)
{
	enum kms_result result = KMS_RESULTS;
	struct resolving x;

	if (EXPECT(grant) && offer(&x, alice, bob, grant)) {
		struct kms_request *j =
			ask(o, KMS_RESOLVE, ticket_resolve_octets(x.q), bob->wall_ns, NULL);

		result = kms_request_result(j);
		EXPECT((kms_request_reason(j)[0] == 0) == (result == KMS_GRANTED));
		kms_request_free(j);
		resolving_end(&x);
	}
	ticket_grant_free(grant);
	return result;
}

/* Tickets that Alice makes obey ticket_max_s, allow_reuse and both allow_..._keys, as those do that
 * the KMS makes. */
static void mode_3_obeys_the_policy(void)
{
	static const char strict[] =
		TWO_USERS("\"ticket_max_s\":3600,\"allow_reuse\":false,\"allow_responder_keys\":"
	                  "false,\"rate_per_minute\":0");
	static const char no_keys[] = TWO_USERS("\"allow_initiator_keys\":false");
	static const char loose[] = TWO_USERS("\"ticket_max_s\":86400,\"rate_per_minute\":0");
	static const struct {
		const char *what, *conf;
		unsigned more_flags;
		bool no_end;
		int64_t end_s, late_s;
		enum kms_result want;
	} rows[] = {
		{"as allowed", strict, 0, false, 3600, 0, KMS_GRANTED},
		{"too long", strict, 0, false, 3601, 0, KMS_FORBIDDEN},
		{"too long, near its end", strict, 0, false, 7200, 7000, KMS_FORBIDDEN},
		{"no end", strict, 0, true, 0, 0, KMS_FORBIDDEN},
		{"again", strict, TICKET_J, false, 600, 0, KMS_FORBIDDEN},
		{"keys of the responder", strict, TICKET_M, false, 600, 0, KMS_FORBIDDEN},
		{"keys of the initiator", no_keys, 0, false, 600, 0, KMS_FORBIDDEN},
		{"all allowed", loose, TICKET_J | TICKET_M, false, 86400, 0, KMS_GRANTED},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct terminal alice = alice_of(), bob = bob_of();
		struct mikey_id r = uri(bob.name);
		struct ticket_policy_spec policy =
			policy_for(&alice, &r, FLAGS_3 | rows[i].more_flags);
		struct office o;

		if (!start(&o, rows[i].conf))
			return;
		test_context("%s", rows[i].what);
		policy.has_end = !rows[i].no_end;
		policy.end = at_s(rows[i].end_s);
		bob.wall_ns += (uint64_t)rows[i].late_s * NS_PER_S;
		EXPECT_INT(resolve(&o, &alice, &bob, own_ticket_for(&alice, &policy)),
		           rows[i].want);
		end(&o);
	}
}

/* A ticket that ends before it starts is never granted, also if its end is the default or is cut to
 * ticket_max_s. */
static void never_valid_tickets(void)
{
	static const char conf[] =
		TWO_USERS("\"ticket_max_s\":3600,\"ticket_default_s\":600,\"rate_per_minute\":0");
	static const struct {
		const char *what;
		bool has_end;
		int64_t start_s, end_s;
		bool granted;
	} rows[] = {
		{"usual", true, 0, 600, true},
		{"one moment", true, 600, 600, true},
		{"end before start", true, 601, 600, false},
		{"end cut to before the start", true, 3601, 7200, false},
		{"default end, start later than it", false, 700, 0, true},
		{"default end, start too late", false, 3601, 0, false},
	};
	struct terminal alice = alice_of();
	struct mikey_id r = uri("sip:bob@home1.example");
	struct office o;

	if (!start(&o, conf))
		return;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ticket_policy_spec policy = policy_for(&alice, &r, FLAGS_1);
		enum kms_result result = KMS_RESULTS;
		struct ticket_grant *g;

		test_context("%s", rows[i].what);
		policy.has_start = true;
		policy.start = at_s(rows[i].start_s);
		policy.has_end = rows[i].has_end;
		policy.end = at_s(rows[i].end_s);
		g = send_request(&o, &alice, make_request_for(&alice, &policy), &result);
		EXPECT_INT(result == KMS_GRANTED, rows[i].granted);
		if (g)
			EXPECT(g->policy.has_end &&
			       ticket_ntp_diff(mikey_ts_to_64(g->policy.end),
			                       mikey_ts_to_64(g->policy.start)) >= 0);
		ticket_grant_free(g);
	}
	end(&o);
}

/* IDRapp: only tickets for the applications of this KMS are granted and resolved. */
static void applications(void)
{
	static const char none[] = TWO_USERS("\"rate_per_minute\":0");
	static const char phone[] =
		TWO_USERS("\"rate_per_minute\":0,\"applications\":[\"urn:phone\",\"urn:chat\"]");
	static const struct {
		const char *what, *conf, *app[2];
		size_t n;
		bool granted;
	} rows[] = {
		{"no IDRapp", none, {0}, 0, true},
		{"none configured", none, {"urn:phone"}, 1, false},
		{"the application", phone, {"urn:phone"}, 1, true},
		{"another one", phone, {"urn:game"}, 1, false},
		{"one of two", phone, {"urn:game", "urn:chat"}, 2, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct terminal alice = alice_of(), bob = bob_of();
		struct mikey_id r = uri(bob.name), app[2];
		struct ticket_policy_spec policy = policy_for(&alice, &r, FLAGS_1);
		enum kms_result result = KMS_RESULTS,
				want = rows[i].granted ? KMS_GRANTED : KMS_FORBIDDEN;
		struct office o;

		if (!start(&o, rows[i].conf))
			return;
		test_context("%s", rows[i].what);
		for (size_t j = 0; j < rows[i].n; j++)
			app[j] = uri(rows[i].app[j]);
		policy.app = app;
		policy.n_app = rows[i].n;
		ticket_grant_free(
			send_request(&o, &alice, make_request_for(&alice, &policy), &result));
		EXPECT_INT(result, want);
		policy.flags = FLAGS_3;
		EXPECT_INT(resolve(&o, &alice, &bob, own_ticket_for(&alice, &policy)), want);
		end(&o);
	}
}

/* Removes IDRr from the RESOLVE_INIT `in`, and makes its MAC new with the key of `t` and the
 * identity `name`, which the KMS has to know by itself. Returns the message in `out`. */
static struct view without_idr(struct terminal *t, struct view in, const char *name, uint8_t *out)
{
	static struct mikey_msg m;
	struct mikey_msg_keys k;
	struct view parts[3];
	struct wr w = wr_make(out, MIKEY_MESSAGE_MAX);
	size_t at = 0, mac_n;
	uint8_t mac[MIKEY_MAC_MAX];

	CHECK(!mikey_msg_read(&m, in, NULL));
	while (m.p[at].type != MIKEY_IDR || m.p[at].u.idr.role != MIKEY_ROLE_R)
		at++;
	CHECK(at > 0);
	wr_octets(&w, in.p, m.p[at].offset);
	out[m.p[at - 1].offset] = m.p[at].octets.p[0];
	wr_octets(&w, in.p + m.p[at].offset + m.p[at].octets.n,
	          in.n - m.p[at].offset - m.p[at].octets.n);
	mac_n = mikey_msg_find(&m, MIKEY_V)->u.v.mac.n;
	CHECK(!mikey_prf_msg_keys(&k, &(struct mikey_msg_seed){
					      .prf = m.hdr.prf,
					      .inkey = {t->key, sizeof(t->key)},
					      .csb_id = m.hdr.csb_id,
					      .phase = 1,
					      .randr = mikey_msg_rand_of(&m, MIKEY_ROLE_R),
				      }));
	parts[0] = (struct view){out, wr_len(&w) - mac_n};
	parts[1] = uri(name).data;
	parts[2] = uri(kms_name).data;
	CHECK(!mikey_mac(mikey_msg_find(&m, MIKEY_V)->u.v.alg, &k, parts, 3, mac));
	memcpy(out + wr_len(&w) - mac_n, mac, mac_n);
	return (struct view){out, wr_len(&w)};
}

/* RESOLVE_INIT may leave out IDRr (RFC 6043 4.2.3.2), also under forking: the keys are forked for
 * the identity that the ticket names. */
static void a_responder_without_idr(void)
{
	static const char conf[] =
		"{\"kms\":{\"id\":\"https://kms.home1.example\"},\"users\":["
		"{\"names\":[\"sip:alice@home1.example\"],\"psk\":{\"id\":\"alice\",\"key\":"
		"\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"}},"
		"{\"names\":[\"tel:+1555\",\"sip:bob@home1.example\"],\"psk\":{\"id\":\"bob\","
		"\"key\":"
		"\"202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f\"}}]}";
	static const struct {
		const char *name;
		enum kms_result want;
	} rows[] = {
		{"tel:+1555", KMS_GRANTED},
		{"sip:bob@home1.example", KMS_GRANTED},
		{"sip:alice@home1.example", KMS_FORBIDDEN},
	};
	static uint8_t octets[MIKEY_MESSAGE_MAX];
	static struct mikey_msg answer;
	struct terminal alice = alice_of(), bob = bob_of();
	enum kms_result result = KMS_RESULTS;
	struct ticket_grant *grant;
	struct office o;

	if (!start(&o, conf))
		return;
	grant = request(&o, &alice, bob.name, &result);
	REQUIRE(grant);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct resolving x;
		struct kms_request *j;

		test_context("%s", rows[i].name);
		REQUIRE(offer(&x, &alice, &bob, grant));
		j = ask(&o, KMS_RESOLVE,
		        without_idr(&bob, ticket_resolve_octets(x.q), rows[i].name, octets), NOW_NS,
		        NULL);
		EXPECT_INT(kms_request_result(j), rows[i].want);
		if (kms_request_result(j) == KMS_GRANTED &&
		    EXPECT_OK(mikey_msg_read(&answer, kms_request_octets(j), NULL)))
			EXPECT(mikey_id_eq(mikey_msg_idr(&answer, MIKEY_ROLE_R)->u.idr.id,
			                   uri(bob.name)));
		kms_request_free(j);
		resolving_end(&x);
	}
	ticket_grant_free(grant);
	end(&o);
}

/* Alters the request `q` and returns its result and reason. */
struct refusal {
	const char *what;
	enum kms_operation operation;
	size_t at; /* octet to set in the header; 0: none */
	uint8_t value;
	enum kms_result want;
};

/* Before the sender is authenticated, no refusal is "refused" (HTTP status 200): an Error without
 * MAC never comes with status 200. */
static void refusals_without_mac(void)
{
	static const char conf[] = TWO_USERS("\"suites\":[\"256\"],\"rate_per_minute\":0");
	static const struct refusal rows[] = {
		{"other operation", KMS_RESOLVE, 0, 0, KMS_MALFORMED},
		{"version", KMS_REQUEST, 0, 2, KMS_MALFORMED},
		{"data type", KMS_REQUEST, 1, MIKEY_DT_TRANSFER_INIT, KMS_MALFORMED},
		{"data type of RFC 3830", KMS_REQUEST, 1, 0, KMS_MALFORMED},
		{"public key is not set up", KMS_REQUEST, 1, MIKEY_DT_REQUEST_INIT_PK,
	         KMS_MALFORMED},
		{"PRF 5", KMS_REQUEST, 3, 0x85, KMS_MALFORMED},
		{"suite not allowed by the policy", KMS_REQUEST, 3, 0x80, KMS_FORBIDDEN},
		{"a crypto session", KMS_REQUEST, 8, 1, KMS_MALFORMED},
		{"map type", KMS_REQUEST, 9, 2, KMS_MALFORMED},
		{"payload", KMS_REQUEST, 2, 200, KMS_MALFORMED},
		{"an Error", KMS_REQUEST, 1, MIKEY_DT_ERROR, KMS_MALFORMED},
		{"CSB ID", KMS_REQUEST, 4, 0xff, KMS_FORBIDDEN},
	};
	struct terminal alice = alice_of();
	struct office o;

	if (!start(&o, conf))
		return;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ticket_request *q = make_request(&alice, "sip:bob@home1.example");
		static uint8_t octets[MIKEY_MESSAGE_MAX];
		static struct mikey_msg m;
		size_t n = ticket_request_octets(q).n;
		struct kms_request *j;

		memcpy(octets, ticket_request_octets(q).p, n);
		if (rows[i].at || rows[i].value)
			octets[rows[i].at] = rows[i].value;
		j = ask(&o, rows[i].operation, (struct view){octets, n}, NOW_NS, NULL);
		test_context("%s: %s", rows[i].what, kms_request_reason(j));
		EXPECT_INT(kms_request_result(j), rows[i].want);
		EXPECT(kms_request_reason(j)[0]);
		if (kms_request_octets(j).n &&
		    EXPECT_OK(mikey_msg_read(&m, kms_request_octets(j), NULL)))
			EXPECT(!mikey_msg_find(&m, MIKEY_V));
		kms_request_free(j);
		ticket_request_free(q);
	}
	end(&o);
}

/* What the KMS refuses after it has authenticated the sender: the Error has a MAC. */
static void refusals_with_mac(void)
{
	static const struct {
		const char *what, *policy, *says;
		uint8_t prf;
		unsigned flags;
		enum kms_result want;
	} rows[] = {
		{"mode", "\"modes\":[2]", "policy.modes", 1, FLAGS_1, KMS_FORBIDDEN},
		{"set of the ticket", "\"suites\":[\"256\"]", "policy.suites", 0, FLAGS_1,
	         KMS_FORBIDDEN},
		{"callee", "\"rules\":[{\"allow\":false}]", "does not allow", 1, FLAGS_1,
	         KMS_FORBIDDEN},
		{"flags", "\"modes\":[1]", "flag", 1, FLAGS_1 & ~TICKET_F, KMS_REFUSED},
		{"ticket type", "\"ticket_types\":[2]", "ticket type 1", 1, FLAGS_1, KMS_REFUSED},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct terminal alice = alice_of();
		struct mikey_id r = uri("sip:bob@home1.example");
		struct ticket_policy_spec policy;
		static struct mikey_msg m;
		char conf[1024];
		struct ticket_request *q;
		struct kms_request *j;
		struct office o;

		alice.ticket_prf = rows[i].prf;
		policy = policy_for(&alice, &r, rows[i].flags);
		snprintf(conf, sizeof(conf), TWO_USERS("%s"), rows[i].policy);
		if (!start(&o, conf))
			return;
		q = make_request_for(&alice, &policy);
		j = ask(&o, KMS_REQUEST, ticket_request_octets(q), NOW_NS, NULL);
		test_context("%s: %s", rows[i].what, kms_request_reason(j));
		EXPECT_INT(kms_request_result(j), rows[i].want);
		EXPECT(strstr(kms_request_reason(j), rows[i].says));
		REQUIRE_OK(mikey_msg_read(&m, kms_request_octets(j), NULL));
		EXPECT(mikey_msg_find(&m, MIKEY_V));
		kms_request_free(j);
		ticket_request_free(q);
		end(&o);
	}
}

/* Caller and called side have pre-shared keys of different lengths: the KMS says so. */
static void keys_of_different_lengths(void)
{
	static const char conf[] =
		"{\"kms\":{\"id\":\"https://kms.home1.example\"},\"users\":["
		"{\"names\":[\"sip:alice@home1.example\"],\"psk\":{\"id\":\"alice\",\"key\":"
		"\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"}},"
		"{\"names\":[\"sip:bob@home1.example\"],\"psk\":{\"id\":\"bob\",\"key\":"
		"\"202122232425262728292a2b2c2d2e2f\"}}]}";
	struct terminal alice = alice_of(), bob = bob_of();
	struct mikey_cred cred = {.psk = {bob.key, 16}, .psk_id = octets_id("bob")};
	struct mikey_env env = env_of(&bob);
	struct ticket_resolve_params params = {.rules = &bob.rules, .cred = &cred};
	enum kms_result result = KMS_RESULTS;
	struct ticket_resolve *q = NULL;
	struct ticket_grant *grant;
	struct kms_request *j;
	struct resolving x;
	struct office o;

	if (!start(&o, conf))
		return;
	grant = request(&o, &alice, bob.name, &result);
	REQUIRE(grant && offer(&x, &alice, &bob, grant));
	bob.rules.algs = mikey_algs_128;
	params.me = uri(bob.name);
	params.kms = uri(bob.kms);
	params.ticket = mikey_msg_find(&x.msg, MIKEY_TICKET);
	REQUIRE_OK(ticket_resolve_new(&q, &params, &env, NULL));
	j = ask(&o, KMS_RESOLVE, ticket_resolve_octets(q), NOW_NS, NULL);
	EXPECT_INT(kms_request_result(j), KMS_REFUSED);
	test_context("%s", kms_request_reason(j));
	EXPECT(strstr(kms_request_reason(j), "same length"));
	kms_request_free(j);
	ticket_resolve_free(q);
	resolving_end(&x);
	ticket_grant_free(grant);
	end(&o);
}

/* RFC 6043 6.10: the KMS sets flag K if it replaces an SPI of a requested key, and only if
 * something differs from what was asked for, also with a long policy. */
static void flag_k(void)
{
	static const uint8_t zeros[16], own[3] = {1, 2, 3};
	enum { CALLEES = 16, LONG = 200 };
	static const struct {
		const char *what;
		struct view spi[2];
		size_t n;
		bool is_long, k;
	} rows[] = {
		{"nothing asked", {{0}}, 0, false, false},
		{"an SPI", {{own, 3}}, 1, false, false},
		{"zeros", {{zeros, 4}}, 1, false, true},
		{"zeros of another length", {{zeros, 7}}, 1, false, true},
		{"no SPI named", {{0}}, 1, false, true},
		{"two of one octet", {{zeros, 1}, {zeros, 1}}, 2, false, true},
		{"one of two", {{own, 3}, {zeros, 4}}, 2, false, true},
		{"long", {{own, 3}}, 1, true, false},
	};
	static const char conf[] = TWO_USERS("\"rate_per_minute\":0");
	static char names[CALLEES][LONG + 1];
	struct terminal alice = alice_of();
	struct mikey_id r[CALLEES];
	struct office o;

	for (size_t i = 0; i < CALLEES; i++) {
		memset(names[i], 'a' + (int)i, LONG);
		r[i] = uri(names[i]);
	}
	if (!start(&o, conf))
		return;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ticket_policy_spec policy = policy_for(&alice, r, FLAGS_1);
		struct ticket_wish wishes[2];
		enum kms_result result = KMS_RESULTS;
		struct ticket_grant *g;

		for (size_t j = 0; j < 2; j++)
			wishes[j] = (struct ticket_wish){
				.type = MIKEY_TGK, .len = 32, .spi = rows[i].spi[j]};
		policy.wishes = wishes;
		policy.n_wishes = rows[i].n;
		policy.n_r = rows[i].is_long ? CALLEES : 1;
		g = send_request(&o, &alice, make_request_for(&alice, &policy), &result);
		test_context("%s", rows[i].what);
		EXPECT_INT(result, KMS_GRANTED);
		for (size_t j = 0; g && j < rows[i].n; j++) {
			const struct mikey_key *key = &g->keys->session.k[j];
			size_t n = rows[i].spi[j].n;

			EXPECT_INT(key->spi_len, n ? n : TICKET_SPI_LEN);
			EXPECT((n && rows[i].spi[j].p == own) ==
			       (key->spi_len == 3 && memcmp(key->spi, own, 3) == 0));
		}
		if (g)
			EXPECT_INT((g->policy.tp.flags & TICKET_K) != 0, rows[i].k);
		ticket_grant_free(g);
	}
	end(&o);
}

/* Requests whose T is a counter: refused with Invalid TS, and the reason names the type. */
static void counters(void)
{
	static const char conf[] = TWO_USERS("\"rate_per_minute\":0");
	struct terminal alice = alice_of(), bob = bob_of();
	static uint8_t octets[MIKEY_MESSAGE_MAX];
	enum kms_result result = KMS_RESULTS;
	struct ticket_request *q;
	struct ticket_grant *grant;
	struct resolving x;
	struct office o;

	if (!start(&o, conf))
		return;
	grant = request(&o, &alice, bob.name, &result);
	REQUIRE(grant);
	q = make_request(&alice, bob.name);
	REQUIRE(offer(&x, &alice, &bob, grant));
	for (int i = 0; i < 2; i++) {
		struct view in = i ? ticket_resolve_octets(x.q) : ticket_request_octets(q);
		struct kms_request *j = ask(&o, i ? KMS_RESOLVE : KMS_REQUEST,
		                            mikey_with_counter(in, octets), NOW_NS, NULL);

		test_context("%s", i ? "resolve" : "request");
		EXPECT_INT(kms_request_result(j), KMS_REPLAYED);
		EXPECT(strstr(kms_request_reason(j), "type 2 (COUNTER), must be a time") != NULL);
		kms_request_free(j);
	}
	ticket_request_free(q);
	resolving_end(&x);
	ticket_grant_free(grant);
	end(&o);
}

TEST_MAIN("kms_policy", {"mode 3 obeys the policy", mode_3_obeys_the_policy},
          {"never-valid tickets", never_valid_tickets}, {"applications", applications},
          {"counters", counters}, {"a responder without IDRr", a_responder_without_idr},
          {"flag K", flag_k}, {"refusals without MAC", refusals_without_mac},
          {"refusals with MAC", refusals_with_mac},
          {"keys of different lengths", keys_of_different_lengths})
