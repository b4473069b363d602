/* SPDX-License-Identifier: MIT */
/* Plans an answer against its offer, m-line by m-line. Does not change the call or the session. */
#include "control/dialog/media.h"

#include <stdio.h>

#include "base/mem.h"
#include "keyctx/sdp/keymgmt.h"

/*
 * An answer must have one a=crypto line (RFC 4568 5.1.3), but some terminals repeat every line that
 * they support. Keeps only the first line that fits the offer. Keeps all lines if one of them has
 * our own key, or if none fits; sdes_answer_check then refuses the answer.
 */
static void leave_first_that_fits(struct sdes_list *list, const struct sdes_list *offered,
                                  bool any_tag)
{
	const struct sdes_line *ours;
	struct sdes_line fits;
	struct why why;
	unsigned n = list->n;

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < list->lines[i].n_keys; k++)
			if (sdes_list_has_key(offered, list->lines[i].keys[k]))
				return;
	for (unsigned i = 0; i < n; i++) {
		fits = list->lines[i];
		list->lines[i] = list->lines[0];
		list->lines[0] = fits;
		list->n = 1;
		if (list->n_unread == 0 &&
		    sdes_answer_check(offered, list, any_tag, &ours, &why) == ERR_OK)
			break;
		list->n = n;
	}
	for (unsigned i = 1; i < n && list->n == 1; i++)
		sdes_line_clear(&list->lines[i]);
}

static enum err take_answered_keys(struct dialog_media *m, struct dialog_side *side,
                                   struct sdes_list *list, const struct dialog_options *o,
                                   struct why *why)
{
	const struct sdes_line *ours;
	struct sdes_line mine, theirs;
	enum err e;

	if (list->n > 1 && o->profile == DIALOG_PLAIN)
		leave_first_that_fits(list, m->offered, o->any_tag);
	e = sdes_answer_check(m->offered, list, o->any_tag, &ours, why);
	if (!e)
		e = sdes_line_copy(&mine, ours);
	if (e)
		return e;
	e = sdes_line_copy(&theirs, &list->lines[0]);
	if (e) {
		sdes_line_clear(&mine);
		return e;
	}
	sdes_line_clear(&side->theirs);
	sdes_line_clear(&side->ours);
	side->theirs = theirs;
	side->ours = mine;
	return ERR_OK;
}

static enum err judge_answered_key(const struct dialog_side *side, const struct dialog_side *before,
                                   bool accept, struct why *why)
{
	struct offer_policy policy = {.accept_rekey = accept};
	struct offer_news n = {.was_there = true,
	                       .is_there = true,
	                       .has_moved = dialog_side_has_moved(side, before),
	                       .is_rekeyed = before->theirs.n_keys &&
	                                     !sdes_line_eq(&side->theirs, &before->theirs)};

	if (n.is_rekeyed && sdes_line_shares_key(&side->theirs, &before->theirs))
		return why_fail(
			why, ERR_REKEY,
			"a=crypto of the answer has the key in use, but another suite, MKI or "
			"lifetime; the peer must choose a new key");
	if (sdes_line_shares_key(&side->theirs, &before->ours))
		return why_fail(why, ERR_INVALID,
		                "a=crypto of the answer has this gateway's own key; the peer must "
		                "choose another key");
	if (offer_change_is_refusal(offer_judge(&n, &policy)))
		return why_fail(
			why, ERR_REKEY,
			"the answer has a new key, but the peer's address did not change, and "
			"this call does not accept re-keying");
	return ERR_OK;
}

/* Decides optional SRTP (RFC 8643 4): an answer with keys accepts SRTP, an answer without keys
 * declines it. Some terminals accept with the secure profile. */
static void settle_optional(struct dialog_media *m, enum offer_side from, const struct sdp *s,
                            unsigned i)
{
	struct dialog_side *side = &m->side[!from];

	side->is_secure = sdp_has_attr(s, (int)i, "crypto");
	m->mode = dialog_mode_of(m->side[from].is_secure, side->is_secure);
	if (side->is_secure)
		return;
	sdes_line_clear(&side->theirs);
	sdes_line_clear(&side->ours);
}

/* Checks an answer that passes end to end: the request must not exclude all its a=crypto lines. */
static enum err check_what_passes(const struct sdp *s, unsigned i, const struct dialog_options *o,
                                  struct why *why)
{
	struct sdes_list *list = mem_alloc(sizeof(*list));
	enum err e = list ? sdes_list_parse(list, s, i, &o->sdes) : ERR_NOMEM;

	if (!e)
		e = dialog_strip_leaves(list, o, why);
	dialog_list_free(list);
	return e;
}

/* Input of planning one m-line of an answer. */
struct answer_line {
	const struct sdp *s;
	unsigned i;
	enum offer_side from;              /* the offerer */
	const struct dialog_media *before; /* this m-line in the agreement; NULL: not relayed */
	const struct dialog_options *o;
	/* output: a failure of this m-line refuses the whole answer; under IMS the call is then
	 * released (TS 24.229) */
	bool is_whole;
};

/* The transport of an m-line, for an error text: its RTP profile, else the protocol that the m-line
 * names, with "?" for unprintable characters. */
static const char *transport_name(enum sdp_profile profile, struct str written, char out[32])
{
	if (sdp_profile_is_rtp(profile))
		return sdp_profile_name(profile);
	snprintf(out, 32, "%.*s", STR_ARG(written));
	for (char *p = out; *p; p++)
		if (*p < '!' || *p > '~')
			*p = '?';
	return *out ? out : "no transport";
}

