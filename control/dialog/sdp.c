/* SPDX-License-Identifier: MIT */
/* Rewrites the SDP of one side for the other side: writes our addresses, profiles and keys. */
#include <stdio.h>

#include "control/dialog/media.h"

static const struct spec_leg *leg_towards(const struct dialog_writing *w, unsigned i)
{
	const struct dialog_media *m = &w->x->media[i];
	char id[32];
	const struct spec_media *sm;
	unsigned leg = dialog_leg_of(m, w->to, w->core);

	dialog_media_id(i, m->generation, id);
	sm = w->session ? spec_find_media(w->session->spec, str_of(id)) : NULL;
	return sm && leg < sm->legs.n && sm->legs.items[leg].exists ? &sm->legs.items[leg] : NULL;
}

static bool offers_mux(const struct dialog_writing *w, const struct dialog_side *offerer)
{
	uint8_t mux = w->x->terms.mux;

	if (mux & (DIALOG_MUX_OFFER | DIALOG_MUX_REQUIRE))
		return true;
	return offerer->at.rtcp_mux && !(mux & DIALOG_MUX_DEMUX);
}

/* Writes hold by c=0.0.0.0 as a direction attribute instead, for peers that do not know the old
 * method. */
static enum err write_hold(const struct dialog_writing *w, unsigned i,
                           const struct dialog_side *held)
{
	bool talks = held->at.direction == SDP_SENDRECV || held->at.direction == SDP_SENDONLY;

	return sdp_direction_write(w->sdp, i, talks ? SDP_SENDONLY : SDP_INACTIVE);
}

static enum err write_place(const struct dialog_writing *w, unsigned i, const struct spec_leg *leg)
{
	const struct dialog_media *m = &w->x->media[i];
	const struct dialog_side *from = &m->side[!w->to];
	enum sdp_profile profile = m->side[w->to].profile;
	bool is_rtp = !dialog_media_is_other(m);
	bool turns = from->at.is_held_by_address && w->o->replace & DIALOG_REPLACE_ZERO_ADDRESS;
	struct sdp_place place = {.rtp = service_local(w->sv, leg),
	                          .held_by_address = from->at.is_held_by_address && !turns};
	enum err e;

	place.rtcp_mux = !is_rtp        ? false
	                 : w->is_answer ? leg->relay.rtcp == RELAY_RTCP_MUX
	                                : offers_mux(w, from);
	if (!addr_is_none(&w->o->media_address)) {
		e = service_say(w->sv, leg->at.interface, &w->o->media_address);
		if (e)
			return e;
		place.rtp = addr_with_port(&w->o->media_address, place.rtp.port);
	}
	if (is_rtp && !w->o->no_rtcp_attr && !place.rtcp_mux)
		place.rtcp = addr_with_port(&place.rtp, (uint16_t)(place.rtp.port + 1));
	place.full_rtcp = w->o->full_rtcp_attr;
	e = sdp_place_write(w->sdp, i, &place, profile);
	if (!e && turns)
		e = write_hold(w, i, from);
	if (!e && is_rtp && !w->is_answer && w->x->terms.mux & DIALOG_MUX_REQUIRE &&
	    !sdp_has_attr(w->sdp, (int)i, "rtcp-mux-only"))
		e = sdp_attr_add(w->sdp, (int)i, "rtcp-mux-only", (struct str){0});
	return e;
}

static enum err write_keys(const struct dialog_writing *w, unsigned i)
{
	const struct dialog_media *m = &w->x->media[i];
	const struct dialog_side *to = &m->side[w->to];
	bool pad = w->o->sdes.pad;
	enum err e = ERR_OK;

	if (dialog_mode_is_opaque(m->mode))
		return ERR_OK;
	(void)sdp_dtls_remove(w->sdp, (int)i);
	if (!to->is_secure)
		return ERR_OK;
	if (m->is_applied && (!w->is_answer || w->o->applied_in_answer))
		e = ims_3ge2ae_write(w->sdp, i, IMS_3GE2AE_APPLIED);
	if (!e && w->is_answer)
		e = sdes_line_write(w->sdp, i, &to->ours, pad);
	for (unsigned k = 0; !e && !w->is_answer && m->offered && k < m->offered->n; k++)
		e = sdes_line_write(w->sdp, i, &m->offered->lines[k], pad);
	if (!e && w->is_answer && m->acfg)
		e = sdp_attr_add(w->sdp, (int)i, "acfg", str_of(m->acfg));
	return e;
}

