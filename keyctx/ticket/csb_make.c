/* SPDX-License-Identifier: MIT */
/* Makes and frees a crypto session bundle, and gives access to its members; parts that all its
 * messages share. */
#include "keyctx/ticket/csb_make.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/secret.h"

static enum err no_memory(struct mikey_fault *fault)
{
	return mikey_fail(fault, ERR_NOMEM, MIKEY_E_UNSPECIFIED, "out of memory");
}

enum err csb_octets_set(struct csb_octets *o, struct view v)
{
	uint8_t *p = mem_alloc(v.n + !v.n);

	if (!p)
		return ERR_NOMEM;
	if (v.n)
		memcpy(p, v.p, v.n);
	mem_free(o->p);
	*o = (struct csb_octets){.p = p, .n = v.n};
	return ERR_OK;
}

enum err csb_take_policies(struct csb_policies *p, const struct mikey_msg *m, unsigned side,
                           struct mikey_fault *fault)
{
	for (size_t i = 0; i < m->n; i++) {
		struct csmap_policy policy;
		size_t at = 0;
		enum err e;

		if (m->p[i].type != MIKEY_SP)
			continue;
		e = csmap_policy_read(&policy, &m->p[i], fault);
		if (e)
			return e;
		while (at < p->n[side] && p->of[side][at].no != policy.no)
			at++;
		if (at == CSB_POLICIES_MAX)
			return mikey_fail_at(
				fault, ERR_TOO_BIG, MIKEY_E_SPPAR, m->p[i].offset,
				"too many SRTP policies from one side, at most %d are allowed",
				CSB_POLICIES_MAX);
		p->of[side][at] = policy;
		p->n[side] += at == p->n[side];
	}
	return ERR_OK;
}

const struct csmap_policy *csb_policy(const struct csb_policies *p, unsigned sender, unsigned no)
{
	for (unsigned turn = 0; turn < 2; turn++) {
		unsigned side = turn ? !sender : sender;

		for (size_t i = 0; i < p->n[side]; i++)
			if (p->of[side][i].no == no)
				return &p->of[side][i];
	}
	return NULL;
}

void csb_cs_write(struct mikey_cs *out, struct csb_cs_room *room, const struct ticket_cs *cs)
{
	struct wr w = wr_make(room->session, sizeof(room->session));

	if (cs->has_ssrc)
		wr_u32(&w, cs->ssrc);
	if (cs->has_ssrc && cs->has_roc) {
		wr_u32(&w, cs->roc);
		wr_u16(&w, cs->seq);
	}
	*out = (struct mikey_cs){
		.cs_id = cs->cs_id,
		.has_roc = cs->has_ssrc && cs->has_roc,
		.policies = {.p = cs->policies, .n = cs->n_policies},
		.session = {.p = room->session, .n = wr_len(&w)},
		.spi = cs->spi,
	};
}

enum err csb_check_complete(const struct mikey_msg *m, struct mikey_fault *fault)
{
	if (!m->n_cs)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
		                  "the message has no crypto session");
	for (size_t i = 0; i < m->n_cs; i++) {
		const struct mikey_cs *cs = &m->cs[i];

		if (cs->policies.n != 1)
			return mikey_fail(fault, ERR_INVALID, MIKEY_E_SPPAR,
			                  "crypto session %u has %zu policies, must have one",
			                  cs->cs_id, cs->policies.n);
		if (!cs->session.n || !cs->spi.n)
			return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
			                  "crypto session %u: SSRC or SPI is missing", cs->cs_id);
	}
	return ERR_OK;
}

static bool policy_was_offered(const struct mikey_cs *offer, const struct mikey_msg *answer,
                               unsigned no)
{
	for (size_t i = 0; i < answer->n; i++)
		if (answer->p[i].type == MIKEY_SP && answer->p[i].u.sp.no == no)
			return true;
	return offer->policies.n && memchr(offer->policies.p, (int)no, offer->policies.n);
}

enum err csb_check_answer(const struct mikey_msg *offer, const struct mikey_msg *answer,
                          struct mikey_fault *fault)
{
	enum err e = csb_check_complete(answer, fault);

	for (size_t i = 0; i < offer->n_cs && !e; i++) {
		const struct mikey_cs *was = &offer->cs[i], *is = mikey_msg_cs(answer, was->cs_id);

		if (!is)
			e = mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
			               "crypto session %u of the offer is missing in the answer",
			               was->cs_id);
		else if (!policy_was_offered(was, answer, is->policies.p[0]))
			e = mikey_fail(fault, ERR_INVALID, MIKEY_E_SPPAR,
			               "crypto session %u: policy %u was not offered", was->cs_id,
			               is->policies.p[0]);
	}
	return e;
}

