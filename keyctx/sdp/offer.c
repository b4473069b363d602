/* SPDX-License-Identifier: MIT */
/* Offer and answer: a table of states and events, and a table of changes. */
#include "keyctx/sdp/offer.h"

struct rule {
	enum offer_state next;
	enum offer_action action;
};

static const struct rule rules[OFFER_STATE_COUNT][OFFER_EVENT_COUNT] =
	{
		[OFFER_NEW] =
			{
				[OFFER_EVENT_OFFER_A] = {OFFER_OPENING, OFFER_DO_OPEN},
				[OFFER_EVENT_OFFER_B] = {OFFER_NEW, OFFER_DO_REFUSE},
				[OFFER_EVENT_ANSWER_A] = {OFFER_NEW, OFFER_DO_REFUSE},
				[OFFER_EVENT_ANSWER_B] = {OFFER_NEW, OFFER_DO_REFUSE},
				[OFFER_EVENT_REFUSED] = {OFFER_NEW, OFFER_DO_NOTHING},
				[OFFER_EVENT_END] = {OFFER_ENDED, OFFER_DO_END},
			},
		[OFFER_OPENING] =
			{
				[OFFER_EVENT_OFFER_A] = {OFFER_OPENING, OFFER_DO_REPLACE},
				[OFFER_EVENT_OFFER_B] = {OFFER_OPENING, OFFER_DO_GLARE},
				[OFFER_EVENT_ANSWER_A] = {OFFER_OPENING, OFFER_DO_REFUSE},
				[OFFER_EVENT_ANSWER_B] = {OFFER_STABLE, OFFER_DO_AGREE},
				[OFFER_EVENT_REFUSED] = {OFFER_NEW, OFFER_DO_ROLL_BACK},
				[OFFER_EVENT_END] = {OFFER_ENDED, OFFER_DO_END},
			},
		[OFFER_STABLE] =
			{
				[OFFER_EVENT_OFFER_A] = {OFFER_A_OFFERS, OFFER_DO_OPEN},
				[OFFER_EVENT_OFFER_B] = {OFFER_B_OFFERS, OFFER_DO_OPEN},
				[OFFER_EVENT_ANSWER_A] = {OFFER_STABLE, OFFER_DO_AGREE_AGAIN},
				[OFFER_EVENT_ANSWER_B] = {OFFER_STABLE, OFFER_DO_AGREE_AGAIN},
				[OFFER_EVENT_REFUSED] = {OFFER_STABLE, OFFER_DO_NOTHING},
				[OFFER_EVENT_END] = {OFFER_ENDED, OFFER_DO_END},
			},
		[OFFER_A_OFFERS] =
			{
				[OFFER_EVENT_OFFER_A] = {OFFER_A_OFFERS, OFFER_DO_REPLACE},
				[OFFER_EVENT_OFFER_B] = {OFFER_A_OFFERS, OFFER_DO_GLARE},
				[OFFER_EVENT_ANSWER_A] = {OFFER_A_OFFERS, OFFER_DO_REFUSE},
				[OFFER_EVENT_ANSWER_B] = {OFFER_STABLE, OFFER_DO_AGREE},
				[OFFER_EVENT_REFUSED] = {OFFER_STABLE, OFFER_DO_ROLL_BACK},
				[OFFER_EVENT_END] = {OFFER_ENDED, OFFER_DO_END},
			},
		[OFFER_B_OFFERS] =
			{
				[OFFER_EVENT_OFFER_A] = {OFFER_B_OFFERS, OFFER_DO_GLARE},
				[OFFER_EVENT_OFFER_B] = {OFFER_B_OFFERS, OFFER_DO_REPLACE},
				[OFFER_EVENT_ANSWER_A] = {OFFER_STABLE, OFFER_DO_AGREE},
				[OFFER_EVENT_ANSWER_B] = {OFFER_B_OFFERS, OFFER_DO_REFUSE},
				[OFFER_EVENT_REFUSED] = {OFFER_STABLE, OFFER_DO_ROLL_BACK},
				[OFFER_EVENT_END] = {OFFER_ENDED, OFFER_DO_END},
			},
		[OFFER_ENDED] =
			{
				[OFFER_EVENT_OFFER_A] = {OFFER_ENDED, OFFER_DO_REFUSE},
				[OFFER_EVENT_OFFER_B] = {OFFER_ENDED, OFFER_DO_REFUSE},
				[OFFER_EVENT_ANSWER_A] = {OFFER_ENDED, OFFER_DO_REFUSE},
				[OFFER_EVENT_ANSWER_B] = {OFFER_ENDED, OFFER_DO_REFUSE},
				[OFFER_EVENT_REFUSED] = {OFFER_ENDED, OFFER_DO_REFUSE},
				[OFFER_EVENT_END] = {OFFER_ENDED, OFFER_DO_NOTHING},
			},
};

