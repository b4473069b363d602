/* SPDX-License-Identifier: MIT */
/* Makes the session patches of offers and answers. An offer adds legs with closed gates; the answer
 * sets their keys and opens the gates. */
#include <stdio.h>

#include "control/dialog/media.h"

void dialog_media_id(unsigned index, unsigned generation, char out[32])
{
	snprintf(out, 32, "%u%s", index + 1, generation ? "+" : "");
}

static enum err need_patch(struct spec_session **out, const char *id)
{
	enum err e;

	if (*out)
		return ERR_OK;
	e = spec_new(out);
	if (e)
		return e;
	snprintf((*out)->id, sizeof((*out)->id), "%s", id);
	SPEC_HAS(*out, SPEC_SESSION_ID);
	return ERR_OK;
}

static struct spec_media *need_media(struct spec_session **patch, const char *id, unsigned index,
                                     const struct dialog_media *m)
{
	char media_id[32];

	if (need_patch(patch, id))
		return NULL;
	dialog_media_id(index, m->generation, media_id);
	return spec_patch_media(*patch, str_of(media_id));
}

static void set_u8(uint64_t *has, unsigned field, uint8_t *at, uint8_t v)
{
	*has |= 1ull << field;
	*at = v;
}

/* Sets a leg's local interface, family, latching, DSCP and remote addresses. */
static void place_leg(struct spec_leg *leg, const struct dialog_side *side,
                      const struct dialog_terms *terms)
{
	set_u8(&leg->has, SPEC_LEG_INTERFACE, &leg->choice, side->interface);
	set_u8(&leg->has, SPEC_LEG_FAMILY, &leg->family, side->family);
	leg->relay.latch = (enum relay_latch)side->latch;
	SPEC_HAS(leg, SPEC_LEG_LATCH);
	leg->relay.latch_strict = side->latch_strict;
	SPEC_HAS(leg, SPEC_LEG_LATCH_STRICT);
	set_u8(&leg->has, SPEC_LEG_TEACHES, &leg->relay.teaches,
	       sdp_profile_is_rtp(side->profile) ? side->teaches : RELAY_TEACH_ANY);
	if (terms->dscp >= 0)
		set_u8(&leg->has, SPEC_LEG_DSCP, &leg->relay.dscp, (uint8_t)terms->dscp);
	leg->relay.remote = side->at.rtp;
	leg->relay.remote_rtcp =
		sdp_profile_is_rtp(side->profile) ? side->at.rtcp : (struct addr){0};
	SPEC_HAS(leg, SPEC_LEG_REMOTE);
	SPEC_HAS(leg, SPEC_LEG_REMOTE_RTCP);
}

static const struct keyctx *key_of(const struct sdes_line *line)
{
	return line->n_keys ? line->keys[0] : NULL;
}

/* Does this side send, by its direction attribute? */
static bool sends(const struct dialog_side *s)
{
	return s->at.direction == SDP_SENDRECV || s->at.direction == SDP_SENDONLY;
}

/* Does this side receive, by its direction attribute? */
static bool hears(const struct dialog_side *s)
{
	return s->at.direction == SDP_SENDRECV || s->at.direction == SDP_RECVONLY;
}

static void open_gates(struct spec_leg *leg, const struct dialog_side *side,
                       const struct dialog_side *peer, bool by_direction)
{
	bool in = !by_direction || (sends(side) && hears(peer));
	bool out = !by_direction || (sends(peer) && hears(side));

	spec_leg_set_gate(leg, false, in);
	/* Hold by c=0.0.0.0 (RFC 3264 8.4): send no RTP. */
	spec_leg_set_gate(leg, true, out && !side->at.is_held_by_address);
}

static bool is_muxed(const struct dialog_side *near, const struct dialog_side *far, bool is_offerer,
                     uint8_t mux)
{
	if (!is_offerer)
		return near->at.rtcp_mux;
	if (!near->at.rtcp_mux || mux & DIALOG_MUX_REJECT)
		return false;
	return far->at.rtcp_mux || mux & (DIALOG_MUX_ACCEPT | DIALOG_MUX_DEMUX);
}

