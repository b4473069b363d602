/* SPDX-License-Identifier: MIT */
/* keyctx/ue: bundles saved and loaded, the choice of a protection, and the parts of
 * descriptions. */
#include "base/secret.h"
#include "keyctx/ticket/csb_save.h"
#include "keyctx/ue/choice.h"
#include "keyctx/ue/desc.h"
#include "keyctx/ue/ue_offer.h"
#include "tests/harness/harness.h"
#include "tests/harness/mikey_vectors.h"

enum { ROOM = 64 * 1024 };

/* Saves and loads the bundle; saving it once more must give the same octets. Frees `c` and returns
 * the loaded bundle. */
static struct ticket_csb *again(struct ticket_csb *c, const struct ticket_rules *rules)
{
	static uint8_t a[ROOM], b[ROOM];
	struct wr w = wr_make(a, sizeof(a)), w2 = wr_make(b, sizeof(b));
	struct ticket_csb *loaded = NULL;
	struct rd r;

	EXPECT_OK(ticket_csb_save(c, &w));
	r = rd_make(a, wr_len(&w));
	EXPECT_OK(ticket_csb_load(&loaded, &r, rules));
	EXPECT(rd_done(&r));
	EXPECT_OK(ticket_csb_save(loaded, &w2));
	EXPECT_OCTETS(b, wr_len(&w2), a, wr_len(&w));
	/* A truncated bundle is refused. */
	for (size_t n = 0; n < wr_len(&w); n += 7) {
		struct ticket_csb *none = NULL;

		r = rd_make(a, n);
		EXPECT_ERR(ticket_csb_load(&none, &r, rules), ERR_SYNTAX);
	}
	ticket_csb_free(c);
	return loaded;
}

/* A re-key in which both ends are saved and loaded between the messages. */
static void kept_between(void)
{
	struct play *p = play_new(play_session("mode1-fork-G"));
	static const uint8_t spi[2] = {0x55, 1}, key[16] = {7};
	struct ticket_cs cs[1] = {{
		.cs_id = 1,
		.n_policies = 1,
		.has_ssrc = true,
		.ssrc = 1,
		.spi = {.p = spi, .n = 2},
	}};
	struct mikey_keys *keys = mikey_keys_new();
	struct ticket_update_params up = {.cs = cs, .n_cs = 1, .keys = keys, .want_response = true};
	struct mikey_env *a = &p->party[PLAY_ALICE].env, *b = &p->party[PLAY_BOB].env;
	uint8_t message[MIKEY_MESSAGE_MAX], before[16];
	enum csb_outcome outcome;
	struct view made, reply;
	size_t n;

	REQUIRE_OK(play_all(p));
	memcpy(before, ticket_csb_session(p->csb[0], 0)->master, sizeof(before));
	p->csb[0] = again(p->csb[0], &p->rules);
	p->csb[1] = again(p->csb[1], &p->rules);
	EXPECT_OCTETS(ticket_csb_session(p->csb[0], 0)->master, 16, before, 16);
	EXPECT_OK(ticket_csb_receive(p->csb[1], play_view(p, PLAY_TRANSFER_INIT), b, &outcome,
	                             &reply, &p->fault));
	EXPECT_INT(outcome, CSB_UNCHANGED);
	REQUIRE_OK(mikey_keys_add(keys, MIKEY_TGK, (struct view){.p = key, .n = 16},
	                          (struct view){0}, (struct view){.p = spi, .n = 2}));
	REQUIRE_OK(ticket_csb_update(p->csb[0], &up, a, &made, &p->fault));
	memcpy(message, made.p, made.n);
	n = made.n;
	p->csb[0] = again(p->csb[0], &p->rules); /* saved while it waits for the answer */
	EXPECT_INT(ticket_csb_state(p->csb[0]), CSB_WAITING);
	REQUIRE_OK(ticket_csb_receive(p->csb[1], (struct view){message, n}, b, &outcome, &reply,
	                              &p->fault));
	memcpy(message, reply.p, reply.n);
	n = reply.n;
	p->csb[1] = again(p->csb[1], &p->rules);
	REQUIRE_OK(ticket_csb_receive(p->csb[0], (struct view){message, n}, a, &outcome, &reply,
	                              &p->fault));
	EXPECT_INT(outcome, CSB_UPDATED);
	EXPECT_OCTETS(ticket_csb_session(p->csb[0], 0)->master, 16,
	              ticket_csb_session(p->csb[1], 0)->master, 16);
	EXPECT(memcmp(ticket_csb_session(p->csb[0], 0)->master, before, 16) != 0);
	mikey_keys_free(keys);
	play_free(p);
}

