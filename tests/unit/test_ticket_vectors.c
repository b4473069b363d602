/* SPDX-License-Identifier: MIT */
/* Every session, update and rejection in vectors/mikey-vectors.json, compared octet by octet. */
#include <stdlib.h>

#include "tests/harness/harness.h"
#include "tests/harness/mikey_vectors.h"

static void expect_messages(struct play *p)
{
	json_t *m;
	size_t i;

	json_array_foreach(json_object_get(p->json, "messages"), i, m)
	{
		const char *step = json_string_value(json_object_get(m, "step"));
		static uint8_t want[MIKEY_MESSAGE_MAX];
		size_t n = play_hex(m, "hex", want, sizeof(want));

		for (unsigned s = 0; s < PLAY_STEPS; s++) {
			if (strcmp(step, play_step_names[s]) != 0)
				continue;
			test_context("%s %s", json_string_value(json_object_get(p->json, "name")),
			             step);
			EXPECT_OCTETS(p->m[s], p->len[s], want, n);
		}
	}
}

static void expect_sessions(const struct ticket_csb *csb, json_t *want)
{
	json_t *s;
	size_t i;

	EXPECT_INT(ticket_csb_count(csb), json_array_size(want));
	json_array_foreach(want, i, s)
	{
		const struct csmap_session *got = ticket_csb_find(
			csb, (unsigned)json_integer_value(json_object_get(s, "cs_id")));
		uint8_t octets[64];
		size_t n;

		if (!EXPECT(got != NULL))
			continue;
		EXPECT_INT(got->ssrc, json_integer_value(json_object_get(s, "ssrc")));
		EXPECT_INT(got->has_roc, json_is_integer(json_object_get(s, "roc")));
		if (got->has_roc) {
			EXPECT_INT(got->roc, json_integer_value(json_object_get(s, "roc")));
			EXPECT_INT(got->seq, json_integer_value(json_object_get(s, "seq")));
		}
		n = play_hex(s, "mki", octets, sizeof(octets));
		EXPECT_OCTETS(got->spi, got->spi_len, octets, n);
		n = play_hex(s, "master_key", octets, sizeof(octets));
		EXPECT_OCTETS(got->master, got->master_len, octets, n);
		n = play_hex(s, "master_salt", octets, sizeof(octets));
		EXPECT_OCTETS(got->salt, got->salt_len, octets, n);
		EXPECT_TEXT(mikey_key_type_name(got->key_type),
		            json_string_value(json_object_get(s, "key_type")));
	}
}

static void play_and_expect(struct play *p)
{
	enum err e;

	test_context("%s", json_string_value(json_object_get(p->json, "name")));
	e = play_all(p);
	expect_messages(p);
	if (!test_expect(!e, __FILE__, __LINE__, "no error, got %s: %s", err_name(e),
	                 p->fault.why.text))
		return;
	for (unsigned side = 0; side < 2; side++) {
		test_context("%s %s", json_string_value(json_object_get(p->json, "name")),
		             side ? "responder" : "initiator");
		expect_sessions(p->csb[side], json_object_get(p->json, "srtp_sessions"));
	}
}

static void sessions(void)
{
	json_t *s;
	size_t i;

	json_array_foreach(json_object_get(play_vectors(), "sessions"), i, s)
	{
		struct play *p = play_new(s);

		play_and_expect(p);
		play_free(p);
	}
}

/* Reads from an update message the crypto sessions that its sender announced; returns their
 * number. */
static size_t sessions_shown(struct view octets, struct ticket_cs *cs, struct mikey_msg *m)
{
	CHECK(!mikey_msg_read(m, octets, NULL));
	for (size_t i = 0; i < m->hdr.n_cs; i++) {
		cs[i] = (struct ticket_cs){
			.cs_id = m->cs[i].cs_id,
			.n_policies = (uint8_t)m->cs[i].policies.n,
			.spi = m->cs[i].spi,
		};
		memcpy(cs[i].policies, m->cs[i].policies.p, m->cs[i].policies.n);
		if (m->cs[i].session.n) {
			cs[i].has_ssrc = true;
			cs[i].ssrc = be32_get(m->cs[i].session.p);
		}
	}
	return m->hdr.n_cs;
}

