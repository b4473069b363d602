/* SPDX-License-Identifier: MIT */
/* keyctx/mikey and keyctx/ticket with vectors/mikey-ticket-kat.txt: derivations with both PRFs, and
 * exchanges in mode 1 and mode 3 with the 256-bit suite. */
#include <stdio.h>
#include <stdlib.h>

#include "keyctx/mikey/prf.h"
#include "tests/harness/harness.h"
#include "tests/harness/mikey_vectors.h"

struct known {
	char name[64];
	uint8_t octets[1024];
	size_t n;
};

static struct known known[96];
static size_t n_known;

static void load(void)
{
	FILE *f = fopen(test_path("vectors/mikey-ticket-kat.txt"), "r");
	static char line[4096], hex[4096];

	CHECK(f);
	while (!n_known || !feof(f)) {
		if (!fgets(line, sizeof(line), f))
			break;
		if (line[0] == '#' || sscanf(line, "%63s %4000s", known[n_known].name, hex) != 2)
			continue;
		known[n_known].n = test_hex(hex, known[n_known].octets, sizeof(known[0].octets));
		CHECK(++n_known < ARRAY_LEN(known));
	}
	fclose(f);
}

static struct view kat(const char *name)
{
	if (!n_known)
		load();
	for (size_t i = 0; i < n_known; i++)
		if (strcmp(known[i].name, name) == 0)
			return (struct view){.p = known[i].octets, .n = known[i].n};
	test_expect(false, __FILE__, __LINE__, "a known answer named %s in the file", name);
	return (struct view){.p = known[0].octets, .n = 1};
}

static void expect(unsigned prf, const char *name, const uint8_t *got)
{
	char full[80];
	struct view want;

	snprintf(full, sizeof(full), "prf%u/%s", prf, name);
	want = kat(full);
	test_context("%s", full);
	EXPECT_OCTETS(got, want.n, want.p, want.n);
}

static void expect_keys(unsigned prf, const char *what, const struct mikey_msg_keys *k)
{
	char name[64];

	snprintf(name, sizeof(name), "%s-encr", what);
	expect(prf, name, k->encr);
	snprintf(name, sizeof(name), "%s-auth", what);
	expect(prf, name, k->auth);
	snprintf(name, sizeof(name), "%s-salt", what);
	expect(prf, name, k->salt);
}

static const char *const alice = "sip:alice@home1.example", *const bob = "sip:bob@home2.example",
			 *const kms = "https://kms.home1.example";

static struct mikey_id octet_id(const char *text)
{
	struct mikey_id id = play_uri(text);

	id.type = MIKEY_ID_BYTES;
	return id;
}

static void derivations(void)
{
	const struct view none = {0};

	for (unsigned prf = 0; prf < 2; prf++) {
		struct mikey_msg_keys k;
		uint8_t a[96], b[64], inkey[40];
		struct view id = play_uri(bob).data;

		EXPECT_OK(mikey_prf_msg_keys(&k,
		                             &(struct mikey_msg_seed){prf, kat("PSKi"), 0x11223344,
		                                                      1, kat("RANDRi"), none}));
		expect_keys(prf, "req_init", &k);
		EXPECT_OK(mikey_prf_msg_keys(&k,
		                             &(struct mikey_msg_seed){prf, kat("PSKi"), 0x11223344,
		                                                      2, kat("RANDRi"), none}));
		expect_keys(prf, "req_resp", &k);
		EXPECT_OK(mikey_prf_msg_keys(
			&k, &(struct mikey_msg_seed){prf, kat("PSKr"), 0x55667788, 1, none,
		                                     kat("RANDRr-in-RESOLVE")}));
		expect(prf, "res_init-auth", k.auth);
		EXPECT_OK(mikey_prf_ticket_keys(&k, prf, kat("TPK"), kat("ticket-RAND")));
		expect_keys(prf, "tpk", &k);
		EXPECT_OK(mikey_prf_mpk(a, b, prf, kat("MPK"), kat("ticket-RAND")));
		expect(prf, "MPKi", a);
		expect(prf, "MPKr", b);
		EXPECT_OK(mikey_prf_msg_keys(
			&k, &(struct mikey_msg_seed){prf, (struct view){.p = a, .n = 32},
		                                     0x99aabbcc, 1, kat("RANDRi"), none}));
		expect(prf, "xfer_init-auth(MPKi)", k.auth);
		EXPECT_OK(mikey_prf_init_data(k.auth, prf, (struct view){.p = b, .n = 32}));
		expect(prf, "vr_auth", k.auth);
		EXPECT_OK(mikey_prf_fork(b, MIKEY_FORK_MPKR, (struct view){.p = b, .n = 32},
		                         &(struct mikey_fork_seed){prf, id, kat("RANDRkms")}));
		expect(prf, "MPKr'", b);
		EXPECT_OK(mikey_prf_msg_keys(
			&k,
			&(struct mikey_msg_seed){prf, (struct view){.p = b, .n = 32}, 0x99aabbcc, 2,
		                                 kat("RANDRi"), kat("RANDRr-in-RESOLVE")}));
		expect(prf, "xfer_resp-auth(MPKr')", k.auth);
		EXPECT_OK(mikey_prf_fork(a, MIKEY_FORK_TGK, kat("TGK"),
		                         &(struct mikey_fork_seed){prf, id, kat("RANDRkms")}));
		expect(prf, "TGK'", a);
		for (unsigned cs = 1; cs < 3; cs++) {
			EXPECT_OK(mikey_prf_tek(
				b, 16, MIKEY_PART_TEK,
				&(struct mikey_tek_seed){prf, (struct view){.p = a, .n = 32}, cs,
			                                 kat("RANDRi"), kat("RANDRr-in-RESOLVE")}));
			expect(prf, cs == 1 ? "cs1-tek" : "cs2-tek", b);
			EXPECT_OK(mikey_prf_tek(
				b, 14, MIKEY_PART_SALT,
				&(struct mikey_tek_seed){prf, (struct view){.p = a, .n = 32}, cs,
			                                 kat("RANDRi"), kat("RANDRr-in-RESOLVE")}));
			expect(prf, cs == 1 ? "cs1-salt" : "cs2-salt", b);
		}
		for (unsigned i = 0; i < 40; i++)
			inkey[i] = (uint8_t)(i + 1);
		EXPECT_OK(mikey_prf(prf, (struct view){.p = inkey, .n = 40},
		                    (struct view){.p = (const uint8_t *)"label", .n = 5}, a,
		                    prf ? 72 : 60));
		expect(prf, "prf-320", a);
	}
}

