/* SPDX-License-Identifier: MIT */
/* Clauses of RFC 6043 and RFC 3830 that no vector covers: which application a ticket is for, SRTP
 * parameters that are not supported, and what an update may hold. */
#include "keyctx/mikey/csmap.h"
#include "keyctx/ue/session.h"
#include "tests/harness/harness.h"
#include "tests/harness/mikey_vectors.h"

/* Alice's ticket for one application; mode 4, so that the responder opens it without a KMS. */
static struct ticket_grant *ticket_for(struct play *p, const struct mikey_id *app, size_t n)
{
	struct play_party *a = &p->party[PLAY_ALICE];
	struct mikey_id r = p->peer;
	struct ticket_policy_spec spec = {.flags = p->grant->policy.tp.flags,
	                                  .prf = p->grant->policy.tp.prf,
	                                  .idr_i = p->grant->policy.idr_i,
	                                  .app = app,
	                                  .n_app = n,
	                                  .r = &r,
	                                  .n_r = 1};
	struct ticket_grant *g = NULL;

	EXPECT_OK(ticket_create(&g, &spec, &a->tpks[0], mikey_algs_128, &a->env, &p->fault));
	return g;
}

/* Bob reads an offer under `grant`. `cipher`: number of the offered SRTP cipher. */
static enum err read_offer(struct play *p, const struct ticket_grant *grant, struct mikey_id app,
                           unsigned cipher)
{
	struct play_party *a = &p->party[PLAY_ALICE], *b = &p->party[PLAY_BOB];
	struct csmap_policy sp;
	struct ticket_cs cs = {.cs_id = 1, .n_policies = 1, .has_ssrc = true, .ssrc = 7};
	struct ticket_initiator_params params = {.rules = &p->rules,
	                                         .grant = grant,
	                                         .me = a->me[0],
	                                         .peer = p->peer,
	                                         .cs = &cs,
	                                         .n_cs = 1,
	                                         .policies = &sp,
	                                         .n_policies = 1};
	struct ticket_responder_params at_bob = {.rules = &p->rules,
	                                         .me = b->me,
	                                         .n_me = b->n_me,
	                                         .app = app,
	                                         .now_ntp = b->env.now_ntp};
	struct ticket_initiator *offer = NULL;
	struct ticket_responder *answer = NULL;
	enum err e;

	csmap_policy_from_suite(&sp, 0, suite_get(SUITE_AES_CM_128_HMAC_SHA1_80));
	csmap_policy_set(&sp, CSMAP_ENCR, cipher);
	CHECK(!ticket_initiator_new(&offer, &params, &a->env, &p->fault));
	e = ticket_responder_new(&answer, &at_bob, ticket_initiator_octets(offer), &p->fault);
	ticket_responder_free(answer);
	ticket_initiator_free(offer);
	return e;
}

enum { AES_CM = 1, NO_CIPHER = 5 };

/* IDRapp: a terminal refuses a ticket for other applications, also if it has none configured. */
static void applications(void)
{
	const struct mikey_id phone = play_uri("urn:phone"), chat = play_uri("urn:chat"),
			      none = {0}, both[] = {phone, chat};
	const struct {
		const char *what;
		size_t n; /* IDRapp of the ticket, the first ones of `both` */
		struct mikey_id mine;
		enum err want;
	} rows[] = {
		{"no IDRapp, none configured", 0, none, ERR_OK},
		{"no IDRapp", 0, phone, ERR_OK},
		{"mine", 1, phone, ERR_OK},
		{"mine is second", 2, chat, ERR_OK},
		{"another", 1, chat, ERR_DENIED},
		{"none configured", 1, none, ERR_DENIED},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct play *p = play_new(play_session("mode4"));
		struct ticket_grant *g;

		p->fresh_random = true;
		REQUIRE_OK(play_create(p));
		g = ticket_for(p, both, rows[i].n);
		test_context("%s", rows[i].what);
		EXPECT_ERR(read_offer(p, g, rows[i].mine, AES_CM), rows[i].want);
		if (rows[i].want)
			EXPECT_INT(p->fault.no, MIKEY_E_ID);
		ticket_grant_free(g);
		play_free(p);
	}
}

/* A cipher that is not supported is "Invalid SPpar" (10): only an SP of another protocol than SRTP
 * is "Invalid SP" (RFC 3830 6.12). */
static void an_unknown_cipher(void)
{
	struct play *p = play_new(play_session("mode4"));

	p->fresh_random = true;
	REQUIRE_OK(play_create(p));
	EXPECT_ERR(read_offer(p, p->grant, (struct mikey_id){0}, NO_CIPHER), ERR_UNSUPPORTED);
	EXPECT_INT(p->fault.no, MIKEY_E_SPPAR);
	play_free(p);
}

