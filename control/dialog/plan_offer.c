/* SPDX-License-Identifier: MIT */
/* Plans an offer, m-line by m-line. Does not change the call or the session. */
#include "control/dialog/offer_line.h"

#include "base/mem.h"
#include "keyctx/sdp/keymgmt.h"

static enum err judge_news(struct offer_line *p, const struct offer_carriage *c)
{
	const struct dialog_side *b = p->before ? &p->before->side[p->from] : NULL;
	struct offer_policy policy = {.accept_rekey = p->o->accept_rekey,
	                              .allow_mode_switch = p->o->profile == DIALOG_PLAIN ||
	                                                   p->o->allow_mode_switch};
	struct offer_news n = {.was_there = b != NULL, .is_there = true};

	dialog_judge_spent(p->list, p->o);
	if (b && c->near_secure) {
		offer_keys_judge(p->list, b);
		if (p->m->acfg)
			p->capability.crypto.fault = offer_keys_judge_one(&p->capability.crypto, b);
		if (p->m->acfg && p->capability.crypto.fault)
			return why_fail(p->why, ERR_INVALID,
			                "m-line %u: the a=crypto line of the potential "
			                "configuration is not usable: %s",
			                p->i + 1, sdes_fault_meaning(p->capability.crypto.fault));
		if (!sdes_list_first(p->list) && !p->m->acfg &&
		    sdes_list_has_fault(p->list, SDES_REUSED_KEY))
			return why_fail(
				p->why, ERR_REKEY,
				"m-line %u: a=crypto has the key in use, but another suite, "
				"MKI or lifetime; the peer must choose a new key",
				p->i + 1);
	}
	/* An m-line that changes between RTP and another protocol, such as fax, is a new media
	 * under the same number. Such a change needs no permission, unlike a change of mode. */
	if (b && (c->near == SDP_PROFILE_OTHER) != dialog_media_is_other(p->before)) {
		p->m->change = OFFER_CHANGE_SWITCHED;
		return ERR_OK;
	}
	if (b) {
		n.has_moved = dialog_side_has_moved(&p->m->side[p->from], b);
		n.is_rekeyed = c->near_secure && b->theirs.n_keys &&
		               !(p->m->acfg ? sdes_line_eq(&p->capability.crypto, &b->theirs)
		                            : sdes_list_find(p->list, &b->theirs) != NULL);
		n.has_switched = c->mode != p->before->mode ||
		                 (c->mode == RELAY_MODE_E2AE &&
		                  c->access_is_other != (p->before->access != (uint8_t)p->from));
	}
	p->m->change = offer_judge(&n, &policy);
	if (p->m->change == OFFER_CHANGE_REKEY_REFUSED)
		return why_fail(
			p->why, ERR_REKEY,
			"m-line %u has a new key, but the peer's address did not change, and "
			"this call does not accept re-keying",
			p->i + 1);
	if (p->m->change == OFFER_CHANGE_SWITCH_REFUSED)
		return why_fail(p->why, ERR_WRONG_STATE,
		                "m-line %u: mode %s must not become %s during the call", p->i + 1,
		                relay_mode_name(p->before->mode), relay_mode_name(c->mode));
	return ERR_OK;
}

static enum err fill_media(struct offer_line *p, const struct offer_carriage *c)
{
	/* A media that changes its mode is built anew: it gets new legs. */
	const struct dialog_media *before =
		p->m->change == OFFER_CHANGE_SWITCHED ? NULL : p->before;
	struct dialog_media *m = p->m;
	enum err e;

	m->treat = DIALOG_TREAT_RELAY;
	m->mode = c->mode;
	m->is_new = before == NULL;
	m->access = before ? before->access : (uint8_t)(c->access_is_other ? p->other : p->from);
	if (m->change == OFFER_CHANGE_SWITCHED)
		m->generation = !p->before->generation;
	m->had_keys = p->list->n > 0 || keymgmt_is_present(p->s, p->i);
	e = offer_sides_place(p, before, c);
	if (!e && c->near_secure)
		e = offer_keys_near(p, before ? &before->side[p->from] : NULL);
	if (!e && c->far_secure)
		e = offer_keys_far(p, before    ? &before->side[p->other]
		                      : p->past ? &p->past->side[p->other]
		                                : NULL);
	if (!e && c->far_secure && before) {
		e = sdes_line_copy(&m->side[p->other].theirs, &before->side[p->other].theirs);
		if (!e)
			e = sdes_line_copy(&m->side[p->other].ours, &before->side[p->other].ours);
	}
	return e;
}

