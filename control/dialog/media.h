/* SPDX-License-Identifier: MIT */
/* What offer and answer agreed, or are about to agree, about each m-line. Private to
 * control/dialog*.c. */
#ifndef CONTROL_DIALOG_MEDIA_H
#define CONTROL_DIALOG_MEDIA_H

#include "control/dialog/dialog.h"
#include "keyctx/sdp/media.h"

enum dialog_treat {
	DIALOG_TREAT_PASS, /* not RTP, nor relayed */
	DIALOG_TREAT_RELAY,
	DIALOG_TREAT_REFUSE, /* answered with port 0; from here on nothing flows */
	DIALOG_TREAT_OFF,    /* port 0 by a peer */
};

/* One side of an m-line. */
struct dialog_side {
	enum sdp_profile profile; /* that this side sees; OTHER: what is relayed is not RTP */
	uint8_t rtp_profile;      /* enum sdp_profile: the one it saw when the m-line was RTP last;
	                             OTHER: it never was */
	bool is_secure;           /* its SRTP ends here */
	bool is_known;            /* it has spoken: `at` holds */
	struct sdp_transport at;
	struct sdes_line theirs, ours; /* in use or about to be; no keys: none */
	uint8_t latch;                 /* enum relay_latch */
	bool latch_strict;
	uint8_t teaches;   /* enum relay_teach, of what its description speaks of */
	uint8_t interface; /* which local addresses it may have: control/session/interfaces.h */
	uint8_t family; /* of the one it gets while nobody knows where its media shall go; 0: any */
};

struct dialog_media {
	enum dialog_treat treat;
	enum relay_mode mode;
	uint8_t access;     /* enum offer_side: whose leg is leg a */
	uint8_t generation; /* which of the two places in the session it uses */
	bool is_new;        /* not in the agreement before */
	bool is_video;      /* m=video */
	struct dialog_side side[2];
	struct sdes_list *offered; /* our lines towards the answerer; NULL when it gets none */
	enum offer_change change;
	const char *row;
	bool is_optional; /* the answerer may take our keys or leave them: `mode` and whether his
	                     side is secure are settled by the answer */
	bool had_keys;    /* the offer brought some: an answer under RTP/SAVP without any is none */
	bool answers_in_avp; /* O8 */
	bool is_applied;     /* 3ge2ae:applied goes to the UE */
	char *acfg;          /* O9; NULL otherwise */
	char kind[16],
		proto[24]; /* of its m-line, as the offer had them; cut where they are longer */
	char *reason;      /* why this m-line alone was refused or passes by; NULL: it does not */
};

/* What of an offer's options counts beyond it. */
struct dialog_terms {
	bool accept_rekey, gate_by_direction;
	uint8_t mux; /* enum dialog_mux */
	int16_t dscp;
};

/* One offer and what became of it. */
struct dialog_exchange {
	enum offer_side from;
	struct dialog_terms terms;
	unsigned n_lines[2]; /* m-lines that each side knows of: more than n_media where the offer
	                        had too many */
	unsigned n_media;
	struct dialog_media media[];
};

/* Does SRTP of at least one side end here? */
static inline bool dialog_mode_ends_srtp(enum relay_mode m)
{
	return m == RELAY_MODE_E2AE || m == RELAY_MODE_SRTP_SRTP;
}

static inline bool dialog_mode_is_opaque(enum relay_mode m)
{
	return m == RELAY_MODE_E2E || m == RELAY_MODE_E2E_VERIFIED;
}

/* Media that is not RTP, relayed as it is. */
static inline bool dialog_media_is_other(const struct dialog_media *m)
{
	return m->treat == DIALOG_TREAT_RELAY && m->side[0].profile == SDP_PROFILE_OTHER;
}

/* --- lines (control/dialog/lines.c) ----------------------------------------- */

/* An m-line where SRTP of one side ends, or NULL. Takes NULL. */
const struct dialog_media *dialog_find_ended(const struct dialog_exchange *x);
/*
 * The profile that side `far` shall see where the other one says `near`: as the request says, else
 * as this m-line was seen there last, else as the call's other m-lines are: a line that is new in a
 * call does not bring keys to a side that has none.
 */
