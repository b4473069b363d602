/* SPDX-License-Identifier: MIT */
/* Making a bundle of crypto sessions, and what its messages share. */
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
			return mikey_fail_at(fault, ERR_TOO_BIG, MIKEY_E_SP, m->p[i].offset,
			                     "more than %d policies", CSB_POLICIES_MAX);
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
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED, "no crypto session");
	for (size_t i = 0; i < m->n_cs; i++) {
		const struct mikey_cs *cs = &m->cs[i];

		if (cs->policies.n != 1)
			return mikey_fail(fault, ERR_INVALID, MIKEY_E_SP,
			                  "crypto session %u: %zu policies where one is chosen",
			                  cs->cs_id, cs->policies.n);
		if (!cs->session.n || !cs->spi.n)
			return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
			                  "crypto session %u: no session data or no SPI",
			                  cs->cs_id);
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
			               "crypto session %u is gone from the answer", was->cs_id);
		else if (!policy_was_offered(was, answer, is->policies.p[0]))
			e = mikey_fail(fault, ERR_INVALID, MIKEY_E_SP,
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
		return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED, "TICKET or V is missing");
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

/* What was offered is kept unless `given` says otherwise, as it may (RFC 6043 4.2.2.3). */
static void merge(struct ticket_cs *out, const struct mikey_cs *offer,
                  const struct ticket_cs *given)
{
	struct rd r = rd_view(offer->session);

	*out = (struct ticket_cs){.cs_id = offer->cs_id,
	                          .spi = given && given->spi.n ? given->spi : offer->spi};
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
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
		                  "crypto session %u: there is no session key", cs->cs_id);
	if (!cs->spi.n)
		cs->spi = mikey_key_spi(first);
	if (cs->has_ssrc)
		return ERR_OK;
	snprintf(name, sizeof(name), "ssrc-cs%u", cs->cs_id);
	if (env->random(env->random_ctx, name, ssrc, sizeof(ssrc)))
		return mikey_fail(fault, ERR_CRYPTO, MIKEY_E_UNSPECIFIED, "no random octets for %s",
		                  name);
	cs->has_ssrc = true;
	cs->ssrc = be32_get(ssrc);
	return ERR_OK;
}

/* The number of the first offered policy we can speak, or the one asked for. */
static enum err choose_policy(struct ticket_cs *out, const struct mikey_cs *offer,
                              const struct csb_policies *policies, unsigned sender, unsigned prf,
                              const struct ticket_cs *given, struct mikey_fault *fault)
{
	out->n_policies = 1;
	if (given && given->n_policies) {
		out->policies[0] = given->policies[0];
		return ERR_OK;
	}
	for (size_t i = 0; i < offer->policies.n; i++) {
		const struct csmap_policy *p = csb_policy(policies, sender, offer->policies.p[i]);

		if (p && csmap_policy_fits(p, prf)) {
			out->policies[0] = offer->policies.p[i];
			return ERR_OK;
		}
	}
	return mikey_fail(fault, ERR_UNSUPPORTED, MIKEY_E_SP,
	                  "crypto session %u: no policy offered is a suite of ours", offer->cs_id);
}