static enum err read_transport(struct offer_line *p, struct sdp_transport *t)
{
	enum err e = sdp_transport_read(p->s, p->i, t, p->why);

	if (e)
		why_prefix(p->why, "m-line %u", p->i + 1);
	return e;
}

static enum err plan_rtp(struct offer_line *p)
{
	struct sdp_transport t;
	struct offer_carriage c = {0};
	enum err e = read_transport(p, &t);

	if (!e)
		e = sdes_list_parse(p->list, p->s, p->i, &p->o->sdes);
	if (e)
		return e;
	dialog_side_settle(&p->m->side[p->from], &t, p->before ? &p->before->side[p->from] : NULL,
	                   &p->o->received_from);
	e = p->o->profile == DIALOG_PLAIN ? offer_carriage_plain(p, &c) : offer_carriage_ims(p, &c);
	if (!e && dialog_mode_is_opaque(c.mode) && sdp_profile_is_secure(c.near) &&
	    !keymgmt_is_present(p->s, p->i)) {
		e = dialog_strip_leaves(p->list, p->o, p->why);
		if (e)
			why_prefix(p->why, "m-line %u", p->i + 1);
	}
	if (!e) {
		e = judge_news(p, &c);
		p->is_whole = e != ERR_OK;
	}
	return e ? e : fill_media(p, &c);
}

/* Sets the profile of both sides of an m-line with port 0 (RFC 3264 6 and 8.2). */
static void see_profiles(struct offer_line *p)
{
	p->m->side[p->from].profile = p->s->media[p->i].profile;
	p->m->side[p->other].profile = offer_line_far_profile(p);
}

static void plan_off(struct offer_line *p)
{
	p->m->treat = DIALOG_TREAT_OFF;
	p->m->change = p->before ? OFFER_CHANGE_GONE : OFFER_CHANGE_NONE;
	see_profiles(p);
}

/* Refuses one m-line and clears its keys. Returns `e` if the whole offer must be refused. */
static enum err refuse_line(struct offer_line *p, enum err e)
{
	if (e == ERR_NOMEM || e == ERR_CRYPTO || p->is_whole)
		return e;
	p->refused = e;
	p->m->generation = p->now && p->i < p->now->n_media ? p->now->media[p->i].generation : 0;
	p->m->change = p->before ? OFFER_CHANGE_GONE : OFFER_CHANGE_NONE;
	see_profiles(p);
	return dialog_media_set_aside(p->m, DIALOG_TREAT_REFUSE, p->why);
}

/*
 * Plans an m-line that is not RTP. The setting other-media decides: the gateway relays the media
 * (UDP only), refuses the m-line, or leaves it in the SDP. In the last case the media bypasses the
 * gateway, and the reply reports that.
 */
static enum err plan_other(struct offer_line *p)
{
	const struct sdp_media *sm = &p->s->media[p->i];
	enum dialog_treat treat = dialog_other_treat(p->o->other_media, sm->proto);
	int n = sm->proto.n < 32 ? (int)sm->proto.n : 32;
	struct offer_carriage c = offer_carry_opaque(SDP_PROFILE_OTHER, SDP_PROFILE_OTHER);
	struct sdp_transport t;
	enum err e;

	if (sm->port == 0) {
		plan_off(p);
		return ERR_OK;
	}
	if (treat == DIALOG_TREAT_REFUSE)
		return why_fail(p->why, ERR_UNSUPPORTED,
		                "m-line %u is refused: other-media does not allow %.*s", p->i + 1,
		                n, sm->proto.p);
	if (treat == DIALOG_TREAT_PASS) {
		why_fail(p->why, ERR_OK,
		         "m-line %u: %.*s is passed on; its media bypasses this gateway", p->i + 1,
		         n, sm->proto.p);
		return dialog_media_set_aside(p->m, DIALOG_TREAT_PASS, p->why);
	}
	e = read_transport(p, &t);
	if (e)
		return e;
	dialog_side_settle(&p->m->side[p->from], &t, p->before ? &p->before->side[p->from] : NULL,
	                   &p->o->received_from);
	e = judge_news(p, &c);
	return e ? e : fill_media(p, &c);
}

/* Could m-lines i and i + 1 offer the same media, one as RTP and one as SRTP? */
static bool is_pair(const struct sdp *s, unsigned i)
{
	const struct sdp_media *a = &s->media[i], *b = a + 1;

	return i + 1 < s->n_media && a->port && b->port && str_eq(a->kind, b->kind) &&
	       sdp_profile_is_rtp(a->profile) && sdp_profile_is_rtp(b->profile) &&
	       sdp_profile_is_secure(a->profile) != sdp_profile_is_secure(b->profile);
}