static enum err write_media(const struct dialog_writing *w, unsigned i)
{
	const struct dialog_media *m = &w->x->media[i];
	const struct spec_leg *leg;
	enum err e = ERR_OK;

	/* RFC 3264 6: a refused m-line of an answer has the profile of the offer. In an offer it
	 * has the profile that the receiving side last had. */
	if (m->treat >= DIALOG_TREAT_REFUSE && m->side[w->to].profile != SDP_PROFILE_OTHER)
		e = sdp_media_set(w->sdp, i, 0, str_of(sdp_profile_name(m->side[w->to].profile)));
	if (e || m->treat == DIALOG_TREAT_PASS ||
	    (m->treat == DIALOG_TREAT_OFF && w->sdp->media[i].port == 0))
		return e;
	if (m->treat != DIALOG_TREAT_RELAY)
		return sdp_media_reject(w->sdp, i);
	leg = leg_towards(w, i);
	if (!leg)
		return ERR_WRONG_STATE;
	(void)sdp_ways_remove(w->sdp, (int)i);
	e = write_place(w, i, leg);
	return e ? e : write_keys(w, i);
}

static enum err write_replacements(const struct dialog_writing *w, const struct addr *ours)
{
	uint8_t what = w->o->replace;
	uint64_t version;
	enum err e = ERR_OK;

	/* Errors other than ERR_NOMEM are ignored: a missing or unreadable line stays as it is. */
	if (what & DIALOG_REPLACE_ORIGIN && !addr_is_none(ours))
		e = sdp_origin_write(w->sdp, ours);
	if (e != ERR_NOMEM && what & DIALOG_REPLACE_USERNAME)
		e = sdp_username_write(w->sdp, (struct str){0});
	if (e != ERR_NOMEM && what & DIALOG_REPLACE_SESSION_NAME)
		e = sdp_session_name_write(w->sdp, (struct str){0});
	if (e != ERR_NOMEM && what & DIALOG_REPLACE_VERSION &&
	    !sdp_origin_version(w->sdp, &version))
		e = sdp_origin_version_write(w->sdp, version + 1);
	return e == ERR_NOMEM ? e : ERR_OK;
}

/* Rewrites the session-level lines. */
static enum err write_session(const struct dialog_writing *w)
{
	struct addr ours = {0};
	uint32_t relayed = 0, terminated = 0, all = 0;
	enum err e = ERR_OK;

	for (unsigned i = 0; i < w->x->n_media; i++) {
		const struct dialog_media *m = &w->x->media[i];
		const struct spec_leg *leg =
			m->treat == DIALOG_TREAT_RELAY ? leg_towards(w, i) : NULL;

		all |= (uint32_t)(m->treat != DIALOG_TREAT_OFF) << i;
		relayed |= (uint32_t)(leg != NULL) << i;
		terminated |= (uint32_t)(leg && m->mode != RELAY_MODE_E2E) << i;
		if (leg && addr_is_none(&ours))
			ours = addr_is_none(&w->o->media_address) ? service_local(w->sv, leg)
			                                          : w->o->media_address;
	}
	if (relayed)
		(void)sdp_ways_remove(w->sdp, SDP_SESSION);
	if (relayed && !w->o->keep_bundle)
		sdp_bundle_remove(w->sdp);
	if (terminated && terminated == all) {
		(void)sdp_dtls_remove(w->sdp, SDP_SESSION);
	}
	if (w->o->loop_protect)
		e = dialog_mark_write(w->sdp, w->sv);
	if (!e && relayed)
		e = sdp_session_connection_write(w->sdp, &ours, relayed);
	return e ? e : write_replacements(w, &ours);
}

enum err dialog_write_sdp(const struct dialog_writing *w)
{
	enum err e;

	/* Remove a=3ge2ae in both directions: a remote party must not make a terminal believe that
	 * the network protects its access. write_keys adds our own where the IMS row requires it.
	 */
	if (w->o->profile != DIALOG_PLAIN)
		ims_3ge2ae_remove(w->sdp);
	e = dialog_strip(w->sdp, w->x, w->o);
	if (!e)
		e = write_session(w);
	for (unsigned i = 0; i < w->x->n_media && !e; i++)
		e = write_media(w, i);
	return e ? e : dialog_count_write(w->sdp, w->x, w->to);
}
