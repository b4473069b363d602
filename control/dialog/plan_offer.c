/* SPDX-License-Identifier: MIT */
/* An offer planned m-line by m-line; nothing outside the plan changes here. */
#include "control/dialog/media.h"

#include "base/mem.h"
#include "control/session/interfaces.h"
#include "keyctx/sdp/capneg.h"
#include "keyctx/sdp/keymgmt.h"

/* What the walk over one m-line of an offer carries. */
struct place {
	const struct sdp *s;
	unsigned i;
	enum offer_side from, other;
	const struct dialog_options *o;
	const struct spec_context *context;
	const struct dialog_exchange *now; /* what is agreed; NULL: nothing */
	const struct dialog_media *before; /* relayed until now, else NULL */
	const struct dialog_media
		*past; /* as it was agreed last, relayed or not; NULL: it is new */
	struct dialog_media *m;
	struct sdes_list *list; /* a=crypto lines of the offer */
	struct capneg capability;
	bool has_capability;
	bool is_whole;    /* what fails is no fault of this line: the offer is refused with it */
	enum err refused; /* why this line alone was */
	struct why *why;  /* of this line */
};

/* How an m-line shall be carried. */
struct carriage {
	enum relay_mode mode;
	bool access_is_other;
	enum sdp_profile near, far; /* as the offerer and the answerer see it */
	bool near_secure, far_secure;
};

static struct carriage carry(enum sdp_profile near, enum sdp_profile far, bool near_secure,
                             bool far_secure)
{
	return (struct carriage){.mode = dialog_mode_of(near_secure, far_secure),
	                         .access_is_other = far_secure && !near_secure,
	                         .near = near,
	                         .far = far,
	                         .near_secure = near_secure,
	                         .far_secure = far_secure};
}

static struct carriage carry_opaque(enum sdp_profile near, enum sdp_profile far)
{
	return (struct carriage){.mode = RELAY_MODE_E2E, .near = near, .far = far};
}

/* Lines of other suites than these can't be used. */
static void refuse_suites(struct sdes_list *list, uint32_t suites)
{
	for (unsigned i = 0; i < list->n; i++)
		if (list->lines[i].fault == SDES_USABLE &&
		    !(suites >> list->lines[i].suite->id & 1))
			list->lines[i].fault = SDES_REFUSED_SUITE;
}

static enum sdp_profile far_profile(const struct place *p)
{
	return dialog_far_profile(p->s->media[p->i].profile, p->now, p->i, p->other, p->o);
}

/* The offerer's SRTP ends here: it is the profile's, or optional and there is a line that can be
 * used. */
static bool ends_near(const struct place *p, enum sdp_profile near)
{
	return sdp_profile_is_secure(near) ||
	       (p->o->osrtp == DIALOG_OSRTP_END && sdes_list_first(p->list));
}

/* Keys of ours beside a profile that needs none. Who has answered without goes on without. */
static bool is_optional_far(const struct place *p, enum sdp_profile far)
{
	const struct dialog_side *before = p->before ? &p->before->side[p->other] : NULL;

	if (sdp_profile_is_secure(far))
		return false;
	return before && before->is_known
	               ? before->is_secure && !sdp_profile_is_secure(before->profile)
	               : p->o->osrtp_offer;
}

/* Optional SRTP from end to end is opaque: either side may take it or leave it. */
static bool passes_optional(const struct place *p, enum sdp_profile near, enum sdp_profile far)
{
	if (p->o->osrtp != DIALOG_OSRTP_PASS || p->o->transport != SDP_PROFILE_OTHER ||
	    sdp_profile_is_secure(near) || sdp_profile_is_secure(far))
		return false;
	return p->list->n || (p->before && p->before->mode == RELAY_MODE_E2E);
}

static enum err decide_plain(struct place *p, struct carriage *c)
{
	enum sdp_profile near = p->s->media[p->i].profile, far = far_profile(p);
	const struct dialog_media *ended = p->before ? p->before : dialog_find_ended(p->now);
	bool terminate = p->o->terminate;