/* Gives the random octets that a message needs under `name`: those in the file, or short ones from
 * this table. ctx is not NULL for the sender of RESOLVE_INIT. */
static enum err scripted(void *ctx, const char *name, uint8_t *out, size_t n)
{
	static const struct {
		const char *name, *hex, *known;
	} rows[] = {
		{"kms-csb-id", "11223344", NULL},
		{"csb-id", "99aabbcc", NULL},
		{"mpk-spi", "00000001", NULL},
		{"mpki-spi", "00000011", NULL},
		{"mpkr-spi", "00000012", NULL},
		{"randi-kms", NULL, "RANDRi"},
		{"randi", NULL, "RANDRi"},
		{"randr-kms", NULL, "RANDRr-in-RESOLVE"},
		{"randkms", NULL, "RANDRkms"},
		{"mpk", NULL, "MPK"},
		{"key0", NULL, "TGK"},
		{"ticket-rand", NULL, "ticket-RAND"},
	};
	bool resolving = ctx != NULL;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t small[8];
		struct view v;

		if (strcmp(rows[i].name, name) != 0)
			continue;
		v = rows[i].known ? kat(rows[i].known)
		                  : (struct view){
					    .p = small,
					    .n = test_hex(rows[i].hex, small, sizeof(small)),
				    };
		if (resolving && i == 0)
			v.n = test_hex("55667788", small, sizeof(small));
		if (!EXPECT_INT(n, v.n))
			return ERR_CRYPTO;
		memcpy(out, v.p, n);
		return ERR_OK;
	}
	test_expect(false, __FILE__, __LINE__, "random octets named %s in the table", name);
	return ERR_CRYPTO;
}

static uint64_t last;

/* An environment whose clock shows second `second` plus 1/16. `resolving`: the ctx of
 * scripted(). */
static struct mikey_env at(unsigned second, void *resolving)
{
	last = 0;
	return (struct mikey_env){
		.now_ntp = (uint64_t)(0xe0000000u + second) << 32 | 0x10000000,
		.last_ntp = &last,
		.random = scripted,
		.random_ctx = resolving,
	};
}

static void expect_message(struct view got, const char *name)
{
	struct view want = kat(name);

	test_context("%s", name);
	EXPECT_OCTETS(got.p, got.n, want.p, want.n);
}

static const uint8_t tgk_spi[4] = {0, 0, 0, 2};

