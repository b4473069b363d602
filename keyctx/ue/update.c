/* SPDX-License-Identifier: MIT */
/* Updates during a call: repeats the same keys, or changes them (TS 33.328 7.4, RFC 6043 5.2, RFC
 * 4568 7.1.4). */
#include "keyctx/ue/session.h"

#include <stdio.h>

#include "base/secret.h"

static enum err check_lines(const struct ue_session *s, const struct sdp *sdp, struct why *why)
{
	if (sdp->n_media != s->n_media)
		return why_fail(
			why, ERR_INVALID,
			"the description must have %u m= lines, as the call has, but has %u",
			s->n_media, sdp->n_media);
	return ERR_OK;
}

/* Adds to the session the m-lines that `sdp` has and the call does not have yet. The message at
 * session level gets crypto sessions for them. A message at media level would need a ticket of its
 * own. */
static enum err add_lines(struct ue_session *s, const struct sdp *sdp, struct why *why)
{
	if (sdp->n_media <= s->n_media)
		return check_lines(s, sdp, why);
	if (s->protection != UE_E2E_KMS || s->n_parts != 1 || s->parts[0].at.section != SDP_SESSION)
		return why_fail(why, ERR_UNSUPPORTED,
		                "m= line %u is new: an update can add it only to a call that has "
		                "one message at session level (e2e-kms); make a new offer",
		                s->n_media + 1);
	for (unsigned m = s->n_media; m < sdp->n_media; m++)
		s->parts[0].at.lines |= 1u << m;
	s->n_media = sdp->n_media;
	return ERR_OK;
}

/* Takes back add_lines: the call has the new m-lines when the peer has answered. */
static void drop_lines(struct ue_session *s, unsigned n_media)
{
	for (unsigned m = n_media; m < s->n_media; m++)
		s->parts[0].at.lines &= ~(1u << m);
	s->n_media = n_media;
}

/* Lists all crypto sessions with their present policies and SSRCs, and with the SPI of the new
 * key. */
static size_t same_sessions(const struct ticket_csb *csb, struct view spi,
                            struct ticket_cs out[MIKEY_CS_MAX])
{
	size_t n = ticket_csb_count(csb);

	for (size_t i = 0; i < n; i++) {
		const struct csmap_session *c = ticket_csb_session(csb, i);

		out[i] = (struct ticket_cs){
			.cs_id = c->cs_id,
			.policies = {c->policy.no},
			.n_policies = 1,
			.has_ssrc = c->has_ssrc,
			.ssrc = c->ssrc,
			.spi = spi,
		};
	}
	return n;
}

/* Adds a random TGK with a random SPI; the TGK is as long as the algorithms of the bundle need. */
static enum err new_keys(const struct ticket_csb *csb, const struct mikey_env *env,
                         struct mikey_keys *out)
{
	uint8_t key[32], spi[4];
	size_t n = mikey_default_key_len(ticket_csb_algs(csb).prf);
	enum err e = env->random(env->random_ctx, "tgk", key, n);

	if (!e)
		e = env->random(env->random_ctx, "spi", spi, sizeof(spi));
	if (!e)
		e = mikey_keys_add(out, MIKEY_TGK, (struct view){key, n}, (struct view){0},
		                   (struct view){spi, sizeof(spi)});
	secret_wipe(key, sizeof(key));
	return e;
}

/* Adds the crypto sessions of the m-lines of `p` that the bundle does not have yet. They have the
 * policy of the first session; the answer chooses the SSRC of the peer. */
static enum err new_sessions(const struct ue_session_part *p, const struct sdp *sdp,
                             const struct mikey_env *env, struct ticket_update_params *up,
                             struct ticket_cs cs[MIKEY_CS_MAX])
{
	bool is_initiator = ticket_csb_is_initiator(p->csb);
	enum err e = ERR_OK;

	for (unsigned i = 0; i < 2 * sdp->n_media && !e; i++) {
		struct ticket_cs made = cs[0];
		bool is_own = i % 2 == !is_initiator;
		uint8_t ssrc[4];

		made.cs_id = ue_part_cs(&p->at, i / 2, !(i % 2));
		made.has_ssrc = is_own;
		made.ssrc = 0;
		if (!(p->at.lines & 1u << i / 2) || ticket_csb_find(p->csb, made.cs_id))
			continue;
		if (up->n_cs == MIKEY_CS_MAX)
			return ERR_TOO_BIG;
		if (is_own && !ue_desc_ssrc(sdp, i / 2, &made.ssrc)) {
			e = env->random(env->random_ctx, "ssrc", ssrc, sizeof(ssrc));
			made.ssrc = be32_get(ssrc);
		}
		cs[up->n_cs++] = made;
	}
	return e;
}