	/* A running call goes on as it is unless the request says otherwise. */
	if (ended && (p->before || p->o->transport == SDP_PROFILE_OTHER))
		terminate |= ended->mode == RELAY_MODE_SRTP_SRTP;
	/* What is agreed by a=key-mgmt alone can't end here. */
	terminate &= p->list->n > 0 || !keymgmt_is_present(p->s, p->i);
	if (sdp_profile_is_dtls(near) || sdp_profile_is_dtls(far)) {
		if (near != far)
			return why_fail(p->why, ERR_UNSUPPORTED,
			                "m-line %u: DTLS-SRTP is passed on, not ended here",
			                p->i + 1);
		*c = carry_opaque(near, far);
		return ERR_OK;
	}
	if (passes_optional(p, near, far)) {
		*c = carry_opaque(near, far);
		return ERR_OK;
	}
	if (p->o->osrtp_offer && p->o->osrtp_over_savp && !p->before)
		far = sdp_profile_with(far, false);
	p->m->is_optional = is_optional_far(p, far);
	*c = carry(near, far, ends_near(p, near), sdp_profile_is_secure(far) || p->m->is_optional);
	if (sdp_profile_is_secure(near) && sdp_profile_is_secure(far) && !terminate)
		*c = carry_opaque(near, far);
	if (c->near_secure && !c->far_secure && p->o->end_suites)
		refuse_suites(p->list, p->o->end_suites);
	return ERR_OK;
}

static struct carriage carry_as_decided(const struct place *p, enum ims_action action)
{
	enum sdp_profile near = p->s->media[p->i].profile;
	bool from_ue = p->o->profile == DIALOG_IMS_UE;

	switch (action) {
	case IMS_E2AE:
		return from_ue ? carry(near, sdp_profile_with(near, false), true, false)
		               : carry(near, sdp_profile_with(near, true), false, true);
	case IMS_E2AE_AVP:
		return carry(near, near, true, false);
	case IMS_E2AE_CAPABILITY:
		return carry(p->capability.profile, sdp_profile_with(p->capability.profile, false),
		             true, false);
	case IMS_E2E:
		return carry_opaque(near, near);
	case IMS_PLAIN:
	case IMS_REFUSE:
	case IMS_ACTION_COUNT:
		break;
	}
	return carry(near, near, false, false);
}

static enum err decide_ims(struct place *p, struct carriage *c)
{
	struct ims_call call = p->o->ims;
	struct ims_facts f;
	struct ims_decision d;

	p->has_capability = capneg_choose(&p->capability, p->s, p->i, &p->o->sdes) == ERR_OK;
	ims_facts_read(&f, p->s, p->i, p->list, p->has_capability);
	if (p->before && !p->o->allow_mode_switch) {
		/* TS 33.328 7.4: an update goes on with what was agreed, whatever the indicator or
		 * the registration say now. */
		call.has_binding = p->before->mode == RELAY_MODE_E2AE;
		f.is_requested |= call.has_binding;
	}
	d = p->o->profile == DIALOG_IMS_UE ? ims_decide_from_ue(&f, &call)
	                                   : ims_decide_from_core(&f, &call);
	p->m->row = d.row;
	*c = carry_as_decided(p, d.action);
	p->m->answers_in_avp = d.action == IMS_E2AE_AVP;
	p->m->is_applied = c->mode == RELAY_MODE_E2AE;
	if (d.action == IMS_E2AE_CAPABILITY) {
		p->m->acfg = mem_text(p->capability.acfg, strlen(p->capability.acfg));
		if (!p->m->acfg)
			return ERR_NOMEM;
	}
	if (d.action == IMS_REFUSE) {
		/* TS 33.328 7.4: what runs goes on as it was agreed. */
		p->is_whole = p->before != NULL;
		return why_fail(p->why, ERR_INVALID, "m-line %u: %s", p->i + 1, d.reason);
	}
	return ERR_OK;
}

/* What a line of theirs can't be used for while `now` is in use: RFC 4568 6.1 and 7.1.2, a key
 * serves one end and one context. */
static enum sdes_fault judge_against(const struct sdes_line *l, const struct dialog_side *now)
{
	return sdes_line_shares_key(l, &now->ours) ? SDES_REFLECTED_KEY
	       : sdes_line_shares_key(l, &now->theirs) && !sdes_line_eq(l, &now->theirs)
	               ? SDES_REUSED_KEY
	               : SDES_USABLE;
}