enum err csb_mac_parts(const struct mikey_msg *m, struct view parts[2], struct mikey_fault *fault)
{
	const struct mikey_payload *ticket = mikey_msg_find(m, MIKEY_TICKET),
				   *v = mikey_msg_find(m, MIKEY_V);
	const uint8_t *start = m->octets.p, *end = m->octets.p + m->octets.n, *cut, *behind;

	if (!ticket || !v)
		return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED,
		                  "the message has no TICKET or no V payload");
	cut = ticket->u.ticket.init_data.p - 2;
	behind = ticket->u.ticket.init_data.p + ticket->u.ticket.init_data.n;
	parts[0] = (struct view){.p = start, .n = (size_t)(cut - start)};
	parts[1] = (struct view){.p = behind, .n = (size_t)(end - behind) - v->u.v.mac.n};
	return ERR_OK;
}

static const struct ticket_cs *given_for(const struct ticket_cs *given, size_t n, unsigned cs_id)
{
	for (size_t i = 0; i < n; i++)
		if (given[i].cs_id == cs_id)
			return &given[i];
	return NULL;
}

/* Takes SSRC, ROC and SPI from the offer unless `given` overrides them (RFC 6043 4.2.2.3). */
static void merge(struct ticket_cs *out, const struct mikey_cs *offer,
                  const struct ticket_cs *given)
{
	struct rd r = rd_view(offer->session);

	*out = (struct ticket_cs){
		.cs_id = offer->cs_id,
		.spi = given && given->spi.n ? given->spi : offer->spi,
	};
	if (given && given->has_ssrc) {
		out->has_ssrc = true;
		out->ssrc = given->ssrc;
		out->has_roc = given->has_roc;
		out->roc = given->roc;
		out->seq = given->seq;
	} else if (offer->session.n) {
		out->has_ssrc = true;
		out->ssrc = rd_u32(&r);
		out->has_roc = offer->has_roc;
		out->roc = offer->has_roc ? rd_u32(&r) : 0;
		out->seq = offer->has_roc ? rd_u16(&r) : 0;
	}
}

static enum err settle(struct ticket_cs *cs, const struct mikey_keys *keys,
                       const struct mikey_env *env, struct mikey_fault *fault)
{
	const struct mikey_key *first = mikey_keys_first(keys);
	char name[24];
	uint8_t ssrc[4];

	if (!cs->spi.n && !first)
		return mikey_fail(
			fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
			"crypto session %u: neither the ticket nor the messages hold a session key",
			cs->cs_id);
	if (!cs->spi.n)
		cs->spi = mikey_key_spi(first);
	if (cs->has_ssrc)
		return ERR_OK;
	snprintf(name, sizeof(name), "ssrc-cs%u", cs->cs_id);
	if (env->random(env->random_ctx, name, ssrc, sizeof(ssrc)))
		return mikey_fail(fault, ERR_CRYPTO, MIKEY_E_UNSPECIFIED,
		                  "the random generator failed (%s)", name);
	cs->has_ssrc = true;
	cs->ssrc = be32_get(ssrc);
	return ERR_OK;
}

/* Chooses the caller's policy, or the first supported one of the offer. */
static enum err choose_policy(struct ticket_cs *out, const struct mikey_cs *offer,
                              const struct csb_choice *from, const struct ticket_cs *given,
                              struct mikey_fault *fault)
{
	out->n_policies = 1;
	if (given && given->n_policies) {
		out->policies[0] = given->policies[0];
		return ERR_OK;
	}
	for (size_t i = 0; i < offer->policies.n; i++) {
		const struct csmap_policy *p =
			csb_policy(from->policies, from->sender, offer->policies.p[i]);

		if (p && csmap_policy_fits(p, from->offer->hdr.prf)) {
			out->policies[0] = offer->policies.p[i];
			return ERR_OK;
		}
	}
	return mikey_fail(fault, ERR_UNSUPPORTED, MIKEY_E_SPPAR,
	                  "crypto session %u: none of the offered SRTP policies is supported",
	                  offer->cs_id);
}

