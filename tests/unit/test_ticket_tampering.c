/* SPDX-License-Identifier: MIT */
/* Messages that an attacker has changed, truncated, repeated, exchanged or reflected are refused,
 * and the two ends never get different keys unnoticed. */
#include <stdlib.h>

#include "base/mem.h"
#include "tests/harness/harness.h"
#include "tests/harness/mikey_vectors.h"

/* Delivers the message of `step` after freeing what an earlier delivery made, so that a test can
 * repeat it. */
static enum err deliver(struct play *p, enum play_step step, struct view in)
{
	enum err e = ERR_OK;

	switch (step) {
	case PLAY_REQUEST_INIT:
		return play_kms(p, in, PLAY_REQUEST_RESP);
	case PLAY_REQUEST_RESP:
		ticket_grant_free(p->grant);
		p->grant = NULL;
		return play_granted(p, in);
	case PLAY_TRANSFER_INIT:
		/* Only the keys from the KMS can authenticate this message, so the rest of the
		 * exchange runs, too. */
		ticket_responder_free(p->answer);
		ticket_resolve_free(p->resolve);
		ticket_resolution_free(p->resolution);
		ticket_csb_free(p->csb[1]);
		p->answer = NULL;
		p->resolve = NULL;
		p->resolution = NULL;
		p->csb[1] = NULL;
		e = play_offered(p, in);
		if (!e && p->resolve)
			e = play_kms(p, play_view(p, PLAY_RESOLVE_INIT), PLAY_RESOLVE_RESP);
		if (!e && p->resolve)
			e = play_resolved(p, play_view(p, PLAY_RESOLVE_RESP));
		return e;
	case PLAY_RESOLVE_INIT:
		return play_kms(p, in, PLAY_RESOLVE_RESP);
	case PLAY_RESOLVE_RESP:
		return play_resolved(p, in);
	case PLAY_TRANSFER_RESP:
		return play_answered(p, in);
	case PLAY_STEPS:
		break;
	}
	return ERR_INVALID;
}

static bool is_refusal(enum err e)
{
	return e && e != ERR_NOMEM && e != ERR_CRYPTO && e != ERR_IO;
}

/* Plays a new exchange up to the message of `step`, which is made but not delivered. */
static struct play *until(const char *name, enum play_step step)
{
	struct play *p = play_new(play_session(name));
	enum err e = ERR_OK;

	p->fresh_random = true;
	if (p->mode <= 2) {
		e = play_request(p);
		if (!e && step > PLAY_REQUEST_INIT)
			e = play_kms(p, play_view(p, PLAY_REQUEST_INIT), PLAY_REQUEST_RESP);
		if (!e && step > PLAY_REQUEST_RESP)
			e = play_granted(p, play_view(p, PLAY_REQUEST_RESP));
	} else if (step >= PLAY_TRANSFER_INIT) {
		e = play_create(p);
	}
	if (!e && step >= PLAY_TRANSFER_INIT)
		e = play_offer(p);
	if (!e && step >= PLAY_RESOLVE_INIT)
		e = play_offered(p, play_view(p, PLAY_TRANSFER_INIT));
	if (!e && step >= PLAY_RESOLVE_RESP && p->resolve)
		e = play_kms(p, play_view(p, PLAY_RESOLVE_INIT), PLAY_RESOLVE_RESP);
	if (!e && step >= PLAY_TRANSFER_RESP && p->resolve)
		e = play_resolved(p, play_view(p, PLAY_RESOLVE_RESP));
	if (!e && step >= PLAY_TRANSFER_RESP)
		e = play_finish(p);
	if (!test_expect(!e, __FILE__, __LINE__, "%s to reach %s, got %s: %s", name,
	                 play_step_names[step], err_name(e), p->fault.why.text)) {
		play_free(p);
		return NULL;
	}
	return p;
}

static bool has_step(const struct play *p, enum play_step step)
{
	return p->len[step] > 0;
}

/* Delivers the message with one bit changed: it must be refused with a reason, and a wrong MAC as
 * an authentication failure. */
