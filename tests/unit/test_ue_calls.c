/* SPDX-License-Identifier: MIT */
/* keyctx/ue: whole calls between two terminals that share a ticket key (mode 4), without a KMS, and
 * what a refused message changes. */
#include "base/mem.h"
#include "base/secret.h"
#include "keyctx/ue/answer.h"
#include "keyctx/ue/seen.h"
#include "keyctx/ue/ue_offer.h"
#include "tests/harness/harness.h"
#include "tests/harness/mikey_vectors.h"

enum { ROOM = 64 * 1024 };

static const uint8_t shared[32] = {0x70, 0x71, 0x72};

/* A terminal; both share one ticket key. `seen` is its replay cache. */
struct side {
	uint8_t seen[8 * 1024];
	size_t n_seen;
	struct ue_identity id;
	struct ue_tpk tpk;
	struct ue_env env;
	uint64_t last;
};

static enum err no_kms(void *ctx, enum ue_question question, struct view octets, struct buf *answer,
                       struct why *why)
{
	(void)ctx, (void)question, (void)octets, (void)answer;
	return why_fail(why, ERR_IO, "this test has no KMS");
}

static enum err remember(void *ctx, const struct ue_mark *marks, size_t n, struct why *why)
{
	struct side *s = ctx;
	struct wr w = wr_make(s->seen + s->n_seen, sizeof(s->seen) - s->n_seen);
	enum err e = ue_seen_check((struct view){s->seen, s->n_seen}, marks, n,
	                           s->env.mikey.now_ntp, why);

	for (size_t i = 0; i < n && !e; i++)
		ue_seen_write(&w, &marks[i], s->env.mikey.now_ntp);
	s->n_seen += wr_len(&w);
	return e;
}

static void side_init(struct side *s, const char *me, const char *peer)
{
	*s = (struct side){.tpk = {.tpk = {.key = {shared, sizeof(shared)},
	                                   .id = {.type = MIKEY_ID_BYTES,
	                                          .data = {(const uint8_t *)"us-two", 6}}},
	                           .owner = play_uri(peer)}};
	s->id = (struct ue_identity){.me = play_uri(me), .tpks = &s->tpk, .n_tpks = 1};
	ticket_rules_init(&s->id.rules);
	s->env = (struct ue_env){.mikey = {.now_ntp = 0xe5000000ull << 32,
	                                   .last_ntp = &s->last,
	                                   .random = mikey_random_system},
	                         .ask = no_kms,
	                         .remember = remember,
	                         .remember_ctx = s};
}

static struct sdp *describe(unsigned lines)
{
	char text[512];
	struct sdp *s = NULL;
	int n = snprintf(
		text, sizeof(text),
		"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n");

	for (unsigned m = 0; m < lines; m++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "m=audio %u RTP/AVP 0\r\n",
		              4000 + 2 * m);
	EXPECT_OK(ue_desc_parse(&s, str_of(text), NULL));
	return s;
}

/* A call: both terminals, their descriptions, and their sessions. */
struct call {
	struct side alice, bob;
	struct sdp *offer, *answer;
	struct ue_offer *offered;
	struct ue_session *caller, *called;
};

static void call_init(struct call *c)
{
	*c = (struct call){.offer = NULL};
	side_init(&c->alice, "sip:alice@home1.example", "sip:bob@home1.example");
	side_init(&c->bob, "sip:bob@home1.example", "sip:alice@home1.example");
}

/* Makes an offer with `grant`, or with a new ticket if `grant` is NULL. */
static void call_offer(struct call *c, enum ue_level level, const struct ticket_grant *grant)
{
	struct ue_wish wish = {.peer = play_uri("sip:bob@home1.example"),
	                       .protection = UE_E2E_KMS,
	                       .suite = suite_find(STR("AES_CM_128_HMAC_SHA1_80")),
	                       .level = level,
	                       .ticket = {.mode = 4, .lifetime_s = 3600},
	                       .grant = grant};

	ue_offer_free(c->offered);
	sdp_free(c->offer);
	c->offered = NULL;
	c->offer = describe(2);
	wish.id = &c->alice.id;
	REQUIRE_OK(ue_offer_new(&c->offered, &wish, c->offer, &c->alice.env, NULL));
}

static enum err call_answer(struct call *c, struct ue_session **out, struct why *why)
{
	sdp_free(c->answer);
	c->answer = describe(2);
	return ue_answer_new(out,
	                     &(struct ue_answering){.id = &c->bob.id,
	                                            .protection = UE_E2E_KMS,
	                                            .offer = c->offer,
	                                            .local = c->answer},
	                     &c->bob.env, why);
}

static void call_up(struct call *c, enum ue_level level)
{
	struct why why = {""};

	call_init(c);
	call_offer(c, level, NULL);
	EXPECT_OK(call_answer(c, &c->called, &why));
	REQUIRE_OK(ue_offer_answered(c->offered, c->answer, &c->caller, &why));
}

