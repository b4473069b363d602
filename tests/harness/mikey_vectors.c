/* SPDX-License-Identifier: MIT */
/* Plays MIKEY exchanges between terminals and a KMS in memory. */
#include "tests/harness/mikey_vectors.h"

#include <stdlib.h>

#include "base/clk.h"
#include "tests/harness/harness.h"
#include "tests/harness/mikey_parties.h"

const char *const play_step_names[] = {"REQUEST_INIT", "REQUEST_RESP", "TRANSFER_INIT",
                                       "RESOLVE_INIT", "RESOLVE_RESP", "TRANSFER_RESP"};

struct play *play_new(json_t *session)
{
	struct play *p = calloc(1, sizeof(*p));
	json_t *call = json_object_get(session, "call"),
	       *policy = json_object_get(session, "requested_policy");
	const char *variant = json_string_value(json_object_get(call, "variant"));
	const char *responder = json_string_value(json_object_get(call, "responder"));
	const char *to = json_string_value(json_object_get(call, "to"));

	CHECK(p && session);
	p->json = session;
	p->mode = (int)json_integer_value(json_object_get(session, "mode"));
	if (!p->mode) /* a row of must_reject has the mode of the session that it is based on */
		p->mode = strstr(json_string_value(json_object_get(session, "based_on")), "mode3")
		                  ? 3
		          : strstr(json_string_value(json_object_get(session, "based_on")), "mode4")
		                  ? 4
		                  : 1;
	p->pk = variant && strcmp(variant, "pk") == 0;
	p->responder = responder && strcmp(responder, "carol") == 0 ? PLAY_CAROL : PLAY_BOB;
	ticket_rules_init(&p->rules);
	if (json_integer_value(json_object_get(policy, "prf")))
		p->rules.algs = mikey_algs_256;
	for (unsigned w = 0; w < PLAY_WHO; w++)
		play_load_party(p, (enum play_who)w);
	p->peer = to ? play_uri(to) : p->party[PLAY_BOB].me[0];
	return p;
}

void play_reset(struct play *p)
{
	ticket_request_free(p->request);
	ticket_grant_free(p->grant);
	ticket_initiator_free(p->offer);
	ticket_responder_free(p->answer);
	ticket_resolve_free(p->resolve);
	ticket_resolution_free(p->resolution);
	ticket_csb_free(p->csb[0]);
	ticket_csb_free(p->csb[1]);
	p->request = NULL;
	p->grant = NULL;
	p->offer = NULL;
	p->answer = NULL;
	p->resolve = NULL;
	p->resolution = NULL;
	p->csb[0] = p->csb[1] = NULL;
}

void play_free(struct play *p)
{
	if (!p)
		return;
	play_reset(p);
	for (unsigned w = 0; w < PLAY_WHO; w++) {
		pki_key_free(p->party[w].key);
		pki_chain_free(p->party[w].chain);
		pki_cert_free(p->party[w].kms_cert);
		pki_trust_free(p->party[w].trust);
	}
	free(p);
}

struct view play_view(const struct play *p, enum play_step step)
{
	return (struct view){.p = p->m[step], .n = p->len[step]};
}

static void keep(struct play *p, enum play_step step, struct view v)
{
	CHECK(v.n <= sizeof(p->m[step]));
	memcpy(p->m[step], v.p, v.n);
	p->len[step] = v.n;
}