enum err csb_choose_sessions(struct csb_sessions *out, const struct csb_choice *from,
                             const struct mikey_env *env, struct mikey_fault *fault)
{
	const struct mikey_msg *offer = from->offer;
	enum err e = ERR_OK;

	out->n = 0;
	for (size_t i = 0; i < offer->n_cs && !e; i++) {
		const struct ticket_cs *mine =
			given_for(from->given, from->n_given, offer->cs[i].cs_id);
		struct ticket_cs *cs = &out->cs[out->n++];

		merge(cs, &offer->cs[i], mine);
		e = choose_policy(cs, &offer->cs[i], from, mine, fault);
		if (!e)
			e = settle(cs, from->keys, env, fault);
	}
	for (size_t i = 0; i < from->n_given && !e; i++) {
		if (mikey_msg_cs(offer, from->given[i].cs_id))
			continue;
		if (out->n == MIKEY_CS_MAX)
			return mikey_fail(fault, ERR_TOO_BIG, MIKEY_E_UNSPECIFIED,
			                  "too many crypto sessions, at most %d are allowed",
			                  MIKEY_CS_MAX);
		out->cs[out->n] = from->given[i];
		e = settle(&out->cs[out->n++], from->keys, env, fault);
	}
	return e;
}

void csb_add_policies(struct mikey_build *b, const struct csmap_policy *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t room[CSMAP_PARAM_COUNT * 6];
		struct wr w = wr_make(room, sizeof(room));
		struct mikey_payload sp = {.type = MIKEY_SP, .u.sp.no = p[i].no};

		csmap_policy_write(&w, &p[i]);
		sp.u.sp.params = (struct view){.p = room, .n = wr_len(&w)};
		b->w.bad |= w.bad;
		mikey_build_add(b, &sp);
	}
}

enum err csb_add_kemac(struct mikey_build *b, unsigned encr, const struct mikey_kemac_seed *under,
                       const struct mikey_keys *keys)
{
	return keys && keys->n ? mikey_build_add_kemac(b, encr, under, keys) : ERR_OK;
}

static enum err add_keys(struct mikey_keys *to, const struct mikey_keys *more,
                         struct mikey_fault *fault)
{
	for (size_t i = 0; i < more->n; i++) {
		const struct mikey_key *k = &more->k[i];
		enum err e;

		if (k->type == MIKEY_MPK)
			return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
			                  "KEMAC of a transfer message holds an MPK, only session "
			                  "keys are allowed");
		e = mikey_keys_add(to, k->type, mikey_key_octets(k), mikey_key_salt(k),
		                   mikey_key_spi(k));
		if (e)
			return mikey_fail(
				fault, e == ERR_EXISTS ? ERR_INVALID : e, MIKEY_E_UNSPECIFIED,
				e == ERR_EXISTS ? "two keys have the same SPI"
						: "too many session keys, at most 12 are allowed");
	}
	return ERR_OK;
}

static enum err check_kemac(const struct csb_sealed *from, const struct mikey_payload *kemac,
                            struct mikey_algs algs, struct mikey_fault *fault)
{
	enum err e;

	if (!from->is_allowed)
		return mikey_fail_at(fault, ERR_DENIED, MIKEY_E_TPPAR, kemac->offset,
		                     "KEMAC from a side that may not supply keys: the ticket needs "
		                     "flag L (initiator) or M (responder)");
	e = mikey_algs_check(algs, false, fault);
	if (!e && algs.encr == MIKEY_ENCR_NULL && !from->accept_null)
		e = mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_EA, kemac->offset,
		                  "the keys of KEMAC are not encrypted, which is not accepted");
	if (!e && kemac->u.kemac.mac_alg != MIKEY_MAC_NULL)
		e = mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_MAC, kemac->offset,
		                  "KEMAC must have the MAC algorithm NULL");
	return e;
}

enum err csb_open_kemac(struct mikey_keys *keys, const struct csb_sealed *from,
                        struct mikey_fault *fault)
{
	const struct mikey_payload *kemac = mikey_msg_find(from->msg, MIKEY_KEMAC);
	struct mikey_kemac_seed under = {.keys = from->msg_keys,
	                                 .csb_id = from->msg->hdr.csb_id,
	                                 .t = mikey_msg_find(from->msg, MIKEY_T)->u.t};
	struct mikey_algs algs = from->algs;
	struct mikey_keys *plain;
	enum err e;

	if (!kemac)
		return ERR_OK;
	algs.encr = kemac->u.kemac.encr;
	e = check_kemac(from, kemac, algs, fault);
	if (e)
		return e;
	plain = mikey_keys_new();
	if (!plain)
		return no_memory(fault);
	e = mikey_kemac_open(plain, kemac, &under, fault);
	if (!e)
		e = mikey_algs_check_keys(algs, plain, fault);
	if (!e)
		e = add_keys(keys, plain, fault);
	mikey_keys_free(plain);
	return e;
}