/*
 * Is m-line i the RTP one of a pair? Some phones offer optional SRTP as was usual before RFC 8643:
 * by two m-lines of one kind, one RTP and one SRTP.
 */
static bool is_plain_of_pair(const struct sdp *s, unsigned i)
{
	unsigned first = i;

	while (first > 0 && is_pair(s, first - 1))
		first--;
	/* If more than two m-lines in a row could form pairs, every second one starts a pair. */
	first = i - (i - first) % 2;
	return is_pair(s, first) && !sdp_profile_is_secure(s->media[i].profile);
}

static enum err plan_media(struct offer_line *p)
{
	const struct sdp_media *sm = &p->s->media[p->i];
	enum err e = ERR_OK;

	p->m->row = "";
	if (p->o->osrtp_pairs && p->o->profile == DIALOG_PLAIN && is_plain_of_pair(p->s, p->i)) {
		see_profiles(p);
		why_fail(p->why, ERR_OK,
		         "m-line %u: refused, because another m-line offers the same media as SRTP",
		         p->i + 1);
		return dialog_media_set_aside(p->m, DIALOG_TREAT_REFUSE, p->why);
	}
	if (sm->fault)
		e = why_fail(p->why, ERR_SYNTAX, "m-line %u: %s", p->i + 1, sm->fault);
	else if (!sdp_profile_is_rtp(sm->profile))
		e = plan_other(p);
	else if (sm->port == 0)
		plan_off(p);
	else
		e = plan_rtp(p);
	sdes_list_clear(p->list);
	if (p->has_capability)
		capneg_clear(&p->capability);
	return e ? refuse_line(p, e) : ERR_OK;
}

/* Are all m-lines off or refused, and at least one refused? Such an offer is refused as a whole. */
static bool is_all_refused(const struct dialog_exchange *x)
{
	unsigned refused = 0, left = 0;

	for (unsigned i = 0; i < x->n_media; i++) {
		refused += x->media[i].treat == DIALOG_TREAT_REFUSE;
		left += x->media[i].treat == DIALOG_TREAT_RELAY ||
		        x->media[i].treat == DIALOG_TREAT_PASS;
	}
	return refused && !left;
}

enum err dialog_plan_offer(struct dialog_exchange **out, const struct dialog_planning *plan,
                           struct why *why)
{
	const struct dialog_exchange *now = plan->now;
	const struct dialog_options *o = plan->options;
	const struct sdp *s = plan->sdp;
	struct dialog_exchange *x = NULL;
	struct sdes_list *list = mem_alloc(sizeof(*list));
	struct why reason = {""};
	enum err e = list ? dialog_exchange_new(&x, s->n_media) : ERR_NOMEM, refused = ERR_OK;

	for (unsigned i = 0; i < s->n_media && !e; i++) {
		const struct dialog_media *b = now && i < now->n_media ? &now->media[i] : NULL;
		struct why line = {""};
		struct offer_line p = {.s = s,
		                       .i = i,
		                       .from = plan->from,
		                       .other = !plan->from,
		                       .o = o,
		                       .context = plan->context,
		                       .now = now,
		                       .before = b && b->treat == DIALOG_TREAT_RELAY ? b : NULL,
		                       .past = b,
		                       .m = &x->media[i],
		                       .list = list,
		                       .why = &line};

		x->media[i].generation = b ? b->generation : 0;
		e = plan_media(&p);
		if (e || (p.refused && !refused))
			reason = line;
		if (!refused)
			refused = p.refused;
	}
	if (!e && is_all_refused(x))
		e = refused; /* `reason` is the reason of the first refused m-line */
	if (!e) {
		dialog_follow_ended(x, plan->from, o);
		dialog_remember_profiles(x, now);
		e = dialog_remember_keys(x, now);
	}
	mem_free(list);
	if (e) {
		why_fail(why, e, "%s", reason.text[0] ? reason.text : err_meaning(e));
		dialog_exchange_free(x);
		return e;
	}
	x->from = plan->from;
	dialog_count_note(x, now, s);
	x->terms = (struct dialog_terms){
		.accept_rekey = o->accept_rekey,
		.gate_by_direction = o->gate_by_direction,
		.mux = o->mux,
		.dscp = o->dscp,
	};
	*out = x;
	return ERR_OK;
}
