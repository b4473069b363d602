/* SPDX-License-Identifier: MIT */
/* Makes, saves and loads the offers of a terminal. */
#include "keyctx/ue/ue_offer.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/secret.h"
#include "keyctx/ticket/initiator.h"

enum { TAPE_MAX = 256, OFFER_VERSION = 1 };

/* Records random octets in order, and plays them back to make the same offer again. The octets are
 * not secret: the offer contains all of them. */
struct tape {
	uint8_t octets[TAPE_MAX];
	size_t n, at;                   /* n: octets recorded; at: the next octet to play */
	const struct mikey_env *source; /* source of the octets while recording; NULL: play */
};

struct part {
	struct ue_part at;
	struct tape tape;
	uint64_t now_ntp, last_ntp; /* the values of mikey_env before the message was made */
	struct view message;        /* the octets that were sent; owned */
	struct ticket_grant *grant;
};

struct ue_offer {
	enum ue_protection protection;
	bool is_256;
	enum suite_id suite;
	unsigned n_media;
	uint32_t ssrc[SDP_MEDIA_MAX];
	struct mikey_id me, peer; /* the octets of both identities are owned */
	unsigned n_parts;
	struct part parts[SDP_MEDIA_MAX + 1];
	struct sdes_line lines[SDP_MEDIA_MAX]; /* this terminal's a=crypto lines */
};

static enum err tape_random(void *ctx, const char *name, uint8_t *out, size_t n)
{
	struct tape *t = ctx;
	enum err e;

	if (!t->source) {
		if (n > t->n - t->at)
			return ERR_TRUNCATED;
		memcpy(out, t->octets + t->at, n);
		t->at += n;
		return ERR_OK;
	}
	if (n > sizeof(t->octets) - t->n)
		return ERR_TOO_BIG;
	e = t->source->random(t->source->random_ctx, name, out, n);
	if (!e) {
		memcpy(t->octets + t->n, out, n);
		t->n += n;
	}
	return e;
}

static enum err keep_view(struct view *out, struct view v)
{
	uint8_t *p = mem_alloc(v.n + 1);

	if (!p)
		return ERR_NOMEM;
	if (v.n)
		memcpy(p, v.p, v.n);
	*out = (struct view){.p = p, .n = v.n};
	return ERR_OK;
}

static void drop_view(struct view *v)
{
	mem_free((void *)(uintptr_t)v->p);
	*v = (struct view){0};
}

void ue_offer_free(struct ue_offer *o)
{
	if (!o)
		return;
	for (unsigned i = 0; i < o->n_parts; i++) {
		ticket_grant_free(o->parts[i].grant);
		drop_view(&o->parts[i].message);
	}
	for (unsigned m = 0; m < o->n_media; m++)
		sdes_line_clear(&o->lines[m]);
	drop_view(&o->me.data);
	drop_view(&o->peer.data);
	mem_free(o);
}

static bool wants_response(const struct part *p)
{
	return p->grant->policy.tp.flags & TICKET_F;
}

static struct view first_spi(const struct ticket_grant *g)
{
	return g->keys->session.n ? mikey_key_spi(&g->keys->session.k[0]) : (struct view){0};
}

/* Makes the TRANSFER_INIT of a part. Each time the tape is played, the octets are the same. */
static enum err make_message(const struct ue_offer *o, struct part *p,
                             struct ticket_initiator **out, bool is_reuse, struct why *why)
{
	static const char protocols[] = "mikey";
	struct ticket_rules rules;
	struct csmap_policy policy;
	struct ticket_cs cs[2 * SDP_MEDIA_MAX];
	uint64_t last = p->last_ntp;
	struct mikey_env env = {.now_ntp = p->now_ntp,
	                        .last_ntp = &last,
	                        .random = tape_random,
	                        .random_ctx = &p->tape};
	struct mikey_fault fault = {0};
	struct ticket_initiator_params params = {
		.rules = &rules,
		.grant = p->grant,
		.me = o->me,
		.peer = o->peer,
		.cs = cs,
		.policies = &policy,
		.n_policies = 1,
		.sdp_ids = {(const uint8_t *)protocols, sizeof(protocols) - 1},
		.is_reuse = is_reuse,
	};
	bool responds = wants_response(p);
	uint8_t ssrc[4] = {0};
	enum err e;

