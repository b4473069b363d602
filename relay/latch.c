/* SPDX-License-Identifier: MIT */
/* The latch's transition table. */
#include "relay/latch.h"

struct latch_row {
	enum latch_state next;
	enum latch_answer answer;
};

static const struct latch_row rows[LATCH_STATES][LATCH_EVENTS] = {
	[LATCH_FIXED] = {
		[LATCH_SAME] = {LATCH_FIXED, LATCH_ACCEPT},
		[LATCH_OTHER] = {LATCH_FIXED, LATCH_REFUSE},
		[LATCH_EXPIRE] = {LATCH_FIXED, LATCH_REFUSE},
	},
	[LATCH_OPEN] = {
		[LATCH_SAME] = {LATCH_LEARNT, LATCH_ACCEPT},
		[LATCH_OTHER] = {LATCH_LEARNT, LATCH_LEARN},
		[LATCH_EXPIRE] = {LATCH_CLOSED, LATCH_REFUSE},
	},
	[LATCH_LEARNT] = {
		[LATCH_SAME] = {LATCH_LEARNT, LATCH_ACCEPT},
		[LATCH_OTHER] = {LATCH_LEARNT, LATCH_REFUSE},
		[LATCH_EXPIRE] = {LATCH_LEARNT, LATCH_REFUSE},
	},
	[LATCH_CLOSED] = {
		[LATCH_SAME] = {LATCH_CLOSED, LATCH_ACCEPT},
		[LATCH_OTHER] = {LATCH_CLOSED, LATCH_REFUSE},
		[LATCH_EXPIRE] = {LATCH_CLOSED, LATCH_REFUSE},
	},
	[LATCH_FOLLOWING] = {
		[LATCH_SAME] = {LATCH_FOLLOWING, LATCH_ACCEPT},
		[LATCH_OTHER] = {LATCH_FOLLOWING, LATCH_LEARN},
		[LATCH_EXPIRE] = {LATCH_FOLLOWING, LATCH_REFUSE},
	},
	[LATCH_APART] = {
		[LATCH_SAME] = {LATCH_HEARD, LATCH_ACCEPT},
		[LATCH_OTHER] = {LATCH_HEARD, LATCH_ACCEPT},
		[LATCH_EXPIRE] = {LATCH_APART, LATCH_REFUSE},
	},
	[LATCH_HEARD] = {
		[LATCH_SAME] = {LATCH_HEARD, LATCH_ACCEPT},
		[LATCH_OTHER] = {LATCH_HEARD, LATCH_REFUSE},
		[LATCH_EXPIRE] = {LATCH_HEARD, LATCH_REFUSE},
	},
};

void latch_start(struct latch *l, enum latch_state state, const struct addr *signalled, uint64_t until_ns)
{
	*l = (struct latch){.state = (uint8_t)state, .address = *signalled, .until_ns = until_ns};
}

void latch_pass_over(struct latch *l, const struct addr *past, uint64_t until_ns)
{
	if (l->state != LATCH_OPEN)
		return;
	l->heard = *past;
	l->past_until_ns = until_ns;
}

void latch_await(struct latch *l, uint64_t until_ns)
{
	if (l->state != LATCH_OPEN && l->state != LATCH_CLOSED)
		return;
	l->state = LATCH_OPEN;
	l->until_ns = until_ns;
}

/* Where the window leaves the state at this time. */
static enum latch_state state_at(const struct latch *l, uint64_t now_ns)
{
	bool over = l->state == LATCH_OPEN && now_ns >= l->until_ns;

	return over ? rows[l->state][LATCH_EXPIRE].next : l->state;
}

static enum latch_event event_of(const struct latch *l, const struct addr *from)
{
	return addr_eq(l->state == LATCH_HEARD ? &l->heard : &l->address, from) ? LATCH_SAME : LATCH_OTHER;
}

/* Who was there before this peer, still sending. */
static bool is_past(const struct latch *l, const struct addr *from, uint64_t now_ns)
{
	return l->state == LATCH_OPEN && now_ns < l->past_until_ns && addr_eq(&l->heard, from) && !addr_eq(&l->address, from);
}

bool latch_may(const struct latch *l, const struct addr *from, uint64_t now_ns)
{
	return !is_past(l, from, now_ns) && rows[state_at(l, now_ns)][event_of(l, from)].answer != LATCH_REFUSE;
}

enum latch_answer latch_step(struct latch *l, const struct addr *from, uint64_t now_ns)
{
	const struct latch_row *row = &rows[state_at(l, now_ns)][event_of(l, from)];

	if (is_past(l, from, now_ns))
		return LATCH_REFUSE;
	if (l->state == LATCH_APART)
		l->heard = *from;
	l->state = (uint8_t)row->next;
	if (row->answer == LATCH_LEARN) {
		l->address = *from;
		l->has_learnt = true;
	}
	return row->answer;
}