static enum err rekey(const struct ue_session_part *p, const struct sdp *sdp,
                      const struct mikey_env *env, struct view *octets, struct why *why)
{
	struct ticket_csb *csb = p->csb;
	struct mikey_keys *keys = mikey_keys_new();
	struct ticket_cs cs[MIKEY_CS_MAX];
	struct ticket_update_params up = {.cs = cs, .keys = keys, .want_response = true};
	struct mikey_fault fault = {0};
	enum err e = keys ? new_keys(csb, env, keys) : ERR_NOMEM;

	if (!e) {
		up.n_cs = same_sessions(csb, mikey_key_spi(&keys->k[0]), cs);
		e = new_sessions(p, sdp, env, &up, cs);
	}
	if (e)
		why_fail(why, e, "no new key could be made: %s", err_meaning(e));
	if (!e) {
		e = ticket_csb_update(csb, &up, env, octets, &fault);
		if (e == ERR_DENIED)
			why_fail(why, e,
			         "the ticket does not let the %s supply new keys: make a new "
			         "offer, with a ticket requested with --rekey",
			         ticket_csb_is_initiator(csb) ? "caller" : "called side");
		else if (e)
			ue_tell(why, e, &fault, "the keys can't be renewed");
	}
	mikey_keys_free(keys);
	return e;
}

static enum err write_parts(struct ue_session *s, enum ue_update kind, struct sdp *sdp,
                            struct ue_env *env, struct why *why)
{
	enum err e = ERR_OK;

	for (unsigned i = 0; i < s->n_parts && !e; i++) {
		struct view octets = ticket_csb_last_sent(s->parts[i].csb);

		if (kind == UE_UPDATE_REKEY)
			e = rekey(&s->parts[i], sdp, &env->mikey, &octets, why);
		else if (!octets.n)
			e = why_fail(why, ERR_DENIED,
			             "this side has sent no message that it could repeat, because "
			             "the ticket has no TRANSFER_RESP (flag F is not set): the "
			             "caller makes the update, or make a new offer");
		if (!e)
			e = ue_desc_put(sdp, s->parts[i].at.section, octets, why);
	}
	return e;
}

static bool is_response(const struct keymgmt *k)
{
	return k->len > 1 && k->octets[1] == MIKEY_DT_TRANSFER_RESP;
}

/* Returns true if this side's last message asked for no TRANSFER_RESP (V=0), so that the answer to
 * its repetition has no message. */
static bool expects_no_message(const struct ticket_csb *csb)
{
	enum { PRF_AT = 3, V_FLAG = 0x80 }; /* in HDR (RFC 3830 6.1) */
	struct view sent = ticket_csb_last_sent(csb);

	return ticket_csb_state(csb) != CSB_WAITING && sent.n > PRF_AT &&
	       sent.p[1] == MIKEY_DT_TRANSFER_INIT && !(sent.p[PRF_AT] & V_FLAG);
}

static enum err take_parts(struct ue_session *s, const struct ue_exchange *x, struct ue_env *env,
                           bool *changed, struct why *why)
{
	enum err e = ERR_OK;

	for (unsigned i = 0; i < s->n_parts && !e; i++) {
		struct ticket_csb *csb = s->parts[i].csb;
		struct keymgmt message = {0};
		struct mikey_fault fault = {0};
		enum csb_outcome outcome = CSB_UNCHANGED;
		struct view reply = {0};

		if (!x->ours && expects_no_message(csb) &&
		    ue_desc_is_secure_without_keys(x->theirs))
			continue;
		e = ue_desc_get(x->theirs, s->parts[i].at.section, &message, why);
		if (!e) {
			e = ticket_csb_receive(csb, (struct view){message.octets, message.len},
			                       &env->mikey, &outcome, &reply, &fault);
			if (e)
				ue_tell(why, e, &fault, "the update is refused");
		}
		*changed |= outcome == CSB_UPDATED;
		/* A repeated response gets our last message again. A TRANSFER_INIT without reply
		 * asked for none (V=0, RFC 6043 5.2). */
		if (!e && x->ours && !reply.n && is_response(&message))
			reply = ticket_csb_last_sent(csb);
		if (!e && x->ours && reply.n)
			e = ue_desc_put(x->ours, s->parts[i].at.section, reply, why);
		keymgmt_clear(&message);
	}
	return e;
}

/* Replaces this terminal's a=crypto line by one with a new key. `like` gives tag and suite: the
 * previous line, or the peer's line that is answered. */
static enum err fresh_line(struct ue_session_line *l, const struct sdes_line *like, struct why *why)
{
	struct sdes_line made;
	enum err e = sdes_offer_make(&made, like->tag, like->suite, 0);