/* Converts requested_policy to a spec, whose pointers are valid until the next spec_of. */
static void spec_of(struct play *p, struct ticket_policy_spec *s)
{
	static struct ticket_wish wishes[MIKEY_KEYS_MAX];
	static uint8_t spis[MIKEY_KEYS_MAX][16];
	static struct mikey_id r[TICKET_WHO_MAX];
	json_t *j = json_object_get(p->json, "requested_policy"), *k;
	size_t i;

	*s = (struct ticket_policy_spec){
		.prf = (uint8_t)json_integer_value(json_object_get(j, "prf")),
		.wishes = wishes,
		.r = r,
	};
	CHECK(!ticket_flags_parse(str_of(json_string_value(json_object_get(j, "flags"))),
	                          &s->flags));
	s->idr_kms = play_uri(json_string_value(json_object_get(j, "idr_kms")));
	s->idr_i = play_uri(json_string_value(json_object_get(j, "idr_i")));
	s->has_start = s->has_end = true;
	s->start = ticket_ts_32(play_ntp_of(json_number_value(json_object_get(j, "trs"))));
	s->end = ticket_ts_32(play_ntp_of(json_number_value(json_object_get(j, "tre"))));
	json_array_foreach(json_object_get(j, "idr_r"), i, k) r[s->n_r++] =
		play_uri(json_string_value(k));
	json_array_foreach(json_object_get(j, "keys"), i, k)
	{
		const char *type = json_string_value(json_object_get(k, "type"));

		wishes[i] = (struct ticket_wish){
			.len = (uint16_t)json_integer_value(json_object_get(k, "len")),
			.salt_len = (uint16_t)json_integer_value(json_object_get(k, "salt_len")),
		};
		while (wishes[i].type < MIKEY_MPK &&
		       strcmp(mikey_key_type_name(wishes[i].type), type) != 0)
			wishes[i].type++;
		wishes[i].spi = (struct view){
			.p = spis[i],
			.n = play_hex(k, "spi", spis[i], sizeof(spis[i])),
		};
		s->n_wishes++;
	}
}

enum err play_request(struct play *p)
{
	struct play_party *a = &p->party[PLAY_ALICE];
	struct ticket_policy_spec spec;
	struct ticket_request_params params = {.rules = &p->rules,
	                                       .cred = &a->cred,
	                                       .me = a->me[0],
	                                       .kms = a->kms,
	                                       .policy = &spec};
	enum err e;

	spec_of(p, &spec);
	e = ticket_request_new(&p->request, &params, &a->env, &p->fault);
	if (!e)
		keep(p, PLAY_REQUEST_INIT, ticket_request_octets(p->request));
	return e;
}

static bool is_member(json_t *kms, struct mikey_id group, struct mikey_id who)
{
	const char *name;
	json_t *members, *m;
	size_t i;

	json_object_foreach(json_object_get(kms, "groups"), name, members)
	{
		if (!mikey_id_eq(play_uri(name), group))
			continue;
		json_array_foreach(members, i, m) if (mikey_id_eq(play_uri(json_string_value(m)),
		                                                  who)) return true;
	}
	return false;
}

static bool may_resolve(json_t *kms, const struct ticket_policy *policy, struct mikey_id who)
{
	bool may = authority_policy_lists(policy, who);

	for (size_t i = 0; i < policy->n_r && !may; i++)
		may = is_member(kms, policy->r[i], who);
	return may;
}

/* Verifies a message as a KMS does: with the PSK that IDRpsk names, or with the certificates of the
 * message. */
static enum err verify(struct play *p, struct authority *a)
{
	struct play_party *k = &p->party[PLAY_KMS];
	struct authority_peer peer = {.kms = k->me[0],
	                              .own_key = k->key,
	                              .own_cert = k->chain ? pki_chain_at(k->chain, 0) : NULL};
	struct view ders[8];
	size_t n = authority_certs(a, ders, 8), i;
	struct pki_chain *chain = NULL;
	uint8_t psk[64], id[64];
	json_t *j;
	enum err e;

	json_array_foreach(json_object_get(k->json, "psks"), i, j)
	{
		if (!mikey_id_eq(play_key_id(json_object_get(j, "id"), id, sizeof(id)),
		                 authority_psk_id(a)))
			continue;
		peer.psk = (struct view){.p = psk, .n = play_hex(j, "key", psk, sizeof(psk))};
		peer.owner = play_uri(json_string_value(json_object_get(j, "owner")));
		break;
	}
	if (n) {
		e = pki_chain_from_ders(&chain, ders, n, NULL);
		if (!e)
			e = pki_trust_check(k->trust, chain, 1300000000, NULL);
		if (e) {
			pki_chain_free(chain);
			return mikey_fail(&p->fault, e, MIKEY_E_CERT,
			                  "the certificates are not trusted");
		}
		peer.chain = chain;
		peer.owner = authority_sender(a);
	}
	peer.owns_sender = mikey_id_eq(peer.owner, authority_sender(a));
	e = authority_verify(a, &peer, &p->fault);
	pki_chain_free(chain);
	return e;
}

static enum err resolve(struct play *p, struct authority *a, struct view *out)
{
	struct play_party *k = &p->party[PLAY_KMS];
	struct authority_resolution how = {
		.may_resolve = may_resolve(k->json, authority_policy(a), authority_sender(a))};
	uint8_t key[64], id[64];
	json_t *j;
	size_t i;

