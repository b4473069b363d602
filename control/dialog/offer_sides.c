/* SPDX-License-Identifier: MIT */
/* Chooses interfaces, address families and latching of both sides of an offered m-line. */
#include "control/dialog/offer_line.h"

#include "control/session/interfaces.h"

/* The agreed state of `side` in this m-line, else in another m-line of the call: later offers do
 * not repeat the interface that the first offer named. NULL: none. */
static const struct dialog_side *side_before(const struct offer_line *p, enum offer_side side)
{
	if (p->before)
		return &p->before->side[side];
	for (unsigned i = 0; p->now && i < p->now->n_media; i++)
		if (p->now->media[i].treat == DIALOG_TREAT_RELAY)
			return &p->now->media[i].side[side];
	return NULL;
}

/* Chooses the interface of a side: its present one if that has an address of `family` (0: any),
 * else the one that the request names. ERR_INVALID: neither has one. */
static enum err pick_interface(const struct offer_line *p, enum offer_side side, uint8_t family,
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
 * Chooses interface and family of a side that has not sent SDP yet. The family is the one that the
 * request names, else the offerer's if the interface has an address of it, else the other one. If
 * the answer has another family, the leg changes to that family (control/session/local.h).
 */
static enum err pick_far_interface(struct offer_line *p, struct dialog_side *far)
{
	struct interfaces l = {.items = p->context->interfaces, .n = p->context->n_interfaces};
	uint8_t near = p->m->side[p->from].at.rtp.version;
	enum err e = pick_interface(p, p->other, p->o->family, &far->interface);

	if (!e)
		far->family = p->o->family ? p->o->family
		                           : interfaces_preferred(&l, far->interface, near);
	return e;
}

enum err offer_sides_place(struct offer_line *p, const struct dialog_media *before,
                           const struct offer_carriage *c)
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
