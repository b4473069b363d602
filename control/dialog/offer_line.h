/* SPDX-License-Identifier: MIT */
/* One m-line of an offer while it is planned: how it is carried, which keys, where its sides are.
 */
#ifndef CONTROL_DIALOG_OFFER_LINE_H
#define CONTROL_DIALOG_OFFER_LINE_H

#include "control/dialog/media.h"
#include "keyctx/sdp/capneg.h"

/* What planning an m-line reads, and the media it makes. */
struct offer_line {
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

/* How an m-line is carried. */
struct offer_carriage {
	enum relay_mode mode;
	bool access_is_other;
	enum sdp_profile near, far; /* as the offerer and as the answerer sees it */
	bool near_secure, far_secure;
};

/* --- carriage (control/dialog/offer_carriage.c) ------------------------------ */

/* The profile that the other side sees. */
enum sdp_profile offer_line_far_profile(const struct offer_line *p);
struct offer_carriage offer_carry_opaque(enum sdp_profile near, enum sdp_profile far);
/* As the request says, and as the tables of TS 33.328 say. ERR_UNSUPPORTED, ERR_INVALID, ERR_NOMEM;
 * p->why says why. */
enum err offer_carriage_plain(struct offer_line *p, struct offer_carriage *c) MUST_USE;
enum err offer_carriage_ims(struct offer_line *p, struct offer_carriage *c) MUST_USE;

/* --- keys (control/dialog/offer_keys.c) -------------------------------------- */

/* Whether the peer may use this line while `now` is in use: RFC 4568 6.1 and 7.1.2, a key serves
 * one end and one context. */
enum sdes_fault offer_keys_judge_one(const struct sdes_line *l, const struct dialog_side *now);
void offer_keys_judge(struct sdes_list *list, const struct dialog_side *now);
/* The offerer's line that is used, and ours against it: what is in use stays in use. */
enum err offer_keys_near(struct offer_line *p, const struct dialog_side *before) MUST_USE;
/* The lines offered to the other side: ours in use, or fresh ones, each with a key of its own. */
enum err offer_keys_far(struct offer_line *p, const struct dialog_side *before) MUST_USE;

/* --- sides (control/dialog/offer_sides.c) ------------------------------------ */

/* Sides as they were (`before`), or as the request places them. ERR_INVALID: no address of the
 * family there. */
enum err offer_sides_place(struct offer_line *p, const struct dialog_media *before,
                           const struct offer_carriage *c) MUST_USE;

#endif
