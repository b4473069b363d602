/* SPDX-License-Identifier: MIT */
/* What offer and answer agreed, or are about to agree, about each m-line. Private to this folder.
 * Control thread only. */
#ifndef CONTROL_DIALOG_MEDIA_H
#define CONTROL_DIALOG_MEDIA_H

#include "control/dialog/dialog.h"
#include "keyctx/sdp/media.h"

enum dialog_treat {
	DIALOG_TREAT_PASS, /* not RTP; its media does not come through this gateway */
	DIALOG_TREAT_RELAY,
	DIALOG_TREAT_REFUSE, /* refused by us with port 0 */
	DIALOG_TREAT_OFF,    /* switched off by a peer with port 0 */
};

/* One side of an m-line. */
struct dialog_side {
	enum sdp_profile profile; /* as this side sees the m-line; OTHER: not RTP */
	/* enum sdp_profile: what this side saw when the m-line last was RTP; OTHER: never */
	uint8_t rtp_profile;
	bool is_secure; /* its SRTP ends here */
	bool is_known;  /* this side has sent SDP; `at` is valid */
	struct sdp_transport at;
	struct sdes_line theirs, ours; /* keys in use, or from this offer; n_keys 0: none */
	uint8_t latch;                 /* enum relay_latch */
	bool latch_strict;
	uint8_t teaches;   /* enum relay_teach: what its SDP announces beside RTP */
	uint8_t interface; /* its local interface: control/session/interfaces.h */
	uint8_t family;    /* 4 or 6: of our address before this side sends SDP; 0: any */
};

struct dialog_media {
	enum dialog_treat treat;
	enum relay_mode mode;
	uint8_t access;     /* enum offer_side: whose leg is leg a */
	uint8_t generation; /* 0 or 1: which of the two media ids it uses (dialog_media_id) */
	bool is_new;        /* not relayed under the last agreement */
	bool is_video;
	struct dialog_side side[2];
	struct sdes_list *offered; /* owned; our a=crypto lines for the answerer; NULL: none */
	enum offer_change change;
	const char *row; /* static: of the IMS tables, or "" */
	/* optional SRTP: the answer decides `mode` and whether the answerer's side is secure */
	bool is_optional;
	bool had_keys;       /* the offer had keys: an RTP/SAVP answer without keys is refused */
	bool answers_in_avp; /* row O8 of docs/keying.md */
	bool is_applied;     /* write 3ge2ae:applied to the UE */
	char *acfg;          /* owned; row O9: value of a=acfg in the answer; else NULL */
	char kind[16], proto[24]; /* of the offer's m-line, cut to this length */
	char *reason; /* owned; why this m-line alone is refused or not relayed; else NULL */
};

/* Options of an offer that still apply when it is answered. */
struct dialog_terms {
	bool accept_rekey, gate_by_direction;
	uint8_t mux; /* enum dialog_mux */
	int16_t dscp;
};

/* One offer and what became of it. */
struct dialog_exchange {
	enum offer_side from;
	struct dialog_terms terms;
	/* m-lines that each side counts; above n_media when an offer had more than SDP_MEDIA_MAX */
	unsigned n_lines[2];
	unsigned n_media;
	struct dialog_media media[];
};

/* Does the SRTP of at least one side end here? */
static inline bool dialog_mode_ends_srtp(enum relay_mode m)
{
	return m == RELAY_MODE_E2AE || m == RELAY_MODE_SRTP_SRTP;
}

static inline bool dialog_mode_is_opaque(enum relay_mode m)
{
	return m == RELAY_MODE_E2E || m == RELAY_MODE_E2E_VERIFIED;
}

/* Is this media relayed, but not RTP? */
static inline bool dialog_media_is_other(const struct dialog_media *m)
{
	return m->treat == DIALOG_TREAT_RELAY && m->side[0].profile == SDP_PROFILE_OTHER;
}

/* --- lines (control/dialog/lines.c) ----------------------------------------- */

/* An m-line where SRTP of one side ends, or NULL. Takes NULL. */
const struct dialog_media *dialog_find_ended(const struct dialog_exchange *x);
/*
 * The profile for side `far` when the other side wrote `near`: the request's `transport`, else what
 * `far` last saw in this m-line, else secure or plain as `far` has it in the call's other m-lines:
 * a new m-line does not bring keys to a plain side.
 */