enum err csb_choose_sessions(struct ticket_cs *out, size_t *n, const struct mikey_msg *offer,
                             const struct csb_policies *policies, unsigned sender,
                             const struct mikey_keys *keys, const struct ticket_cs *given,
                             size_t n_given, const struct mikey_env *env, struct mikey_fault *fault)
{
	size_t count = 0;
	enum err e = ERR_OK;

	for (size_t i = 0; i < offer->n_cs && !e; i++) {
		const struct ticket_cs *mine = given_for(given, n_given, offer->cs[i].cs_id);

		merge(&out[count], &offer->cs[i], mine);
		e = choose_policy(&out[count], &offer->cs[i], policies, sender, offer->hdr.prf,
		                  mine, fault);
		if (!e)
			e = settle(&out[count++], keys, env, fault);
	}
	for (size_t i = 0; i < n_given && !e; i++) {
		if (mikey_msg_cs(offer, given[i].cs_id))
			continue;
		if (count == MIKEY_CS_MAX)
			return mikey_fail(fault, ERR_TOO_BIG, MIKEY_E_UNSPECIFIED,
			                  "more than %d crypto sessions", MIKEY_CS_MAX);
		out[count] = given[i];
		e = settle(&out[count++], keys, env, fault);
	}
	*n = count;
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

enum err csb_add_kemac(struct mikey_build *b, struct mikey_algs algs,
                       const struct mikey_msg_keys *k, uint32_t csb_id, struct mikey_ts t,
                       const struct mikey_keys *keys)
{
	uint8_t sealed[4096];
	struct wr w = wr_make(sealed, sizeof(sealed));
	struct mikey_payload p = {.type = MIKEY_KEMAC, .u.kemac.encr = algs.encr};
	enum err e;

	if (!keys || !keys->n)
		return ERR_OK;
	e = mikey_kemac_seal(&w, algs.encr, k, csb_id, t, keys);
	p.u.kemac.data = (struct view){.p = sealed, .n = wr_len(&w)};
	if (!e)
		mikey_build_add(b, &p);
	return e;
}

static enum err add_keys(struct mikey_keys *to, const struct mikey_keys *more,
                         struct mikey_fault *fault)
{
	for (size_t i = 0; i < more->n; i++) {
		const struct mikey_key *k = &more->k[i];
		enum err e;

		if (k->type == MIKEY_MPK)
			return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
			                  "an MPK in a transfer message");
		e = mikey_keys_add(to, k->type, mikey_key_octets(k), mikey_key_salt(k),
		                   mikey_key_spi(k));
		if (e)
			return mikey_fail(
				fault, e == ERR_EXISTS ? ERR_INVALID : e, MIKEY_E_UNSPECIFIED,
				e == ERR_EXISTS ? "two keys of one SPI" : "too many keys");
	}
	return ERR_OK;
}

enum err csb_open_kemac(struct mikey_keys *keys, const struct mikey_msg *m, struct mikey_algs algs,
                        uint16_t flags, unsigned flag, const struct ticket_rules *rules,
                        const struct mikey_msg_keys *k, struct mikey_fault *fault)
{
	const struct mikey_payload *kemac = mikey_msg_find(m, MIKEY_KEMAC);
	struct mikey_keys *plain;
	enum err e;

	if (!kemac)
		return ERR_OK;
	if (!(flags & flag))
		return mikey_fail_at(fault, ERR_DENIED, MIKEY_E_TPPAR, kemac->offset,
		                     "keys of a side whose flag (L or M) is not set");
	algs.encr = kemac->u.kemac.encr;
	e = mikey_algs_check(algs, false, fault);
	if (!e && algs.encr == MIKEY_ENCR_NULL && !rules->accept_null_encr)
		e = mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_EA, kemac->offset,
		                  "keys in clear");
	if (!e && kemac->u.kemac.mac_alg != MIKEY_MAC_NULL)
		e = mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_MAC, kemac->offset,
		                  "KEMAC with a MAC of its own");
	if (e)
		return e;
	plain = mikey_keys_new();
	if (!plain)
		return no_memory(fault);
	e = mikey_kemac_open(plain, kemac, k, m->hdr.csb_id, mikey_msg_find(m, MIKEY_T)->u.t,
	                     fault);
	if (!e)
		e = mikey_algs_check_keys(algs, plain, fault);
	if (!e)
		e = add_keys(keys, plain, fault);
	mikey_keys_free(plain);
	return e;
}

enum err csb_check_rand(const struct ticket_rules *rules, struct view randi, struct view randr,
                        size_t mpk_len, const struct mikey_keys *keys, struct mikey_fault *fault)
{
	size_t longest = mikey_keys_longest(keys);

	if (longest < mpk_len)
		longest = mpk_len;
	if (!rules->enforce_rand_len || randi.n + randr.n >= longest)
		return ERR_OK;
	return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
	                  "random values of %zu octets under keys of %zu (RFC 6043 12.1)",
	                  randi.n + randr.n, longest);
}

