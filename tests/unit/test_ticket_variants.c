/* SPDX-License-Identifier: MIT */
/* Calls that no vector covers: other algorithms, suites, lengths and omissions. Both ends have the
 * same keys, or none. */
#include <stdlib.h>

#include "base/secret.h"
#include "keyctx/ticket/csb_make.h"
#include "tests/harness/harness.h"
#include "tests/harness/mikey_vectors.h"

static void expect_same_keys(const struct play *p, size_t n)
{
	REQUIRE(p->csb[0] && p->csb[1]);
	EXPECT_INT(ticket_csb_count(p->csb[0]), n);
	EXPECT_INT(ticket_csb_count(p->csb[1]), n);
	for (size_t i = 0; i < n; i++) {
		const struct csmap_session *a = ticket_csb_session(p->csb[0], i),
					   *b = ticket_csb_session(p->csb[1], i);
		struct keyctx *ka = NULL, *kb = NULL;

		EXPECT_INT(a->cs_id, b->cs_id);
		EXPECT_INT(a->ssrc, b->ssrc);
		EXPECT(a->suite == b->suite);
		if (!a->suite)
			continue;
		EXPECT_OK(csmap_keyctx(&ka, a, true, NULL));
		EXPECT_OK(csmap_keyctx(&kb, b, true, NULL));
		EXPECT(ka && keyctx_eq(ka, kb));
		EXPECT_INT(keyctx_mki(ka).n, a->spi_len);
		keyctx_free(ka);
		keyctx_free(kb);
	}
}

/* All KEMACs, those in tickets too, use AES key wrap in place of counter mode. */
static void key_wrap(void)
{
	static const char *const names[] = {"mode1-fork-G", "mode1-salts", "mode2", "mode3-fork",
	                                    "mode4"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct play *p = play_new(play_session(names[i]));

		test_context("%s", names[i]);
		p->fresh_random = true;
		p->rules.algs.encr = MIKEY_ENCR_KW_128;
		EXPECT_OK(play_all(p));
		expect_same_keys(p, i == 1 ? 4 : 2);
		play_free(p);
	}
}

/* NULL encryption works only if accept_null_encr allows it, a setting for laboratories. */
static void in_clear(void)
{
	for (unsigned allowed = 0; allowed < 2; allowed++) {
		struct play *p = play_new(play_session("mode1-fork-G"));

		p->fresh_random = true;
		p->rules.algs.encr = MIKEY_ENCR_NULL;
		p->rules.accept_null_encr = allowed;
		test_context("allowed %u", allowed);
		if (allowed)
			EXPECT_OK(play_all(p));
		else
			EXPECT_ERR(play_all(p), ERR_UNSUPPORTED);
		play_free(p);
	}
}

static enum err offer_suites(struct play *p, const enum suite_id *suites, size_t n,
                             const struct ticket_responder_choice *choice)
{
	struct play_party *a = &p->party[PLAY_ALICE];
	struct csmap_policy policies[4];
	struct ticket_cs cs[1] = {{.cs_id = 1, .has_ssrc = true, .ssrc = 7}};
	struct ticket_initiator_params params = {.rules = &p->rules,
	                                         .grant = p->grant,
	                                         .me = a->me[0],
	                                         .peer = p->peer,
	                                         .cs = cs,
	                                         .n_cs = 1,
	                                         .policies = policies,
	                                         .n_policies = n};
	struct view made;
	enum err e;

	for (size_t i = 0; i < n; i++) {
		csmap_policy_from_suite(&policies[i], (unsigned)i, suite_get(suites[i]));
		cs[0].policies[cs[0].n_policies++] = (uint8_t)i;
	}
	e = ticket_initiator_new(&p->offer, &params, &a->env, &p->fault);
	if (!e)
		e = play_offered(p, ticket_initiator_octets(p->offer));
	if (!e)
		e = ticket_responder_finish(p->answer, choice, &p->party[PLAY_BOB].env, &p->csb[1],
		                            &made, &p->fault);
	return e ? e : ticket_initiator_receive(p->offer, made, &p->csb[0], &p->fault);
}