static void flip_one(struct play *p, enum play_step step, uint8_t *octets, size_t n, size_t at,
                     uint8_t bit)
{
	enum err e;

	octets[at] ^= bit;
	p->fault = (struct mikey_fault){.no = (enum mikey_error)99};
	e = deliver(p, step, (struct view){.p = octets, .n = n});
	octets[at] ^= bit;
	if (!is_refusal(e) || p->fault.no > MIKEY_E_TPPAR || !p->fault.why.text[0])
		test_expect(false, __FILE__, __LINE__,
		            "octet %zu xor %02x to be refused, got %s (%d)", at, bit, err_name(e),
		            (int)p->fault.no);
	if (at + 20 >= n && !p->pk)
		EXPECT_INT(p->fault.no, MIKEY_E_AUTH);
}

static void attack(const char *name, size_t stride, enum play_step step)
{
	static uint8_t octets[MIKEY_MESSAGE_MAX];
	struct play *p = until(name, step);
	size_t n;

	if (!p || !has_step(p, step)) {
		play_free(p);
		return;
	}
	n = p->len[step];
	memcpy(octets, p->m[step], n);
	for (size_t i = 0; i < n; i += stride)
		flip_one(p, step, octets, n, i, (uint8_t)(1u << (i % 8)));
	for (size_t i = 0; i < n; i += stride)
		if (!is_refusal(deliver(p, step, (struct view){.p = octets, .n = i})))
			test_expect(false, __FILE__, __LINE__, "%zu of %zu octets to be refused", i,
			            n);
	/* After all refusals the unchanged message is accepted. */
	EXPECT_OK(deliver(p, step, (struct view){.p = octets, .n = n}));
	play_free(p);
}

static void flipped_and_cut(void)
{
	json_t *session;
	size_t i;

	json_array_foreach(json_object_get(play_vectors(), "sessions"), i, session)
	{
		const char *name = json_string_value(json_object_get(session, "name"));
		/* Changes every octet, or every seventh octet where a delivery costs an RSA
		 * operation. */
		size_t stride = strstr(name, "-pk") ? 7 : 1;

		for (unsigned s = 0; s < PLAY_STEPS; s++) {
			test_context("%s %s", name, play_step_names[s]);
			attack(name, stride, (enum play_step)s);
		}
	}
}

/* Answers from another call between the same two people are refused. */
static void swapped(void)
{
	static const enum play_step answers[] = {PLAY_REQUEST_RESP, PLAY_RESOLVE_RESP,
	                                         PLAY_TRANSFER_RESP};

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct play *a = until("mode1-fork-G", answers[i]), *b;

		test_context("%s", play_step_names[answers[i]]);
		b = play_new(play_session("mode1-fork-G"));
		b->fresh_random = true;
		for (unsigned w = 0; w < PLAY_WHO; w++)
			b->party[w].n_drawn = 0; /* draws new random octets, as another call does */
		if (a && EXPECT_OK(play_all(b))) {
			EXPECT_ERR(deliver(a, answers[i], play_view(b, answers[i])), ERR_AUTH);
			EXPECT_OK(deliver(a, answers[i], play_view(a, answers[i])));
		}
		play_free(a);
		play_free(b);
	}
}

/* Each message is delivered to receivers that expect another kind. */
static void reflected(void)
{
	struct play *p = play_new(play_session("mode1-fork-G"));
	struct ticket_csb *csb = NULL;

	REQUIRE_OK(play_all(p));
	p->fresh_random = true;
	for (unsigned s = 0; s < PLAY_STEPS; s++) {
		struct view in = play_view(p, (enum play_step)s);
		enum csb_outcome outcome;
		struct view reply;

		test_context("%s", play_step_names[s]);
		if (s != PLAY_REQUEST_INIT && s != PLAY_RESOLVE_INIT) {
			EXPECT(is_refusal(play_kms(p, in, PLAY_REQUEST_RESP)));
			EXPECT_INT(p->fault.no, MIKEY_E_DT);
		}
		if (s != PLAY_TRANSFER_RESP)
			EXPECT(is_refusal(ticket_initiator_receive(p->offer, in, &csb, &p->fault)));
		/* Each end of the bundle refuses its own message, and messages of other kinds. */
		if (s == PLAY_TRANSFER_INIT)
			EXPECT_ERR(ticket_csb_receive(p->csb[0], in, &p->party[PLAY_ALICE].env,
			                              &outcome, &reply, &p->fault),
			           ERR_REPLAY);
		if (s == PLAY_TRANSFER_RESP)
			EXPECT_ERR(ticket_csb_receive(p->csb[1], in, &p->party[PLAY_BOB].env,
			                              &outcome, &reply, &p->fault),
			           ERR_REPLAY);
		if (s < PLAY_TRANSFER_INIT)
			EXPECT(is_refusal(ticket_csb_receive(p->csb[0], in,
			                                     &p->party[PLAY_ALICE].env, &outcome,
			                                     &reply, &p->fault)));
	}
	play_free(p);
}

