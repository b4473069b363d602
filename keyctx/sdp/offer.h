/* SPDX-License-Identifier: MIT */
/* Offer and answer (RFC 3264): the state of a call, and what a new description changes in a media.
 * Pure tables, any thread. */
#ifndef KEYCTX_SDP_OFFER_H
#define KEYCTX_SDP_OFFER_H

#include <stdbool.h>

#include "base/err.h"

/* Side A made the first offer of the call (after an INVITE without offer: the called side). */
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
	OFFER_EVENT_REFUSED, /* the waiting offer was answered by an error */
	OFFER_EVENT_END,
	OFFER_EVENT_COUNT
};

/* What the caller must do. */
enum offer_action {
	OFFER_DO_OPEN,    /* keep the offer; the agreement does not change yet */
	OFFER_DO_REPLACE, /* the same side offers again (401, another branch): replace its offer */
	OFFER_DO_AGREE,   /* the waiting offer is answered: apply the answer */
	OFFER_DO_AGREE_AGAIN, /* one more answer (200 after 183, another fork): apply it */
	OFFER_DO_ROLL_BACK,   /* drop the waiting offer; the agreement stays */
	OFFER_DO_NOTHING,
	OFFER_DO_END,
	OFFER_DO_GLARE,  /* both sides offer: refuse this offer (491, RFC 3261 14.1) */
	OFFER_DO_REFUSE, /* impossible now: an answer without an offer, anything after the end */
	OFFER_ACTION_COUNT
};

const char *offer_state_name(enum offer_state s);
const char *offer_event_name(enum offer_event e);
/* For tests: names in messages of failed tests. */
const char *offer_action_name(enum offer_action a);

/* The action of an event in state `s`; *next: the state after it. Changes nothing. */
enum offer_action offer_look(enum offer_state s, enum offer_event e, enum offer_state *next);
/* The same, and sets *s to the state after it. */
enum offer_action offer_step(enum offer_state *s, enum offer_event e);
/* OFFER_EVENT_OFFER_x, OFFER_EVENT_ANSWER_x of a side. */
enum offer_event offer_event_of(enum offer_side side, bool is_answer);

/* --- changes of a media ----------------------------------------------------- */

/* What is new in one side's description of one m-line. */
struct offer_news {
	bool was_there;    /* the media was in use before */
	bool is_there;     /* its port is not 0 now */
	bool has_moved;    /* another address or port */
	bool is_rekeyed;   /* another keying context than the one in use */
	bool has_switched; /* another mode: e2ae, e2e, plain */
};

struct offer_policy {
	bool accept_rekey;      /* a new key at an unchanged address (IMS: no, TS 33.328 7.4) */
	bool allow_mode_switch; /* another mode during the call */
};

/* The effect on a media; U3 to U13 are rows of docs/keying.md. */
enum offer_change {
	OFFER_CHANGE_NONE,           /* key contexts stay (U3, U5) */
	OFFER_CHANGE_NEW,            /* a media begins (U9) or returns (U8) */
	OFFER_CHANGE_GONE,           /* port 0: the legs are removed (U8) */
	OFFER_CHANGE_MOVED,          /* new address, same key */
	OFFER_CHANGE_REKEYED,        /* new key, same address: ROC by the setting rekey-roc (U7) */
	OFFER_CHANGE_RENEWED,        /* new key and address: ROC 0 (U6, RFC 4568 7.1.4) */
	OFFER_CHANGE_SWITCHED,       /* another mode: the media is built anew */
	OFFER_CHANGE_REKEY_REFUSED,  /* 488, the old context stays */
	OFFER_CHANGE_SWITCH_REFUSED, /* 488 (U13) */
	OFFER_CHANGE_COUNT
};

const char *offer_change_name(enum offer_change c);
enum offer_change offer_judge(const struct offer_news *news, const struct offer_policy *policy);
bool offer_change_is_refusal(enum offer_change c);

#endif