static void settle_leg(struct spec_leg *leg, const struct dialog_exchange *x,
                       const struct dialog_media *m, enum offer_side at,
                       const struct spec_context *context)
{
	const struct dialog_side *side = &m->side[at], *peer = &m->side[!at];
	bool other = dialog_media_is_other(m),
	     mux = !other && is_muxed(side, peer, at == x->from, x->terms.mux);

	place_leg(leg, side, &x->terms);
	leg->relay.rtcp = other ? RELAY_RTCP_NONE : mux ? RELAY_RTCP_MUX : RELAY_RTCP_PAIR;
	SPEC_HAS(leg, SPEC_LEG_RTCP);
	if (mux)
		leg->relay.remote_rtcp = (struct addr){0};
	/* No media-timeout event for a side that must not send, or for media other than RTP: the
	 * receiver of a fax is silent for minutes. */
	leg->relay.inactivity_ms =
		!other && sends(side) && hears(peer) && !peer->at.is_held_by_address
			? context->leg.inactivity_ms
			: 0;
	SPEC_HAS(leg, SPEC_LEG_INACTIVITY_MS);
	open_gates(leg, side, peer, x->terms.gate_by_direction);
	if (side->is_secure) {
		spec_leg_set_key(leg, false, key_of(&side->theirs));
		spec_leg_set_key(leg, true, key_of(&side->ours));
	} else if (m->is_optional) {
		/* The leg may still have keys of an earlier answer. */
		spec_leg_set_key(leg, false, NULL);
		spec_leg_set_key(leg, true, NULL);
	}
}

static enum err end_media(struct spec_session **patch, const char *id, unsigned index,
                          const struct dialog_media *m)
{
	struct spec_media *sm = need_media(patch, id, index, m);

	/* Removes every possible leg, so that legs of forks end, too. */
	for (unsigned i = RELAY_LEGS_MAX; sm && i > 0; i--) {
		struct spec_leg *leg = spec_patch_leg(sm, i - 1);

		if (!leg)
			return ERR_NOMEM;
		leg->exists = false;
		leg->gone = true;
	}
	return sm ? ERR_OK : ERR_NOMEM;
}

static bool is_same_place(const struct dialog_media *a, const struct dialog_media *b)
{
	return a->treat == DIALOG_TREAT_RELAY && b->treat == DIALOG_TREAT_RELAY &&
	       a->generation == b->generation;
}

static enum err settle_media(struct spec_session **patch, const struct dialog_exchange *x,
                             unsigned i, const struct dialog_patching *p)
{
	const struct dialog_media *m = &x->media[i];
	struct spec_media *sm = need_media(patch, p->id, i, m);

	if (!sm)
		return ERR_NOMEM;
	set_u8(&sm->has, SPEC_MEDIA_MODE, &sm->mode, (uint8_t)m->mode);
	set_u8(&sm->has, SPEC_MEDIA_KIND, &sm->kind,
	       m->is_video ? SPEC_KIND_VIDEO : SPEC_KIND_AUDIO);
	set_u8(&sm->has, SPEC_MEDIA_ACTIVE, &sm->active, (uint8_t)dialog_core_of(m, p->core));
	for (unsigned side = 0; side < 2; side++) {
		struct spec_leg *leg =
			spec_patch_leg(sm, dialog_leg_of(m, (enum offer_side)side, p->core));

		if (!leg)
			return ERR_NOMEM;
		settle_leg(leg, x, m, (enum offer_side)side, p->context);
	}
	return ERR_OK;
}

static enum err place_media(struct spec_session **patch, const struct dialog_exchange *x,
                            const char *id, unsigned i, unsigned core)
{
	const struct dialog_media *m = &x->media[i];
	struct spec_media *sm = need_media(patch, id, i, m);

	if (!sm)
		return ERR_NOMEM;
	set_u8(&sm->has, SPEC_MEDIA_MODE, &sm->mode, (uint8_t)m->mode);
	set_u8(&sm->has, SPEC_MEDIA_KIND, &sm->kind,
	       m->is_video ? SPEC_KIND_VIDEO : SPEC_KIND_AUDIO);
	set_u8(&sm->has, SPEC_MEDIA_ACTIVE, &sm->active, (uint8_t)dialog_core_of(m, core));
	for (unsigned side = 0; side < 2; side++) {
		struct spec_leg *leg =
			spec_patch_leg(sm, dialog_leg_of(m, (enum offer_side)side, core));

		if (!leg)
			return ERR_NOMEM;
		leg->relay.rtcp = dialog_media_is_other(m) ? RELAY_RTCP_NONE : RELAY_RTCP_PAIR;
		SPEC_HAS(leg, SPEC_LEG_RTCP);
		place_leg(leg, &m->side[side], &x->terms);
		/* No media-timeout event while the call rings. */
		leg->relay.inactivity_ms = 0;
		SPEC_HAS(leg, SPEC_LEG_INACTIVITY_MS);
		spec_leg_set_gate(leg, false, false);
		spec_leg_set_gate(leg, true, false);
	}
	return ERR_OK;
}