enum err csb_check_rand(const struct ticket_rules *rules, size_t rand_len, size_t mpk_len,
                        const struct mikey_keys *keys, struct mikey_fault *fault)
{
	size_t longest = mikey_keys_longest(keys);

	if (longest < mpk_len)
		longest = mpk_len;
	if (!rules->enforce_rand_len || rand_len >= longest)
		return ERR_OK;
	return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
	                  "RANDRi and RANDRr have %zu octets together, must be at least %zu: the "
	                  "longest key (RFC 6043 12.1)",
	                  rand_len, longest);
}

enum err csb_derive(struct csb_secret **out, const struct ticket_csb *c,
                    const struct csb_source *from, struct mikey_fault *fault)
{
	const struct mikey_msg *last = from->last;
	struct csb_secret *s = secret_alloc(sizeof(*s) + last->n_cs * sizeof(s->sessions[0]));
	struct csmap_ground ground = {
		.prf = c->algs.prf,
		.use_randi = c->flags & TICKET_H,
		.use_randr = c->flags & TICKET_G,
		.randi = {.p = c->randi, .n = c->randi_len},
		.randr = {.p = c->randr, .n = c->randr_len},
		.keys = from->keys,
	};
	enum err e = ERR_OK;

	if (!s)
		return no_memory(fault);
	s->mpk_len = (uint8_t)from->mpk.n;
	memcpy(s->mpk, from->mpk.p, from->mpk.n);
	s->keys = *from->keys;
	for (; s->n < last->n_cs && !e; s->n++) {
		const struct mikey_cs *cs = &last->cs[s->n];
		const struct csmap_policy *policy =
			csb_policy(from->policies, from->side, cs->policies.p[0]);

		e = policy ? csmap_derive(&s->sessions[s->n], cs, policy, &ground, fault)
		           : mikey_fail(fault, ERR_INVALID, MIKEY_E_SPPAR,
		                        "crypto session %u names SRTP policy %u, which is in no "
		                        "message",
		                        cs->cs_id, cs->policies.p[0]);
	}
	if (e)
		secret_free(s);
	else
		*out = s;
	return e;
}

static enum err keep_id(struct ticket_csb *c, unsigned side, struct mikey_id id)
{
	enum err e = csb_octets_set(&c->id_octets[side], id.data);

	c->id[side] = (struct mikey_id){
		.type = id.type,
		.data = {.p = c->id_octets[side].p, .n = id.data.n},
	};
	return e;
}

static void keep_rand(uint8_t *to, uint8_t *len, struct view rand)
{
	*len = (uint8_t)rand.n;
	if (rand.n)
		memcpy(to, rand.p, rand.n);
}

void csb_raise_time(struct ticket_csb *c, struct mikey_ts ts)
{
	uint64_t t = mikey_ts_to_64(ts);

	if (ts.type != MIKEY_TS_COUNTER && (!c->max_t || ticket_ntp_diff(t, c->max_t) > 0))
		c->max_t = t;
}

void csb_note_time(struct ticket_csb *c, struct mikey_ts ts, bool own)
{
	csb_raise_time(c, ts);
	if (!own) {
		c->peer_t = ts;
		c->has_peer_t = true;
		return;
	}
	if (c->n_own_t == CSB_OWN_TIMES) {
		memmove(c->own_t, c->own_t + 1, sizeof(c->own_t) - sizeof(c->own_t[0]));
		c->n_own_t--;
	}
	c->own_t[c->n_own_t++] = mikey_ts_to_64(ts);
}

/* Copies settings, random values and times of the initial exchange. */
static enum err keep_exchange(struct ticket_csb *c, const struct csb_agreed *from,
                              struct mikey_fault *fault)
{
	enum err e;

	c->rules = *from->rules;
	c->is_initiator = from->is_initiator;
	c->phase = from->resp ? 2 : 1;
	c->algs = from->algs;
	c->flags = from->flags;
	c->csb_id = from->init->hdr.csb_id;
	keep_rand(c->randi, &c->randi_len, mikey_msg_rand_of(from->init, MIKEY_ROLE_I));
	if (from->resp && (from->flags & TICKET_G))
		keep_rand(c->randr, &c->randr_len, mikey_msg_rand_of(from->resp, MIKEY_ROLE_R));
	if (from->resp)
		keep_rand(c->randkms, &c->randkms_len,
		          mikey_msg_rand_of(from->resp, MIKEY_ROLE_KMS));
	/* Each T may occur once in a CSB, so record the T values of the initial exchange too
	 * (decision 0010.41). */
	csb_note_time(c, mikey_msg_find(from->init, MIKEY_T)->u.t, from->is_initiator);
	if (from->resp)
		csb_note_time(c, mikey_msg_find(from->resp, MIKEY_T)->u.t, !from->is_initiator);
	e = prim_digest(PRIM_SHA256, mikey_msg_find(from->init, MIKEY_TICKET)->octets,
	                c->ticket_hash);
	if (e)
		return mikey_fail(fault, e, MIKEY_E_UNSPECIFIED,
		                  "the hash of the ticket can't be computed");
	return keep_id(c, 0, from->id_i) || keep_id(c, 1, from->id_r) ? no_memory(fault) : ERR_OK;
}