	ticket_rules_init(&rules);
	rules.algs = o->is_256 ? mikey_algs_256 : mikey_algs_128;
	csmap_policy_from_suite(&policy, 0, suite_get(o->suite));
	for (unsigned m = 0; m < o->n_media; m++) {
		if (!(p->at.lines & 1u << m))
			continue;
		cs[params.n_cs++] = (struct ticket_cs){
			.cs_id = ue_part_cs(&p->at, m, true),
			.n_policies = 1,
			.has_ssrc = true,
			.ssrc = o->ssrc[m],
		};
		cs[params.n_cs++] =
			(struct ticket_cs){.cs_id = ue_part_cs(&p->at, m, false), .n_policies = 1};
		if (responds)
			continue;
		/* No TRANSFER_RESP can add what is missing (RFC 6043 4.2.2.1). */
		if (env.random(env.random_ctx, "ssrc-of-peer", ssrc, sizeof(ssrc)))
			return why_fail(why, ERR_CRYPTO, "the SSRC of the peer can't be made");
		cs[params.n_cs - 1].has_ssrc = true;
		cs[params.n_cs - 1].ssrc = be32_get(ssrc);
		cs[params.n_cs - 2].spi = cs[params.n_cs - 1].spi = first_spi(p->grant);
	}
	e = ticket_initiator_new(out, &params, &env, &fault);
	return e ? ue_tell(why, e, &fault, "the offer can't be made") : ERR_OK;
}

static enum err take_ssrcs(struct ue_offer *o, const struct sdp *s, const struct mikey_env *env,
                           struct why *why)
{
	char name[24];
	uint8_t ssrc[4];

	for (unsigned m = 0; m < s->n_media; m++) {
		if (ue_desc_ssrc(s, m, &o->ssrc[m]))
			continue;
		snprintf(name, sizeof(name), "ssrc-cs%u", 2 * m + 1);
		if (env->random(env->random_ctx, name, ssrc, sizeof(ssrc)))
			return why_fail(why, ERR_CRYPTO, "the random generator failed (%s)", name);
		o->ssrc[m] = be32_get(ssrc);
	}
	return ERR_OK;
}

static bool is_for_app(const struct ticket_policy *p, struct mikey_id app)
{
	bool found = !p->n_app;

	for (size_t i = 0; i < p->n_app && mikey_id_is_set(app) && !found; i++)
		found = mikey_id_eq(p->app[i], app);
	return found;
}

/* Copies the ticket `wish->grant`, or gets a new ticket for the part. */
static enum err get_grant(struct part *p, const struct ue_wish *wish, struct ue_env *env,
                          struct why *why)
{
	struct ue_ticket_wish ticket = wish->ticket;
	struct mikey_fault fault = {0};
	enum err e;

	if (!wish->grant) {
		ticket.r = &wish->peer;
		ticket.n_r = 1;
		return ue_ticket_get(&p->grant, wish->id, &ticket, env, why);
	}
	e = ticket_policy_check_time(&wish->grant->policy, env->mikey.now_ntp, &fault);
	if (e)
		return ue_tell(why, e, &fault, "the ticket can't be used");
	if (!is_for_app(&wish->grant->policy, wish->id->app))
		return why_fail(
			why, ERR_DENIED,
			"the ticket can't be used: it is for certain applications (IDRapp), "
			"and the application of this terminal is not among them");
	e = ticket_grant_new(&p->grant, wish->grant->body, wish->grant->keys, &fault);
	return e ? ue_tell(why, e, &fault, "the ticket can't be used") : ERR_OK;
}

static enum err make_parts(struct ue_offer *o, const struct ue_wish *wish, struct sdp *s,
                           struct ue_env *env, struct why *why)
{
	struct ue_part at[SDP_MEDIA_MAX + 1];
	unsigned n = ue_desc_make_parts(s, wish->level, at);
	enum err e = ue_identity_check(wish->id, env, why);

	for (unsigned i = 0; i < n && !e; i++) {
		struct part *p = &o->parts[o->n_parts++];
		struct ticket_initiator *offer = NULL;

		p->at = at[i];
		e = get_grant(p, wish, env, why);
		if (e)
			break;
		p->now_ntp = env->mikey.now_ntp;
		p->last_ntp = *env->mikey.last_ntp;
		p->tape.source = &env->mikey;
		e = make_message(o, p, &offer, wish->grant && (wish->is_reuse || i > 0), why);
		p->tape.source = NULL;
		if (!e && keep_view(&p->message, ticket_initiator_octets(offer)))
			e = why_fail(why, ERR_NOMEM, "out of memory");
		if (!e) {
			/* The next timestamp must be later than this message's. */
			*env->mikey.last_ntp = mikey_env_stamp(&env->mikey, 0);
			e = ue_desc_put(s, p->at.section, p->message, why);
		}
		ticket_initiator_free(offer);
	}
	return e;
}