static void judge_lines(struct sdes_list *list, const struct dialog_side *now)
{
	for (unsigned i = 0; i < list->n; i++)
		if (list->lines[i].fault == SDES_USABLE)
			list->lines[i].fault = judge_against(&list->lines[i], now);
}

static enum err judge_news(struct place *p, const struct carriage *c)
{
	const struct dialog_side *b = p->before ? &p->before->side[p->from] : NULL;
	struct offer_policy policy = {.accept_rekey = p->o->accept_rekey,
	                              .allow_mode_switch = p->o->profile == DIALOG_PLAIN ||
	                                                   p->o->allow_mode_switch};
	struct offer_news n = {.was_there = b != NULL, .is_there = true};

	dialog_judge_spent(p->list, p->o);
	if (b && c->near_secure) {
		judge_lines(p->list, b);
		if (p->m->acfg)
			p->capability.crypto.fault = judge_against(&p->capability.crypto, b);
		if (p->m->acfg && p->capability.crypto.fault)
			return why_fail(p->why, ERR_INVALID,
			                "m-line %u: potential configuration: %s", p->i + 1,
			                sdes_fault_meaning(p->capability.crypto.fault));
		if (!sdes_list_first(p->list) && !p->m->acfg &&
		    sdes_list_has_fault(p->list, SDES_REUSED_KEY))
			return why_fail(p->why, ERR_REKEY,
			                "m-line %u: the key in use with another suite, MKI or "
			                "lifetime; a new key is needed",
			                p->i + 1);
	}
	/* An m-line that becomes a fax, or comes back from it, is another one under its number;
	 * that is no change of how a media is secured. */
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
		return why_fail(p->why, ERR_REKEY,
		                "m-line %u: a new key where the peer did not move", p->i + 1);
	if (p->m->change == OFFER_CHANGE_SWITCH_REFUSED)
		return why_fail(p->why, ERR_WRONG_STATE,
		                "m-line %u: %s may not become %s in mid-call", p->i + 1,
		                relay_mode_name(p->before->mode), relay_mode_name(c->mode));
	return ERR_OK;
}

/* The offerer's order decides (RFC 4568 5.1.2) unless the request has preferences of its own. */
static const struct sdes_line *preferred_line(const struct place *p)
{
	for (unsigned i = 0; i < p->o->n_preferred; i++)
		for (unsigned k = 0; k < p->list->n; k++)
			if (p->list->lines[k].fault == SDES_USABLE &&
			    p->list->lines[k].suite->id == p->o->preferred[i])
				return &p->list->lines[k];
	return sdes_list_first(p->list);
}

/* The line of theirs that is used, and ours against it: what is in use stays in use. */
static enum err choose_near_keys(struct place *p, const struct dialog_side *before)
{
	struct dialog_side *side = &p->m->side[p->from];
	const struct dialog_side *past = before ? before : p->past ? &p->past->side[p->from] : NULL;
	const struct sdes_line *line =
		past && past->theirs.n_keys ? sdes_list_find(p->list, &past->theirs) : NULL;
	char text[256];
	enum err e;

	/* Whoever comes back with another key gets another one of ours. */
	if (!before && line)
		before = past;
	if (p->m->acfg)
		line = &p->capability.crypto;
	if (!line)
		line = preferred_line(p);
	if (!line)
		return why_fail(p->why, ERR_INVALID, "m-line %u: no usable a=crypto line (%s)",
		                p->i + 1, sdes_list_describe(p->list, text, sizeof(text)));
	e = sdes_line_copy(&side->theirs, line);
	if (e)
		return e;
	if (!before || before->ours.suite != line->suite || !before->ours.n_keys ||
	    dialog_is_spent(&before->ours, true, p->o))
		return sdes_answer_make(&side->ours, line, p->list, p->o->sdes.own_lifetime_pkts);
	e = sdes_line_copy(&side->ours, &before->ours);
	side->ours.tag = line->tag;
	side->ours.spelling = line->spelling;
	return e;
}

