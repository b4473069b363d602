/* SPDX-License-Identifier: MIT */
/* Offer and answer (RFC 3264): the state of a call, and how a new description changes a media. The
 * functions only read constant tables, so any thread may call them. */
#ifndef KEYCTX_SDP_OFFER_H
#define KEYCTX_SDP_OFFER_H

#include <stdbool.h>

#include "base/err.h"

/* Side A made the first offer of the call. After an INVITE without SDP, this is the called side. */
enum offer_side { OFFER_SIDE_A, OFFER_SIDE_B };

/*
 *              offer A            answer B             offer A / B
 *   NEW ─────────────────▶ OPENING ─────────▶ STABLE ─────────────────▶ A_OFFERS / B_OFFERS
 *    ▲      refused           │                 ▲       answer B / A           │
 *    └────────────────────────┘                 └──────────────────────────────┘
 *                                                        or refused: no change
 *   any ── end ──▶ ENDED
 */
enum offer_state {
	OFFER_NEW,
	OFFER_OPENING,
	OFFER_STABLE,
	OFFER_A_OFFERS,
	OFFER_B_OFFERS,
	OFFER_ENDED,
	OFFER_STATE_COUNT
};

enum offer_event {
	OFFER_EVENT_OFFER_A,
	OFFER_EVENT_OFFER_B,
	OFFER_EVENT_ANSWER_A,
	OFFER_EVENT_ANSWER_B,
	OFFER_EVENT_REFUSED, /* an error response refused the waiting offer */
	OFFER_EVENT_END,
	OFFER_EVENT_COUNT
};

/* What the caller of offer_step must do. */
enum offer_action {
	OFFER_DO_OPEN, /* keep the offer; what was agreed does not change yet */
	/* replace the waiting offer: the same side offers again (401, new branch) */
	OFFER_DO_REPLACE,
	OFFER_DO_AGREE,       /* apply the answer to the waiting offer */
	OFFER_DO_AGREE_AGAIN, /* apply one more answer (200 after 183, another fork) */
	OFFER_DO_ROLL_BACK,   /* drop the waiting offer; what was agreed stays */
	OFFER_DO_NOTHING,
	OFFER_DO_END,
	/* refuse this offer: an offer of the other side waits (491, RFC 3261 14.1) */
	OFFER_DO_GLARE,
	/* refuse: not possible in this state, such as an answer without an offer */
	OFFER_DO_REFUSE,
	OFFER_ACTION_COUNT
};

const char *offer_state_name(enum offer_state s);
const char *offer_event_name(enum offer_event e);
/* For tests: returns the name of an action, to print when a test fails. */
const char *offer_action_name(enum offer_action a);

/* Returns the action for event `e` in state `s`, and sets `*next` to the state after it. */
enum offer_action offer_look(enum offer_state s, enum offer_event e, enum offer_state *next);
/* Like offer_look, but sets `*s` to the state after the event. */
enum offer_action offer_step(enum offer_state *s, enum offer_event e);
/* Returns the offer event or the answer event of that side. */
enum offer_event offer_event_of(enum offer_side side, bool is_answer);

/* --- changes of a media ----------------------------------------------------- */

/* How one side's new description of an m-line differs from its previous one. */
struct offer_news {
	bool was_there;    /* the media was in use before */
	bool is_there;     /* the port of the m-line is not 0 now */
	bool has_moved;    /* the peer's address or port is different */
	bool is_rekeyed;   /* the keying context is not the one in use */
	bool has_switched; /* the mode is different: e2ae, e2e, plain */
};

struct offer_policy {
	bool accept_rekey; /* allow a new key at an unchanged address (IMS: no, TS 33.328 7.4) */
	bool allow_mode_switch; /* allow another mode during the call */
};

/* The effect on a media; U3 to U13 are rows of docs/keying.md. */
enum offer_change {
	OFFER_CHANGE_NONE,           /* the keying contexts stay (U3, U5) */
	OFFER_CHANGE_NEW,            /* a media begins (U9) or returns (U8) */
	OFFER_CHANGE_GONE,           /* port 0: the legs are removed (U8) */
	OFFER_CHANGE_MOVED,          /* new address, same key */
	OFFER_CHANGE_REKEYED,        /* new key, same address; rekey-roc decides the ROC (U7) */
	OFFER_CHANGE_RENEWED,        /* new key and address; starts at ROC 0 (U6, RFC 4568 7.1.4) */
	OFFER_CHANGE_SWITCHED,       /* another mode; the media is set up again */
	OFFER_CHANGE_REKEY_REFUSED,  /* answer 488; the old context stays */
	OFFER_CHANGE_SWITCH_REFUSED, /* answer 488; the old mode stays (U13) */
	OFFER_CHANGE_COUNT
};

const char *offer_change_name(enum offer_change c);
enum offer_change offer_judge(const struct offer_news *news, const struct offer_policy *policy);
bool offer_change_is_refusal(enum offer_change c);

#endif