/* Never valid: start after end. */
static void a_ticket_that_ends_before_it_starts(void)
{
	struct play *p = play_new(play_session("mode4"));
	struct play_party *a = &p->party[PLAY_ALICE];
	struct mikey_id r = p->peer;
	struct ticket_policy_spec spec = {.idr_i = a->me[0],
	                                  .has_start = true,
	                                  .has_end = true,
	                                  .start = {MIKEY_TS_NTP_UTC_32, 1001},
	                                  .end = {MIKEY_TS_NTP_UTC_32, 1000},
	                                  .r = &r,
	                                  .n_r = 1};
	struct ticket_grant *g = NULL;

	p->fresh_random = true;
	REQUIRE_OK(play_create(p));
	spec.flags = p->grant->policy.tp.flags;
	EXPECT_ERR(ticket_create(&g, &spec, &a->tpks[0], mikey_algs_128, &a->env, &p->fault),
	           ERR_INVALID);
	EXPECT_INT(p->fault.no, MIKEY_E_TPPAR);
	spec.end.value = 1001;
	EXPECT_OK(ticket_create(&g, &spec, &a->tpks[0], mikey_algs_128, &a->env, &p->fault));
	ticket_grant_free(g);
	play_free(p);
}

/* Copies the message `in` to `out` with one more payload behind T, of that type and content. */
static size_t with_payload(struct view in, unsigned type, const uint8_t *content, size_t n,
                           uint8_t *out)
{
	static struct mikey_msg m;
	struct wr w = wr_make(out, MIKEY_MESSAGE_MAX);
	const struct mikey_payload *t;
	size_t end;

	CHECK(!mikey_msg_read(&m, in, NULL));
	t = mikey_msg_find(&m, MIKEY_T);
	end = t->offset + t->octets.n;
	wr_octets(&w, in.p, end);
	out[t->offset] = (uint8_t)type;
	wr_u8(&w, t->octets.p[0]);
	wr_octets(&w, content, n);
	wr_octets(&w, in.p + end, in.n - end);
	CHECK(wr_ok(&w));
	return wr_len(&w);
}

/* RFC 6043 5.2: an update has no new random values, whoever made those of the first exchange. The
 * first check that a repeated value does not pass is that of the MAC, which it is not part of. */
static void random_values_of_updates(void)
{
	enum { NEW, OLD, EMPTY };
	static const struct {
		const char *what;
		unsigned type, role, kind;
		enum err want;
	} rows[] = {
		{"new RANDRi", MIKEY_RANDR, MIKEY_ROLE_I, NEW, ERR_INVALID},
		{"new RANDRr", MIKEY_RANDR, MIKEY_ROLE_R, NEW, ERR_INVALID},
		{"new RANDRkms", MIKEY_RANDR, MIKEY_ROLE_KMS, NEW, ERR_INVALID},
		{"empty RANDRkms", MIKEY_RANDR, MIKEY_ROLE_KMS, EMPTY, ERR_INVALID},
		{"RANDR of another role", MIKEY_RANDR, MIKEY_ROLE_APP, NEW, ERR_INVALID},
		{"RAND", MIKEY_RAND, 0, NEW, ERR_INVALID},
		{"same RANDRi", MIKEY_RANDR, MIKEY_ROLE_I, OLD, ERR_AUTH},
		{"same RANDRr", MIKEY_RANDR, MIKEY_ROLE_R, OLD, ERR_AUTH},
		{"same RANDRkms", MIKEY_RANDR, MIKEY_ROLE_KMS, OLD, ERR_AUTH},
	};
	struct play *p = play_new(play_session("mode1-fork-G"));
	struct mikey_env *a = &p->party[PLAY_ALICE].env, *b = &p->party[PLAY_BOB].env;
	static uint8_t octets[MIKEY_MESSAGE_MAX];
	static struct mikey_msg init, resp;
	struct ticket_cs cs = {.cs_id = 1, .n_policies = 1, .has_ssrc = true, .ssrc = 1};
	struct ticket_update_params up = {.cs = &cs, .n_cs = 1, .want_response = true};
	struct view made;

	REQUIRE_OK(play_all(p));
	p->fresh_random = true;
	cs.spi = (struct view){ticket_csb_session(p->csb[0], 0)->spi,
	                       ticket_csb_session(p->csb[0], 0)->spi_len};
	REQUIRE_OK(mikey_msg_read(&init, play_view(p, PLAY_TRANSFER_INIT), NULL));
	REQUIRE_OK(mikey_msg_read(&resp, play_view(p, PLAY_TRANSFER_RESP), NULL));
	REQUIRE_OK(ticket_csb_update(p->csb[0], &up, a, &made, &p->fault));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct view old = mikey_msg_rand_of(rows[i].role == MIKEY_ROLE_I ? &init : &resp,
		                                    rows[i].role);
		uint8_t content[2 + UINT8_MAX];
		struct wr w = wr_make(content, sizeof(content));
		enum csb_outcome outcome;
		struct view reply;
		size_t n;

		if (rows[i].type == MIKEY_RANDR)
			wr_u8(&w, (uint8_t)rows[i].role);
		if (rows[i].kind == OLD) {
			wr_u8(&w, (uint8_t)old.n);
			wr_view(&w, old);
		} else {
			static const uint8_t other[16] = {1, 2, 3};

			wr_u8(&w, rows[i].kind == EMPTY ? 0 : sizeof(other));
			wr_octets(&w, other, rows[i].kind == EMPTY ? 0 : sizeof(other));
		}
		n = with_payload(made, rows[i].type, content, wr_len(&w), octets);
		test_context("%s", rows[i].what);
		EXPECT_ERR(ticket_csb_receive(p->csb[1], (struct view){octets, n}, b, &outcome,
		                              &reply, &p->fault),
		           rows[i].want);
	}
	play_free(p);
}