static void call_free(struct call *c)
{
	ue_session_free(c->caller);
	ue_session_free(c->called);
	ue_offer_free(c->offered);
	sdp_free(c->offer);
	sdp_free(c->answer);
}

static size_t save(const struct ue_session *s, uint8_t *room)
{
	struct wr w = wr_make(room, ROOM);

	EXPECT_OK(ue_session_save(s, &w));
	return wr_len(&w);
}

/* Makes an authentic update of one part of the caller's session: new keys for the first `n_cs` of
 * its crypto sessions only. */
static void update_part(struct call *c, unsigned part, size_t n_cs, struct sdp *into)
{
	static const uint8_t key[32] = {9}, spi[2] = {1, 2};
	struct ticket_csb *csb = c->caller->parts[part].csb;
	size_t key_n = mikey_default_key_len(ticket_csb_algs(csb).prf);
	struct mikey_keys *keys = mikey_keys_new();
	struct ticket_cs cs[MIKEY_CS_MAX];
	struct ticket_update_params up = {
		.cs = cs, .n_cs = n_cs, .keys = keys, .want_response = true};
	struct mikey_fault fault = {0};
	struct view octets;

	for (size_t i = 0; i < n_cs; i++) {
		const struct csmap_session *old = ticket_csb_session(csb, i);

		cs[i] = (struct ticket_cs){.cs_id = old->cs_id,
		                           .policies = {old->policy.no},
		                           .n_policies = 1,
		                           .has_ssrc = true,
		                           .ssrc = old->ssrc,
		                           .spi = {spi, sizeof(spi)}};
	}
	REQUIRE_OK(mikey_keys_add(keys, MIKEY_TGK, (struct view){key, key_n}, (struct view){0},
	                          (struct view){spi, sizeof(spi)}));
	REQUIRE_OK(ticket_csb_update(csb, &up, &c->alice.env.mikey, &octets, &fault));
	REQUIRE_OK(ue_desc_put(into, c->caller->parts[part].at.section, octets, NULL));
	mikey_keys_free(keys);
}

/* Sends `offer` to the called terminal, which must refuse it and keep every octet of its state. */
static void refused_unchanged(struct call *c, const struct sdp *offer, const char *words)
{
	static uint8_t before[ROOM], after[ROOM];
	size_t n = save(c->called, before);
	struct sdp *ours = describe(2);
	struct why why = {""};
	bool changed = true;

	EXPECT(ue_session_take(c->called, &(struct ue_exchange){offer, ours}, &c->bob.env, &changed,
	                       &why) != ERR_OK);
	EXPECT(!changed);
	if (!strstr(why.text, words))
		EXPECT_TEXT(why.text, words);
	EXPECT_OCTETS(after, save(c->called, after), before, n);
	sdp_free(ours);
}

/* An authentic update that leaves an m-line without keys. */
static void an_update_without_a_session(void)
{
	struct call c;
	struct sdp *offer = describe(2);

	call_up(&c, UE_LEVEL_SESSION);
	REQUIRE_OK(ue_desc_prepare(offer, true, NULL));
	update_part(&c, 0, 3, offer);
	refused_unchanged(&c, offer, "m= line 2 has no crypto session");
	sdp_free(offer);
	call_free(&c);
}

/* The first message of an update is good, the second is not. */
static void an_update_half_good(void)
{
	struct call c;
	struct sdp *offer = describe(2);

	call_up(&c, UE_LEVEL_MEDIA);
	REQUIRE_OK(ue_desc_prepare(offer, true, NULL));
	update_part(&c, 0, 2, offer);
	/* The second message is the good one of the first m-line: another CSB ID. */
	{
		struct keymgmt k = {0};

		REQUIRE_OK(ue_desc_get(offer, 0, &k, NULL));
		REQUIRE_OK(ue_desc_put(offer, 1, (struct view){k.octets, k.len}, NULL));
		keymgmt_clear(&k);
	}
	refused_unchanged(&c, offer, "the update is refused");
	sdp_free(offer);
	call_free(&c);
}

/* An answer to an update that is good for the first m-line only. */
static void an_answer_half_good(void)
{
	static uint8_t before[ROOM], after[ROOM];
	struct call c;
	struct sdp *offer = describe(2), *answer = describe(2);
	struct why why = {""};
	bool changed = true;
	size_t n;

	call_up(&c, UE_LEVEL_MEDIA);
	REQUIRE_OK(ue_session_update(c.caller, UE_UPDATE_REKEY, offer, &c.alice.env, &why));
	REQUIRE_OK(ue_session_take(c.called, &(struct ue_exchange){offer, answer}, &c.bob.env,
	                           &changed, &why));
	n = save(c.caller, before);
	EXPECT_INT(sdp_attr_remove(answer, 1, "key-mgmt"), 1);
	EXPECT(ue_session_answered(c.caller, answer, &c.alice.env, &changed, &why) != ERR_OK);
	EXPECT(!changed);
	EXPECT_OCTETS(after, save(c.caller, after), before, n);
	sdp_free(offer);
	sdp_free(answer);
	call_free(&c);
}