/* A TRANSFER_INIT that an SDP repeats changes nothing (TS 33.328 7.4). An older update is a
 * replay. */
static void repeated(void)
{
	struct play *p = play_new(play_session("mode1-fork-G"));
	static uint8_t first[MIKEY_MESSAGE_MAX];
	struct ticket_cs cs[2] = {{.cs_id = 1, .n_policies = 1, .has_ssrc = true, .ssrc = 1},
	                          {.cs_id = 2, .n_policies = 1, .has_ssrc = true, .ssrc = 2}};
	struct ticket_update_params up = {.cs = cs, .n_cs = 2};
	struct mikey_env *a = &p->party[PLAY_ALICE].env, *b = &p->party[PLAY_BOB].env;
	enum csb_outcome outcome;
	struct view made, reply;
	size_t n;

	REQUIRE_OK(play_all(p));
	EXPECT_OK(ticket_csb_receive(p->csb[1], play_view(p, PLAY_TRANSFER_INIT), b, &outcome,
	                             &reply, &p->fault));
	EXPECT_INT(outcome, CSB_UNCHANGED);
	EXPECT_OCTETS(reply.p, reply.n, p->m[PLAY_TRANSFER_RESP], p->len[PLAY_TRANSFER_RESP]);
	EXPECT_OK(ticket_csb_receive(p->csb[0], play_view(p, PLAY_TRANSFER_RESP), a, &outcome,
	                             &reply, &p->fault));
	EXPECT_INT(outcome, CSB_UNCHANGED);
	cs[0].spi = cs[1].spi = (struct view){
		.p = p->csb[0] ? ticket_csb_session(p->csb[0], 0)->spi : NULL,
		.n = 4,
	};
	REQUIRE_OK(ticket_csb_update(p->csb[0], &up, a, &made, &p->fault));
	n = made.n;
	memcpy(first, made.p, n);
	REQUIRE_OK(ticket_csb_receive(p->csb[1], made, b, &outcome, &reply, &p->fault));
	cs[0].spi = cs[1].spi = (struct view){.p = ticket_csb_session(p->csb[0], 0)->spi, .n = 4};
	REQUIRE_OK(ticket_csb_update(p->csb[0], &up, a, &made, &p->fault));
	REQUIRE_OK(ticket_csb_receive(p->csb[1], made, b, &outcome, &reply, &p->fault));
	EXPECT_ERR(ticket_csb_receive(p->csb[1], (struct view){.p = first, .n = n}, b, &outcome,
	                              &reply, &p->fault),
	           ERR_REPLAY);
	EXPECT_ERR(ticket_csb_receive(p->csb[1], play_view(p, PLAY_TRANSFER_INIT), b, &outcome,
	                              &reply, &p->fault),
	           ERR_REPLAY);
	EXPECT_ERR(ticket_csb_receive(p->csb[0], (struct view){.p = first, .n = n}, a, &outcome,
	                              &reply, &p->fault),
	           ERR_REPLAY);
	play_free(p);
}

/* An update that is truncated or has one octet changed is refused, and so is its answer with one
 * octet changed. */