enum sdp_profile dialog_far_profile(enum sdp_profile near, const struct dialog_exchange *now,
                                    unsigned i, enum offer_side far,
                                    const struct dialog_options *o);
/* An m-line with port 0 for which neither the request nor the past gives the far profile takes
 * it, secure or plain, from the offer's relayed m-lines. */
void dialog_follow_ended(struct dialog_exchange *x, enum offer_side from,
                         const struct dialog_options *o);
/*
 * Call after every m-line is planned: a side without keys keeps those of the last agreement, so
 * that they are recognised when the side uses them again (docs/decisions/0058). ERR_NOMEM.
 */
enum err dialog_remember_keys(struct dialog_exchange *x,
                              const struct dialog_exchange *now) MUST_USE;
/* Marks as faulty the lines with a key that the session refuses because it was used before. */
void dialog_judge_spent(struct sdes_list *list, const struct dialog_options *o);
/* Has the line a key that the session refuses? `is_send`: the line is ours. */
bool dialog_is_spent(const struct sdes_line *l, bool is_send, const struct dialog_options *o);
/* Sets rtp_profile of both sides. Call after every m-line is planned. */
void dialog_remember_profiles(struct dialog_exchange *x, const struct dialog_exchange *now);
/* RELAY, PASS or REFUSE, for an m-line that is not RTP; `policy` is an enum dialog_other. */
enum dialog_treat dialog_other_treat(uint8_t policy, struct str proto);

/* The mode of an m-line, given whose SRTP ends here. If only one side's does, it has leg a. */
enum relay_mode dialog_mode_of(bool offerer_is_secure, bool answerer_is_secure);

enum err dialog_exchange_new(struct dialog_exchange **out, unsigned n_media) MUST_USE;
enum err dialog_exchange_copy(struct dialog_exchange **out,
                              const struct dialog_exchange *x) MUST_USE;
void dialog_exchange_free(struct dialog_exchange *x); /* takes NULL */
void dialog_list_free(struct sdes_list *l);           /* wipes the keys; takes NULL */
/* Sets the treatment of one m-line, clears its keys, records why (decision 0060). ERR_NOMEM. */
enum err dialog_media_set_aside(struct dialog_media *m, enum dialog_treat treat,
                                const struct why *why) MUST_USE;

/* Sets where a side wants its media: received_from if given, else `t`. 0.0.0.0 means hold: the
 * address of `before` stays (none if there is none). */
void dialog_side_settle(struct dialog_side *side, const struct sdp_transport *t,
                        const struct dialog_side *before, const struct addr *received_from);
/* enum relay_teach: what beside RTP (DTLS, STUN) m-line i or the session level announces. */
uint8_t dialog_side_teaches(const struct sdp *s, unsigned i);
/* Both addresses are known and differ. */
bool dialog_side_has_moved(const struct dialog_side *now, const struct dialog_side *before);

struct dialog_planning {
	const struct dialog_exchange *now; /* the agreement; NULL: none yet */
	const struct sdp *sdp;
	enum offer_side from;
	const struct dialog_options *options;
	const struct spec_context *context;
};
/*
 * Decides every m-line of an offer. An m-line that can't be served is refused alone. ERR_INVALID,
 * ERR_REKEY, ERR_UNSUPPORTED, ERR_SYNTAX …, with the reason: the whole offer is refused (488).
 */
enum err dialog_plan_offer(struct dialog_exchange **out, const struct dialog_planning *p,
                           struct why *why) MUST_USE;
/*
 * A repeated offer gets the same keys again: those we answered it with (`replaced`), and those we
 * offered to the same branch (`there`; NULL: not offered to it yet). Branches with different legs
 * get different keys.
 */
enum err dialog_keep_keys(struct dialog_exchange *x, const struct dialog_exchange *replaced,
                          const struct dialog_exchange *there) MUST_USE;
/* Applies an answer to `x`, a copy of the offer's exchange. `now`: the agreement; NULL: none yet.
 * Errors as dialog_plan_offer. */
enum err dialog_plan_answer(struct dialog_exchange *x, const struct dialog_exchange *now,
                            const struct sdp *s, const struct dialog_options *o,
                            struct why *why) MUST_USE;