/* --- the replay cache ------------------------------------------------------- */

/* Answers the offer; it must give `want`, with these words. */
static void answers(struct call *c, enum err want, const char *words)
{
	struct ue_session *s = NULL;
	struct why why = {""};

	EXPECT_ERR(call_answer(c, &s, &why), want);
	EXPECT(!s == (want != ERR_OK));
	if (!strstr(why.text, words))
		EXPECT_TEXT(why.text, words);
	ue_session_free(s);
}

static void an_offer_is_answered_once(void)
{
	struct call c;
	size_t n;

	call_init(&c);
	for (unsigned level = UE_LEVEL_SESSION; level <= UE_LEVEL_MEDIA; level++) {
		call_offer(&c, (enum ue_level)level, NULL);
		answers(&c, ERR_OK, "");
		n = c.bob.n_seen;
		answers(&c, ERR_REPLAY, "the offer is a replay");
		EXPECT_INT(c.bob.n_seen, n);
	}
	/* Another terminal with the same offer, as in a forked call. */
	c.bob.n_seen = 0;
	answers(&c, ERR_OK, "");
	/* Nothing to remember with: refused. */
	call_offer(&c, UE_LEVEL_SESSION, NULL);
	c.bob.env.remember = NULL;
	answers(&c, ERR_INVALID, "replay cache");
	call_free(&c);
}

/* One of the messages of an offer is repeated in another offer. */
static void a_message_of_another_offer(void)
{
	struct keymgmt k = {0};
	struct call c;

	call_init(&c);
	call_offer(&c, UE_LEVEL_MEDIA, NULL);
	answers(&c, ERR_OK, "");
	REQUIRE_OK(ue_desc_get(c.offer, 1, &k, NULL));
	call_offer(&c, UE_LEVEL_MEDIA, NULL);
	EXPECT_INT(sdp_attr_remove(c.offer, 1, "key-mgmt"), 1);
	REQUIRE_OK(ue_desc_put(c.offer, 1, (struct view){k.octets, k.len}, NULL));
	answers(&c, ERR_REPLAY, "the offer is a replay");
	/* The same message for both m-lines. */
	EXPECT_INT(sdp_attr_remove(c.offer, 0, "key-mgmt"), 1);
	REQUIRE_OK(ue_desc_put(c.offer, 0, (struct view){k.octets, k.len}, NULL));
	c.bob.n_seen = 0;
	answers(&c, ERR_REPLAY, "the offer is a replay");
	keymgmt_clear(&k);
	call_free(&c);
}

static struct ticket_grant *ticket(struct call *c, bool reuse)
{
	struct mikey_id bob = play_uri("sip:bob@home1.example");
	struct ue_ticket_wish wish = {
		.mode = 4, .r = &bob, .n_r = 1, .lifetime_s = 3600, .reuse = reuse};
	struct ticket_grant *g = NULL;

	EXPECT_OK(ue_ticket_get(&g, &c->alice.id, &wish, &c->alice.env, NULL));
	return g;
}

/* A caller that uses a ticket without flag J for a second call (RFC 6043 5.3). */
static void a_ticket_without_j_serves_once(void)
{
	struct call c;

	for (unsigned reuse = 0; reuse < 2; reuse++) {
		struct ticket_grant *g;

		call_init(&c);
		g = ticket(&c, reuse);
		call_offer(&c, UE_LEVEL_SESSION, g);
		answers(&c, ERR_OK, "");
		call_offer(&c, UE_LEVEL_SESSION, g);
		answers(&c, reuse ? ERR_OK : ERR_DENIED, reuse ? "" : "flag J (reuse) is not set");
		ticket_grant_free(g);
		call_free(&c);
	}
}

/* The clock is set back: offers that had expired stay refused, also after the records are gone. */
static void a_clock_that_goes_back(void)
{
	const uint64_t hour = 3600ull << 32;
	uint8_t room[16 * 1024];
	struct wr w = wr_make(room, sizeof(room));
	struct sdp *old;
	struct call c;

	call_init(&c);
	call_offer(&c, UE_LEVEL_SESSION, NULL);
	answers(&c, ERR_OK, "");
	old = c.offer;
	c.offer = NULL;
	c.alice.env.mikey.now_ntp += 2 * hour;
	c.bob.env.mikey.now_ntp += 2 * hour;
	call_offer(&c, UE_LEVEL_SESSION, NULL);
	answers(&c, ERR_OK, "");
	EXPECT_INT(c.bob.n_seen, 4 * UE_SEEN_RECORD);
	ue_seen_shrink(&w, (struct view){c.bob.seen, c.bob.n_seen}, c.bob.env.mikey.now_ntp);
	/* The record of the time, and the two marks of the second offer. */
	EXPECT_INT(wr_len(&w), 3 * UE_SEEN_RECORD);
	memcpy(c.bob.seen, room, wr_len(&w));
	c.bob.n_seen = wr_len(&w);
	c.bob.env.mikey.now_ntp -= 2 * hour;
	sdp_free(c.offer);
	c.offer = old;
	answers(&c, ERR_EXPIRED, "the clock has gone back");
	call_free(&c);
}