static enum err make_lines(struct ue_offer *o, const struct ue_wish *wish, struct sdp *s,
                           struct why *why)
{
	enum err e = ERR_OK;

	for (unsigned m = 0; m < s->n_media && !e; m++) {
		e = sdes_offer_make(&o->lines[m], 1, wish->suite, 0);
		if (!e)
			e = sdes_line_write(s, m, &o->lines[m], true);
		if (!e && o->protection == UE_E2AE)
			e = sdp_attr_add(s, (int)m, "3ge2ae", STR("requested"));
	}
	return e ? why_fail(why, e, "a=crypto lines can't be made: %s", err_meaning(e)) : ERR_OK;
}

static enum err keep_names(struct ue_offer *o, struct mikey_id me, struct mikey_id peer,
                           struct why *why)
{
	o->me.type = me.type;
	o->peer.type = peer.type;
	if (keep_view(&o->me.data, me.data) || keep_view(&o->peer.data, peer.data))
		return why_fail(why, ERR_NOMEM, "out of memory");
	return ERR_OK;
}

enum err ue_offer_new(struct ue_offer **out, const struct ue_wish *wish, struct sdp *s,
                      struct ue_env *env, struct why *why)
{
	struct ue_offer *o = mem_alloc(sizeof(*o));
	enum err e;

	if (!o)
		return why_fail(why, ERR_NOMEM, "out of memory");
	o->protection = wish->protection;
	o->is_256 = wish->id->rules.algs.prf == MIKEY_PRF_SHA256;
	o->suite = wish->suite->id;
	o->n_media = s->n_media;
	e = keep_names(o, wish->id->me, wish->peer, why);
	if (!e)
		e = ue_desc_prepare(s, wish->protection != UE_NONE, why);
	if (!e)
		e = take_ssrcs(o, s, &env->mikey, why);
	if (!e && wish->protection == UE_E2E_KMS)
		e = make_parts(o, wish, s, env, why);
	else if (!e && wish->protection != UE_NONE)
		e = make_lines(o, wish, s, why);
	if (e)
		ue_offer_free(o);
	else
		*out = o;
	return e;
}

static enum err answered_part(const struct ue_offer *o, const struct part *kept,
                              const struct sdp *answer, struct ue_session_part *out,
                              struct why *why)
{
	struct part p = *kept; /* a copy: its tape plays from the start */
	struct ticket_initiator *offer = NULL;
	struct keymgmt message = {0};
	struct mikey_fault fault = {0};
	/* is_reuse was checked when the offer was made; it does not change the octets. */
	enum err e = make_message(o, &p, &offer, false, why);

	if (!e && !view_eq(ticket_initiator_octets(offer), p.message))
		e = why_fail(why, ERR_SYNTAX,
		             "the offer in the state file differs from the one that was sent: the "
		             "file is damaged");
	if (!e && !wants_response(&p)) {
		e = ticket_initiator_take_csb(offer, &out->csb);
		if (e)
			why_fail(why, e, "the offer has no keys: %s", err_meaning(e));
	} else if (!e) {
		e = ue_desc_get(answer, p.at.section, &message, why);
	}
	if (!e && wants_response(&p)) {
		e = ticket_initiator_receive(offer, (struct view){message.octets, message.len},
		                             &out->csb, &fault);
		if (e)
			ue_tell(why, e, &fault, "the answer is refused");
	}
	out->at = p.at;
	keymgmt_clear(&message);
	ticket_initiator_free(offer);
	return e;
}

/* Returns true if the answer to the part is a MIKEY Error: the called side refused the offer. */
static bool is_refused(const struct part *p, const struct sdp *answer)
{
	enum { DATA_TYPE_AT = 1 }; /* offset in HDR (RFC 3830 6.1) */
	struct keymgmt message = {0};
	bool is;

	if (ue_desc_get(answer, p->at.section, &message, NULL))
		return false;
	is = message.len > DATA_TYPE_AT && message.octets[DATA_TYPE_AT] == MIKEY_DT_ERROR;
	keymgmt_clear(&message);
	return is;
}