	if (e)
		return why_fail(why, e, "no new key could be made: %s", err_meaning(e));
	sdes_line_clear(&l->own);
	l->own = made;
	return ERR_OK;
}

static enum err write_lines(struct ue_session *s, enum ue_update kind, struct sdp *sdp,
                            bool is_answer, struct why *why)
{
	enum err e = ERR_OK;

	for (unsigned m = 0; m < s->n_media && !e; m++) {
		if (kind == UE_UPDATE_REKEY)
			e = fresh_line(&s->lines[m],
			               is_answer ? &s->lines[m].peer : &s->lines[m].own, why);
		if (!e && sdes_line_write(sdp, m, &s->lines[m].own, true))
			e = why_fail(why, ERR_NOMEM, "out of memory");
		if (!e && s->protection == UE_E2AE && !is_answer &&
		    sdp_attr_add(sdp, (int)m, "3ge2ae", STR("requested")))
			e = why_fail(why, ERR_NOMEM, "out of memory");
	}
	return e;
}

static enum err take_line(struct ue_session_line *l, unsigned m, const struct sdp *theirs,
                          bool *changed, struct why *why)
{
	struct sdes_list *list = secret_alloc(sizeof(*list));
	const struct sdes_line *first = NULL;
	struct sdes_policy policy;
	char text[160];
	enum err e = list ? ERR_OK : ERR_NOMEM;

	ue_sdes_policy(&policy);
	if (!e)
		e = sdes_list_parse(list, theirs, m, &policy);
	if (e)
		why_fail(why, e, "a=crypto of m= line %u: %s", m + 1, err_meaning(e));
	if (!e && sdes_list_find(list, &l->peer)) {
		sdes_list_clear(list);
		secret_free(list);
		return ERR_OK;
	}
	if (!e)
		first = sdes_list_first(list);
	if (!e && !first)
		e = why_fail(why, ERR_DENIED, "a=crypto of m= line %u: %s", m + 1,
		             sdes_list_describe(list, text, sizeof(text)));
	if (!e) {
		struct sdes_line copy;

		e = sdes_line_copy(&copy, first);
		if (!e) {
			sdes_line_clear(&l->peer);
			l->peer = copy;
			*changed = true;
		}
	}
	if (list)
		sdes_list_clear(list);
	secret_free(list);
	return e;
}

static enum err take_lines(struct ue_session *s, const struct sdp *theirs, bool *changed,
                           struct why *why)
{
	enum err e = ERR_OK;

	for (unsigned m = 0; m < s->n_media && !e; m++)
		e = take_line(&s->lines[m], m, theirs, changed, why);
	return e;
}

/* Ends a change that was made to the copy `c`: `s` becomes the copy, unless the change failed or
 * left an m-line without keys. Frees the copy. */
static enum err settle(struct ue_session *s, struct ue_session *c, enum err e, struct why *why)
{
	if (!e)
		e = ue_session_check(c, why);
	if (!e) {
		struct ue_session old = *s;

		*s = *c;
		*c = old;
	}
	ue_session_free(c);
	return e;
}

static enum err write_update(struct ue_session *s, enum ue_update kind, struct sdp *sdp,
                             struct ue_env *env, struct why *why)
{
	unsigned n_media = s->n_media;
	enum err e = add_lines(s, sdp, why);

	if (!e && kind == UE_UPDATE_SAME && sdp->n_media > n_media)
		e = why_fail(why, ERR_INVALID,
		             "m= line %u is new, and the last message, which would be repeated, "
		             "has no keys for it: make an update with new keys",
		             n_media + 1);
	if (!e && kind == UE_UPDATE_REKEY && s->protection == UE_E2AE)
		e = why_fail(why, ERR_DENIED,
		             "the keys of an e2ae call can't be renewed during the call (TS 33.328 "
		             "7.4)");
	if (!e && kind == UE_UPDATE_REKEY && s->protection == UE_NONE)
		e = why_fail(why, ERR_DENIED,
		             "the call has no protection, so there are no keys to renew");
	if (!e)
		e = ue_desc_prepare(sdp, s->protection != UE_NONE, why);
	if (!e && s->protection == UE_E2E_KMS)
		e = write_parts(s, kind, sdp, env, why);
	else if (!e && s->protection != UE_NONE)
		e = write_lines(s, kind, sdp, false, why);
	drop_lines(s, n_media);
	return e;
}

/* Refuses an answer that has fewer m-lines than the offer. */
static enum err check_added(const struct ue_session *s, struct why *why)
{
	const struct ue_session_part *p = &s->parts[0];

	if (s->n_parts == 1 && p->at.section == SDP_SESSION && s->n_media < SDP_MEDIA_MAX &&
	    ticket_csb_find(p->csb, ue_part_cs(&p->at, s->n_media, true)))
		return why_fail(why, ERR_INVALID,
		                "the answer has %u m= lines; it must have as many as the offer",
		                s->n_media);
	return ERR_OK;
}