static const char *const state_names[OFFER_STATE_COUNT] = {
	[OFFER_NEW] = "new",           [OFFER_OPENING] = "opening",   [OFFER_STABLE] = "stable",
	[OFFER_A_OFFERS] = "a-offers", [OFFER_B_OFFERS] = "b-offers", [OFFER_ENDED] = "ended",
};

static const char *const event_names[OFFER_EVENT_COUNT] = {
	[OFFER_EVENT_OFFER_A] = "offer-a",   [OFFER_EVENT_OFFER_B] = "offer-b",
	[OFFER_EVENT_ANSWER_A] = "answer-a", [OFFER_EVENT_ANSWER_B] = "answer-b",
	[OFFER_EVENT_REFUSED] = "refused",   [OFFER_EVENT_END] = "end",
};

static const char *const action_names[OFFER_ACTION_COUNT] = {
	[OFFER_DO_OPEN] = "open",
	[OFFER_DO_REPLACE] = "replace",
	[OFFER_DO_AGREE] = "agree",
	[OFFER_DO_AGREE_AGAIN] = "agree-again",
	[OFFER_DO_ROLL_BACK] = "roll-back",
	[OFFER_DO_NOTHING] = "nothing",
	[OFFER_DO_END] = "end",
	[OFFER_DO_GLARE] = "glare",
	[OFFER_DO_REFUSE] = "refuse",
};

const char *offer_state_name(enum offer_state s)
{
	return state_names[s];
}

const char *offer_event_name(enum offer_event e)
{
	return event_names[e];
}

const char *offer_action_name(enum offer_action a)
{
	return action_names[a];
}

enum offer_action offer_look(enum offer_state s, enum offer_event e, enum offer_state *next)
{
	const struct rule *r = &rules[s][e];

	*next = r->next;
	return r->action;
}

enum offer_action offer_step(enum offer_state *s, enum offer_event e)
{
	return offer_look(*s, e, s);
}

enum offer_event offer_event_of(enum offer_side side, bool is_answer)
{
	static const enum offer_event events[2][2] = {
		[OFFER_SIDE_A] = {OFFER_EVENT_OFFER_A, OFFER_EVENT_ANSWER_A},
		[OFFER_SIDE_B] = {OFFER_EVENT_OFFER_B, OFFER_EVENT_ANSWER_B},
	};

	return events[side][is_answer];
}

/* --- changes of a media ----------------------------------------------------- */

/* Indexed by [was_there][is_there]. If both are true, the table below decides instead. */
static const enum offer_change presence[2][2] = {
	{OFFER_CHANGE_NONE, OFFER_CHANGE_NEW},
	{OFFER_CHANGE_GONE, OFFER_CHANGE_NONE},
};

/* Indexed by [has_moved][is_rekeyed][accept_rekey]. Only a new key at an unchanged address can be
 * refused. */
static const enum offer_change changes[2][2][2] = {
	{{OFFER_CHANGE_NONE, OFFER_CHANGE_NONE},
         {OFFER_CHANGE_REKEY_REFUSED, OFFER_CHANGE_REKEYED}},
	{{OFFER_CHANGE_MOVED, OFFER_CHANGE_MOVED}, {OFFER_CHANGE_RENEWED, OFFER_CHANGE_RENEWED}},
};

static const char *const change_names[OFFER_CHANGE_COUNT] = {
	[OFFER_CHANGE_NONE] = "none",
	[OFFER_CHANGE_NEW] = "new",
	[OFFER_CHANGE_GONE] = "gone",
	[OFFER_CHANGE_MOVED] = "moved",
	[OFFER_CHANGE_REKEYED] = "rekeyed",
	[OFFER_CHANGE_RENEWED] = "renewed",
	[OFFER_CHANGE_SWITCHED] = "switched",
	[OFFER_CHANGE_REKEY_REFUSED] = "rekey-refused",
	[OFFER_CHANGE_SWITCH_REFUSED] = "switch-refused",
};

const char *offer_change_name(enum offer_change c)
{
	return change_names[c];
}

enum offer_change offer_judge(const struct offer_news *n, const struct offer_policy *p)
{
	if (!n->was_there || !n->is_there)
		return presence[n->was_there][n->is_there];
	if (n->has_switched)
		return p->allow_mode_switch ? OFFER_CHANGE_SWITCHED : OFFER_CHANGE_SWITCH_REFUSED;
	return changes[n->has_moved][n->is_rekeyed][p->accept_rekey];
}

bool offer_change_is_refusal(enum offer_change c)
{
	return c == OFFER_CHANGE_REKEY_REFUSED || c == OFFER_CHANGE_SWITCH_REFUSED;
}