	for (i = 0; i < k->n_tpks; i++)
		if (mikey_id_eq(k->tpks[i].id, authority_tpk_id(a))) {
			how.tpk = k->tpks[i].key;
			how.tpk_is_kms = true;
		}
	json_array_foreach(json_object_get(k->json, "psks"), i,
	                   j) if (!how.tpk.n &&
	                          mikey_id_eq(play_key_id(json_object_get(j, "id"), id, sizeof(id)),
	                                      authority_tpk_id(a)))
	{
		how.tpk = (struct view){.p = key, .n = play_hex(j, "key", key, sizeof(key))};
		how.tpk_owner = play_uri(json_string_value(json_object_get(j, "owner")));
	}
	return authority_resolve(a, &how, &k->env, out, &p->fault);
}

enum err play_kms(struct play *p, struct view in, enum play_step out)
{
	struct play_party *k = &p->party[PLAY_KMS];
	const struct ticket_tpk *tpk = &k->tpks[p->mode == 2 ? 1 : 0];
	struct authority *a = NULL;
	struct view made;
	enum err e = authority_new(&a, &p->rules, in, k->env.now_ntp, &p->fault);

	if (!e)
		e = verify(p, a);
	if (!e)
		e = authority_is_resolve(a)
		            ? resolve(p, a, &made)
		            : authority_grant(a, NULL, tpk, &k->env, &made, &p->fault);
	if (!e)
		keep(p, out, made);
	authority_free(a);
	return e;
}

enum err play_granted(struct play *p, struct view in)
{
	return ticket_request_receive(p->request, in, &p->grant, &p->fault);
}

enum err play_create(struct play *p)
{
	struct play_party *a = &p->party[PLAY_ALICE];
	struct ticket_policy_spec spec;
	const struct ticket_tpk psk = {.key = a->cred.psk, .id = a->cred.psk_id};

	spec_of(p, &spec);
	return ticket_create(&p->grant, &spec, p->mode == 3 ? &psk : &a->tpks[0], p->rules.algs,
	                     &a->env, &p->fault);
}

/* Reads the crypto sessions of call.cs. Default: CS 1 with an SSRC, CS 2 without one. */
static size_t sessions_of(struct play *p, struct ticket_cs *cs, uint8_t spis[][8])
{
	json_t *list = json_object_get(json_object_get(p->json, "call"), "cs"), *j;
	size_t i;

	if (!list) {
		cs[0] = (struct ticket_cs){
			.cs_id = 1,
			.n_policies = 1,
			.has_ssrc = true,
			.ssrc = 0x11223344,
		};
		cs[1] = (struct ticket_cs){.cs_id = 2, .n_policies = 1};
		return 2;
	}
	json_array_foreach(list, i, j)
	{
		cs[i] = (struct ticket_cs){
			.cs_id = (uint8_t)json_integer_value(json_object_get(j, "cs_id")),
			.n_policies = 1,
		};
		cs[i].has_ssrc = json_object_get(j, "ssrc") != NULL;
		cs[i].ssrc = (uint32_t)json_integer_value(json_object_get(j, "ssrc"));
		cs[i].has_roc = json_object_get(j, "roc") != NULL;
		cs[i].roc = (uint32_t)json_integer_value(json_object_get(j, "roc"));
		cs[i].seq = (uint16_t)json_integer_value(json_object_get(j, "seq"));
		cs[i].spi = (struct view){.p = spis[i], .n = play_hex(j, "spi", spis[i], 8)};
	}
	return json_array_size(list);
}

enum err play_offer(struct play *p)
{
	struct play_party *a = &p->party[PLAY_ALICE];
	struct ticket_cs cs[8];
	uint8_t spis[8][8];
	struct csmap_policy policy;
	struct ticket_initiator_params params = {.rules = &p->rules,
	                                         .grant = p->grant,
	                                         .me = a->me[0],
	                                         .peer = p->peer,
	                                         .cs = cs,
	                                         .policies = &policy,
	                                         .n_policies = 1};
	enum err e;