static void records_of_any_form(void)
{
	uint8_t room[3 * UE_SEEN_RECORD] = {0};
	struct wr w = wr_make(room, sizeof(room));
	struct ue_mark m = {.kind = UE_MARK_MESSAGE, .key = {1}};
	struct why why = {""};

	ue_seen_write(&w, &m, 5);
	for (size_t n = 0; n < UE_SEEN_RECORD; n++)
		EXPECT_OK(ue_seen_check((struct view){room, n}, &m, 1, 5, &why));
	EXPECT_ERR(ue_seen_check((struct view){room, UE_SEEN_RECORD}, &m, 1, 5, &why), ERR_REPLAY);
	m.kind = UE_MARK_TICKET;
	EXPECT_OK(ue_seen_check((struct view){room, UE_SEEN_RECORD}, &m, 1, 5, &why));
	room[0] = 3;
	EXPECT_ERR(ue_seen_check((struct view){room, UE_SEEN_RECORD}, &m, 1, 5, &why), ERR_SYNTAX);
	EXPECT(strstr(why.text, "unknown record 3 at octet 0"));
}

/* --- refused offers --------------------------------------------------------- */

enum fault { WRONG_NAME, OLD, NO_KEY, WRONG_KEY, CHANGED, PROTOCOLS, AGAIN, TICKET_TWICE, FAULTS };

static void break_offer(struct call *c, unsigned fault, const struct ticket_grant *g)
{
	static const uint8_t other[32] = {1};
	struct keymgmt k = {0};
	struct ue_session *s = NULL;

	if (fault == WRONG_NAME)
		c->bob.id.me = play_uri("sip:carol@home1.example");
	else if (fault == OLD)
		c->bob.env.mikey.now_ntp += 301ull << 32;
	else if (fault == NO_KEY)
		c->bob.id.n_tpks = 0;
	else if (fault == WRONG_KEY)
		c->bob.tpk.tpk.key.p = other;
	else if (fault == PROTOCOLS)
		REQUIRE_OK(sdp_attr_add(c->offer, SDP_SESSION, "key-mgmt", STR("keyp1 AAAA")));
	if (fault == AGAIN || fault == TICKET_TWICE)
		EXPECT_OK(call_answer(c, &s, NULL));
	if (fault == TICKET_TWICE)
		call_offer(c, UE_LEVEL_SESSION, g);
	ue_session_free(s);
	if (fault != CHANGED)
		return;
	REQUIRE_OK(ue_desc_get(c->offer, SDP_SESSION, &k, NULL));
	EXPECT_INT(sdp_attr_remove(c->offer, SDP_SESSION, "key-mgmt"), 1);
	k.octets[k.len - 1] ^= 1;
	REQUIRE_OK(ue_desc_put(c->offer, SDP_SESSION, (struct view){k.octets, k.len}, NULL));
	keymgmt_clear(&k);
}

/* A refused offer gets an answer with port 0 and a MIKEY Error, which the caller reads. */
static void refusals(void)
{
	static const struct {
		enum mikey_error no;
		bool has_mac;
		const char *words;
	} rows[FAULTS] = {
		[WRONG_NAME] = {MIKEY_E_ID, false, "an identity is not its own"},
		[OLD] = {MIKEY_E_TS, false, "check the clocks"},
		[NO_KEY] = {MIKEY_E_TICKET, false, "does not accept the ticket"},
		[WRONG_KEY] = {MIKEY_E_TICKET, false, "does not accept the ticket"},
		[CHANGED] = {MIKEY_E_AUTH, false, "could not authenticate"},
		[PROTOCOLS] = {MIKEY_E_AUTH, true, "could not authenticate"},
		[AGAIN] = {MIKEY_E_TS, false, "it has seen the message before"},
		[TICKET_TWICE] = {MIKEY_E_TPPAR, false, "the ticket was used before"},
	};

	for (unsigned i = 0; i < FAULTS; i++) {
		struct ue_refusal refusal = {.is_written = false};
		struct ue_session *s = NULL;
		struct ticket_grant *g;
		struct why why = {""};
		struct call c;

		test_context("fault %u", i);
		call_init(&c);
		g = ticket(&c, false);
		call_offer(&c, UE_LEVEL_SESSION, g);
		break_offer(&c, i, g);
		sdp_free(c.answer);
		c.answer = describe(2);
		EXPECT(ue_answer_new(&s,
		                     &(struct ue_answering){.id = &c.bob.id,
		                                            .protection = UE_E2E_KMS,
		                                            .offer = c.offer,
		                                            .local = c.answer,
		                                            .refusal = &refusal},
		                     &c.bob.env, &why) != ERR_OK);
		EXPECT(refusal.is_written);
		EXPECT_INT(refusal.no, rows[i].no);
		EXPECT_INT(c.answer->media[0].port + c.answer->media[1].port, 0);
		EXPECT_ERR(ue_offer_answered(c.offered, c.answer, &c.caller, &why),
		           rows[i].has_mac ? ERR_DENIED : ERR_AUTH);
		EXPECT(strstr(why.text, "the called side refused the offer"));
		if (!strstr(why.text, rows[i].words))
			EXPECT_TEXT(why.text, rows[i].words);
		ticket_grant_free(g);
		call_free(&c);
	}
}

