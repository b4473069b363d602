/* SPDX-License-Identifier: MIT */
/* Planning one m-line of an offer: its carriage (where SRTP ends), its keys, its sides' addresses.
 * Private to this folder. */
#ifndef CONTROL_DIALOG_OFFER_LINE_H
#define CONTROL_DIALOG_OFFER_LINE_H

#include "control/dialog/media.h"
#include "keyctx/sdp/capneg.h"

/* Input of planning an m-line, and the media it fills. */
struct offer_line {
	const struct sdp *s;
	unsigned i;
	enum offer_side from, other;
	const struct dialog_options *o;
	const struct spec_context *context;
	const struct dialog_exchange *now; /* the agreement; NULL: none yet */
	const struct dialog_media *before; /* `past` if it is relayed, else NULL */
	const struct dialog_media *past;   /* this m-line in the agreement; NULL: it is new */
	struct dialog_media *m;
	struct sdes_list *list; /* a=crypto lines of the offer */
	struct capneg capability;
	bool has_capability;
	bool is_whole;    /* a failure of this m-line refuses the whole offer */
	enum err refused; /* why this m-line alone was refused */
	struct why *why;  /* text for this m-line */
};

/* How an m-line is carried. */
struct offer_carriage {
	enum relay_mode mode;
	bool access_is_other;         /* the answerer has leg a */
	enum sdp_profile near, far;   /* as the offerer sees it, and as the answerer does */
	bool near_secure, far_secure; /* SRTP of that side ends here */
};

/* --- carriage (control/dialog/offer_carriage.c) ------------------------------ */

/* dialog_far_profile of this m-line. */
enum sdp_profile offer_line_far_profile(const struct offer_line *p);
struct offer_carriage offer_carry_opaque(enum sdp_profile near, enum sdp_profile far);
/* Decides the carriage: _plain by the request's options, _ims by the tables of TS 33.328.
 * ERR_UNSUPPORTED, ERR_INVALID, with the reason in p->why; ERR_NOMEM. */
enum err offer_carriage_plain(struct offer_line *p, struct offer_carriage *c) MUST_USE;
enum err offer_carriage_ims(struct offer_line *p, struct offer_carriage *c) MUST_USE;

/* --- keys (control/dialog/offer_keys.c) -------------------------------------- */

/* May the peer use this line while the keys of `now` are in use? SDES_USABLE: yes. RFC 4568 6.1 and
 * 7.1.2: a key serves one end and one context. */
enum sdes_fault offer_keys_judge_one(const struct sdes_line *l, const struct dialog_side *now);
void offer_keys_judge(struct sdes_list *list, const struct dialog_side *now);
/* Chooses the offerer's line and our key for the answer; keys in use are kept. */
enum err offer_keys_near(struct offer_line *p, const struct dialog_side *before) MUST_USE;
/* Makes the lines offered to the other side: our line in use, or new ones with a new key each. */
enum err offer_keys_far(struct offer_line *p, const struct dialog_side *before) MUST_USE;

/* --- sides (control/dialog/offer_sides.c) ------------------------------------ */

/* Sets addresses, interface, family and latching of both sides: from `before`, or from the
 * request. ERR_INVALID: the interface has no address of that family. */
enum err offer_sides_place(struct offer_line *p, const struct dialog_media *before,
                           const struct offer_carriage *c) MUST_USE;

#endif