/* A fresh secret part: keys, and one session for each of `last`, whose sender is `side`. */
enum err csb_derive(struct csb_secret **out, const struct ticket_csb *c,
                    const struct csb_policies *policies, const struct mikey_msg *last,
                    unsigned side, struct view mpk, const struct mikey_keys *keys,
                    struct mikey_fault *fault)
{
	struct csb_secret *s = secret_alloc(sizeof(*s) + last->n_cs * sizeof(s->sessions[0]));
	struct csmap_ground ground = {
		.prf = c->algs.prf,
		.use_randi = c->flags & TICKET_H,
		.use_randr = c->flags & TICKET_G,
		.randi = {.p = c->randi, .n = c->randi_len},
		.randr = {.p = c->randr, .n = c->randr_len},
		.keys = keys,
	};
	enum err e = ERR_OK;

	if (!s)
		return no_memory(fault);
	s->mpk_len = (uint8_t)mpk.n;
	memcpy(s->mpk, mpk.p, mpk.n);
	s->keys = *keys;
	for (; s->n < last->n_cs && !e; s->n++) {
		const struct mikey_cs *cs = &last->cs[s->n];
		const struct csmap_policy *policy = csb_policy(policies, side, cs->policies.p[0]);

		e = policy ? csmap_derive(&s->sessions[s->n], cs, policy, &ground, fault)
		           : mikey_fail(fault, ERR_INVALID, MIKEY_E_SP,
		                        "crypto session %u: policy %u was never sent", cs->cs_id,
		                        cs->policies.p[0]);
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

	c->id[side] = (struct mikey_id){.type = id.type,
	                                .data = {.p = c->id_octets[side].p, .n = id.data.n}};
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

enum err csb_new(struct ticket_csb **out, const struct csb_agreed *made, struct mikey_fault *fault)
{
	const struct mikey_msg *last = made->resp ? made->resp : made->init;
	struct ticket_csb *c = mem_alloc(sizeof(*c));
	enum err e;

	if (!c)
		return no_memory(fault);
	c->rules = *made->rules;
	c->is_initiator = made->is_initiator;
	c->phase = made->resp ? 2 : 1;
	c->algs = made->algs;
	c->flags = made->flags;
	c->csb_id = made->init->hdr.csb_id;
	keep_rand(c->randi, &c->randi_len, mikey_msg_rand_of(made->init, MIKEY_ROLE_I));
	if (made->resp && (made->flags & TICKET_G))
		keep_rand(c->randr, &c->randr_len, mikey_msg_rand_of(made->resp, MIKEY_ROLE_R));
	/* Times of the initial exchange count too: a T is used once in a bundle (decision 0010.41).
	 */
	csb_note_time(c, mikey_msg_find(made->init, MIKEY_T)->u.t, made->is_initiator);
	if (made->resp)
		csb_note_time(c, mikey_msg_find(made->resp, MIKEY_T)->u.t, !made->is_initiator);
	e = prim_digest(PRIM_SHA256, mikey_msg_find(made->init, MIKEY_TICKET)->octets,
	                c->ticket_hash);
	if (e) {
		ticket_csb_free(c);
		return mikey_fail(fault, e, MIKEY_E_UNSPECIFIED, "the ticket can not be hashed");
	}
	e = keep_id(c, 0, made->id_i) || keep_id(c, 1, made->id_r) ? no_memory(fault) : ERR_OK;
	if (!e)
		e = csb_take_policies(&c->policies, made->init, 0, fault);
	if (!e && made->resp)
		e = csb_take_policies(&c->policies, made->resp, 1, fault);
	if (!e)
		e = csb_check_complete(last, fault);
	if (!e)
		e = csb_derive(&c->secret, c, &c->policies, last, made->resp != NULL, made->mpk,
		               made->keys, fault);
	if (!e &&
	    (csb_octets_set(made->is_initiator ? &c->sent : &c->received, made->init->octets) ||
	     (made->resp &&
	      csb_octets_set(made->is_initiator ? &c->received : &c->sent, made->resp->octets))))
		e = no_memory(fault);
	if (!e && made->resp && !made->is_initiator &&
	    csb_octets_set(&c->reply, made->resp->octets))
		e = no_memory(fault);
	if (e)
		ticket_csb_free(c);
	else
		*out = c;
	return e;
}
