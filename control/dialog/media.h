/* SPDX-License-Identifier: MIT */
/* The state of each m-line, as offer and answer agreed or as a request plans it. Private to this
 * folder. Control thread only. */
#ifndef CONTROL_DIALOG_MEDIA_H
#define CONTROL_DIALOG_MEDIA_H

#include "control/dialog/dialog.h"
#include "keyctx/sdp/media.h"

enum dialog_treat {
	DIALOG_TREAT_PASS, /* not RTP; the media bypasses this gateway */
	DIALOG_TREAT_RELAY,
	DIALOG_TREAT_REFUSE, /* this gateway refuses the offered m-line: it sets port 0 in the SDP
	                      */
	DIALOG_TREAT_OFF,    /* a peer set port 0, or its answer for the m-line is unusable */
};

/* One side of an m-line. */
struct dialog_side {
	enum sdp_profile profile; /* profile in the SDP of this side; OTHER: not RTP */
	/* enum sdp_profile: this side's profile when the m-line was last RTP; OTHER: never RTP */
	uint8_t rtp_profile;
	bool is_secure; /* this gateway terminates the SRTP of this side */
	bool is_known;  /* this side has sent SDP, so `at` is valid */
	struct sdp_transport at;
	/* a=crypto lines of the peer and of this gateway: in use, or proposed by this offer;
	 * n_keys 0: none */
	struct sdes_line theirs, ours;
	uint8_t latch; /* enum relay_latch */
	bool latch_strict;
	uint8_t teaches;   /* bits of enum relay_teach that the SDP of this side announces */
	uint8_t interface; /* choice of a local interface (control/session/interfaces.h) */
	uint8_t family;    /* family of our address until this side sends SDP: 4, 6 or 0 (any) */
};

struct dialog_media {
	enum dialog_treat treat;
	enum relay_mode mode;
	uint8_t access;     /* enum offer_side: the side that has leg a */
	uint8_t generation; /* 0 or 1: selects one of two media ids (dialog_media_id) */
	bool is_new;        /* the last agreement does not relay this media */
	bool is_video;
	struct dialog_side side[2];
	struct sdes_list *offered; /* owned; our a=crypto lines for the answerer; NULL: none */
	enum offer_change change;
	const char *row; /* static text: row of the IMS tables, or "" */
	/* optional SRTP: the answer decides `mode` and whether the answerer's side is secure */
	bool is_optional;
	bool had_keys;   /* the offer had keys: an RTP/SAVP answer without keys is refused */
	bool is_applied; /* write a=3ge2ae:applied into the SDP for the UE */
	char *acfg;      /* owned; row O9: value of a=acfg in the answer; else NULL */
	char kind[16], proto[24]; /* media type and protocol of the offered m-line, cut to fit */
	char *reason; /* owned; why this m-line alone is refused or not relayed; else NULL */
};

/* Options of an offer that also apply to its answer. */
struct dialog_terms {
	bool accept_rekey, gate_by_direction;
	uint8_t mux; /* enum dialog_mux */
	int16_t dscp;
};

/* One offer with the decisions about its m-lines. After the answer it is the agreement. */
struct dialog_exchange {
	enum offer_side from;
	struct dialog_terms terms;
	/* number of m-lines that each side counts; more than n_media if an offer had more than
	 * SDP_MEDIA_MAX */
	unsigned n_lines[2];
	unsigned n_media;
	struct dialog_media media[];
};

/* Does this gateway terminate the SRTP of at least one side? */
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

/* Finds the first m-line whose SRTP this gateway terminates; NULL: none. `x` may be NULL. */
const struct dialog_media *dialog_find_ended(const struct dialog_exchange *x);
/*
 * The profile for side `far` when the other side wrote `near`: the request's `transport`; else the
 * last profile of `far` in this m-line; else a secure or a plain profile, as `far` has in the
 * call's other m-lines. So a new m-line brings no keys to a plain side.
 */
enum sdp_profile dialog_far_profile(enum sdp_profile near, const struct dialog_exchange *now,
                                    unsigned i, enum offer_side far,
                                    const struct dialog_options *o);