	csmap_policy_from_suite(&policy, 0,
	                        suite_get(p->rules.algs.prf ? SUITE_AES_256_CM_HMAC_SHA1_80
	                                                    : SUITE_AES_CM_128_HMAC_SHA1_80));
	params.n_cs = sessions_of(p, cs, spis);
	e = ticket_initiator_new(&p->offer, &params, &a->env, &p->fault);
	if (e)
		return e;
	keep(p, PLAY_TRANSFER_INIT, ticket_initiator_octets(p->offer));
	if (!play_responds(p))
		e = ticket_initiator_take_csb(p->offer, &p->csb[0]);
	return e;
}

static enum err open_ticket(struct play *p)
{
	struct play_party *r = &p->party[p->responder];

	for (size_t i = 0; i < r->n_tpks; i++)
		if (mikey_id_eq(r->tpks[i].id, ticket_responder_tpk_id(p->answer)))
			return ticket_responder_open(p->answer, r->tpks[i].key, r->tpk_owner[i],
			                             &p->fault);
	return mikey_fail(&p->fault, ERR_NOT_FOUND, MIKEY_E_TICKET, "no key of that name");
}

enum err play_offered(struct play *p, struct view in)
{
	struct play_party *r = &p->party[p->responder];
	struct ticket_responder_params params = {
		.rules = &p->rules, .me = r->me, .n_me = r->n_me, .now_ntp = r->env.now_ntp};
	struct ticket_resolve_params ask = {
		.rules = &p->rules, .cred = &r->cred, .me = r->me[0], .kms = r->kms};
	enum err e = ticket_responder_new(&p->answer, &params, in, &p->fault);

	if (e)
		return e;
	if (!ticket_responder_must_resolve(p->answer))
		return open_ticket(p);
	ask.ticket = ticket_responder_ticket(p->answer);
	e = ticket_resolve_new(&p->resolve, &ask, &r->env, &p->fault);
	if (!e)
		keep(p, PLAY_RESOLVE_INIT, ticket_resolve_octets(p->resolve));
	return e;
}

enum err play_resolved(struct play *p, struct view in)
{
	enum err e = ticket_resolve_receive(p->resolve, in, &p->resolution, &p->fault);

	return e ? e : ticket_responder_resolved(p->answer, p->resolution, &p->fault);
}

enum err play_finish(struct play *p)
{
	struct view made;
	enum err e = ticket_responder_finish(p->answer, NULL, &p->party[p->responder].env,
	                                     &p->csb[1], &made, &p->fault);

	if (!e && made.n)
		keep(p, PLAY_TRANSFER_RESP, made);
	return e;
}

enum err play_answered(struct play *p, struct view in)
{
	return ticket_initiator_receive(p->offer, in, &p->csb[0], &p->fault);
}

bool play_responds(const struct play *p)
{
	return p->grant->policy.tp.flags & TICKET_F;
}

enum err play_all(struct play *p)
{
	enum err e;

	if (p->mode <= 2) {
		e = play_request(p);
		if (!e)
			e = play_kms(p, play_view(p, PLAY_REQUEST_INIT), PLAY_REQUEST_RESP);
		if (!e)
			e = play_granted(p, play_view(p, PLAY_REQUEST_RESP));
	} else {
		e = play_create(p);
	}
	if (!e)
		e = play_offer(p);
	if (!e)
		e = play_offered(p, play_view(p, PLAY_TRANSFER_INIT));
	if (!e && p->resolve)
		e = play_kms(p, play_view(p, PLAY_RESOLVE_INIT), PLAY_RESOLVE_RESP);
	if (!e && p->resolve)
		e = play_resolved(p, play_view(p, PLAY_RESOLVE_RESP));
	if (!e)
		e = play_finish(p);
	if (!e && play_responds(p))
		e = play_answered(p, play_view(p, PLAY_TRANSFER_RESP));
	return e;
}

struct view mikey_with_counter(struct view in, uint8_t *out)
{
	static struct mikey_msg m;
	struct wr w = wr_make(out, MIKEY_MESSAGE_MAX);
	const struct mikey_payload *t;

	CHECK(!mikey_msg_read(&m, in, NULL));
	t = mikey_msg_find(&m, MIKEY_T);
	wr_octets(&w, in.p, t->offset + 1);
	wr_octets(&w, (uint8_t[]){MIKEY_TS_COUNTER, 0, 0, 0, 9}, 5);
	wr_octets(&w, in.p + t->offset + t->octets.n, in.n - t->offset - t->octets.n);
	return (struct view){out, wr_len(&w)};
}
