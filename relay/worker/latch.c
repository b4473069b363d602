/* SPDX-License-Identifier: MIT */
/* The latch's transition table; turns packets into events. */
#include "relay/worker/latch.h"

enum { NS_OF_MS = 1000000 };

struct latch_row {
	enum latch_state next;
	enum latch_answer answer;
};

#define STAY(state_) [LATCH_SAME] = {state_, LATCH_ACCEPT}, [LATCH_EXPIRE] = {state_, LATCH_REFUSE}
#define LEARNS                            \
	{                                 \
		LATCH_LEARNT, LATCH_LEARN \
	}
static const struct latch_row rows[LATCH_STATES][LATCH_EVENTS] =
	{
		[LATCH_FIXED] =
			{
				STAY(LATCH_FIXED),
				[LATCH_PROOF] = {LATCH_FIXED, LATCH_REFUSE},
				[LATCH_SIGNALLED] = {LATCH_FIXED, LATCH_REFUSE},
				[LATCH_BEFORE] = {LATCH_FIXED, LATCH_REFUSE},
				[LATCH_BETTER] = {LATCH_FIXED, LATCH_REFUSE},
				[LATCH_QUIET] = {LATCH_FIXED, LATCH_REFUSE},
				[LATCH_OTHER] = {LATCH_FIXED, LATCH_REFUSE},
			},
		[LATCH_OPEN] =
			{
				[LATCH_SAME] = {LATCH_LEARNT, LATCH_ACCEPT},
				[LATCH_EXPIRE] = {LATCH_OPEN, LATCH_REFUSE},
				[LATCH_PROOF] = LEARNS,
				[LATCH_SIGNALLED] = LEARNS,
				[LATCH_BEFORE] = {LATCH_OPEN, LATCH_ACCEPT},
				[LATCH_BETTER] = LEARNS,
				[LATCH_QUIET] = LEARNS,
				[LATCH_OTHER] = LEARNS,
			},
		[LATCH_WAITING] =
			{
				[LATCH_SAME] = {LATCH_LEARNT, LATCH_ACCEPT},
				[LATCH_EXPIRE] = {LATCH_WAITING, LATCH_REFUSE},
				[LATCH_PROOF] = LEARNS,
				[LATCH_SIGNALLED] = LEARNS,
				[LATCH_BEFORE] = {LATCH_WAITING, LATCH_ACCEPT},
				[LATCH_BETTER] = {LATCH_CHOOSING, LATCH_LEARN},
				[LATCH_QUIET] = {LATCH_CHOOSING, LATCH_LEARN},
				[LATCH_OTHER] = {LATCH_CHOOSING, LATCH_LEARN},
			},
		[LATCH_CHOOSING] =
			{
				[LATCH_SAME] = {LATCH_CHOOSING, LATCH_ACCEPT},
				[LATCH_EXPIRE] = {LATCH_LEARNT, LATCH_REFUSE},
				[LATCH_PROOF] = LEARNS,
				[LATCH_SIGNALLED] = LEARNS,
				[LATCH_BEFORE] = {LATCH_CHOOSING, LATCH_LEARN},
				[LATCH_BETTER] = {LATCH_CHOOSING, LATCH_LEARN},
				[LATCH_QUIET] = {LATCH_CHOOSING, LATCH_LEARN},
				[LATCH_OTHER] = {LATCH_CHOOSING, LATCH_REFUSE},
			},
		[LATCH_LEARNT] =
			{
				STAY(LATCH_LEARNT),
				[LATCH_PROOF] = LEARNS,
				[LATCH_SIGNALLED] = LEARNS,
				[LATCH_BEFORE] = LEARNS,
				[LATCH_BETTER] = LEARNS,
				[LATCH_QUIET] = LEARNS,
				[LATCH_OTHER] = {LATCH_LEARNT, LATCH_REFUSE},
			},
		[LATCH_REOPENED] =
			{
				[LATCH_SAME] = {LATCH_LEARNT, LATCH_ACCEPT},
				[LATCH_EXPIRE] = {LATCH_REOPENED, LATCH_REFUSE},
				[LATCH_PROOF] = LEARNS,
				[LATCH_SIGNALLED] = LEARNS,
				[LATCH_BEFORE] = LEARNS,
				[LATCH_BETTER] = LEARNS,
				[LATCH_QUIET] = LEARNS,
				[LATCH_OTHER] = {LATCH_REOPENED, LATCH_REFUSE},
			},
};