static struct mikey_keys *supplied(json_t *list)
{
	struct mikey_keys *k = mikey_keys_new();
	json_t *j;
	size_t i;

	json_array_foreach(list, i, j)
	{
		uint8_t key[64], spi[16];
		unsigned type = 0;
		size_t n = play_hex(j, "key", key, sizeof(key)),
		       n_spi = play_hex(j, "spi", spi, sizeof(spi));

		while (type < MIKEY_MPK &&
		       strcmp(mikey_key_type_name(type),
		              json_string_value(json_object_get(j, "type"))) != 0)
			type++;
		CHECK(!mikey_keys_add(k, type, (struct view){.p = key, .n = n}, (struct view){0},
		                      (struct view){.p = spi, .n = n_spi}));
	}
	return k;
}

static void play_update(struct play *p, json_t *f)
{
	bool from_alice = strcmp(json_string_value(json_object_get(f, "from")), "alice") == 0;
	struct ticket_csb *from = p->csb[!from_alice], *to = p->csb[from_alice];
	const struct mikey_env *from_env = &p->party[from_alice ? PLAY_ALICE : PLAY_BOB].env;
	const struct mikey_env *to_env = &p->party[from_alice ? PLAY_BOB : PLAY_ALICE].env;
	static uint8_t init[MIKEY_MESSAGE_MAX], resp[MIKEY_MESSAGE_MAX];
	struct view want = {.p = init, .n = play_hex(f, "update_init", init, sizeof(init))};
	size_t resp_n = play_hex(f, "update_resp", resp, sizeof(resp));
	static struct mikey_msg shown;
	static struct ticket_cs cs[MIKEY_CS_MAX];
	struct mikey_keys *keys = supplied(json_object_get(f, "keys_supplied"));
	struct ticket_update_params params = {.cs = cs, .keys = keys, .want_response = resp_n > 0};
	enum csb_outcome outcome;
	struct view made, reply, none;

	params.n_cs = sessions_shown(want, cs, &shown);
	if (EXPECT_OK(ticket_csb_update(from, &params, from_env, &made, &p->fault)) &&
	    EXPECT_OCTETS(made.p, made.n, want.p, want.n) &&
	    EXPECT_OK(ticket_csb_receive(to, made, to_env, &outcome, &reply, &p->fault))) {
		EXPECT_INT(outcome, CSB_UPDATED);
		EXPECT_OCTETS(reply.p, reply.n, resp, resp_n);
		/* The same message again changes nothing and gets the same answer. */
		EXPECT_OK(ticket_csb_receive(to, want, to_env, &outcome, &none, &p->fault));
		EXPECT_INT(outcome, CSB_UNCHANGED);
		EXPECT_OCTETS(none.p, none.n, resp, resp_n);
		if (resp_n)
			EXPECT_OK(ticket_csb_receive(from, reply, from_env, &outcome, &none,
			                             &p->fault));
		expect_sessions(from, json_object_get(f, "srtp_sessions_after"));
		expect_sessions(to, json_object_get(f, "srtp_sessions_after"));
	}
	mikey_keys_free(keys);
}

static void play_reuse(struct play *p, json_t *f)
{
	struct ticket_resolution *r = NULL;
	struct ticket_responder_params params = {.rules = &p->rules};
	json_t *m = json_object_get(f, "messages");
	static uint8_t want[MIKEY_MESSAGE_MAX];
	size_t n;

	for (unsigned w = 0; w < PLAY_WHO; w++)
		p->party[w].env.now_ntp += 60ull << 32;
	REQUIRE_OK(ticket_responder_resolution(p->answer, &r));
	ticket_initiator_free(p->offer);
	ticket_responder_free(p->answer);
	ticket_csb_free(p->csb[0]);
	ticket_csb_free(p->csb[1]);
	p->offer = NULL;
	p->answer = NULL;
	p->csb[0] = p->csb[1] = NULL;
	params.me = p->party[PLAY_BOB].me;
	params.n_me = p->party[PLAY_BOB].n_me;
	params.now_ntp = p->party[PLAY_BOB].env.now_ntp;
	if (EXPECT_OK(play_offer(p))) {
		n = play_hex(json_array_get(m, 0), "hex", want, sizeof(want));
		EXPECT_OCTETS(p->m[PLAY_TRANSFER_INIT], p->len[PLAY_TRANSFER_INIT], want, n);
		if (EXPECT_OK(ticket_responder_new(&p->answer, &params,
		                                   play_view(p, PLAY_TRANSFER_INIT), &p->fault)) &&
		    EXPECT_OK(ticket_responder_reuse(p->answer, r, &p->fault)) &&
		    EXPECT_OK(play_finish(p))) {
			n = play_hex(json_array_get(m, 1), "hex", want, sizeof(want));
			EXPECT_OCTETS(p->m[PLAY_TRANSFER_RESP], p->len[PLAY_TRANSFER_RESP], want,
			              n);
			EXPECT_OK(play_answered(p, play_view(p, PLAY_TRANSFER_RESP)));
			expect_sessions(p->csb[0], json_object_get(f, "srtp_sessions"));
			expect_sessions(p->csb[1], json_object_get(f, "srtp_sessions"));
		}
	}
	ticket_resolution_free(r);
}