/* --- counts of m-lines (control/dialog/count.c) ----------------------------- */

/*
 * Gives the SDP of side `by` as many m-lines as `x` has, the agreement or the offer it answers
 * (NULL: none): missing ones are added with port 0; surplus ones of an answer go. ERR_NOMEM.
 */
enum err dialog_count_read(struct sdp *s, const struct dialog_exchange *x, enum offer_side by,
                           bool is_answer) MUST_USE;
/* Records the number, kinds and protocols of the m-lines of offer `s`. */
void dialog_count_note(struct dialog_exchange *x, const struct dialog_exchange *now,
                       const struct sdp *s);
/* Gives the SDP as many m-lines as side `to` counts. Call after all else is written. ERR_NOMEM. */
enum err dialog_count_write(struct sdp *s, const struct dialog_exchange *x,
                            enum offer_side to) MUST_USE;

/* --- towards the session ---------------------------------------------------- */

/* The media id in the session: "1", or "1+" for generation 1. A media that is built anew during a
 * call gets the other one, so that old and new legs exist side by side until the answer. */
void dialog_media_id(unsigned index, unsigned generation, char out[32]);
/* The index of the media's core leg. Only side B forks: each branch has a core leg `core` when A
 * has leg a; when B has leg a, all branches share it. */
static inline unsigned dialog_core_of(const struct dialog_media *m, unsigned core)
{
	return m->access == OFFER_SIDE_A ? core : 1;
}

/* The index of the leg of `side`. */
static inline unsigned dialog_leg_of(const struct dialog_media *m, enum offer_side side,
                                     unsigned core)
{
	return m->access == (uint8_t)side ? RELAY_LEG_ACCESS : dialog_core_of(m, core);
}

/* The session a patch is for, and the core leg of the branch. */
struct dialog_patching {
	const char *id;
	unsigned core;
	const struct spec_context *context;
};

/* The patches below stay NULL when they would change nothing. The caller owns them. ERR_NOMEM. */

/* Adds legs for new media of an offer, with closed gates; removes the media that only `replaced`
 * had, the offer it replaces (NULL: none). */
enum err dialog_patch_offer(struct spec_session **out, const struct dialog_exchange *x,
                            const struct dialog_exchange *replaced, const char *id,
                            unsigned core) MUST_USE;
/* Applies an answer: keys, addresses and open gates; removes the media that it ends. */
enum err dialog_patch_answer(struct spec_session **out, const struct dialog_exchange *x,
                             const struct dialog_exchange *now,
                             const struct dialog_patching *p) MUST_USE;
/* Removes the media that the offer `x` added: it was refused. */
enum err dialog_patch_undo(struct spec_session **out, const struct dialog_exchange *x,
                           const char *id) MUST_USE;

/* Removes the core leg of a branch that ended; `active` is the core leg in use from then on. */
enum err dialog_patch_branch(struct spec_session **out, const struct dialog_exchange *x,
                             const char *id, unsigned core, unsigned active) MUST_USE;

/* --- towards the other side ------------------------------------------------- */

/*
 * Removes from the SDP what belongs to one side's SRTP and must not reach the other side: where
 * SRTP ends here, every key line and the attributes of RFC 6904 and RFC 9335; where it passes end
 * to end, the suites that the request excludes. Call before our own lines are written. ERR_NOMEM.
 */
enum err dialog_strip(struct sdp *sdp, const struct dialog_exchange *x,
                      const struct dialog_options *o) MUST_USE;
/* Checks that the request does not exclude all of these a=crypto lines, which pass end to end.
 * ERR_INVALID: it does. */
enum err dialog_strip_leaves(const struct sdes_list *list, const struct dialog_options *o,
                             struct why *why) MUST_USE;
/* Marks the SDP as written by this gateway: a=rtpengine with the gateway's id. */
enum err dialog_mark_write(struct sdp *sdp, const struct service *sv) MUST_USE;
/* SDP of one side that is being rewritten for side `to`. */
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
/* ERR_NOMEM, the errors of service_say; ERR_WRONG_STATE: the session lacks a leg. */
enum err dialog_write_sdp(const struct dialog_writing *w) MUST_USE;

#endif