static void every_suite(void)
{
	for (unsigned s = 0; s < SUITE_COUNT; s++) {
		const enum suite_id one = (enum suite_id)s;
		struct play *p = play_new(play_session("mode4"));

		test_context("%s", suite_get(one)->name);
		p->fresh_random = true;
		REQUIRE_OK(play_create(p));
		if (suite_get(one)->key_len > 16) {
			/* The 128-bit algorithms are too weak for this suite (RFC 6043 12.1). */
			EXPECT_ERR(offer_suites(p, &one, 1, NULL), ERR_INVALID);
			EXPECT_INT(p->fault.no, MIKEY_E_SPPAR);
			p->rules.algs = mikey_algs_256;
			/* These suites draw longer values than the vectors record, so Alice ignores
			 * the recorded values. */
			p->party[PLAY_ALICE].n_drawn = 0;
		}
		EXPECT_OK(offer_suites(p, &one, 1, NULL));
		expect_same_keys(p, 1);
		EXPECT(p->csb[0] && ticket_csb_session(p->csb[0], 0)->suite == suite_get(one));
		play_free(p);
	}
}

/* The responder takes the first of the offered policies, or chooses another, supplies its own,
 * changes the SSRC, or adds a session. */
static void chosen(void)
{
	static const enum suite_id two[] = {SUITE_AES_CM_128_HMAC_SHA1_80, SUITE_AEAD_AES_128_GCM};
	struct csmap_policy own;
	struct ticket_cs first = {.cs_id = 1, .policies = {1}, .n_policies = 1};
	struct ticket_cs added[2] = {
		{.cs_id = 1, .policies = {9}, .n_policies = 1, .has_ssrc = true, .ssrc = 99},
		{.cs_id = 5, .policies = {9}, .n_policies = 1}};
	const struct ticket_responder_choice choices[] = {
		{0},
		{.cs = &first, .n_cs = 1},
		{.cs = added, .n_cs = 2, .policies = &own, .n_policies = 1}};
	static const enum suite_id want[] = {SUITE_AES_CM_128_HMAC_SHA1_80, SUITE_AEAD_AES_128_GCM,
	                                     SUITE_AES_CM_128_HMAC_SHA1_32};

	csmap_policy_from_suite(&own, 9, suite_get(SUITE_AES_CM_128_HMAC_SHA1_32));
	for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
		struct play *p = play_new(play_session("mode4"));

		test_context("choice %zu", i);
		p->fresh_random = true;
		REQUIRE_OK(play_create(p));
		EXPECT_OK(offer_suites(p, two, 2, &choices[i]));
		expect_same_keys(p, i == 2 ? 2 : 1);
		if (p->csb[0]) {
			EXPECT(ticket_csb_session(p->csb[0], 0)->suite == suite_get(want[i]));
			EXPECT_INT(ticket_csb_session(p->csb[0], 0)->ssrc, i == 2 ? 99 : 7);
		}
		play_free(p);
	}
	/* The responder must not give its own policy a number that the offer uses. */
	own.no = 1;
	for (size_t i = 2; i < 3; i++) {
		struct play *p = play_new(play_session("mode4"));

		p->fresh_random = true;
		REQUIRE_OK(play_create(p));
		EXPECT_ERR(offer_suites(p, two, 2, &choices[i]), ERR_INVALID);
		play_free(p);
	}
}

/* With a NAF key of 256 bits and the 128-bit suite, the random values are as long as the key. */
static void long_psk(void)
{
	struct play *p = play_new(play_session("mode3-fork"));
	struct play_party *a = &p->party[PLAY_ALICE];
	static struct mikey_msg m;
	struct ticket_data data;
	uint8_t key[32];

	memset(key, 0x5c, sizeof(key));
	a->cred.psk = (struct view){.p = key, .n = sizeof(key)};
	for (unsigned w = 0; w < PLAY_WHO; w++)
		p->party[w].n_drawn = 0;
	p->fresh_random = true;
	REQUIRE_OK(play_create(p));
	REQUIRE_OK(play_offer(p));
	REQUIRE_OK(mikey_msg_read(&m, play_view(p, PLAY_TRANSFER_INIT), NULL));
	REQUIRE_OK(ticket_data_read(&data, mikey_msg_find(&m, MIKEY_TICKET), NULL));
	EXPECT_INT(data.rand.n, 32);
	play_free(p);
}

