/* SPDX-License-Identifier: MIT */
/* Chooses the profile of an m-line for each side, and the treatment of m-lines that are not RTP. */
#include "control/dialog/media.h"

/* --- profiles --------------------------------------------------------------- */

const struct dialog_media *dialog_find_ended(const struct dialog_exchange *x)
{
	for (unsigned i = 0; x && i < x->n_media; i++)
		if (x->media[i].treat == DIALOG_TREAT_RELAY &&
		    dialog_mode_ends_srtp(x->media[i].mode))
			return &x->media[i];
	return NULL;
}

enum sdp_profile dialog_far_profile(enum sdp_profile near, const struct dialog_exchange *now,
                                    unsigned i, enum offer_side far, const struct dialog_options *o)
{
	const struct dialog_media *last = now && i < now->n_media ? &now->media[i] : NULL;
	const struct dialog_media *ended = dialog_find_ended(now);

	if (near == SDP_PROFILE_OTHER)
		return near;
	if (o->transport != SDP_PROFILE_OTHER && o->profile == DIALOG_PLAIN)
		return o->transport;
	if (last && last->side[far].rtp_profile != SDP_PROFILE_OTHER)
		return (enum sdp_profile)last->side[far].rtp_profile;
	if (ended && !sdp_profile_is_dtls(near))
		return sdp_profile_with(near, sdp_profile_is_secure(ended->side[far].profile));
	return near;
}

void dialog_follow_ended(struct dialog_exchange *x, enum offer_side from,
                         const struct dialog_options *o)
{
	const struct dialog_media *ended = dialog_find_ended(x);
	bool is_said = o->profile == DIALOG_PLAIN && o->transport != SDP_PROFILE_OTHER;

	for (unsigned i = 0; ended && !is_said && i < x->n_media; i++) {
		struct dialog_side *near = &x->media[i].side[from], *far = &x->media[i].side[!from];

		if (x->media[i].treat >= DIALOG_TREAT_REFUSE && far->profile == near->profile &&
		    sdp_profile_is_rtp(near->profile) && !sdp_profile_is_dtls(near->profile))
			far->profile = sdp_profile_with(
				near->profile, sdp_profile_is_secure(ended->side[!from].profile));
	}
}

void dialog_remember_profiles(struct dialog_exchange *x, const struct dialog_exchange *now)
{
	for (unsigned i = 0; i < x->n_media; i++)
		for (unsigned k = 0; k < 2; k++) {
			struct dialog_side *side = &x->media[i].side[k];

			if (sdp_profile_is_rtp(side->profile))
				side->rtp_profile = (uint8_t)side->profile;
			else
				side->rtp_profile = now && i < now->n_media
				                            ? now->media[i].side[k].rtp_profile
				                            : (uint8_t)SDP_PROFILE_OTHER;
		}
}

/* --- m-lines that are not RTP ----------------------------------------------- */

const struct word dialog_other_words[] = {{"relay", DIALOG_OTHER_RELAY},
                                          {"relay-only", DIALOG_OTHER_RELAY_ONLY},
                                          {"pass", DIALOG_OTHER_PASS},
                                          {"refuse", DIALOG_OTHER_REFUSE},
                                          {0}};

const struct word dialog_osrtp_words[] = {
	{"end", DIALOG_OSRTP_END}, {"pass", DIALOG_OSRTP_PASS}, {"off", DIALOG_OSRTP_OFF}, {0}};

enum err dialog_other_find(struct str name, uint8_t *out)
{
	for (const struct word *w = dialog_other_words; w->name; w++)
		if (str_eq_nocase(name, str_of(w->name))) {
			*out = (uint8_t)w->value;
			return ERR_OK;
		}
	return ERR_NOT_FOUND;
}

static bool begins(struct str text, const char *with)
{
	size_t n = strlen(with);

	return text.n >= n && str_eq_nocase(str_make(text.p, n), str_of(with));
}

static bool names_tcp(struct str proto)
{
	struct str rest = proto;

	while (rest.n)
		if (str_eq_nocase(str_cut(rest, '/', &rest), STR("TCP")))
			return true;
	return false;
}

/* Is the protocol over UDP? For example udptl, UDP/BFCP, UDP/DTLS/SCTP, an unknown RTP profile. */
static bool is_udp(struct str proto)
{
	static const char *const prefixes[] = {"udp", "DTLS/", "FEC/UDP", "RTP/"};

	for (unsigned i = 0; i < ARRAY_LEN(prefixes); i++)
		if (begins(proto, prefixes[i]))
			return !names_tcp(proto);
	return false;
}

enum dialog_treat dialog_other_treat(uint8_t policy, struct str proto)
{
	if (policy == DIALOG_OTHER_REFUSE)
		return DIALOG_TREAT_REFUSE;
	if (policy != DIALOG_OTHER_PASS && is_udp(proto))
		return DIALOG_TREAT_RELAY;
	return policy == DIALOG_OTHER_RELAY_ONLY ? DIALOG_TREAT_REFUSE : DIALOG_TREAT_PASS;
}
