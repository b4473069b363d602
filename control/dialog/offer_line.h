/* SPDX-License-Identifier: MIT */
/* Plans one m-line of an offer: where SRTP is terminated ("carriage"), the keys, the addresses of
 * both sides. Private to this folder. */
#ifndef CONTROL_DIALOG_OFFER_LINE_H
#define CONTROL_DIALOG_OFFER_LINE_H

#include "control/dialog/media.h"
#include "keyctx/sdp/capneg.h"

/* Input for planning one m-line, and the media to fill in. */
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
	struct sdes_list *list; /* a=crypto lines of this m-line in the offer */
	struct capneg capability;
	bool has_capability;
	bool is_whole;    /* a failure of this m-line refuses the whole offer */
	enum err refused; /* why this m-line alone was refused */
	struct why *why;  /* reason of a failure of this m-line */
};

/* The mode of an m-line, and the profile and SRTP of each side. */
struct offer_carriage {
	enum relay_mode mode;
	bool access_is_other;         /* the answerer has leg a */
	enum sdp_profile near, far;   /* the profile in the offerer's SDP, in the answerer's SDP */
	bool near_secure, far_secure; /* this gateway terminates the SRTP of that side */
};

/* --- carriage (control/dialog/offer_carriage.c) ------------------------------ */

/* Calls dialog_far_profile for this m-line. */
enum sdp_profile offer_line_far_profile(const struct offer_line *p);
struct offer_carriage offer_carry_opaque(enum sdp_profile near, enum sdp_profile far);
/* Decide the carriage: _plain by the request's options, _ims by the tables of TS 33.328.
 * ERR_UNSUPPORTED, ERR_INVALID, with the reason in p->why; ERR_NOMEM. */
enum err offer_carriage_plain(struct offer_line *p, struct offer_carriage *c) MUST_USE;
enum err offer_carriage_ims(struct offer_line *p, struct offer_carriage *c) MUST_USE;

/* --- keys (control/dialog/offer_keys.c) -------------------------------------- */

/* May the peer use this line while the keys of `now` are in use? SDES_USABLE: yes. A key belongs to
 * one end and one crypto context (RFC 4568 6.1 and 7.1.2). */
enum sdes_fault offer_keys_judge_one(const struct sdes_line *l, const struct dialog_side *now);
void offer_keys_judge(struct sdes_list *list, const struct dialog_side *now);
/* Chooses the offerer's a=crypto line and our key for the answer; keeps keys that are in use. */
enum err offer_keys_near(struct offer_line *p, const struct dialog_side *before) MUST_USE;
/* Makes our a=crypto lines for the other side: the one in use, or new ones, each with a new key. */
enum err offer_keys_far(struct offer_line *p, const struct dialog_side *before) MUST_USE;

/* --- sides (control/dialog/offer_sides.c) ------------------------------------ */

/* Sets profile, interface, family and latching of both sides: from `before`, or from the request.
 * ERR_INVALID: the interface has no address of that family. */
enum err offer_sides_place(struct offer_line *p, const struct dialog_media *before,
                           const struct offer_carriage *c) MUST_USE;

#endif