/* If the answer holds a MIKEY Error, says in words what it means. */
static enum err check_refusal(const struct ue_offer *o, const struct sdp *answer, struct why *why)
{
	for (unsigned i = 0; i < o->n_parts; i++) {
		struct part p = o->parts[i]; /* a copy: its tape plays from the start */
		struct ticket_initiator *offer = NULL;
		struct ticket_csb *none = NULL;
		struct keymgmt message = {0};
		struct mikey_fault fault = {0};
		enum err e;

		if (!is_refused(&p, answer))
			continue;
		e = make_message(o, &p, &offer, false, why);
		if (!e)
			e = ue_desc_get(answer, p.at.section, &message, why);
		if (!e) {
			e = ticket_initiator_receive(
				offer, (struct view){message.octets, message.len}, &none, &fault);
			why_fail(why, e,
			         "the called side refused the offer: %s (MIKEY error %u, %s; %s)",
			         mikey_error_meaning(fault.no), fault.no,
			         mikey_error_name(fault.no),
			         e == ERR_DENIED ? "authenticated"
			                         : "not authenticated, may be forged");
		}
		ticket_csb_free(none);
		keymgmt_clear(&message);
		ticket_initiator_free(offer);
		return e ? e : ERR_SYNTAX;
	}
	return ERR_OK;
}

static enum err answered_line(const struct ue_offer *o, unsigned m, const struct sdp *answer,
                              struct ue_session_line *out, struct why *why)
{
	struct sdes_list *theirs = secret_alloc(sizeof(*theirs)),
			 *ours = secret_alloc(sizeof(*ours));
	const struct sdes_line *taken;
	struct sdes_policy policy;
	enum err e = theirs && ours ? ERR_OK : ERR_NOMEM;

	ue_sdes_policy(&policy);
	if (!e)
		e = sdes_list_parse(theirs, answer, m, &policy);
	if (e)
		why_fail(why, e, "a=crypto of m= line %u: %s", m + 1, err_meaning(e));
	if (!e) {
		ours->n = 1;
		ours->lines[0] = o->lines[m];
		e = sdes_answer_check(ours, theirs, false, &taken, why);
	}
	if (!e && (sdes_line_copy(&out->own, &o->lines[m]) ||
	           sdes_line_copy(&out->peer, sdes_list_first(theirs))))
		e = why_fail(why, ERR_NOMEM, "out of memory");
	out->ssrc = o->ssrc[m];
	if (theirs)
		sdes_list_clear(theirs);
	secret_free(theirs);
	secret_free(ours);
	return e;
}

static bool expects_no_message(const struct ue_offer *o)
{
	for (unsigned i = 0; i < o->n_parts; i++)
		if (wants_response(&o->parts[i]))
			return false;
	return o->n_parts > 0;
}

enum err ue_offer_answered(const struct ue_offer *o, const struct sdp *answer,
                           struct ue_session **out, struct why *why)
{
	struct ue_session *s;
	enum err e = check_refusal(o, answer, why);

	if (e)
		return e;
	if (answer->n_media != o->n_media)
		return why_fail(why, ERR_INVALID,
		                "the answer has %u m= lines; it must have %u, as the offer has",
		                answer->n_media, o->n_media);
	if (expects_no_message(o)) {
		if (!ue_desc_is_secure_without_keys(answer))
			return why_fail(why, ERR_DENIED,
			                "the answer must be RTP/SAVP(F) and have no keys, because "
			                "the ticket has no TRANSFER_RESP (flag F is not set)");
	} else if (!(ue_desc_offered(answer) &
	             (o->protection == UE_E2AE ? 1u << UE_E2AE | 1u << UE_E2E_SDES
	                                       : 1u << o->protection)))
		return why_fail(why, ERR_DENIED, "the answer does not use %s, which was offered",
		                ue_protection_name(o->protection));
	s = ue_session_new(o->protection, true, o->n_media);
	if (!s)
		return why_fail(why, ERR_NOMEM, "out of memory");
	for (unsigned i = 0; i < o->n_parts && !e; i++)
		e = answered_part(o, &o->parts[i], answer, &s->parts[s->n_parts++], why);
	for (unsigned m = 0;
	     m < o->n_media && !e && (o->protection == UE_E2E_SDES || o->protection == UE_E2AE);
	     m++)
		e = answered_line(o, m, answer, &s->lines[m], why);
	for (unsigned m = 0; m < o->n_media; m++)
		s->lines[m].ssrc = o->ssrc[m];
	if (e)
		ue_session_free(s);
	else
		*out = s;
	return e;
}

static void put_octets(struct wr *w, struct view v)
{
	wr_u16(w, (uint16_t)v.n);
	wr_view(w, v);
}