static void updates_flipped(void)
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
	static uint8_t room[MIKEY_MESSAGE_MAX];
	struct csmap_session before;
	enum csb_outcome outcome;
	struct view made, reply;

	REQUIRE_OK(play_all(p));
	REQUIRE_OK(mikey_keys_add(keys, MIKEY_TGK, (struct view){.p = key, .n = 16},
	                          (struct view){0}, (struct view){.p = spi, .n = 2}));
	before = *ticket_csb_session(p->csb[1], 0);
	REQUIRE_OK(ticket_csb_update(p->csb[0], &up, a, &made, &p->fault));
	for (size_t i = 0; i < made.n; i++) {
		memcpy(room, made.p, made.n);
		room[i] ^= 0x10;
		if (!is_refusal(ticket_csb_receive(p->csb[1], (struct view){.p = room, .n = made.n},
		                                   b, &outcome, &reply, &p->fault)))
			test_expect(false, __FILE__, __LINE__,
			            "octet %zu of the update to be refused", i);
		if (!is_refusal(ticket_csb_receive(p->csb[1], (struct view){.p = made.p, .n = i}, b,
		                                   &outcome, &reply, &p->fault)))
			test_expect(false, __FILE__, __LINE__,
			            "%zu octets of the update to be refused", i);
	}
	EXPECT_OCTETS(ticket_csb_session(p->csb[1], 0)->master, 16, before.master, 16);
	REQUIRE_OK(ticket_csb_receive(p->csb[1], made, b, &outcome, &reply, &p->fault));
	EXPECT_OCTETS(ticket_csb_session(p->csb[0], 0)->master, 16, before.master, 16);
	for (size_t i = 0; i < reply.n; i++) {
		struct view none;

		memcpy(room, reply.p, reply.n);
		room[i] ^= 0x10;
		if (!is_refusal(ticket_csb_receive(p->csb[0],
		                                   (struct view){.p = room, .n = reply.n}, a,
		                                   &outcome, &none, &p->fault)))
			test_expect(false, __FILE__, __LINE__,
			            "octet %zu of the answer to be refused", i);
	}
	REQUIRE_OK(ticket_csb_receive(p->csb[0], reply, a, &outcome, &reply, &p->fault));
	EXPECT_OCTETS(ticket_csb_session(p->csb[0], 0)->master, 16,
	              ticket_csb_session(p->csb[1], 0)->master, 16);
	EXPECT(memcmp(ticket_csb_session(p->csb[0], 0)->master, before.master, 16) != 0);
	mikey_keys_free(keys);
	play_free(p);
}

/* Two terminals answer one offer: each shares its keys with the caller only. */
static void forked_to_two(void)
{
	struct play *p = until("mode1-group", PLAY_TRANSFER_INIT);
	struct ticket_csb *at_alice[2] = {NULL}, *at_answerer[2] = {NULL};
	static const enum play_who who[] = {PLAY_CAROL, PLAY_BOB};

	REQUIRE(p != NULL);
	for (unsigned i = 0; i < 2; i++) {
		test_context("%s", p->party[who[i]].name);
		p->responder = who[i];
		p->party[PLAY_BOB].me[1] = play_uri("sip:it-support@home.example");
		p->party[PLAY_BOB].n_me = 2;
		REQUIRE_OK(deliver(p, PLAY_TRANSFER_INIT, play_view(p, PLAY_TRANSFER_INIT)));
		REQUIRE_OK(play_finish(p));
		REQUIRE_OK(play_answered(p, play_view(p, PLAY_TRANSFER_RESP)));
		at_alice[i] = p->csb[0];
		at_answerer[i] = p->csb[1];
		p->csb[0] = p->csb[1] = NULL;
		EXPECT_OCTETS(ticket_csb_session(at_alice[i], 0)->master, 16,
		              ticket_csb_session(at_answerer[i], 0)->master, 16);
		EXPECT(mikey_id_eq(ticket_csb_responder(at_alice[i]), p->party[who[i]].me[0]));
	}
	EXPECT(memcmp(ticket_csb_session(at_alice[0], 0)->master,
	              ticket_csb_session(at_alice[1], 0)->master, 16) != 0);
	for (unsigned i = 0; i < 2; i++) {
		ticket_csb_free(at_alice[i]);
		ticket_csb_free(at_answerer[i]);
	}
	play_free(p);
}

/* The responder supplies the TEK (M flag), for content that is already encrypted. */
static void tek_of_the_responder(void)
{
	struct play *p = until("mode1-fork-G", PLAY_RESOLVE_RESP);
	static const uint8_t tek[16] = {1, 2, 3}, salt[14] = {4, 5}, spi[1] = {0x77};
	struct mikey_keys *keys = mikey_keys_new();
	struct ticket_cs cs = {.cs_id = 2, .spi = {.p = spi, .n = 1}};
	struct ticket_responder_choice choice = {.cs = &cs, .n_cs = 1, .keys = keys};
	struct view made;

	REQUIRE(p && keys);
	REQUIRE_OK(mikey_keys_add(keys, MIKEY_TEK_SALT, (struct view){.p = tek, .n = 16},
	                          (struct view){.p = salt, .n = 14},
	                          (struct view){.p = spi, .n = 1}));
	REQUIRE_OK(play_resolved(p, play_view(p, PLAY_RESOLVE_RESP)));
	REQUIRE_OK(ticket_responder_finish(p->answer, &choice, &p->party[PLAY_BOB].env, &p->csb[1],
	                                   &made, &p->fault));
	REQUIRE_OK(play_answered(p, made));
	for (unsigned side = 0; side < 2; side++) {
		const struct csmap_session *s = ticket_csb_find(p->csb[side], 2);

		EXPECT_INT(s->key_type, MIKEY_TEK_SALT);
		EXPECT_OCTETS(s->master, s->master_len, tek, 16);
		EXPECT_OCTETS(s->salt, s->salt_len, salt, 14);
	}
	mikey_keys_free(keys);
	play_free(p);
}

