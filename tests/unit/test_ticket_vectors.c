/* SPDX-License-Identifier: MIT */
/* Every session, update and rejection in vectors/mikey-vectors.json, compared octet by octet. */
#include <stdlib.h>

#include "keyctx/kdf.h"
#include "keyctx/suite.h"
#include "tests/harness/harness.h"
#include "tests/harness/mikey_vectors.h"

/* The numbers of rows that the file had when this test was written. A file with fewer rows is
 * damaged: without these bounds an empty file would pass. */
enum { SESSIONS_MIN = 13, UPDATES_MIN = 2, FOLLOW_UPS_MIN = 9, ANSWERED_MIN = 5, REJECTS_MIN = 8 };

/* The rows of a part of the file, which has at least `min`. */
static json_t *rows(const char *part, size_t min)
{
	json_t *list = json_object_get(play_vectors(), part);

	test_expect(json_array_size(list) >= min, __FILE__, __LINE__,
	            "at least %zu rows in \"%s\", found %zu", min, part, json_array_size(list));
	return list;
}

static enum play_step step_of(const char *name)
{
	unsigned s = 0;

	while (s < PLAY_STEPS && (!name || strcmp(name, play_step_names[s]) != 0))
		s++;
	test_expect(s < PLAY_STEPS, __FILE__, __LINE__, "a known step, found %s",
	            name ? name : "none");
	return s;
}

/* Each message that was sent is in the vectors once, and the other way round. */
static void expect_messages(struct play *p)
{
	unsigned n_found[PLAY_STEPS] = {0};
	json_t *m;
	size_t i;

	json_array_foreach(json_object_get(p->json, "messages"), i, m)
	{
		const char *step = json_string_value(json_object_get(m, "step"));
		static uint8_t want[MIKEY_MESSAGE_MAX];
		size_t n = play_hex(m, "hex", want, sizeof(want));
		enum play_step s = step_of(step);

		if (s == PLAY_STEPS)
			continue;
		test_context("%s %s", json_string_value(json_object_get(p->json, "name")), step);
		EXPECT_OCTETS(p->m[s], p->len[s], want, n);
		n_found[s]++;
	}
	for (unsigned s = 0; s < PLAY_STEPS; s++) {
		test_context("%s %s", json_string_value(json_object_get(p->json, "name")),
		             play_step_names[s]);
		EXPECT_INT(n_found[s], p->len[s] > 0);
	}
}

/* The session keys of RFC 3711 that follow from a crypto session. */
static void expect_srtp_keys(const struct csmap_session *got, json_t *want)
{
	static struct kdf_session derived;
	struct keyctx *k = NULL;
	struct why why;
	uint8_t octets[64];
	size_t n;

	if (!EXPECT_OK(csmap_keyctx(&k, got, false, &why)))
		return;
	if (EXPECT_OK(kdf_derive(&derived, k))) {
		n = play_hex(want, "encr", octets, sizeof(octets));
		EXPECT_OCTETS(derived.rtp.key, got->suite->key_len, octets, n);
		n = play_hex(want, "auth", octets, sizeof(octets));
		EXPECT_OCTETS(derived.rtp.auth, SUITE_AUTH_KEY_LEN, octets, n);
		n = play_hex(want, "salt", octets, sizeof(octets));
		EXPECT_OCTETS(derived.rtp.salt, got->suite->salt_len, octets, n);
	}
	keyctx_free(k);
}

/* The agreed SRTP policy. `names` are in the order of enum csmap_param. */
static void expect_policy(const struct csmap_policy *got, json_t *want)
{
	static const char *const names[] = {
		"encr_alg",  "encr_key_len", "auth_alg",   "auth_key_len", "salt_len",
		"prf",       "kdr",          "srtp_encr",  "srtcp_encr",   "fec_order",
		"srtp_auth", "auth_tag_len", "prefix_len",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		json_t *v = json_object_get(want, names[i]);

		if (EXPECT(json_is_integer(v)))
			EXPECT_INT(got->value[i], json_integer_value(v));
	}
}

/* The vectors have the session keys of RFC 3711 only for initial exchanges. */
static void expect_sessions(const struct ticket_csb *csb, json_t *want, bool is_update)
{
	json_t *s;
	size_t i;

	EXPECT(ticket_csb_count(csb) > 0);
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
		expect_policy(&got->policy, json_object_get(s, "srtp"));
		if (!is_update)
			expect_srtp_keys(got, json_object_get(s, "rfc3711_session_keys"));
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
		expect_sessions(p->csb[side], json_object_get(p->json, "srtp_sessions"), false);
	}
}

static void sessions(void)
{
	json_t *s;
	size_t i;

	json_array_foreach(rows("sessions", SESSIONS_MIN), i, s)
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
		expect_sessions(from, json_object_get(f, "srtp_sessions_after"), true);
		expect_sessions(to, json_object_get(f, "srtp_sessions_after"), true);
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
			expect_sessions(p->csb[0], json_object_get(f, "srtp_sessions"), true);
			expect_sessions(p->csb[1], json_object_get(f, "srtp_sessions"), true);
		}
	}
	ticket_resolution_free(r);
}