/* Suites in the order they are offered in, each once. */
struct suites {
	unsigned n;
	uint32_t seen;
	enum suite_id ids[SUITE_COUNT];
};

static void add_suite(struct suites *l, enum suite_id id)
{
	if (l->seen >> id & 1)
		return;
	l->seen |= 1u << id;
	l->ids[l->n++] = id;
}

/* Those that the request put in order go to the front. */
static void sort_suites(struct suites *l, const struct dialog_options *o)
{
	struct suites sorted = {0};

	for (unsigned i = 0; i < o->n_order; i++)
		if (l->seen >> o->order[i] & 1)
			add_suite(&sorted, o->order[i]);
	for (unsigned i = 0; i < l->n; i++)
		add_suite(&sorted, l->ids[i]);
	*l = sorted;
}

/* The offerer's come first, so that the ends agree on one of theirs where they can; none at all
 * where none of ours may be offered. */
static struct suites far_suites(const struct place *p)
{
	const struct dialog_options *o = p->o;
	struct suites l = {0};

	if (!o->n_suites)
		return l;
	for (unsigned i = 0; o->offerers_first && i < p->list->n; i++)
		if (p->list->lines[i].fault == SDES_USABLE)
			add_suite(&l, p->list->lines[i].suite->id);
	if (!o->no_new_suites || !l.n)
		for (unsigned i = 0; i < o->n_suites; i++)
			add_suite(&l, o->suites[i]);
	sort_suites(&l, o);
	return l;
}

/* What we offer to the other side: our line in use, or fresh ones, each with a key of its own. */
static enum err make_far_keys(struct place *p, const struct dialog_side *before)
{
	bool goes_on = before && before->ours.n_keys && !dialog_is_spent(&before->ours, true, p->o);
	struct suites suites = far_suites(p);
	struct sdes_list *l;
	enum err e = ERR_OK;

	if (!goes_on && !suites.n)
		return why_fail(
			p->why, ERR_INVALID,
			"m-line %u: %s without a suite to offer: every one was taken off the list",
			p->i + 1, sdp_profile_name(p->m->side[p->other].profile));
	l = mem_alloc(sizeof(*l));
	if (!l)
		return ERR_NOMEM;
	p->m->offered = l;
	if (goes_on) {
		e = sdes_line_copy(&l->lines[0], &before->ours);
		l->n = !e;
		return e;
	}
	for (unsigned i = 0; i < suites.n && !e; i++) {
		e = sdes_offer_make(&l->lines[i], i + 1, suite_get(suites.ids[i]),
		                    p->o->sdes.own_lifetime_pkts);
		l->n += !e;
	}
	return e;
}

/* What the side had in this m-line, or in another one of the call: what the first offer named is
 * not said again. */
static const struct dialog_side *side_before(const struct place *p, enum offer_side side)
{
	if (p->before)
		return &p->before->side[side];
	for (unsigned i = 0; p->now && i < p->now->n_media; i++)
		if (p->now->media[i].treat == DIALOG_TREAT_RELAY)
			return &p->now->media[i].side[side];
	return NULL;
}

/* `family` 0: any. The side goes on where it is unless it moved to a family that is not there. */
static enum err pick_interface(const struct place *p, enum offer_side side, uint8_t family,
                               uint8_t *out)
{
	struct interfaces l = {.items = p->context->interfaces, .n = p->context->n_interfaces};
	const struct dialog_side *before = side_before(p, side);
	int16_t asked = p->o->interface[side != p->from];
	uint8_t named = asked >= 0 ? (uint8_t)asked : (uint8_t)INTERFACES_ANY;
	uint8_t choice = before ? before->interface : named;
	enum err e;

	if (asked >= 0 && !interfaces_family(&l, choice, family))
		choice = (uint8_t)asked;
	if (!interfaces_family(&l, choice, family)) {
		e = interfaces_lack(&l, choice, family, p->why);
		why_prefix(p->why, "m-line %u: %s", p->i + 1,
		           side == p->from ? "c=" : "address-family");
		return e;
	}
	*out = choice;
	return ERR_OK;
}

/*
 * Towards who has not spoken: the family that the request names, else that of the offerer where the
 * interface has it, else what it has. An answer of the other family moves the leg then
 * (control/session/local).
 */