/* Sets the far profile of m-lines with port 0 for which neither the request nor an earlier
 * agreement gives one: secure or plain, as the far side has in the offer's relayed m-lines. */
void dialog_follow_ended(struct dialog_exchange *x, enum offer_side from,
                         const struct dialog_options *o);
/*
 * Call it after every m-line is planned. A side that has no keys now keeps the keys of the last
 * agreement, so that the gateway recognises them if the side uses them again
 * (docs/decisions/0058). ERR_NOMEM.
 */
enum err dialog_remember_keys(struct dialog_exchange *x,
                              const struct dialog_exchange *now) MUST_USE;
/* Marks lines as faulty if they have a key that the session refuses because of earlier use. */
void dialog_judge_spent(struct sdes_list *list, const struct dialog_options *o);
/* Does the line have a key that the session refuses? `is_send`: this gateway wrote the line. */
bool dialog_is_spent(const struct sdes_line *l, bool is_send, const struct dialog_options *o);
/* Sets rtp_profile of both sides. Call it after every m-line is planned. */
void dialog_remember_profiles(struct dialog_exchange *x, const struct dialog_exchange *now);
/* RELAY, PASS or REFUSE, for an m-line that is not RTP; `policy` is an enum dialog_other. */
enum dialog_treat dialog_other_treat(uint8_t policy, struct str proto);

/* The mode of an m-line, by whether this gateway terminates the SRTP of each side. */
enum relay_mode dialog_mode_of(bool offerer_is_secure, bool answerer_is_secure);

enum err dialog_exchange_new(struct dialog_exchange **out, unsigned n_media) MUST_USE;
enum err dialog_exchange_copy(struct dialog_exchange **out,
                              const struct dialog_exchange *x) MUST_USE;
void dialog_exchange_free(struct dialog_exchange *x); /* `x` may be NULL */
void dialog_list_free(struct sdes_list *l);           /* wipes the keys; `l` may be NULL */
/* Sets the treatment of one m-line, clears its keys, records why (decision 0060). ERR_NOMEM. */
enum err dialog_media_set_aside(struct dialog_media *m, enum dialog_treat treat,
                                const struct why *why) MUST_USE;

/* Sets where a side wants its media: at received_from if given, else as `t` says. An address
 * 0.0.0.0 means hold: the side keeps the address of `before` (NULL: it gets no address). */
void dialog_side_settle(struct dialog_side *side, const struct sdp_transport *t,
                        const struct dialog_side *before, const struct addr *received_from);
/* Returns bits of enum relay_teach: DTLS and STUN, if m-line `i` or the session level announces
 * them. */
uint8_t dialog_side_teaches(const struct sdp *s, unsigned i);
/* Are the RTP addresses of both known and different? */
bool dialog_side_has_moved(const struct dialog_side *now, const struct dialog_side *before);

struct dialog_planning {
	const struct dialog_exchange *now; /* the agreement; NULL: none yet */
	const struct sdp *sdp;
	enum offer_side from;
	const struct dialog_options *options;
	const struct spec_context *context;
};
/*
 * Decides every m-line of an offer. Sets an m-line that can't be served to DIALOG_TREAT_REFUSE.
 * ERR_INVALID, ERR_REKEY, ERR_UNSUPPORTED, ERR_SYNTAX …, with the reason: the whole offer is
 * refused (488).
 */
enum err dialog_plan_offer(struct dialog_exchange **out, const struct dialog_planning *p,
                           struct why *why) MUST_USE;
/*
 * Gives a repeated offer `x` the same keys again: our answer's keys from `replaced`, and the keys
 * that we offered to the same branch from `there` (NULL: the branch got no offer yet). Branches
 * with different legs get different keys.
 */
enum err dialog_keep_keys(struct dialog_exchange *x, const struct dialog_exchange *replaced,
                          const struct dialog_exchange *there) MUST_USE;
/* Applies an answer to `x`, a copy of the offer's exchange. `now`: the agreement; NULL: none yet.
 * Returns the errors of dialog_plan_offer. */