/* The called side refuses the policy: the Error names the policies that it supports. */
static void a_refused_policy(void)
{
	struct ue_refusal refusal = {.is_written = false};
	struct mikey_msg *m = mem_alloc(sizeof(*m));
	struct keymgmt k = {0};
	struct ue_session *s = NULL;
	struct why why = {""};
	struct call c;
	size_t at = 0;

	call_init(&c);
	call_offer(&c, UE_LEVEL_SESSION, NULL);
	REQUIRE_OK(ue_desc_get(c.offer, SDP_SESSION, &k, NULL));
	EXPECT_INT(sdp_attr_remove(c.offer, SDP_SESSION, "key-mgmt"), 1);
	REQUIRE_OK(mikey_msg_read(m, (struct view){k.octets, k.len}, NULL));
	at = (size_t)(mikey_msg_find(m, MIKEY_SP)->u.sp.params.p - k.octets);
	k.octets[at + 2] = 99; /* the first parameter: the cipher */
	REQUIRE_OK(ue_desc_put(c.offer, SDP_SESSION, (struct view){k.octets, k.len}, NULL));
	keymgmt_clear(&k);
	c.answer = describe(2);
	EXPECT(ue_answer_new(&s,
	                     &(struct ue_answering){.id = &c.bob.id,
	                                            .protection = UE_E2E_KMS,
	                                            .offer = c.offer,
	                                            .local = c.answer,
	                                            .refusal = &refusal},
	                     &c.bob.env, &why) != ERR_OK);
	EXPECT(refusal.is_written);
	EXPECT(refusal.no == MIKEY_E_SP || refusal.no == MIKEY_E_SPPAR);
	REQUIRE_OK(ue_desc_get(c.answer, SDP_SESSION, &k, NULL));
	REQUIRE_OK(mikey_msg_read(m, (struct view){k.octets, k.len}, NULL));
	EXPECT(mikey_msg_find(m, MIKEY_SP) != NULL);
	keymgmt_clear(&k);
	mem_free(m);
	call_free(&c);
}

/* The Error answers one of two messages, and the caller finds it. */
static void a_refused_media(void)
{
	struct ue_refusal refusal = {.is_written = false};
	struct ue_session *s = NULL;
	struct keymgmt k = {0};
	struct why why = {""};
	struct call c;

	call_init(&c);
	call_offer(&c, UE_LEVEL_MEDIA, NULL);
	REQUIRE_OK(ue_desc_get(c.offer, 1, &k, NULL));
	EXPECT_INT(sdp_attr_remove(c.offer, 1, "key-mgmt"), 1);
	k.octets[k.len - 1] ^= 1;
	REQUIRE_OK(ue_desc_put(c.offer, 1, (struct view){k.octets, k.len}, NULL));
	keymgmt_clear(&k);
	c.answer = describe(2);
	EXPECT_ERR(ue_answer_new(&s,
	                         &(struct ue_answering){.id = &c.bob.id,
	                                                .protection = UE_E2E_KMS,
	                                                .offer = c.offer,
	                                                .local = c.answer,
	                                                .refusal = &refusal},
	                         &c.bob.env, &why),
	           ERR_AUTH);
	EXPECT(refusal.is_written && !sdp_has_attr(c.answer, 0, "key-mgmt") &&
	       sdp_has_attr(c.answer, 1, "key-mgmt"));
	EXPECT_ERR(ue_offer_answered(c.offered, c.answer, &c.caller, &why), ERR_AUTH);
	EXPECT(strstr(why.text, "MIKEY error 0, Auth failure; not authenticated"));
	EXPECT_INT(c.bob.n_seen, 0);
	call_free(&c);
}

/* --- IDRapp ----------------------------------------------------------------- */