static void spec_init(struct ticket_policy_spec *s, struct ticket_wish *wish, struct mikey_id *r)
{
	*wish = (struct ticket_wish){.type = MIKEY_TGK, .len = 32, .spi = {.p = tgk_spi, .n = 4}};
	*r = play_uri(bob);
	*s = (struct ticket_policy_spec){
		.ticket_type = TICKET_TYPE_3GPP,
		.prf = MIKEY_PRF_SHA256,
		.idr_kms = play_uri(kms),
		.idr_i = play_uri(alice),
		.has_start = true,
		.has_end = true,
		.start = {MIKEY_TS_NTP_UTC_32, 0xe0000000},
		.end = {MIKEY_TS_NTP_UTC_32, 0xe0015180},
		.wishes = wish,
		.n_wishes = 1,
		.r = r,
		.n_r = 1,
	};
}

static void policy_init(struct csmap_policy *p)
{
	static const struct {
		enum csmap_param param;
		uint32_t value;
	} rows[] = {{CSMAP_ENCR, 1},          {CSMAP_ENCR_KEY_LEN, 16}, {CSMAP_AUTH, 1},
	            {CSMAP_AUTH_KEY_LEN, 20}, {CSMAP_SALT_LEN, 14},     {CSMAP_PRF, 0},
	            {CSMAP_KDR, 0},           {CSMAP_SRTP_ENCR, 1},     {CSMAP_SRTCP_ENCR, 1},
	            {CSMAP_SRTP_AUTH, 1},     {CSMAP_TAG_LEN, 10}};

	csmap_policy_init(p, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		csmap_policy_set(p, rows[i].param, rows[i].value);
}

static enum err make_offer(struct ticket_initiator **out, const struct ticket_rules *rules,
                           const struct ticket_grant *grant, struct mikey_fault *fault)
{
	const struct ticket_cs cs[2] = {
		{
			.cs_id = 1,
			.n_policies = 1,
			.has_ssrc = true,
			.ssrc = 0xdecafbad,
			.spi = {.p = tgk_spi, .n = 4},
		},
		{.cs_id = 2, .n_policies = 1},
	};
	struct csmap_policy policy;
	struct ticket_initiator_params params = {
		.rules = rules,
		.grant = grant,
		.me = play_uri(alice),
		.peer = play_uri(bob),
		.cs = cs,
		.n_cs = 2,
		.policies = &policy,
		.n_policies = 1,
		.sdp_ids = {.p = (const uint8_t *)"mikey", .n = 5}};
	struct mikey_env env = at(2, NULL);

	policy_init(&policy);
	return ticket_initiator_new(out, &params, &env, fault);
}

static void mode1(void)
{
	struct ticket_rules rules;
	struct ticket_policy_spec spec;
	struct ticket_wish wish;
	struct mikey_id r;
	struct mikey_cred cred_i = {.psk = kat("PSKi"),
	                            .psk_id = octet_id("cmFuZG9tLXJhbmQtMDE=@bsf.home1.example")};
	struct mikey_cred cred_r = {.psk = kat("PSKr"),
	                            .psk_id = octet_id("cmFuZG9tLXJhbmQtMDI=@bsf.home2.example")};
	struct ticket_request_params ask = {.rules = &rules,
	                                    .cred = &cred_i,
	                                    .me = play_uri(alice),
	                                    .kms = play_uri(kms),
	                                    .policy = &spec};
	struct ticket_request *request = NULL;
	struct ticket_grant *grant = NULL, *made = NULL;
	struct ticket_tpk tpk = {.key = kat("TPK"), .id = octet_id("tpk-2026-11")};
	struct ticket_initiator *offer = NULL;
	struct ticket_responder *answer = NULL;
	struct ticket_resolve *resolve = NULL;
	struct ticket_resolution *resolution = NULL;
	struct authority *authority = NULL;
	struct authority_peer peer = {.psk = cred_r.psk,
	                              .owner = play_uri(bob),
	                              .owns_sender = true,
	                              .kms = play_uri(kms)};
	struct authority_resolution how = {.tpk = tpk.key, .tpk_is_kms = true, .may_resolve = true};
	struct mikey_id me = play_uri(bob);
	struct ticket_responder_params answering = {.rules = &rules, .me = &me, .n_me = 1};
	struct ticket_resolve_params resolving = {
		.rules = &rules, .cred = &cred_r, .me = me, .kms = play_uri(kms)};
	struct ticket_csb *csb = NULL;
	struct mikey_env env;
	struct mikey_fault fault = {0};
	struct view out;
	uint8_t room[64];

	ticket_rules_init(&rules);
	rules.algs = mikey_algs_256;
	spec_init(&spec, &wish, &r);
	REQUIRE_OK(ticket_flags_parse(STR("DEFGHINO"), &spec.flags));
	wish.spi = (struct view){.p = (const uint8_t[4]){0}, .n = 4}; /* 0: the KMS chooses */
	env = at(0, NULL);
	REQUIRE_OK(ticket_request_new(&request, &ask, &env, &fault));
	expect_message(ticket_request_octets(request), "REQUEST_INIT_PSK");
	EXPECT_OK(ticket_request_receive(request, kat("REQUEST_RESP"), &grant, &fault));
	REQUIRE(grant != NULL);
	wish.spi = (struct view){.p = tgk_spi, .n = 4};
	env = at(1, NULL);
	REQUIRE_OK(ticket_create(&made, &spec, &tpk, rules.algs, &env, &fault));
	EXPECT_OCTETS(made->body.p, made->body.n, grant->body.p, grant->body.n);
	EXPECT_OCTETS(grant->keys->mpki, 32, made->keys->mpki, 32);
	EXPECT_OCTETS(grant->keys->mpkr, 32, made->keys->mpkr, 32);
	REQUIRE_OK(make_offer(&offer, &rules, grant, &fault));
	expect_message(ticket_initiator_octets(offer), "TRANSFER_INIT");
	env = at(3, &rules);
	answering.now_ntp = env.now_ntp;
	REQUIRE_OK(ticket_responder_new(&answer, &answering, kat("TRANSFER_INIT"), &fault));
	resolving.ticket = ticket_responder_ticket(answer);
	REQUIRE_OK(ticket_resolve_new(&resolve, &resolving, &env, &fault));
	expect_message(ticket_resolve_octets(resolve), "RESOLVE_INIT_PSK");
	env = at(4, &rules);
	REQUIRE_OK(authority_new(&authority, &rules, kat("RESOLVE_INIT_PSK"), env.now_ntp, &fault));
	REQUIRE_OK(authority_verify(authority, &peer, &fault));
	REQUIRE_OK(authority_resolve(authority, &how, &env, &out, &fault));
	expect_message(out, "RESOLVE_RESP");
	REQUIRE_OK(ticket_resolve_receive(resolve, out, &resolution, &fault));
	EXPECT_OK(ticket_responder_resolved(answer, resolution, &fault));
	REQUIRE_OK(ticket_initiator_receive(offer, kat("TRANSFER_RESP"), &csb, &fault));
	for (unsigned cs = 1; cs < 3; cs++) {
		const struct csmap_session *s = ticket_csb_find(csb, cs);
		struct view key = kat(cs == 1 ? "CS1-key" : "CS2-key"),
			    salt = kat(cs == 1 ? "CS1-salt" : "CS2-salt");

		EXPECT_OCTETS(s->master, s->master_len, key.p, key.n);
		EXPECT_OCTETS(s->salt, s->salt_len, salt.p, salt.n);
	}
	env = at(4, &rules);
	REQUIRE_OK(authority_error(NULL, kat("RESOLVE_INIT_PSK"), MIKEY_E_TICKET, &env,
	                           wr_make(room, sizeof(room)), &out));
	expect_message(out, "ERROR-Invalid-TICKET-unauthenticated");
	ticket_csb_free(csb);
	authority_free(authority);
	ticket_resolution_free(resolution);
	ticket_resolve_free(resolve);
	ticket_responder_free(answer);
	ticket_initiator_free(offer);
	ticket_grant_free(made);
	ticket_grant_free(grant);
	ticket_request_free(request);
}

/* Mode 3: the terminal makes the ticket itself, under the key that it shares with the KMS. */
static void mode3(void)
{
	struct ticket_rules rules;
	struct ticket_policy_spec spec;
	struct ticket_wish wish;
	struct mikey_id r;
	struct ticket_tpk tpk = {.key = kat("PSKi"),
	                         .id = octet_id("cmFuZG9tLXJhbmQtMDE=@bsf.home1.example")};
	struct ticket_grant *grant = NULL;
	struct ticket_initiator *offer = NULL;
	struct mikey_env env = at(2, NULL);
	struct mikey_fault fault = {0};

	ticket_rules_init(&rules);
	rules.algs = mikey_algs_256;
	spec_init(&spec, &wish, &r);
	REQUIRE_OK(ticket_flags_parse(STR("EFGHILNO"), &spec.flags));
	REQUIRE_OK(ticket_create(&grant, &spec, &tpk, rules.algs, &env, &fault));
	REQUIRE_OK(make_offer(&offer, &rules, grant, &fault));
	expect_message(ticket_initiator_octets(offer), "MODE3-TRANSFER_INIT");
	ticket_initiator_free(offer);
	ticket_grant_free(grant);
}

TEST_MAIN("ticket_kat", {"derivations", derivations}, {"mode1", mode1}, {"mode3", mode3})