static const enum latch_state first_state[LATCH_POLICIES] = {
	[LATCH_BY_SIGNALLING] = LATCH_FIXED, [LATCH_BY_FIRST] = LATCH_OPEN,
	[LATCH_BY_FOLLOWING] = LATCH_OPEN,   [LATCH_ASYMMETRIC] = LATCH_OPEN,
	[LATCH_BY_CHOICE] = LATCH_WAITING,
};

/* --- signalling ------------------------------------------------------------- */

static void start(struct latch *l, const struct addr *signalled, uint64_t now_ns)
{
	struct addr past = l->address;
	bool had_peer = !addr_is_none(&past) && !addr_eq(&past, signalled);

	*l = (struct latch){
		.address = *signalled,
		.signalled = *signalled,
		.state = (uint8_t)first_state[l->policy],
		.policy = l->policy,
		.is_strict = l->is_strict,
		.window_ms = l->window_ms,
	};
	if (!had_peer || l->state == LATCH_FIXED)
		return;
	l->before = past;
	l->until_ns = now_ns + LATCH_STRAGGLERS_MS * (uint64_t)NS_OF_MS;
}

/* 0.0.0.0 means hold (RFC 3264 8.4). */
static bool is_hold(const struct addr *a)
{
	return !addr_is_none(a) && addr_is_any(a);
}

void latch_signal(struct latch *l, const struct latch_terms *t, const struct addr *signalled,
                  uint64_t now_ns)
{
	bool same_policy = l->policy == t->policy, same_address = addr_eq(&l->signalled, signalled);
	/* Keep the learned address if signalling did not replace a known address, or if it now
	 * signals the learned one. */
	bool stays = latch_has_heard(l) &&
	             (same_address || addr_is_none(&l->signalled) || is_hold(&l->signalled) ||
	              is_hold(signalled) || addr_eq(&l->address, signalled));

	l->policy = (uint8_t)t->policy;
	l->is_strict = t->is_strict;
	l->window_ms = t->window_ms ? t->window_ms : LATCH_WINDOW_MS;
	if (!same_policy || !same_address) {
		if (!stays || first_state[t->policy] == LATCH_FIXED)
			start(l, signalled, now_ns);
		l->signalled = *signalled;
		latch_reopen(l);
	}
	l->is_apart = t->policy == LATCH_ASYMMETRIC || is_hold(signalled);
}

void latch_forget_before(struct latch *l)
{
	l->before = (struct addr){.version = 0};
}

void latch_reopen(struct latch *l)
{
	if (l->state == LATCH_LEARNT)
		l->state = LATCH_REOPENED;
}

/* --- packets ---------------------------------------------------------------- */

/* The latch's state now: CHOOSING has ended if its window is over. */
static enum latch_state state_at(const struct latch *l, uint64_t now_ns)
{
	bool over = l->state == LATCH_CHOOSING && now_ns >= l->until_ns;

	return over ? rows[l->state][LATCH_EXPIRE].next : (enum latch_state)l->state;
}

/* How close an address is to the signalled one; 0 is the closest. */
static unsigned rank(const struct latch *l, const struct addr *a)
{
	return addr_ip_eq(&l->signalled, a) ? 0 : l->signalled.port == a->port ? 1 : 2;
}

/* How long the present address must be silent before this newcomer may replace it. */
static uint64_t patience_ms(const struct latch *l, enum latch_state state, const struct addr *from)
{
	if (l->policy == LATCH_BY_FOLLOWING)
		return LATCH_FOLLOW_MS;
	if (state != LATCH_LEARNT)
		return LATCH_PATIENCE_MS;
	return addr_ip_eq(&l->address, from) ? LATCH_PATIENCE_MS : LATCH_SILENCE_MS;
}

