/* SPDX-License-Identifier: MIT */
/* Decides how to carry an offered m-line: which side's SRTP to terminate, which profiles to use. */
#include "control/dialog/offer_line.h"

#include "base/mem.h"
#include "keyctx/sdp/keymgmt.h"

static struct offer_carriage carry(enum sdp_profile near, enum sdp_profile far, bool near_secure,
                                   bool far_secure)
{
	return (struct offer_carriage){
		.mode = dialog_mode_of(near_secure, far_secure),
		.access_is_other = far_secure && !near_secure,
		.near = near,
		.far = far,
		.near_secure = near_secure,
		.far_secure = far_secure,
	};
}

struct offer_carriage offer_carry_opaque(enum sdp_profile near, enum sdp_profile far)
{
	return (struct offer_carriage){.mode = RELAY_MODE_E2E, .near = near, .far = far};
}

/* Marks lines whose suite is not in `suites` as refused. `suites`: bits by suite_id. */
static void refuse_suites(struct sdes_list *list, uint32_t suites)
{
	for (unsigned i = 0; i < list->n; i++)
		if (list->lines[i].fault == SDES_USABLE &&
		    !(suites >> list->lines[i].suite->id & 1))
			list->lines[i].fault = SDES_REFUSED_SUITE;
}

enum sdp_profile offer_line_far_profile(const struct offer_line *p)
{
	return dialog_far_profile(p->s->media[p->i].profile, p->now, p->i, p->other, p->o);
}

/* Does this gateway terminate the offerer's SRTP, unless it passes end to end? Yes for a secure
 * profile, and for optional SRTP with a usable a=crypto line. */
static bool ends_near(const struct offer_line *p, enum sdp_profile near)
{
	return sdp_profile_is_secure(near) ||
	       (p->o->osrtp == DIALOG_OSRTP_END && sdes_list_first(p->list));
}

/* Do we offer keys to the other side under a plain profile? Not if it answered without keys. */
static bool is_optional_far(const struct offer_line *p, enum sdp_profile far)
{
	const struct dialog_side *before = p->before ? &p->before->side[p->other] : NULL;

	if (sdp_profile_is_secure(far))
		return false;
	return before && before->is_known
	               ? before->is_secure && !sdp_profile_is_secure(before->profile)
	               : p->o->osrtp_offer;
}

/* Does optional SRTP pass end to end? Such media is opaque: the terminals agree on SRTP or not. */
static bool passes_optional(const struct offer_line *p, enum sdp_profile near, enum sdp_profile far)
{
	if (p->o->osrtp != DIALOG_OSRTP_PASS || p->o->transport != SDP_PROFILE_OTHER ||
	    sdp_profile_is_secure(near) || sdp_profile_is_secure(far))
		return false;
	return p->list->n || (p->before && p->before->mode == RELAY_MODE_E2E);
}

enum err offer_carriage_plain(struct offer_line *p, struct offer_carriage *c)
{
	enum sdp_profile near = p->s->media[p->i].profile, far = offer_line_far_profile(p);
	const struct dialog_media *ended = p->before ? p->before : dialog_find_ended(p->now);
	bool terminate = p->o->terminate;

	/* An srtp-srtp m-line stays so. A new m-line follows the call's other m-lines, unless the
	 * request names a profile. */
	if (ended && (p->before || p->o->transport == SDP_PROFILE_OTHER))
		terminate |= ended->mode == RELAY_MODE_SRTP_SRTP;
	/* The gateway can't terminate SRTP whose keys come by a=key-mgmt alone. */
	terminate &= p->list->n > 0 || !keymgmt_is_present(p->s, p->i);
	if (sdp_profile_is_dtls(near) || sdp_profile_is_dtls(far)) {
		if (near != far)
			return why_fail(
				p->why, ERR_UNSUPPORTED,
				"m-line %u: DTLS-SRTP can only pass end to end, so both sides need "
				"the same profile",
				p->i + 1);
		*c = offer_carry_opaque(near, far);
		return ERR_OK;
	}
	if (passes_optional(p, near, far)) {
		*c = offer_carry_opaque(near, far);
		return ERR_OK;
	}
	if (p->o->osrtp_offer && p->o->osrtp_over_savp && !p->before)
		far = sdp_profile_with(far, false);
	p->m->is_optional = is_optional_far(p, far);
	*c = carry(near, far, ends_near(p, near), sdp_profile_is_secure(far) || p->m->is_optional);
	if (sdp_profile_is_secure(near) && sdp_profile_is_secure(far) && !terminate)
		*c = offer_carry_opaque(near, far);
	if (c->near_secure && !c->far_secure && p->o->end_suites)
		refuse_suites(p->list, p->o->end_suites);
	return ERR_OK;
}

static struct offer_carriage carry_as_decided(const struct offer_line *p, enum ims_action action)
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
		return offer_carry_opaque(near, near);
	case IMS_PLAIN:
	case IMS_REFUSE:
	case IMS_ACTION_COUNT:
		break;
	}
	return carry(near, near, false, false);
}

enum err offer_carriage_ims(struct offer_line *p, struct offer_carriage *c)
{
	struct ims_call call = p->o->ims;
	struct ims_facts f;
	struct ims_decision d;

	p->has_capability = capneg_choose(&p->capability, p->s, p->i, &p->o->sdes) == ERR_OK;
	ims_facts_read(&f, p->s, p->i, p->list, p->has_capability);
	if (p->before && !p->o->allow_mode_switch) {
		/* TS 33.328 7.4: an update keeps the agreed mode, whatever a=3ge2ae and the
		 * registration say now. */
		call.has_binding = p->before->mode == RELAY_MODE_E2AE;
		f.is_requested |= call.has_binding;
	}
	d = p->o->profile == DIALOG_IMS_UE ? ims_decide_from_ue(&f, &call)
	                                   : ims_decide_from_core(&f, &call);
	p->m->row = d.row;
	*c = carry_as_decided(p, d.action);
	p->m->is_applied = c->mode == RELAY_MODE_E2AE;
	if (d.action == IMS_E2AE_CAPABILITY) {
		p->m->acfg = mem_text(p->capability.acfg, strlen(p->capability.acfg));
		if (!p->m->acfg)
			return ERR_NOMEM;
	}
	if (d.action == IMS_REFUSE) {
		/* TS 33.328 7.4: the update fails as a whole; the media continues as agreed. */
		p->is_whole = p->before != NULL;
		return why_fail(p->why, ERR_INVALID, "m-line %u: %s", p->i + 1, d.reason);
	}
	return ERR_OK;
}