static void applications(void)
{
	static const struct {
		const char *mine, *ticket[2];
		enum err want;
	} rows[] = {
		{NULL, {NULL}, ERR_OK},
		{"app:one", {NULL}, ERR_OK},
		{"app:one", {"app:one"}, ERR_OK},
		{"app:one", {"app:two", "app:one"}, ERR_OK},
		{"app:one", {"app:two"}, ERR_DENIED},
		{NULL, {"app:one"}, ERR_DENIED},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ticket_policy_spec spec;
		struct ticket_grant *plain, *g = NULL;
		struct mikey_id apps[2];
		struct mikey_fault fault;
		struct ue_wish wish = {.peer = play_uri("sip:bob@home1.example"),
		                       .protection = UE_E2E_KMS,
		                       .suite = suite_find(STR("AES_CM_128_HMAC_SHA1_80"))};
		struct ue_offer *none = NULL;
		struct sdp *s = describe(1);
		struct call c;

		call_init(&c);
		plain = ticket(&c, true);
		ticket_policy_spec_of(&spec, &plain->policy, NULL, 0);
		for (spec.n_app = 0; spec.n_app < 2 && rows[i].ticket[spec.n_app]; spec.n_app++)
			apps[spec.n_app] = play_uri(rows[i].ticket[spec.n_app]);
		spec.app = apps;
		REQUIRE_OK(ticket_create(&g, &spec, &c.alice.tpk.tpk, c.alice.id.rules.algs,
		                         &c.alice.env.mikey, &fault));
		if (rows[i].ticket[0])
			c.alice.id.app = play_uri(rows[i].ticket[0]);
		if (rows[i].mine)
			c.bob.id.app = play_uri(rows[i].mine);
		call_offer(&c, UE_LEVEL_SESSION, g);
		answers(&c, rows[i].want, rows[i].want ? "IDRapp" : "");
		/* The caller does not use a ticket of another application either. */
		c.alice.id.app = c.bob.id.app;
		wish.id = &c.alice.id;
		wish.grant = g;
		EXPECT_ERR(ue_offer_new(&none, &wish, s, &c.alice.env, NULL), rows[i].want);
		ue_offer_free(none);
		sdp_free(s);
		ticket_grant_free(plain);
		ticket_grant_free(g);
		call_free(&c);
	}
}

/* An offer whose T is a counter: the terminal refuses it with Invalid TS and names the type. */
static void counters(void)
{
	static uint8_t octets[MIKEY_MESSAGE_MAX];
	struct ue_refusal refusal = {.is_written = false};
	struct ue_session *s = NULL;
	struct keymgmt k = {0};
	struct why why = {""};
	struct call c;

	call_init(&c);
	call_offer(&c, UE_LEVEL_SESSION, NULL);
	REQUIRE_OK(ue_desc_get(c.offer, SDP_SESSION, &k, NULL));
	EXPECT_INT(sdp_attr_remove(c.offer, SDP_SESSION, "key-mgmt"), 1);
	REQUIRE_OK(ue_desc_put(c.offer, SDP_SESSION,
	                       mikey_with_counter((struct view){k.octets, k.len}, octets), NULL));
	keymgmt_clear(&k);
	c.answer = describe(2);
	EXPECT_ERR(ue_answer_new(&s,
	                         &(struct ue_answering){.id = &c.bob.id,
	                                                .protection = UE_E2E_KMS,
	                                                .offer = c.offer,
	                                                .local = c.answer,
	                                                .refusal = &refusal},
	                         &c.bob.env, &why),
	           ERR_UNSUPPORTED);
	EXPECT(strstr(why.text, "type 2 (COUNTER), must be a time") != NULL);
	EXPECT(refusal.is_written);
	EXPECT_INT(refusal.no, MIKEY_E_TS);
	call_free(&c);
}

/* The 3GPP base ticket (type 2): offered and answered; refused by a called terminal that accepts
 * only type 1; not offered by a terminal that does not accept it itself. */