/* Checks that the answer has the offered kind of transport. ERR_INVALID: it has another one. */
static enum err check_transport(const struct dialog_media *m, enum sdp_profile offered,
                                const struct sdp_media *answered, struct why *why)
{
	char offer_text[32], answer_text[32];

	if (ims_is_answer_in_kind(offered, answered->profile))
		return ERR_OK;
	return why_fail(why, ERR_INVALID,
	                "the offer has %s, but the answer has %s; both must be the same",
	                transport_name(offered, str_of(m->proto), offer_text),
	                transport_name(answered->profile, answered->proto, answer_text));
}

static enum err plan_answered(struct dialog_media *m, struct answer_line *l, struct why *why)
{
	const struct dialog_side *before = l->before ? &l->before->side[!l->from] : NULL;
	const struct dialog_options *o = l->o;
	const struct sdp *s = l->s;
	unsigned i = l->i;
	struct dialog_side *side = &m->side[!l->from];
	struct sdes_list *list;
	struct sdp_transport t;
	enum err e = sdp_transport_read(s, i, &t, why);

	if (!e && m->is_optional)
		settle_optional(m, l->from, s, i);
	if (!e &&
	    !(m->is_optional && side->is_secure && sdp_profile_is_secure(s->media[i].profile))) {
		e = check_transport(m, side->profile, &s->media[i], why);
		l->is_whole = e && o->profile != DIALOG_PLAIN;
	}
	if (!e && m->mode == RELAY_MODE_E2E && m->had_keys &&
	    sdp_profile_is_secure(side->profile) && !sdp_has_attr(s, (int)i, "crypto") &&
	    !keymgmt_is_present(s, i))
		e = why_fail(why, ERR_INVALID,
		             "the answer has RTP/SAVP but no keys (RFC 4568 5.3); it needs an "
		             "a=crypto line");
	if (!e && dialog_mode_is_opaque(m->mode) && sdp_profile_is_secure(side->profile) &&
	    !keymgmt_is_present(s, i))
		e = check_what_passes(s, i, o, why);
	if (e)
		return e;
	dialog_side_settle(side, &t, before, &o->received_from);
	side->latch = o->latch;
	side->latch_strict = o->latch_strict;
	side->teaches = dialog_side_teaches(s, i);
	if (!side->is_secure)
		return ERR_OK;
	list = mem_alloc(sizeof(*list));
	e = list ? sdes_list_parse(list, s, i, &o->sdes) : ERR_NOMEM;
	if (!e)
		e = take_answered_keys(m, side, list, o, why);
	dialog_list_free(list);
	if (!e && dialog_is_spent(&side->theirs, false, o))
		e = why_fail(why, ERR_REKEY, "%s", sdes_fault_meaning(SDES_SPENT_KEY));
	if (!e && before) {
		e = judge_answered_key(side, before, o->accept_rekey, why);
		l->is_whole = e != ERR_OK;
	}
	return e;
}

static void switch_off(struct dialog_media *m, const struct dialog_media *before)
{
	m->treat = DIALOG_TREAT_OFF;
	m->change = before && before->treat == DIALOG_TREAT_RELAY ? OFFER_CHANGE_GONE
	                                                          : OFFER_CHANGE_NONE;
}

static bool is_any_left(const struct dialog_exchange *x)
{
	for (unsigned i = 0; i < x->n_media; i++)
		if (x->media[i].treat == DIALOG_TREAT_RELAY ||
		    x->media[i].treat == DIALOG_TREAT_PASS)
			return true;
	return false;
}

enum err dialog_plan_answer(struct dialog_exchange *x, const struct dialog_exchange *now,
                            const struct sdp *s, const struct dialog_options *o, struct why *why)
{
	enum err e = ERR_OK, refused = ERR_OK;

	for (unsigned i = 0; i < x->n_media && !e; i++) {
		struct dialog_media *m = &x->media[i];
		const struct dialog_media *b = now && i < now->n_media ? &now->media[i] : NULL;
		struct why reason = {""};
		struct answer_line l = {
			.s = s,
			.i = i,
			.from = x->from,
			.before = b && b->treat == DIALOG_TREAT_RELAY && !m->is_new ? b : NULL,
			.o = o};

		if (m->treat != DIALOG_TREAT_RELAY)
			continue;
		if (s->media[i].port == 0 && !s->media[i].fault) {
			switch_off(m, b);
			continue;
		}
		if (x->terms.mux & DIALOG_MUX_REQUIRE && !dialog_media_is_other(m) &&
		    !sdp_has_attr(s, (int)i, "rtcp-mux"))
			e = why_fail(&reason, ERR_INVALID,
			             "the answer lacks a=rtcp-mux, which the offer requires");
		if (!e)
			e = plan_answered(m, &l, &reason);
		if (!e)
			continue;
		why_prefix(&reason, "m-line %u", i + 1);
		if (!refused && why)
			*why = reason;
		refused = refused ? refused : e;
		/* An m-line with an unusable answer is switched off; the others stay. */
		if (e != ERR_NOMEM && e != ERR_CRYPTO && !l.is_whole)
			e = dialog_media_set_aside(m, DIALOG_TREAT_OFF, &reason);
		else if (why)
			*why = reason;
		if (!e)
			switch_off(m, b);
	}
	if (!e)
		e = dialog_remember_keys(x, now);
	return e || !refused || is_any_left(x) ? e : refused;
}