/* --- the choice of a protection --------------------------------------------- */

#define BIT(p) (1u << UE_##p)
enum { SAYS_NOTHING = UE_PROTECTIONS };

static const struct ue_policy policy = {
	.rules =
		{
			{
				.peer = {"sip:boss@home1.example"},
				.protect = {UE_E2E_KMS},
				.n_protect = 1,
				.strict = true,
			},
			{
				.peer = {"*@home1.example"},
				.protect = {UE_E2E_KMS, UE_E2AE, UE_E2E_SDES},
				.n_protect = 3,
			},
			{.peer = {"*"}, .protect = {UE_E2AE, UE_NONE}, .n_protect = 2},
		},
	.n_rules = 3,
};

static void offers_chosen(void)
{
	static const struct {
		const char *peer;
		unsigned user;
		bool kms, network, has_policy;
		enum err want;
		enum ue_protection got;
	} rows[] = {
		{"sip:boss@home1.example", SAYS_NOTHING, true, true, true, ERR_OK, UE_E2E_KMS},
		{"sip:boss@home1.example", SAYS_NOTHING, false, true, true, ERR_UNSUPPORTED, 0},
		{"sip:boss@home1.example", UE_NONE, true, true, true, ERR_DENIED, 0},
		{"sip:bob@home1.example", SAYS_NOTHING, true, true, true, ERR_OK, UE_E2E_KMS},
		{"sip:bob@home1.example", SAYS_NOTHING, false, true, true, ERR_OK, UE_E2AE},
		{"sip:bob@home1.example", SAYS_NOTHING, false, false, true, ERR_OK, UE_E2E_SDES},
		{"sip:bob@home1.example", UE_NONE, true, true, true, ERR_OK, UE_NONE},
		{"sip:bob@home1.example", UE_E2E_KMS, false, true, true, ERR_UNSUPPORTED, 0},
		{"sip:bob@home1.example", UE_E2AE, true, false, true, ERR_UNSUPPORTED, 0},
		{"sip:eve@other.example", SAYS_NOTHING, true, false, true, ERR_OK, UE_NONE},
		{"sip:eve@other.example", SAYS_NOTHING, true, true, true, ERR_OK, UE_E2AE},
		{"sip:eve@other.example", SAYS_NOTHING, true, true, false, ERR_OK, UE_E2E_KMS},
		{"sip:eve@other.example", SAYS_NOTHING, false, true, false, ERR_UNSUPPORTED, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ue_choosing c = {.policy = rows[i].has_policy ? &policy : NULL,
		                        .peer = play_uri(rows[i].peer),
		                        .user_has_said = rows[i].user != SAYS_NOTHING,
		                        .user = (enum ue_protection)rows[i].user,
		                        .has_kms = rows[i].kms,
		                        .network_does_e2ae = rows[i].network};
		enum ue_protection got = UE_PROTECTIONS;
		struct why why;

		EXPECT_ERR(ue_choose_offer(&c, &got, &why), rows[i].want);
		EXPECT_INT(got, rows[i].want ? UE_PROTECTIONS : rows[i].got);
	}
}

static void answers_chosen(void)
{
	static const struct {
		const char *peer;
		unsigned user, offered;
		enum err want;
		enum ue_protection got;
	} rows[] = {
		{"sip:boss@home1.example", SAYS_NOTHING, BIT(E2E_KMS), ERR_OK, UE_E2E_KMS},
		{"sip:boss@home1.example", SAYS_NOTHING, BIT(E2E_SDES), ERR_DENIED, 0},
		{"sip:boss@home1.example", UE_E2E_SDES, BIT(E2E_SDES), ERR_DENIED, 0},
		{"sip:bob@home1.example", SAYS_NOTHING, BIT(E2E_KMS) | BIT(E2E_SDES), ERR_OK,
	         UE_E2E_KMS},
		{"sip:bob@home1.example", SAYS_NOTHING, BIT(E2E_SDES), ERR_OK, UE_E2E_SDES},
		{"sip:bob@home1.example", SAYS_NOTHING, BIT(NONE), ERR_DENIED, 0},
		{"sip:bob@home1.example", UE_NONE, BIT(NONE), ERR_OK, UE_NONE},
		{"sip:bob@home1.example", UE_E2E_KMS, BIT(NONE), ERR_DENIED, 0},
		{"sip:eve@other.example", SAYS_NOTHING, BIT(NONE), ERR_OK, UE_NONE},
		{"sip:eve@other.example", SAYS_NOTHING, 0, ERR_DENIED, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ue_choosing c = {.policy = &policy,
		                        .peer = play_uri(rows[i].peer),
		                        .user_has_said = rows[i].user != SAYS_NOTHING,
		                        .user = (enum ue_protection)rows[i].user,
		                        .has_kms = true};
		enum ue_protection got = UE_PROTECTIONS;
		struct why why;

		EXPECT_ERR(ue_choose_answer(&c, rows[i].offered, &got, &why), rows[i].want);
		EXPECT_INT(got, rows[i].want ? UE_PROTECTIONS : rows[i].got);
	}
}

/* --- descriptions ----------------------------------------------------------- */

static struct sdp *describe(const char *session, const char *first, const char *second)
{
	char text[1024];
	struct sdp *s = NULL;

	snprintf(text, sizeof(text),
	         "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 "
	         "0\r\n%sm=audio 4000 RTP/SAVP 0\r\n%sm=video 4002 RTP/SAVPF 96\r\n%s",
	         session, first, second);
	EXPECT_OK(ue_desc_parse(&s, str_of(text), NULL));
	return s;
}

static void parts_by_level(void)
{
	static const char mikey[] = "a=key-mgmt:mikey AQAF\r\n",
			  other[] = "a=key-mgmt:keyp1 AQAF\r\n";
	static const struct {
		const char *session, *first, *second;
		enum err want;
		unsigned n;
		struct ue_part parts[2];
	} rows[] = {
		{mikey, "", "", ERR_OK, 1, {{SDP_SESSION, 3}}},
		{"", mikey, mikey, ERR_OK, 2, {{0, 1}, {1, 2}}},
		{mikey, "", mikey, ERR_OK, 2, {{1, 2}, {SDP_SESSION, 1}}},
		{mikey, mikey, mikey, ERR_OK, 2, {{0, 1}, {1, 2}}},
		{"", mikey, "", ERR_NOT_FOUND, 0, {{0, 0}}},
		{other, "", "", ERR_NOT_FOUND, 0, {{0, 0}}},
		{mikey, other, "", ERR_OK, 1, {{SDP_SESSION, 3}}},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sdp *s = describe(rows[i].session, rows[i].first, rows[i].second);
		struct ue_part got[SDP_MEDIA_MAX + 1];
		struct why why;
		unsigned n;

		EXPECT_ERR(ue_desc_parts(s, got, &n, &why), rows[i].want);
		if (!rows[i].want)
			EXPECT_INT(n, rows[i].n);
		for (unsigned k = 0; k < rows[i].n; k++) {
			EXPECT_INT(got[k].section, rows[i].parts[k].section);
			EXPECT_INT(got[k].lines, rows[i].parts[k].lines);
		}
		sdp_free(s);
	}
}

static void offered_bits(void)
{
	static const char mikey[] = "a=key-mgmt:mikey AQAF\r\n",
			  crypto[] = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AA\r\n";
	struct sdp *s = describe(mikey, crypto, crypto);
	char ids[32];

	EXPECT_INT(ue_desc_offered(s), BIT(E2E_KMS) | BIT(E2E_SDES));
	sdp_free(s);
	s = describe("", crypto, mikey);
	EXPECT_INT(ue_desc_offered(s), 0);
	sdp_free(s);
	s = describe("a=key-mgmt:keyp1 AQAF\r\na=key-mgmt:mikey AQAF\r\n", "", mikey);
	EXPECT_OK(ue_desc_protocols(s, SDP_SESSION, ids, sizeof(ids)));
	EXPECT(strcmp(ids, "keyp1;mikey") == 0);
	EXPECT_OK(ue_desc_protocols(s, 1, ids, sizeof(ids)));
	EXPECT(strcmp(ids, "mikey") == 0);
	EXPECT_ERR(ue_desc_protocols(s, SDP_SESSION, ids, 8), ERR_TOO_BIG);
	sdp_free(s);
}

TEST_MAIN("ue", {"bundles-kept-between-two-messages", kept_between},
          {"offers-the-user-then-the-policy", offers_chosen},
          {"answers-the-user-then-the-policy", answers_chosen},
          {"messages-by-level", parts_by_level}, {"what-an-offer-holds", offered_bits})