static enum err derive_first(struct ticket_csb *c, const struct csb_agreed *from,
                             struct mikey_fault *fault)
{
	struct csb_source source = {.policies = &c->policies,
	                            .last = from->resp ? from->resp : from->init,
	                            .side = from->resp != NULL,
	                            .mpk = from->mpk,
	                            .keys = from->keys};
	enum err e = csb_take_policies(&c->policies, from->init, 0, fault);

	if (!e && from->resp)
		e = csb_take_policies(&c->policies, from->resp, 1, fault);
	if (!e)
		e = csb_check_complete(source.last, fault);
	return e ? e : csb_derive(&c->secret, c, &source, fault);
}

/* Keeps the messages that an unchanged SDP repeats. */
static enum err keep_messages(struct ticket_csb *c, const struct csb_agreed *from)
{
	struct csb_octets *of_init = from->is_initiator ? &c->sent : &c->received,
			  *of_resp = from->is_initiator ? &c->received : &c->sent;
	enum err e = csb_octets_set(of_init, from->init->octets);

	if (!e && from->resp)
		e = csb_octets_set(of_resp, from->resp->octets);
	if (!e && from->resp && !from->is_initiator)
		e = csb_octets_set(&c->reply, from->resp->octets);
	return e;
}

enum err csb_new(struct ticket_csb **out, const struct csb_agreed *from, struct mikey_fault *fault)
{
	struct ticket_csb *c = mem_alloc(sizeof(*c));
	enum err e;

	if (!c)
		return no_memory(fault);
	e = keep_exchange(c, from, fault);
	if (!e)
		e = derive_first(c, from, fault);
	if (!e && keep_messages(c, from))
		e = no_memory(fault);
	if (e)
		ticket_csb_free(c);
	else
		*out = c;
	return e;
}

void csb_drop_pending(struct ticket_csb *c)
{
	mem_free(c->pending.p);
	c->pending = (struct csb_octets){0};
	mikey_keys_free(c->pending_keys);
	c->pending_keys = NULL;
	mem_free(c->pending_policies);
	c->pending_policies = NULL;
}

void ticket_csb_free(struct ticket_csb *c)
{
	if (!c)
		return;
	csb_drop_pending(c);
	secret_free(c->secret);
	mem_free(c->sent.p);
	mem_free(c->received.p);
	mem_free(c->reply.p);
	mem_free(c->id_octets[0].p);
	mem_free(c->id_octets[1].p);
	mem_free(c);
}

enum csb_state ticket_csb_state(const struct ticket_csb *c)
{
	return (enum csb_state)c->state;
}

uint32_t ticket_csb_id(const struct ticket_csb *c)
{
	return c->csb_id;
}

bool ticket_csb_is_initiator(const struct ticket_csb *c)
{
	return c->is_initiator;
}

struct mikey_algs ticket_csb_algs(const struct ticket_csb *c)
{
	return c->algs;
}

struct mikey_id ticket_csb_initiator(const struct ticket_csb *c)
{
	return c->id[0];
}

struct mikey_id ticket_csb_responder(const struct ticket_csb *c)
{
	return c->id[1];
}

size_t ticket_csb_count(const struct ticket_csb *c)
{
	return c->secret->n;
}

const struct csmap_session *ticket_csb_session(const struct ticket_csb *c, size_t i)
{
	return i < c->secret->n ? &c->secret->sessions[i] : NULL;
}

const struct csmap_session *ticket_csb_find(const struct ticket_csb *c, unsigned cs_id)
{
	for (size_t i = 0; i < c->secret->n; i++)
		if (c->secret->sessions[i].cs_id == cs_id)
			return &c->secret->sessions[i];
	return NULL;
}

struct view ticket_csb_last_sent(const struct ticket_csb *c)
{
	return csb_octets_view(&c->sent);
}