enum err dialog_patch_offer(struct spec_session **out, const struct dialog_exchange *x,
                            const struct dialog_exchange *replaced, const char *id, unsigned core)
{
	struct spec_session *patch = NULL;
	enum err e = ERR_OK;

	for (unsigned i = 0; replaced && i < replaced->n_media && !e; i++)
		if (replaced->media[i].treat == DIALOG_TREAT_RELAY && replaced->media[i].is_new &&
		    (i >= x->n_media || !is_same_place(&x->media[i], &replaced->media[i])))
			e = end_media(&patch, id, i, &replaced->media[i]);
	for (unsigned i = 0; i < x->n_media && !e; i++)
		if (x->media[i].treat == DIALOG_TREAT_RELAY && x->media[i].is_new)
			e = place_media(&patch, x, id, i, core);
	if (e)
		spec_free(patch);
	else
		*out = patch;
	return e;
}

enum err dialog_patch_answer(struct spec_session **out, const struct dialog_exchange *x,
                             const struct dialog_exchange *now, const struct dialog_patching *p)
{
	struct spec_session *patch = NULL;
	enum err e = ERR_OK;

	for (unsigned i = 0; i < x->n_media && !e; i++) {
		const struct dialog_media *m = &x->media[i],
					  *b = now && i < now->n_media ? &now->media[i] : NULL;

		if (b && b->treat == DIALOG_TREAT_RELAY && !is_same_place(m, b))
			e = end_media(&patch, p->id, i, b);
		if (!e && m->treat == DIALOG_TREAT_OFF && m->is_new)
			e = end_media(&patch, p->id, i, m);
		if (!e && m->treat == DIALOG_TREAT_RELAY)
			e = settle_media(&patch, x, i, p);
	}
	if (!e && patch) {
		patch->e2ae_rekey = x->terms.accept_rekey ? SPEC_REKEY_ACCEPT : SPEC_REKEY_REJECT;
		SPEC_HAS(patch, SPEC_SESSION_E2AE_REKEY);
	}
	if (e)
		spec_free(patch);
	else
		*out = patch;
	return e;
}

enum err dialog_patch_undo(struct spec_session **out, const struct dialog_exchange *x,
                           const char *id)
{
	struct spec_session *patch = NULL;
	enum err e = ERR_OK;

	for (unsigned i = 0; i < x->n_media && !e; i++)
		if (x->media[i].treat == DIALOG_TREAT_RELAY && x->media[i].is_new)
			e = end_media(&patch, id, i, &x->media[i]);
	if (e)
		spec_free(patch);
	else
		*out = patch;
	return e;
}

static enum err take_core(struct spec_media *sm, unsigned core, unsigned active)
{
	struct spec_leg *leg = sm ? spec_patch_leg(sm, core) : NULL;

	if (!leg)
		return ERR_NOMEM;
	set_u8(&sm->has, SPEC_MEDIA_ACTIVE, &sm->active, (uint8_t)active);
	leg->exists = false;
	leg->gone = true;
	return ERR_OK;
}

enum err dialog_patch_branch(struct spec_session **out, const struct dialog_exchange *x,
                             const char *id, unsigned core, unsigned active)
{
	struct spec_session *patch = NULL;
	enum err e = ERR_OK;

	/* Only if side A has leg a, each branch has its own leg to remove. */
	for (unsigned i = 0; i < x->n_media && core != active && !e; i++)
		if (x->media[i].treat == DIALOG_TREAT_RELAY && x->media[i].access == OFFER_SIDE_A)
			e = take_core(need_media(&patch, id, i, &x->media[i]), core, active);
	if (e)
		spec_free(patch);
	else
		*out = patch;
	return e;
}