/* A ticket made with a user's key is refused if the KMS or another user is named as its maker
 * (decision 0010.28). */
static void forged_maker(void)
{
	static const struct {
		bool is_kms;
		const char *owner;
	} rows[] = {{true, ""}, {false, "sip:bob@home.example"}, {false, ""}};
	struct play *p = until("mode3-fork", PLAY_RESOLVE_INIT);

	REQUIRE(p != NULL);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct play_party *k = &p->party[PLAY_KMS];
		struct authority *a = NULL;
		struct authority_peer peer = {.psk = p->party[PLAY_BOB].cred.psk,
		                              .owner = p->party[PLAY_BOB].me[0],
		                              .owns_sender = true,
		                              .kms = k->me[0]};
		struct authority_resolution how = {.tpk = p->party[PLAY_ALICE].cred.psk,
		                                   .tpk_is_kms = rows[i].is_kms,
		                                   .tpk_owner = play_uri(rows[i].owner),
		                                   .may_resolve = true};
		struct view out;

		REQUIRE_OK(authority_new(&a, &p->rules, play_view(p, PLAY_RESOLVE_INIT),
		                         k->env.now_ntp, &p->fault));
		EXPECT_OK(authority_verify(a, &peer, &p->fault));
		EXPECT_ERR(authority_resolve(a, &how, &k->env, &out, &p->fault), ERR_DENIED);
		EXPECT_INT(p->fault.no, MIKEY_E_TICKET);
		authority_free(a);
	}
	play_free(p);
}

/* An error message with a correct MAC ends the request. Without a correct MAC it is only a hint,
 * and the request stays open. */
static void errors(void)
{
	struct play *p = until("mode1-fork-G", PLAY_REQUEST_INIT);
	struct play_party *k = &p->party[PLAY_KMS];
	struct authority_peer peer = {.psk = p->party[PLAY_ALICE].cred.psk,
	                              .owner = p->party[PLAY_ALICE].me[0],
	                              .owns_sender = true,
	                              .kms = k->me[0]};
	struct authority *a = NULL;
	struct ticket_grant *grant = NULL;
	uint8_t room[256];
	struct view out;

	REQUIRE_OK(authority_new(&a, &p->rules, play_view(p, PLAY_REQUEST_INIT), k->env.now_ntp,
	                         &p->fault));
	REQUIRE_OK(authority_error(NULL, play_view(p, PLAY_REQUEST_INIT), MIKEY_E_TICKET, &k->env,
	                           wr_make(room, sizeof(room)), &out));
	EXPECT_ERR(ticket_request_receive(p->request, out, &grant, &p->fault), ERR_AUTH);
	EXPECT_INT(p->fault.no, MIKEY_E_TICKET);
	EXPECT_INT(ticket_request_state(p->request), REQUEST_SENT);
	EXPECT_ERR(authority_error(NULL, out, MIKEY_E_AUTH, &k->env, wr_make(room, sizeof(room)),
	                           &out),
	           ERR_SYNTAX);
	REQUIRE_OK(authority_verify(a, &peer, &p->fault));
	REQUIRE_OK(authority_error(a, (struct view){0}, MIKEY_E_TPPAR, &k->env,
	                           wr_make(room, sizeof(room)), &out));
	EXPECT_INT(authority_get_state(a), AUTHORITY_REFUSED);
	room[out.n - 1] ^= 1;
	EXPECT_ERR(ticket_request_receive(p->request, out, &grant, &p->fault), ERR_AUTH);
	room[out.n - 1] ^= 1;
	EXPECT_ERR(ticket_request_receive(p->request, out, &grant, &p->fault), ERR_DENIED);
	EXPECT_INT(p->fault.no, MIKEY_E_TPPAR);
	EXPECT_INT(ticket_request_state(p->request), REQUEST_REFUSED);
	authority_free(a);
	play_free(p);
}