static struct sdp *description(struct view mikey)
{
	static const char text[] = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 "
				   "192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 0\r\n";
	struct sdp *s = NULL;
	struct why why;

	CHECK(!sdp_parse(&s, str_of(text), &why));
	if (mikey.n)
		CHECK(!ue_desc_put(s, SDP_SESSION, mikey, &why));
	return s;
}

/* The terminal sends no message in answer to an update with V=0, nor to its repetition; a repeated
 * message of the first exchange gets its answer again (TS 33.328 7.4). */
static void an_update_without_answer(void)
{
	struct play *p = play_new(play_session("mode1-fork-G"));
	struct ue_session *s = ue_session_new(UE_E2E_KMS, false, 1);
	struct ue_env env = {.mikey = p->party[PLAY_BOB].env};
	struct ticket_cs cs[MIKEY_CS_MAX];
	struct ticket_update_params up = {.cs = cs, .want_response = false};
	static uint8_t first[MIKEY_MESSAGE_MAX], update[MIKEY_MESSAGE_MAX];
	struct view made, messages[3];
	bool changed;

	REQUIRE(s);
	REQUIRE_OK(play_all(p));
	p->fresh_random = true;
	s->n_parts = 1;
	s->parts[0].at = (struct ue_part){SDP_SESSION, 1};
	s->parts[0].csb = p->csb[1];
	p->csb[1] = NULL;
	for (; up.n_cs < ticket_csb_count(p->csb[0]); up.n_cs++) {
		const struct csmap_session *was = ticket_csb_session(p->csb[0], up.n_cs);

		cs[up.n_cs] = (struct ticket_cs){.cs_id = was->cs_id,
		                                 .policies = {was->policy.no},
		                                 .n_policies = 1,
		                                 .has_ssrc = true,
		                                 .ssrc = was->ssrc,
		                                 .spi = {was->spi, was->spi_len}};
	}
	messages[0] = play_view(p, PLAY_TRANSFER_INIT);
	memcpy(first, messages[0].p, messages[0].n);
	messages[0].p = first;
	REQUIRE_OK(ticket_csb_update(p->csb[0], &up, &p->party[PLAY_ALICE].env, &made, &p->fault));
	memcpy(update, made.p, made.n);
	messages[1] = messages[2] = (struct view){update, made.n};
	for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
		struct sdp *theirs = description(messages[i]),
			   *ours = description((struct view){0});
		struct keymgmt got = {0};
		struct why why;

		test_context("message %zu", i);
		EXPECT_OK(ue_session_take(s, &(struct ue_exchange){theirs, ours}, &env, &changed,
		                          &why));
		EXPECT_INT(changed, i == 1);
		EXPECT_ERR(ue_desc_get(ours, SDP_SESSION, &got, NULL),
		           i == 0 ? ERR_OK : ERR_NOT_FOUND);
		keymgmt_clear(&got);
		sdp_free(theirs);
		sdp_free(ours);
	}
	ue_session_free(s);
	play_free(p);
}

TEST_MAIN("ticket_clauses", {"applications", applications},
          {"an unknown cipher", an_unknown_cipher},
          {"a ticket that ends before it starts", a_ticket_that_ends_before_it_starts},
          {"random values of updates", random_values_of_updates},
          {"an update without answer", an_update_without_answer})