static enum err pick_far_interface(struct place *p, struct dialog_side *far)
{
	struct interfaces l = {.items = p->context->interfaces, .n = p->context->n_interfaces};
	uint8_t near = p->m->side[p->from].at.rtp.version;
	enum err e = pick_interface(p, p->other, p->o->family, &far->interface);

	if (!e)
		far->family = p->o->family ? p->o->family
		                           : interfaces_preferred(&l, far->interface, near);
	return e;
}

/* Sides as they were, or as the request places them. */
static enum err place_sides(struct place *p, const struct dialog_media *before,
                            const struct carriage *c)
{
	struct dialog_side *near = &p->m->side[p->from], *far = &p->m->side[p->other];
	enum err e;

	near->profile = c->near;
	far->profile = c->far;
	near->is_secure = c->near_secure;
	far->is_secure = c->far_secure;
	near->latch = p->o->latch;
	near->latch_strict = p->o->latch_strict;
	near->teaches = dialog_side_teaches(p->s, p->i);
	p->m->is_video = str_is(p->s->media[p->i].kind, "video");
	if (before) {
		far->at = before->side[p->other].at;
		far->is_known = before->side[p->other].is_known;
		far->latch = before->side[p->other].latch;
		far->latch_strict = before->side[p->other].latch_strict;
		far->teaches = before->side[p->other].teaches;
		far->interface = before->side[p->other].interface;
		far->family = before->side[p->other].family;
		near->family = before->side[p->from].family;
	}
	e = pick_interface(p, p->from, near->at.rtp.version, &near->interface);
	return e || before ? e : pick_far_interface(p, far);
}

static enum err fill_media(struct place *p, const struct carriage *c)
{
	/* A switched media is built anew: nothing of the old one comes along. */
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
	e = place_sides(p, before, c);
	if (!e && c->near_secure)
		e = choose_near_keys(p, before ? &before->side[p->from] : NULL);
	if (!e && c->far_secure)
		e = make_far_keys(p, before    ? &before->side[p->other]
		                     : p->past ? &p->past->side[p->other]
		                               : NULL);
	if (!e && c->far_secure && before) {
		e = sdes_line_copy(&m->side[p->other].theirs, &before->side[p->other].theirs);
		if (!e)
			e = sdes_line_copy(&m->side[p->other].ours, &before->side[p->other].ours);
	}
	return e;
}

static enum err plan_rtp(struct place *p)
{
	struct sdp_transport t;
	struct carriage c = {0};
	enum err e = sdp_transport_read(p->s, p->i, &t, p->why);

	if (!e)
		e = sdes_list_parse(p->list, p->s, p->i, &p->o->sdes);
	if (e)
		return e;
	dialog_side_settle(&p->m->side[p->from], &t, p->before ? &p->before->side[p->from] : NULL,
	                   &p->o->received_from);
	e = p->o->profile == DIALOG_PLAIN ? decide_plain(p, &c) : decide_ims(p, &c);
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

/* RFC 3264 6 and 8.2: an m-line that is off has a profile all the same, and each side sees its own.
 */
static void see_profiles(struct place *p)
{
	p->m->side[p->from].profile = p->s->media[p->i].profile;
	p->m->side[p->other].profile = far_profile(p);
}

static void plan_off(struct place *p)
{
	p->m->treat = DIALOG_TREAT_OFF;
	p->m->change = p->before ? OFFER_CHANGE_GONE : OFFER_CHANGE_NONE;
	see_profiles(p);
}

/* An m-line that can't be served is refused alone; its keys and places are forgotten. */
static enum err refuse_line(struct place *p, enum err e)
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
 * What is not RTP but UDP is relayed as it is, at ports of ours; the rest passes by, or is refused.
 * The reply tells of what passes by: its media does not come through here.
 */
static enum err plan_other(struct place *p)
{
	const struct sdp_media *sm = &p->s->media[p->i];
	enum dialog_treat treat = dialog_other_treat(p->o->other_media, sm->proto);
	int n = sm->proto.n < 32 ? (int)sm->proto.n : 32;
	struct carriage c = carry_opaque(SDP_PROFILE_OTHER, SDP_PROFILE_OTHER);
	struct sdp_transport t;
	enum err e;