static void errors_of_the_responder(void)
{
	struct play *p = until("mode1-fork-G", PLAY_RESOLVE_RESP);
	struct play_party *b = &p->party[PLAY_BOB];
	struct csmap_policy own;
	struct ticket_csb *csb = NULL;
	uint8_t room[256];
	struct view out;

	csmap_policy_from_suite(&own, 7, suite_get(SUITE_AEAD_AES_128_GCM));
	REQUIRE_OK(play_resolved(p, play_view(p, PLAY_RESOLVE_RESP)));
	REQUIRE_OK(ticket_responder_error(p->answer,
	                                  &(struct ticket_responder_refusal){MIKEY_E_SP, &own, 1},
	                                  &b->env, wr_make(room, sizeof(room)), &out));
	EXPECT_ERR(ticket_initiator_receive(p->offer, out, &csb, &p->fault), ERR_DENIED);
	EXPECT_INT(p->fault.no, MIKEY_E_SP);
	EXPECT_INT(ticket_initiator_state(p->offer), INITIATOR_OPEN);
	room[out.n - 1] ^= 1;
	EXPECT_ERR(ticket_initiator_receive(p->offer, out, &csb, &p->fault), ERR_AUTH);
	play_free(p);
}

/* A KMS that asks another KMS gives its user the keys that it got there (RFC 6043 9). */
static void two_domains(void)
{
	struct play *p = until("mode1-fork-G", PLAY_RESOLVE_INIT);
	struct play_party *k = &p->party[PLAY_KMS], *b = &p->party[PLAY_BOB];
	struct authority *at_r = NULL;
	struct authority_peer peer = {
		.psk = b->cred.psk, .owner = b->me[0], .owns_sender = true, .kms = k->me[0]};
	struct ticket_resolve *onward = NULL;
	struct ticket_resolve_params ask = {
		.rules = &p->rules, .cred = &b->cred, .me = b->me[0], .kms = k->me[0]};
	struct ticket_resolution *r = NULL;
	struct view out;

	REQUIRE_OK(authority_new(&at_r, &p->rules, play_view(p, PLAY_RESOLVE_INIT), k->env.now_ntp,
	                         &p->fault));
	REQUIRE_OK(authority_verify(at_r, &peer, &p->fault));
	ask.ticket = authority_ticket(at_r);
	REQUIRE_OK(ticket_resolve_new(&onward, &ask, &b->env, &p->fault));
	REQUIRE_OK(play_kms(p, ticket_resolve_octets(onward), PLAY_RESOLVE_RESP));
	REQUIRE_OK(ticket_resolve_receive(onward, play_view(p, PLAY_RESOLVE_RESP), &r, &p->fault));
	REQUIRE_OK(authority_relay(at_r, r, &k->env, &out, &p->fault));
	REQUIRE_OK(play_resolved(p, out));
	REQUIRE_OK(play_finish(p));
	REQUIRE_OK(play_answered(p, play_view(p, PLAY_TRANSFER_RESP)));
	EXPECT_OCTETS(ticket_csb_session(p->csb[0], 0)->master, 16,
	              ticket_csb_session(p->csb[1], 0)->master, 16);
	ticket_resolution_free(r);
	ticket_resolve_free(onward);
	authority_free(at_r);
	play_free(p);
}

static enum err whole_call(const char *name)
{
	struct play *p = play_new(play_session(name));
	enum err e;

	p->fresh_random = true;
	e = play_all(p);
	play_free(p);
	return e;
}

static enum err call_mode1(void)
{
	return whole_call("mode1-fork-G");
}

static enum err call_mode4(void)
{
	return whole_call("mode4");
}

static void without_memory(void)
{
	test_each_allocation_failing(call_mode1);
	test_each_allocation_failing(call_mode4);
}

TEST_MAIN("ticket_tampering", {"flipped-and-cut", flipped_and_cut}, {"swapped", swapped},
          {"reflected", reflected}, {"repeated", repeated}, {"updates-flipped", updates_flipped},
          {"forked-to-two", forked_to_two}, {"tek-of-the-responder", tek_of_the_responder},
          {"forged-maker", forged_maker}, {"errors", errors},
          {"errors-of-the-responder", errors_of_the_responder}, {"two-domains", two_domains},
          {"without-memory", without_memory})
