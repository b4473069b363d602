/* SPDX-License-Identifier: MIT */
/* keyctx/ue: whole calls between two terminals that share a ticket key (mode 4), without a KMS, and
 * what a refused message changes. */
#include "base/secret.h"
#include "keyctx/ue/answer.h"
#include "keyctx/ue/ue_offer.h"
#include "tests/harness/harness.h"
#include "tests/harness/mikey_vectors.h"

enum { ROOM = 64 * 1024 };

static const uint8_t shared[32] = {0x70, 0x71, 0x72};

/* A terminal; both share one ticket key. */
struct side {
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
	                         .ask = no_kms};
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

static void call_offer(struct call *c, enum ue_level level)
{
	struct ue_wish wish = {.peer = play_uri("sip:bob@home1.example"),
	                       .protection = UE_E2E_KMS,
	                       .suite = suite_find(STR("AES_CM_128_HMAC_SHA1_80")),
	                       .level = level,
	                       .ticket = {.mode = 4, .lifetime_s = 3600}};

	*c = (struct call){.offer = describe(2), .answer = describe(2)};
	side_init(&c->alice, "sip:alice@home1.example", "sip:bob@home1.example");
	side_init(&c->bob, "sip:bob@home1.example", "sip:alice@home1.example");
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

	call_offer(c, level);
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

TEST_MAIN("ue_calls", {"an-update-without-a-session-changes-nothing", an_update_without_a_session},
          {"an-update-half-good-changes-nothing", an_update_half_good},
          {"an-answer-half-good-changes-nothing", an_answer_half_good})