	if (sm->port == 0) {
		plan_off(p);
		return ERR_OK;
	}
	if (treat == DIALOG_TREAT_REFUSE)
		return why_fail(p->why, ERR_UNSUPPORTED,
		                "m-line %u: %.*s is not taken here (other-media)", p->i + 1, n,
		                sm->proto.p);
	if (treat == DIALOG_TREAT_PASS) {
		why_fail(p->why, ERR_OK,
		         "m-line %u: %.*s passes by this gateway, its media is not relayed",
		         p->i + 1, n, sm->proto.p);
		return dialog_media_set_aside(p->m, DIALOG_TREAT_PASS, p->why);
	}
	e = sdp_transport_read(p->s, p->i, &t, p->why);
	if (e)
		return e;
	dialog_side_settle(&p->m->side[p->from], &t, p->before ? &p->before->side[p->from] : NULL,
	                   &p->o->received_from);
	e = judge_news(p, &c);
	return e ? e : fill_media(p, &c);
}

/* Could these two neighbours be one media? */
static bool is_pair(const struct sdp *s, unsigned i)
{
	const struct sdp_media *a = &s->media[i], *b = a + 1;

	return i + 1 < s->n_media && a->port && b->port && str_eq(a->kind, b->kind) &&
	       sdp_profile_is_rtp(a->profile) && sdp_profile_is_rtp(b->profile) &&
	       sdp_profile_is_secure(a->profile) != sdp_profile_is_secure(b->profile);
}

/*
 * The way of some phones to have SRTP or not, before RFC 8643: two m-lines of one kind, one RTP and
 * one SRTP. Is this the plain one of two?
 */
static bool is_plain_of_pair(const struct sdp *s, unsigned i)
{
	unsigned first = i;

	while (first > 0 && is_pair(s, first - 1))
		first--;
	/* Of a row of m-lines each of which could go with the next, every second begins a pair. */
	first = i - (i - first) % 2;
	return is_pair(s, first) && !sdp_profile_is_secure(s->media[i].profile);
}

static enum err plan_media(struct place *p)
{
	const struct sdp_media *sm = &p->s->media[p->i];
	enum err e = ERR_OK;

	p->m->row = "";
	if (p->o->osrtp_pairs && p->o->profile == DIALOG_PLAIN && is_plain_of_pair(p->s, p->i)) {
		see_profiles(p);
		why_fail(p->why, ERR_OK, "m-line %u: the SRTP one of its pair is taken", p->i + 1);
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

/* With nothing left but refused m-lines the offer as a whole is refused. */
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

enum err dialog_plan_offer(struct dialog_exchange **out, const struct dialog_exchange *now,
                           const struct sdp *s, enum offer_side from,
                           const struct dialog_options *o, const struct spec_context *context,
                           struct why *why)
{
	struct dialog_exchange *x = NULL;
	struct sdes_list *list = mem_alloc(sizeof(*list));
	struct why reason = {""};
	enum err e = list ? dialog_exchange_new(&x, s->n_media) : ERR_NOMEM, refused = ERR_OK;

	for (unsigned i = 0; i < s->n_media && !e; i++) {
		const struct dialog_media *b = now && i < now->n_media ? &now->media[i] : NULL;
		struct why line = {""};
		struct place p = {.s = s,
		                  .i = i,
		                  .from = from,
		                  .other = !from,
		                  .o = o,
		                  .context = context,
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
		e = refused; /* for the reason of the first of them */
	if (!e) {
		dialog_follow_ended(x, from, o);
		dialog_remember_profiles(x, now);
		e = dialog_remember_keys(x, now);
	}
	mem_free(list);
	if (e) {
		why_fail(why, e, "%s", reason.text[0] ? reason.text : err_meaning(e));
		dialog_exchange_free(x);
		return e;
	}
	x->from = from;
	dialog_count_note(x, now, s);
	x->terms = (struct dialog_terms){.accept_rekey = o->accept_rekey,
	                                 .gate_by_direction = o->gate_by_direction,
	                                 .mux = o->mux,
	                                 .dscp = o->dscp};
	*out = x;
	return ERR_OK;
}