static enum latch_event newcomer(const struct latch *l, enum latch_state state,
                                 const struct addr *from, enum latch_evidence evidence,
                                 uint64_t now_ns)
{
	bool may_wait = !l->is_strict || state != LATCH_LEARNT;

	if (evidence == LATCH_BESIDE || (evidence != LATCH_HINT && l->is_hinted))
		return LATCH_BETTER;
	/* After RTP was received, RTCP from another port proves nothing about the source of RTP. */
	if (evidence == LATCH_HINT && !l->is_hinted)
		return LATCH_OTHER;
	if (evidence != LATCH_HINT && state == LATCH_CHOOSING &&
	    rank(l, from) < rank(l, &l->address))
		return LATCH_BETTER;
	return may_wait && latch_is_silent(l, patience_ms(l, state, from), now_ns) ? LATCH_QUIET
	                                                                           : LATCH_OTHER;
}

static enum latch_event event_of(const struct latch *l, enum latch_state state,
                                 const struct addr *from, enum latch_evidence evidence,
                                 uint64_t now_ns)
{
	bool is_before = now_ns < l->until_ns && addr_eq(&l->before, from);

	if (addr_eq(&l->address, from))
		return LATCH_SAME;
	if (state == LATCH_OPEN || state == LATCH_WAITING)
		return is_before                  ? LATCH_BEFORE
		       : evidence == LATCH_PROVEN ? LATCH_PROOF
		                                  : LATCH_OTHER;
	if (evidence == LATCH_PROVEN)
		return LATCH_PROOF;
	if (addr_eq(&l->signalled, from))
		return LATCH_SIGNALLED;
	return is_before ? LATCH_BEFORE : newcomer(l, state, from, evidence, now_ns);
}

bool latch_may(const struct latch *l, const struct addr *from, enum latch_evidence evidence,
               uint64_t now_ns)
{
	enum latch_state state = state_at(l, now_ns);

	return addr_eq(&l->address, from) ||
	       rows[state][event_of(l, state, from, evidence, now_ns)].answer != LATCH_REFUSE;
}

static void move(struct latch *l, enum latch_event event, const struct addr *from, uint64_t now_ns)
{
	/* A source that lost the leg by silence may reclaim it, for as long as it had the leg. */
	l->before = event == LATCH_QUIET ? l->address : (struct addr){.version = 0};
	if (event == LATCH_QUIET && l->state != LATCH_CHOOSING)
		l->until_ns = now_ns + (l->heard_ns - l->since_ns);
	l->address = *from;
	l->since_ns = now_ns;
	l->ssrc = 0;
}

enum latch_answer latch_step(struct latch *l, const struct addr *from, enum latch_evidence evidence,
                             uint64_t now_ns)
{
	enum latch_state state = state_at(l, now_ns);
	enum latch_event event = event_of(l, state, from, evidence, now_ns);
	const struct latch_row *row = &rows[state][event];
	bool is_first = !latch_has_heard(l);

	l->state = (uint8_t)row->next;
	if (row->answer == LATCH_LEARN)
		move(l, event, from, now_ns);
	if (row->answer == LATCH_REFUSE || (row->answer == LATCH_ACCEPT && event != LATCH_SAME))
		return row->answer;
	if (is_first) {
		l->before = (struct addr){.version = 0};
		l->since_ns = now_ns;
		l->until_ns = now_ns + l->window_ms * (uint64_t)NS_OF_MS;
	}
	/* RTCP from the signalled RTP address counts as full evidence. */
	if (is_first || event != LATCH_SAME || evidence != LATCH_HINT)
		l->is_hinted = evidence == LATCH_HINT && !addr_eq(from, &l->signalled);
	l->heard_ns = now_ns;
	return row->answer;
}