static void ticket_types(void)
{
	static const struct {
		uint16_t type;
		unsigned caller, called; /* bit i: the terminal accepts ticket type i */
		enum err offer, answer;
	} rows[] = {
		{0, 1 << 1 | 1 << 2, 1 << 1, ERR_OK, ERR_OK},
		{1, 1 << 1 | 1 << 2, 1 << 1, ERR_OK, ERR_OK},
		{2, 1 << 1 | 1 << 2, 1 << 1 | 1 << 2, ERR_OK, ERR_OK},
		{2, 1 << 2, 1 << 2, ERR_OK, ERR_OK},
		{2, 1 << 1 | 1 << 2, 1 << 1, ERR_OK, ERR_UNSUPPORTED},
		{1, 1 << 1, 1 << 2, ERR_OK, ERR_UNSUPPORTED},
		{2, 1 << 1, 1 << 1 | 1 << 2, ERR_UNSUPPORTED, ERR_OK},
		{0, 1 << 2, 1 << 2, ERR_UNSUPPORTED, ERR_OK},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct call c;
		struct ue_ticket_wish wish = {
			.mode = 4, .ticket_type = rows[i].type, .n_r = 1, .lifetime_s = 3600};
		struct mikey_id bob = play_uri("sip:bob@home1.example");
		struct ticket_grant *grant = NULL;
		struct why why = {{0}};

		call_init(&c);
		c.alice.id.rules.accept_types = rows[i].caller;
		c.bob.id.rules.accept_types = rows[i].called;
		wish.r = &bob;
		EXPECT_ERR(ue_ticket_get(&grant, &c.alice.id, &wish, &c.alice.env, &why),
		           rows[i].offer);
		if (!grant) {
			EXPECT(strstr(why.text, "ticket_types") != NULL);
			continue;
		}
		EXPECT_INT(grant->policy.tp.ticket_type, rows[i].type ? rows[i].type : 1);
		call_offer(&c, UE_LEVEL_SESSION, grant);
		EXPECT_ERR(call_answer(&c, &c.called, &why), rows[i].answer);
		if (rows[i].answer)
			EXPECT(strstr(why.text, "ticket_types") != NULL);
		else
			EXPECT_OK(ue_offer_answered(c.offered, c.answer, &c.caller, NULL));
		ticket_grant_free(grant);
		call_free(&c);
	}
}

static struct sdp *update_of(struct ue_session *s, enum ue_update kind, struct side *side)
{
	struct sdp *d = describe(2);

	EXPECT_OK(ue_session_update(s, kind, d, &side->env, NULL));
	return d;
}

/* Checks that what one side sends is what the other one receives, with the same SSRC. */
static void expect_same_keys(const struct call *c)
{
	for (unsigned i = 0; i < 2 * c->caller->n_media; i++) {
		struct ue_stream_key a = {0}, b = {0};

		REQUIRE_OK(ue_session_key(c->caller, i / 2, i % 2, &a, NULL));
		REQUIRE_OK(ue_session_key(c->called, i / 2, !(i % 2), &b, NULL));
		EXPECT_INT(a.ssrc, b.ssrc);
		EXPECT(keyctx_same_key(a.key, b.key));
		keyctx_free(a.key);
		keyctx_free(b.key);
	}
}

/* The called side answers the update `offer` of the caller; the caller reads the answer. */
static void expect_update(struct call *c, struct sdp *offer, bool want)
{
	struct sdp *reply = describe(2);
	bool changed = !want;

	EXPECT_OK(ue_session_take(c->called, &(struct ue_exchange){offer, reply}, &c->bob.env,
	                          &changed, NULL));
	EXPECT_INT(changed, want);
	EXPECT_OK(ue_session_answered(c->caller, reply, &c->alice.env, &changed, NULL));
	EXPECT_INT(changed, want);
	expect_same_keys(c);
	sdp_free(offer);
	sdp_free(reply);
}

/* An update adds an m-line: after the answer both sides have keys for it, and until then the call
 * is as before. */
static void an_update_adds_a_line(void)
{
	struct sdp *offer, *answer, *few;
	bool changed = false;
	struct why why;
	struct call c;

	call_init(&c);
	call_offer(&c, UE_LEVEL_SESSION, NULL);
	REQUIRE_OK(call_answer(&c, &c.called, NULL));
	REQUIRE_OK(ue_offer_answered(c.offered, c.answer, &c.caller, NULL));
	c.alice.env.mikey.now_ntp += 1ull << 32;
	c.bob.env.mikey.now_ntp += 1ull << 32;
	offer = describe(3);
	EXPECT_ERR(ue_session_update(c.caller, UE_UPDATE_SAME, offer, &c.alice.env, &why),
	           ERR_INVALID);
	sdp_free(offer);
	offer = describe(3);
	answer = describe(3);
	few = describe(2);
	REQUIRE_OK(ue_session_update(c.caller, UE_UPDATE_REKEY, offer, &c.alice.env, NULL));
	EXPECT_INT(c.caller->n_media, 2);
	EXPECT_ERR(ue_session_take(c.called, &(struct ue_exchange){offer, few}, &c.bob.env,
	                           &changed, &why),
	           ERR_INVALID);
	EXPECT_INT(c.called->n_media, 2);
	EXPECT_OK(ue_session_take(c.called, &(struct ue_exchange){offer, answer}, &c.bob.env,
	                          &changed, NULL));
	EXPECT_INT(c.called->n_media, 3);
	EXPECT_OK(ue_session_answered(c.caller, answer, &c.alice.env, &changed, NULL));
	EXPECT(changed);
	EXPECT_INT(c.caller->n_media, 3);
	expect_same_keys(&c);
	sdp_free(offer);
	sdp_free(answer);
	sdp_free(few);
	call_free(&c);
}