/* A function called in the wrong state returns ERR_WRONG_STATE and changes nothing. */
static void out_of_order(void)
{
	struct play *p = play_new(play_session("mode1-fork-G"));
	struct ticket_grant *again = NULL;
	struct ticket_csb *csb = NULL;
	struct view out;

	REQUIRE_OK(play_all(p));
	p->fresh_random = true;
	EXPECT_ERR(ticket_request_receive(p->request, play_view(p, PLAY_REQUEST_RESP), &again,
	                                  &p->fault),
	           ERR_WRONG_STATE);
	EXPECT_ERR(ticket_responder_resolved(p->answer, p->resolution, &p->fault), ERR_WRONG_STATE);
	EXPECT_ERR(ticket_responder_finish(p->answer, NULL, &p->party[PLAY_BOB].env, &csb, &out,
	                                   &p->fault),
	           ERR_WRONG_STATE);
	EXPECT_ERR(ticket_csb_cancel(p->csb[0]), ERR_WRONG_STATE);
	EXPECT_OK(ticket_initiator_close(p->offer));
	EXPECT_ERR(play_answered(p, play_view(p, PLAY_TRANSFER_RESP)), ERR_WRONG_STATE);
	EXPECT_ERR(ticket_initiator_close(p->offer), ERR_WRONG_STATE);
	play_free(p);
}

/* An offer whose T is a counter is accepted only if accept_counter allows it, a setting for
 * laboratories; our own messages still have a time. */
static void counter(void)
{
	struct play *p = play_new(play_session("mode4"));
	static struct mikey_msg m;
	static uint8_t octets[MIKEY_MESSAGE_MAX];
	struct view was, parts[4], made;
	struct mikey_msg_keys k;
	uint8_t mac[32];
	size_t n;

	p->fresh_random = true;
	REQUIRE_OK(play_create(p));
	REQUIRE_OK(play_offer(p));
	was = play_view(p, PLAY_TRANSFER_INIT);
	REQUIRE_OK(mikey_msg_read(&m, was, NULL));
	made = mikey_with_counter(was, octets);
	n = made.n;
	REQUIRE_OK(mikey_msg_read(&m, made, NULL));
	REQUIRE_OK(csb_mac_parts(&m, parts, NULL));
	parts[2] = mikey_msg_idr(&m, MIKEY_ROLE_I)->u.idr.id.data;
	parts[3] = mikey_msg_idr(&m, MIKEY_ROLE_R)->u.idr.id.data;
	REQUIRE_OK(mikey_prf_msg_keys(
		&k, &(struct mikey_msg_seed){0, (struct view){.p = p->grant->keys->mpki, .n = 16},
	                                     m.hdr.csb_id, 1, mikey_msg_rand_of(&m, MIKEY_ROLE_I),
	                                     (struct view){0}}));
	REQUIRE_OK(mikey_mac(MIKEY_MAC_SHA1_160, &k, parts, 4, mac));
	memcpy(octets + n - 20, mac, 20);
	EXPECT_ERR(play_offered(p, (struct view){.p = octets, .n = n}), ERR_UNSUPPORTED);
	EXPECT_INT(p->fault.no, MIKEY_E_TS);
	p->rules.accept_counter = true;
	REQUIRE_OK(play_offered(p, (struct view){.p = octets, .n = n}));
	REQUIRE_OK(play_finish(p));
	REQUIRE_OK(mikey_msg_read(&m, play_view(p, PLAY_TRANSFER_RESP), NULL));
	EXPECT_INT(mikey_msg_find(&m, MIKEY_T)->u.t.type, MIKEY_TS_NTP_UTC);
	/* The update of the responder has a time, too, and not a counter. */
	REQUIRE_OK(ticket_csb_update(
		p->csb[1],
		&(struct ticket_update_params){
			.cs =
				&(struct ticket_cs){
					.cs_id = 1,
					.n_policies = 1,
					.has_ssrc = true,
					.spi = {.p = ticket_csb_session(p->csb[1], 0)->spi, .n = 4},
				},
			.n_cs = 1,
		},
		&p->party[PLAY_BOB].env, &made, &p->fault));
	REQUIRE_OK(mikey_msg_read(&m, made, NULL));
	EXPECT(mikey_msg_find(&m, MIKEY_T)->u.t.value - p->party[PLAY_BOB].env.now_ntp < 16);
	play_free(p);
}

/* After a call no memory for secrets is in use. */
static void nothing_left(void)
{
	struct secret_usage before, after;
	struct play *p = play_new(play_session("mode1-fork-G"));

	secret_get_usage(&before);
	EXPECT_OK(play_all(p));
	secret_get_usage(&after);
	EXPECT(after.in_use_bytes > before.in_use_bytes);
	play_reset(p);
	secret_get_usage(&after);
	EXPECT_INT(after.in_use_bytes, before.in_use_bytes);
	play_free(p);
}

TEST_MAIN("ticket_variants", {"key-wrap", key_wrap}, {"in-clear", in_clear},
          {"every-suite", every_suite}, {"chosen", chosen}, {"long-psk", long_psk},
          {"out-of-order", out_of_order}, {"counter", counter}, {"nothing-left", nothing_left})