static void updates(void)
{
	json_t *s, *f;
	size_t i, j;

	json_array_foreach(json_object_get(play_vectors(), "updates"), i, s)
	{
		struct play *p = play_new(s);

		play_and_expect(p);
		json_array_foreach(json_object_get(s, "follow_ups"), j, f)
		{
			if (!p->csb[0] || !p->csb[1])
				break;
			test_context("%s: %s", json_string_value(json_object_get(s, "name")),
			             json_string_value(json_object_get(f, "kind")));
			if (json_object_get(f, "messages"))
				play_reuse(p, f);
			else
				play_update(p, f);
		}
		play_free(p);
	}
}

/* Makes the REQUEST_INIT of the vector from its random octets, then delivers its REQUEST_RESP. */
static enum err reject_response(struct play *p, struct view init, struct view resp)
{
	static struct mikey_msg m;
	struct play_party *a = &p->party[PLAY_ALICE];
	struct view rand;

	CHECK(!mikey_msg_read(&m, init, NULL));
	rand = mikey_msg_rand_of(&m, MIKEY_ROLE_I);
	snprintf(a->drawn[0].name, sizeof(a->drawn[0].name), "kms-csb-id");
	memcpy(a->drawn[0].octets, init.p + 4, 4);
	a->drawn[0].n = 4;
	snprintf(a->drawn[1].name, sizeof(a->drawn[1].name), "randi-kms");
	memcpy(a->drawn[1].octets, rand.p, rand.n);
	a->drawn[1].n = rand.n;
	a->n_drawn = 2;
	EXPECT_OK(play_request(p));
	EXPECT_OCTETS(p->m[PLAY_REQUEST_INIT], p->len[PLAY_REQUEST_INIT], init.p, init.n);
	return play_granted(p, resp);
}

static void must_reject(void)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(play_vectors(), "must_reject"), i, row)
	{
		const char *step = json_string_value(json_object_get(row, "at_step"));
		const char *by = json_string_value(json_object_get(row, "rejected_by"));
		json_t *messages = json_object_get(row, "messages");
		static uint8_t last[MIKEY_MESSAGE_MAX], first[MIKEY_MESSAGE_MAX];
		struct view in = {.p = last}, init = {.p = first};
		struct play *p = play_new(row);
		enum err e;

		p->fresh_random = true;
		in.n = play_hex(json_array_get(messages, json_array_size(messages) - 1), "hex",
		                last, sizeof(last));
		init.n = play_hex(json_array_get(messages, 0), "hex", first, sizeof(first));
		test_context("%s", json_string_value(json_object_get(row, "what")));
		if (strcmp(by, "kms") == 0)
			e = play_kms(p, in,
			             strcmp(step, "REQUEST_INIT") == 0 ? PLAY_REQUEST_RESP
			                                               : PLAY_RESOLVE_RESP);
		else if (strcmp(step, "REQUEST_RESP") == 0)
			e = reject_response(p, init, in);
		else
			e = play_offered(p, in);
		EXPECT(e != ERR_OK);
		EXPECT_INT(p->fault.no, json_integer_value(json_object_get(row, "errno")));
		play_free(p);
	}
}

TEST_MAIN("ticket_vectors", {"sessions", sessions}, {"updates", updates},
          {"must-reject", must_reject})