/* With a message for each m-line a new one would need a ticket of its own. */
static void an_update_adds_no_line_at_media_level(void)
{
	struct sdp *offer = describe(3);
	struct why why;
	struct call c;

	call_init(&c);
	call_offer(&c, UE_LEVEL_MEDIA, NULL);
	REQUIRE_OK(call_answer(&c, &c.called, NULL));
	REQUIRE_OK(ue_offer_answered(c.offered, c.answer, &c.caller, NULL));
	EXPECT_ERR(ue_session_update(c.caller, UE_UPDATE_REKEY, offer, &c.alice.env, &why),
	           ERR_UNSUPPORTED);
	EXPECT(strstr(why.text, "make a new offer") != NULL);
	EXPECT_INT(c.caller->n_media, 2);
	sdp_free(offer);
	call_free(&c);
}

/* A ticket without flag F: the answer has no message, and both sides have the same keys and SSRCs
 * (RFC 6043 4.2.2.1). Hold repeats the caller's message; the caller may bring new keys. */
static void no_response(void)
{
	struct ue_ticket_wish wish = {.mode = 4, .n_r = 1, .lifetime_s = 3600, .no_response = true};
	struct mikey_id bob = play_uri("sip:bob@home1.example");

	wish.r = &bob;
	for (int level = UE_LEVEL_SESSION; level <= UE_LEVEL_MEDIA; level++) {
		struct ticket_grant *grant = NULL;
		struct sdp *again;
		struct call c;
		struct why why;

		call_init(&c);
		wish.reuse = level == UE_LEVEL_MEDIA;
		REQUIRE_OK(ue_ticket_get(&grant, &c.alice.id, &wish, &c.alice.env, NULL));
		EXPECT_INT(grant->policy.tp.flags & (TICKET_F | TICKET_G | TICKET_I | TICKET_H),
		           TICKET_H);
		call_offer(&c, (enum ue_level)level, grant);
		REQUIRE_OK(call_answer(&c, &c.called, NULL));
		EXPECT(ue_desc_is_secure_without_keys(c.answer));
		EXPECT_ERR(ue_offer_answered(c.offered, c.offer, &c.caller, &why), ERR_DENIED);
		REQUIRE_OK(ue_offer_answered(c.offered, c.answer, &c.caller, NULL));
		expect_same_keys(&c);
		expect_update(&c, update_of(c.caller, UE_UPDATE_SAME, &c.alice), false);
		again = describe(2);
		EXPECT_ERR(ue_session_update(c.called, UE_UPDATE_SAME, again, &c.bob.env, &why),
		           ERR_DENIED);
		sdp_free(again);
		c.alice.env.mikey.now_ntp += 1ull << 32;
		c.bob.env.mikey.now_ntp += 1ull << 32;
		expect_update(&c, update_of(c.caller, UE_UPDATE_REKEY, &c.alice), true);
		ticket_grant_free(grant);
		call_free(&c);
	}
}

/* Flag M needs flag F: such a ticket is neither made nor requested. */
static void no_response_no_keys_of_the_called(void)
{
	struct mikey_id bob = play_uri("sip:bob@home1.example");
	struct ue_ticket_wish wish = {.r = &bob,
	                              .n_r = 1,
	                              .lifetime_s = 3600,
	                              .no_response = true,
	                              .responder_rekeys = true};
	struct ticket_grant *grant = NULL;
	struct why why;
	struct call c;

	call_init(&c);
	for (wish.mode = 1; wish.mode <= 4; wish.mode++) {
		EXPECT_ERR(ue_ticket_get(&grant, &c.alice.id, &wish, &c.alice.env, &why),
		           ERR_INVALID);
		EXPECT(strstr(why.text, "flag M needs flag F") != NULL);
	}
}

TEST_MAIN("ue_calls", {"an-offer-is-answered-once", an_offer_is_answered_once},
          {"a-message-of-another-offer", a_message_of_another_offer},
          {"a-ticket-without-J-serves-once", a_ticket_without_j_serves_once},
          {"a-clock-that-goes-back", a_clock_that_goes_back},
          {"records-of-any-form", records_of_any_form}, {"refusals", refusals},
          {"a-refused-policy", a_refused_policy}, {"a-refused-media", a_refused_media},
          {"applications", applications}, {"ticket-types", ticket_types}, {"counters", counters},
          {"no-response", no_response}, {"an-update-adds-a-line", an_update_adds_a_line},
          {"an-update-adds-no-line-at-media-level", an_update_adds_no_line_at_media_level},
          {"no-response-no-keys-of-the-called", no_response_no_keys_of_the_called},
          {"an-update-without-a-session-changes-nothing", an_update_without_a_session},
          {"an-update-half-good-changes-nothing", an_update_half_good},
          {"an-answer-half-good-changes-nothing", an_answer_half_good})