enum sdp_profile dialog_far_profile(enum sdp_profile near, const struct dialog_exchange *now,
                                    unsigned i, enum offer_side far,
                                    const struct dialog_options *o);
/* Where neither the request nor the past says how the other side sees an m-line that is off, the
 * offer's own lines do. */
void dialog_follow_ended(struct dialog_exchange *x, enum offer_side from,
                         const struct dialog_options *o);
/*
 * Once every line is planned: a side without keys keeps those that it had last, for when it comes
 * back with them (docs/decisions/0058). ERR_NOMEM.
 */
enum err dialog_remember_keys(struct dialog_exchange *x,
                              const struct dialog_exchange *now) MUST_USE;
/* Lines with a key that the session has used and would refuse; the same of a line of ours. */
void dialog_judge_spent(struct sdes_list *list, const struct dialog_options *o);
bool dialog_is_spent(const struct sdes_line *l, bool is_send, const struct dialog_options *o);
/* Once every line is planned. */
void dialog_remember_profiles(struct dialog_exchange *x, const struct dialog_exchange *now);
/* RELAY, PASS or REFUSE: what is done with a line that is not RTP; `policy` is an enum
 * dialog_other. */
enum dialog_treat dialog_other_treat(uint8_t policy, struct str proto);

/* The mode of an m-line by whose SRTP ends here: leg a is the one whose does where one alone does.
 */
enum relay_mode dialog_mode_of(bool offerer_is_secure, bool answerer_is_secure);

enum err dialog_exchange_new(struct dialog_exchange **out, unsigned n_media) MUST_USE;
enum err dialog_exchange_copy(struct dialog_exchange **out,
                              const struct dialog_exchange *x) MUST_USE;
void dialog_exchange_free(struct dialog_exchange *x); /* takes NULL */
void dialog_list_free(struct sdes_list *l);           /* wiped; takes NULL */
/* One m-line is not served as the others are (docs/decisions/0060): it alone gets this treatment,
 * and the reason is remembered. ERR_NOMEM. */
enum err dialog_media_set_aside(struct dialog_media *m, enum dialog_treat treat,
                                const struct why *why) MUST_USE;

/* Where a side wants its media. 0.0.0.0 says hold, not where: the address before stays the one we
 * know. */
void dialog_side_settle(struct dialog_side *side, const struct sdp_transport *t,
                        const struct dialog_side *before, const struct addr *received_from);
/* What its description, of that m-line and of the session, says may come beside RTP: DTLS, STUN.
 * enum relay_teach. */
uint8_t dialog_side_teaches(const struct sdp *s, unsigned i);
bool dialog_side_has_moved(const struct dialog_side *now, const struct dialog_side *before);

/*
 * Decides every m-line of an offer. ERR_INVALID,
 * ERR_REKEY, ERR_UNSUPPORTED, ERR_SYNTAX … with the reason: such an offer is answered 488. When
 * only some m-lines can't be served they are refused one by one.
 */
struct dialog_planning {
	const struct dialog_exchange *now; /* what is agreed; NULL: nothing */
	const struct sdp *sdp;
	enum offer_side from;
	const struct dialog_options *options;
	const struct spec_context *context;
};
enum err dialog_plan_offer(struct dialog_exchange **out, const struct dialog_planning *p,
                           struct why *why) MUST_USE;
/*
 * An offer that came once more keeps the keys we answered it with, and those we offered with it to
 * the same branch (`there`; NULL: to that one not yet): each retry sees the same ones. Branches
 * with legs of their own have keys of their own.
 */
enum err dialog_keep_keys(struct dialog_exchange *x, const struct dialog_exchange *replaced,
                          const struct dialog_exchange *there) MUST_USE;
/* Completes a copy of the offer's exchange by its answer. `now`: what is agreed; NULL: nothing. */
enum err dialog_plan_answer(struct dialog_exchange *x, const struct dialog_exchange *now,
                            const struct sdp *s, const struct dialog_options *o,
                            struct why *why) MUST_USE;