enum err dialog_plan_answer(struct dialog_exchange *x, const struct dialog_exchange *now,
                            const struct sdp *s, const struct dialog_options *o,
                            struct why *why) MUST_USE;

/* --- counts of m-lines (control/dialog/count.c) ----------------------------- */

/*
 * Gives the SDP of side `by` as many m-lines as `x` has. `x`: the agreement; for an answer its
 * offer; NULL: change nothing. Adds missing m-lines with port 0; removes surplus m-lines of an
 * answer. ERR_NOMEM.
 */
enum err dialog_count_read(struct sdp *s, const struct dialog_exchange *x, enum offer_side by,
                           bool is_answer) MUST_USE;
/* Records the number, kinds and protocols of the m-lines of offer `s`. */
void dialog_count_note(struct dialog_exchange *x, const struct dialog_exchange *now,
                       const struct sdp *s);
/* Gives the SDP as many m-lines as side `to` counts. Call it after all other changes of the SDP.
 * ERR_NOMEM. */
enum err dialog_count_write(struct sdp *s, const struct dialog_exchange *x,
                            enum offer_side to) MUST_USE;

/* --- towards the session ---------------------------------------------------- */

/* Writes the media id in the session: "1", or "1+" for generation 1. A media that is built anew
 * during a call gets the other id, so that old and new legs exist side by side until the answer. */
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

/* The session that a patch changes, and the core leg of the branch. */
struct dialog_patching {
	const char *id;
	unsigned core;
	const struct spec_context *context;
};

/* The functions below set *out to a patch that the caller owns, or to NULL if nothing would change.
 * ERR_NOMEM. */

/* Adds legs for new media of an offer, with closed gates. `replaced`: the offer that `x` replaces
 * (NULL: none); removes media that only `replaced` added. */
enum err dialog_patch_offer(struct spec_session **out, const struct dialog_exchange *x,
                            const struct dialog_exchange *replaced, const char *id,
                            unsigned core) MUST_USE;
/* Applies an answer: sets keys, addresses and gates; removes the media that the answer ends. */
enum err dialog_patch_answer(struct spec_session **out, const struct dialog_exchange *x,
                             const struct dialog_exchange *now,
                             const struct dialog_patching *p) MUST_USE;
/* Removes the media that the refused offer `x` added. */
enum err dialog_patch_undo(struct spec_session **out, const struct dialog_exchange *x,
                           const char *id) MUST_USE;

/* Removes the core leg of a branch that ended; `active`: the core leg in use afterwards. */
enum err dialog_patch_branch(struct spec_session **out, const struct dialog_exchange *x,
                             const char *id, unsigned core, unsigned active) MUST_USE;

/* --- towards the other side ------------------------------------------------- */

/*
 * Removes lines about one side's SRTP that must not reach the other side. Where this gateway
 * terminates SRTP, these are all key lines and the attributes of RFC 6904 and RFC 9335. Where SRTP
 * passes end to end, these are a=crypto lines with a suite that the request excludes. Call it
 * before our own lines are written. ERR_NOMEM.
 */
enum err dialog_strip(struct sdp *sdp, const struct dialog_exchange *x,
                      const struct dialog_options *o) MUST_USE;
/* Checks a=crypto lines that pass end to end. ERR_INVALID: the request's options exclude all of
 * them. */
enum err dialog_strip_leaves(const struct sdes_list *list, const struct dialog_options *o,
                             struct why *why) MUST_USE;
/* Marks the SDP as written by this gateway: a=rtpengine with the gateway's id. */
enum err dialog_mark_write(struct sdp *sdp, const struct service *sv) MUST_USE;
/* Input for rewriting the SDP of one side for side `to`. */
struct dialog_writing {
	struct sdp *sdp;
	const struct dialog_exchange *x;
	enum offer_side to;
	bool is_answer;
	const struct dialog_options *o;
	const struct registry_session *session; /* NULL: the call relays no media */
	unsigned core;                          /* the core leg of the branch */
	struct service *sv;
};
/* ERR_NOMEM, the errors of service_say; ERR_WRONG_STATE: the session lacks a leg. */
enum err dialog_write_sdp(const struct dialog_writing *w) MUST_USE;

#endif