static void updates(void)
{
	size_t i, j, n_played = 0, n_answered = 0;
	json_t *s, *f;

	json_array_foreach(rows("updates", UPDATES_MIN), i, s)
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
			n_played++;
			n_answered += json_is_string(json_object_get(f, "update_resp"));
		}
		play_free(p);
	}
	test_context("updates");
	EXPECT(n_played >= FOLLOW_UPS_MIN);
	EXPECT(n_answered >= ANSWERED_MIN);
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

/* Which machine refuses the last message of a row. */
static enum err reject_at_request(struct play *p, struct view first, struct view last)
{
	(void)first;
	return play_kms(p, last, PLAY_REQUEST_RESP);
}

static enum err reject_at_resolve(struct play *p, struct view first, struct view last)
{
	(void)first;
	return play_kms(p, last, PLAY_RESOLVE_RESP);
}

static enum err reject_at_offer(struct play *p, struct view first, struct view last)
{
	(void)first;
	return play_offered(p, last);
}

static const struct machine {
	const char *who;
	enum play_step step;
	enum play_who responder;
	enum err (*receive)(struct play *p, struct view first, struct view last);
} machines[] = {
	{"kms", PLAY_REQUEST_INIT, PLAY_BOB, reject_at_request},
	{"kms", PLAY_RESOLVE_INIT, PLAY_BOB, reject_at_resolve},
	{"alice", PLAY_REQUEST_RESP, PLAY_BOB, reject_response},
	{"bob", PLAY_TRANSFER_INIT, PLAY_BOB, reject_at_offer},
	{"carol", PLAY_TRANSFER_INIT, PLAY_CAROL, reject_at_offer},
};

static const struct machine *machine_of(const char *who, enum play_step step)
{
	for (size_t i = 0; i < ARRAY_LEN(machines); i++)
		if (who && strcmp(who, machines[i].who) == 0 && step == machines[i].step)
			return &machines[i];
	test_expect(false, __FILE__, __LINE__, "a machine of %s that receives %s",
	            who ? who : "nobody", step < PLAY_STEPS ? play_step_names[step] : "nothing");
	return NULL;
}

/* The first message with that step in the messages of a row or session. */
static struct view message_at(json_t *owner, enum play_step step, uint8_t *room)
{
	json_t *m;
	size_t i;

	json_array_foreach(json_object_get(owner, "messages"), i, m)
	{
		if (step_of(json_string_value(json_object_get(m, "step"))) == step)
			return (struct view){
				.p = room,
				.n = play_hex(m, "hex", room, MIKEY_MESSAGE_MAX),
			};
	}
	return (struct view){0};
}

/* The machine accepts the message of the session that a row is based on: it does not refuse
 * everything. */
static void expect_accepts(const struct machine *m, json_t *based_on)
{
	static uint8_t first[MIKEY_MESSAGE_MAX], last[MIKEY_MESSAGE_MAX];
	struct play *p;

	if (!EXPECT(based_on != NULL))
		return;
	p = play_new(based_on);
	p->responder = m->responder;
	p->fresh_random = true;
	EXPECT_OK(m->receive(p, message_at(based_on, PLAY_REQUEST_INIT, first),
	                     message_at(based_on, m->step, last)));
	play_free(p);
}

static void must_reject(void)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows("must_reject", REJECTS_MIN), i, row)
	{
		enum play_step step = step_of(json_string_value(json_object_get(row, "at_step")));
		json_t *messages = json_object_get(row, "messages");
		json_t *last_message = json_array_get(messages, json_array_size(messages) - 1);
		static uint8_t first[MIKEY_MESSAGE_MAX], last[MIKEY_MESSAGE_MAX];
		const struct machine *m;
		struct play *p;
		enum err e;

		test_context("%s", json_string_value(json_object_get(row, "what")));
		m = machine_of(json_string_value(json_object_get(row, "rejected_by")), step);
		if (!m)
			continue;
		/* A row without its last message would be refused for being empty. */
		if (!EXPECT_INT(step_of(json_string_value(json_object_get(last_message, "step"))),
		                step))
			continue;
		expect_accepts(m,
		               play_session(json_string_value(json_object_get(row, "based_on"))));
		p = play_new(row);
		p->responder = m->responder;
		p->fresh_random = true;
		e = m->receive(p, message_at(row, PLAY_REQUEST_INIT, first),
		               message_at(row, step, last));
		EXPECT(e != ERR_OK);
		EXPECT_INT(p->fault.no, json_integer_value(json_object_get(row, "errno")));
		play_free(p);
	}
}

TEST_MAIN("ticket_vectors", {"sessions", sessions}, {"updates", updates},
          {"must-reject", must_reject})