/* --- counts of m-lines (control/dialog/count.c) ----------------------------- */

/*
 * What `by` wrote gets as many m-lines as `x`, which is agreed or answered (NULL: nothing is), the
 * missing ones off; an answer not more of them. ERR_NOMEM.
 */
enum err dialog_count_read(struct sdp *s, const struct dialog_exchange *x, enum offer_side by,
                           bool is_answer) MUST_USE;
/* Remembers what offer `s` has. */
void dialog_count_note(struct dialog_exchange *x, const struct dialog_exchange *now,
                       const struct sdp *s);
/* As many m-lines as `to` knows of; last, once all is written. ERR_NOMEM. */
enum err dialog_count_write(struct sdp *s, const struct dialog_exchange *x,
                            enum offer_side to) MUST_USE;

/* --- towards the session ---------------------------------------------------- */

/* "1", "1+": the id of a media's place in the session. */
void dialog_media_id(unsigned index, unsigned generation, char out[32]);
/* The index of a side's leg; `core` is the core leg of the branch at hand. Only B forks: its legs
 * are many where A has leg a. */
static inline unsigned dialog_core_of(const struct dialog_media *m, unsigned core)
{
	return m->access == OFFER_SIDE_A ? core : 1;
}

static inline unsigned dialog_leg_of(const struct dialog_media *m, enum offer_side side,
                                     unsigned core)
{
	return m->access == (uint8_t)side ? RELAY_LEG_ACCESS : dialog_core_of(m, core);
}

/* Whose session a patch is for, and which core leg the branch has. */
struct dialog_patching {
	const char *id;
	unsigned core;
	const struct spec_context *context;
};

/* Legs for what is new in an offer, gates closed; what only the offer it replaces (NULL: none) had
 * goes. *out stays NULL when that is nothing. */
enum err dialog_patch_offer(struct spec_session **out, const struct dialog_exchange *x,
                            const struct dialog_exchange *replaced, const char *id,
                            unsigned core) MUST_USE;
/* What an answer makes of the session. */
enum err dialog_patch_answer(struct spec_session **out, const struct dialog_exchange *x,
                             const struct dialog_exchange *now,
                             const struct dialog_patching *p) MUST_USE;
/* Takes away what `x` had made and `now` does not have. *out stays NULL when that is nothing. */
enum err dialog_patch_undo(struct spec_session **out, const struct dialog_exchange *x,
                           const char *id) MUST_USE;

/* The core leg of a branch goes; `active` is the one in use. *out stays NULL when that is nothing.
 */
enum err dialog_patch_branch(struct spec_session **out, const struct dialog_exchange *x,
                             const char *id, unsigned core, unsigned active) MUST_USE;

/* --- towards the other side ------------------------------------------------- */

/*
 * Takes out of a description what belongs to the keys and the SRTP transform of one side and must
 * not reach the other: every key line but those of m-lines that pass end to end, and RFC 6904 and
 * 9335 where SRTP ends; where it passes, the suites that the request takes away. Before our own
 * lines are written. ERR_NOMEM.
 */
enum err dialog_strip(struct sdp *sdp, const struct dialog_exchange *x,
                      const struct dialog_options *o) MUST_USE;
/* Does the request leave one of these a=crypto lines, which pass from end to end? ERR_INVALID: they
 * are there, and none is left. */
enum err dialog_strip_leaves(const struct sdes_list *list, const struct dialog_options *o,
                             struct why *why) MUST_USE;
/* Marks it as written by this gateway: a=rtpengine with its id. */
enum err dialog_mark_write(struct sdp *sdp, const struct service *sv) MUST_USE;
/* A description that is rewritten for side `to`. */
struct dialog_writing {
	struct sdp *sdp;
	const struct dialog_exchange *x;
	enum offer_side to;
	bool is_answer;
	const struct dialog_options *o;
	const struct registry_session *session; /* NULL: no media is relayed */
	unsigned core;                          /* the core leg of the branch */
	struct service *sv;
};
enum err dialog_write_sdp(const struct dialog_writing *w) MUST_USE;

#endif