static enum err take_answer(struct ue_session *s, const struct sdp *answer, struct ue_env *env,
                            bool *changed, struct why *why)
{
	enum err e = add_lines(s, answer, why);

	if (!e && s->protection == UE_E2E_KMS)
		e = take_parts(s, &(struct ue_exchange){.theirs = answer}, env, changed, why);
	if (!e && s->protection == UE_E2E_KMS)
		e = check_added(s, why);
	else if (!e && s->protection != UE_NONE)
		e = take_lines(s, answer, changed, why);
	return e;
}

enum err ue_session_update(struct ue_session *s, enum ue_update kind, struct sdp *sdp,
                           struct ue_env *env, struct why *why)
{
	struct ue_session *c = NULL;
	enum err e = ue_session_copy(&c, s, why);

	if (!e)
		e = write_update(c, kind, sdp, env, why);
	return settle(s, c, e, why);
}

enum err ue_session_answered(struct ue_session *s, const struct sdp *answer, struct ue_env *env,
                             bool *changed, struct why *why)
{
	struct ue_session *c = NULL;
	bool is_new = false;
	enum err e = ue_session_copy(&c, s, why);

	if (!e)
		e = take_answer(c, answer, env, &is_new, why);
	e = settle(s, c, e, why);
	*changed = !e && is_new;
	return e;
}

void ue_session_cancel(struct ue_session *s)
{
	for (unsigned i = 0; i < s->n_parts; i++)
		if (ticket_csb_state(s->parts[i].csb) == CSB_WAITING)
			(void)!ticket_csb_cancel(s->parts[i].csb);
}

bool ue_session_knows(const struct ue_session *s, const struct sdp *offer)
{
	enum { CSB_ID_AT = 4 }; /* offset of the CSB ID in HDR (RFC 3830 6.1) */
	struct keymgmt k = {0};
	bool knows;

	if (s->protection != UE_E2E_KMS || !s->n_parts ||
	    ue_desc_get(offer, s->parts[0].at.section, &k, NULL))
		/* the offer can't be compared: ue_session_take processes it, or refuses it and says
		 * why */
		return true;
	knows = k.len >= CSB_ID_AT + 4 &&
	        be32_get(k.octets + CSB_ID_AT) == ticket_csb_id(s->parts[0].csb);
	keymgmt_clear(&k);
	return knows;
}

/* In an answer the SSRCs of new m-lines are random: the description must not have others. */
static enum err check_new_ssrcs(const struct ue_session *s, unsigned from, const struct sdp *ours,
                                struct why *why)
{
	for (unsigned m = from; m < s->n_media; m++) {
		uint32_t ssrc;

		if (ue_desc_ssrc(ours, m, &ssrc))
			return why_fail(why, ERR_UNSUPPORTED,
			                "m= line %u is new and has a=ssrc: remove it, because the "
			                "SSRC of a new m-line in an answer is random",
			                m + 1);
	}
	return ERR_OK;
}

static enum err take_update(struct ue_session *s, const struct ue_exchange *x, struct ue_env *env,
                            bool *changed, struct why *why)
{
	unsigned n_media = s->n_media;
	enum err e = add_lines(s, x->theirs, why);

	if (!e)
		e = check_lines(s, x->ours, why);
	if (!e && !(ue_desc_offered(x->theirs) & 1u << s->protection))
		e = why_fail(why, ERR_DENIED,
		             "the update does not use %s, the protection of the call",
		             ue_protection_name(s->protection));
	if (!e)
		e = ue_desc_prepare(x->ours, s->protection != UE_NONE, why);
	if (e)
		return e;
	if (s->protection == UE_E2E_KMS) {
		e = take_parts(s, x, env, changed, why);
		return e ? e : check_new_ssrcs(s, n_media, x->ours, why);
	}
	if (s->protection == UE_NONE)
		return ERR_OK;
	e = take_lines(s, x->theirs, changed, why);
	/* If the peer changed its key, we answer with a new key, too: each side has its own key
	 * (RFC 4568 7.1.4). */
	return e ? e
	         : write_lines(s, *changed ? UE_UPDATE_REKEY : UE_UPDATE_SAME, x->ours, true, why);
}

enum err ue_session_take(struct ue_session *s, const struct ue_exchange *x, struct ue_env *env,
                         bool *changed, struct why *why)
{
	struct ue_session *c = NULL;
	bool is_new = false;
	enum err e = ue_session_copy(&c, s, why);

	if (!e)
		e = take_update(c, x, env, &is_new, why);
	e = settle(s, c, e, why);
	*changed = !e && is_new;
	return e;
}