static enum err get_octets(struct rd *r, struct view *out)
{
	struct view v = rd_octets(r, rd_u16(r));

	return rd_ok(r) ? keep_view(out, v) : ERR_SYNTAX;
}

static enum err save_part(const struct part *p, const struct mikey_env *env, struct wr *w)
{
	wr_u16(w, (uint16_t)(p->at.section + 1));
	wr_u32(w, p->at.lines);
	wr_u64(w, p->now_ntp);
	wr_u64(w, p->last_ntp);
	put_octets(w, (struct view){p->tape.octets, p->tape.n});
	put_octets(w, p->message);
	return ue_ticket_save(p->grant, env, w);
}

static enum err load_part(struct part *p, unsigned n_media, struct rd *r)
{
	struct view tape;

	p->at.section = (int)rd_u16(r) - 1;
	p->at.lines = rd_u32(r);
	p->now_ntp = rd_u64(r);
	p->last_ntp = rd_u64(r);
	tape = rd_octets(r, rd_u16(r));
	if (!rd_ok(r) || tape.n > sizeof(p->tape.octets) || p->at.section >= (int)n_media ||
	    p->at.lines >> n_media)
		return ERR_SYNTAX;
	memcpy(p->tape.octets, tape.p, tape.n);
	p->tape.n = tape.n;
	return get_octets(r, &p->message) ? ERR_SYNTAX : ue_ticket_load(&p->grant, r);
}

static bool has_lines(const struct ue_offer *o)
{
	return o->protection == UE_E2E_SDES || o->protection == UE_E2AE;
}

enum err ue_offer_save(const struct ue_offer *o, const struct mikey_env *env, struct wr *w)
{
	enum err e = ERR_OK;

	wr_u8(w, OFFER_VERSION);
	wr_u8(w, (uint8_t)o->protection);
	wr_u8(w, o->is_256);
	wr_u8(w, (uint8_t)o->suite);
	wr_u8(w, (uint8_t)o->n_media);
	for (unsigned m = 0; m < o->n_media; m++)
		wr_u32(w, o->ssrc[m]);
	wr_u8(w, o->me.type);
	put_octets(w, o->me.data);
	wr_u8(w, o->peer.type);
	put_octets(w, o->peer.data);
	wr_u8(w, (uint8_t)o->n_parts);
	for (unsigned i = 0; i < o->n_parts && !e; i++)
		e = save_part(&o->parts[i], env, w);
	for (unsigned m = 0; m < o->n_media && has_lines(o); m++)
		ue_sdes_put(w, &o->lines[m]);
	return !e && !wr_ok(w) ? ERR_TOO_BIG : e;
}

static enum err load_head(struct ue_offer *o, struct rd *r)
{
	enum err e;

	if (rd_u8(r) != OFFER_VERSION)
		return ERR_SYNTAX;
	o->protection = (enum ue_protection)rd_u8(r);
	o->is_256 = rd_u8(r);
	o->suite = (enum suite_id)rd_u8(r);
	o->n_media = rd_u8(r);
	if (o->protection >= UE_PROTECTIONS || o->suite >= SUITE_COUNT ||
	    o->n_media > SDP_MEDIA_MAX) {
		o->n_media = 0;
		return ERR_SYNTAX;
	}
	for (unsigned m = 0; m < o->n_media; m++)
		o->ssrc[m] = rd_u32(r);
	o->me.type = rd_u8(r);
	e = get_octets(r, &o->me.data);
	o->peer.type = rd_u8(r);
	return e ? e : get_octets(r, &o->peer.data);
}

enum err ue_offer_load(struct ue_offer **out, struct rd *r)
{
	struct ue_offer *o = mem_alloc(sizeof(*o));
	unsigned n = 0;
	enum err e;

	if (!o)
		return ERR_NOMEM;
	e = load_head(o, r);
	if (!e)
		n = rd_u8(r);
	if (n > SDP_MEDIA_MAX + 1)
		e = ERR_SYNTAX;
	for (unsigned i = 0; i < n && !e; i++)
		e = load_part(&o->parts[o->n_parts++], o->n_media, r);
	for (unsigned m = 0; m < o->n_media && !e && has_lines(o); m++)
		e = ue_sdes_get(r, &o->lines[m]);
	if (!e && !rd_done(r))
		e = ERR_SYNTAX;
	if (e)
		ue_offer_free(o);
	else
		*out = o;
	return e;
}
