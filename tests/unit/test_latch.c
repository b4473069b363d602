/* SPDX-License-Identifier: MIT */
/* Source latching: every pair of state and event. */
#include "relay/latch.h"

#include "tests/harness/harness.h"

static const struct addr home = {.ip = {192, 0, 2, 1}, .port = 4000, .version = 4};
static const struct addr away = {.ip = {192, 0, 2, 2}, .port = 4000, .version = 4};

static const struct addr far = {.ip = {192, 0, 2, 3}, .port = 4000, .version = 4};

static const struct {
	enum latch_state state;
	const struct addr *from;
	uint64_t now_ns; /* the window ends at 100 */
	enum latch_answer answer;
	enum latch_state next;
} rows[] = {
	{LATCH_FIXED, &home, 0, LATCH_ACCEPT, LATCH_FIXED},       {LATCH_FIXED, &away, 0, LATCH_REFUSE, LATCH_FIXED},
	{LATCH_FIXED, &away, 200, LATCH_REFUSE, LATCH_FIXED},     {LATCH_OPEN, &home, 0, LATCH_ACCEPT, LATCH_LEARNT},
	{LATCH_OPEN, &away, 99, LATCH_LEARN, LATCH_LEARNT},       {LATCH_OPEN, &away, 100, LATCH_REFUSE, LATCH_CLOSED},
	{LATCH_OPEN, &home, 100, LATCH_ACCEPT, LATCH_CLOSED},     {LATCH_LEARNT, &home, 0, LATCH_ACCEPT, LATCH_LEARNT},
	{LATCH_LEARNT, &away, 0, LATCH_REFUSE, LATCH_LEARNT},     {LATCH_LEARNT, &home, 200, LATCH_ACCEPT, LATCH_LEARNT},
	{LATCH_CLOSED, &home, 200, LATCH_ACCEPT, LATCH_CLOSED},   {LATCH_CLOSED, &away, 200, LATCH_REFUSE, LATCH_CLOSED},
	{LATCH_FOLLOWING, &home, 0, LATCH_ACCEPT, LATCH_FOLLOWING}, {LATCH_FOLLOWING, &away, 200, LATCH_LEARN, LATCH_FOLLOWING},
	{LATCH_APART, &home, 0, LATCH_ACCEPT, LATCH_HEARD},       {LATCH_APART, &away, 200, LATCH_ACCEPT, LATCH_HEARD},
	{LATCH_HEARD, &home, 0, LATCH_REFUSE, LATCH_HEARD},       {LATCH_HEARD, &away, 0, LATCH_REFUSE, LATCH_HEARD},
};

static void every_pair(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct latch l, before;

		test_context("row %zu", i);
		latch_start(&l, rows[i].state, &home, 100);
		before = l;
		EXPECT_INT(latch_may(&l, rows[i].from, rows[i].now_ns), rows[i].answer != LATCH_REFUSE);
		EXPECT_OCTETS(&l, sizeof(l), &before, sizeof(before));
		EXPECT_INT(latch_step(&l, rows[i].from, rows[i].now_ns), rows[i].answer);
		EXPECT_INT(l.state, rows[i].next);
		EXPECT(addr_eq(&l.address, rows[i].answer == LATCH_LEARN ? &away : &home));
		EXPECT_INT(l.has_learnt, rows[i].answer == LATCH_LEARN);
	}
}

/* Only where nothing was learnt does a new window open. */
static void awaiting_opens_a_window(void)
{
	static const enum latch_state next[LATCH_STATES] = {
		[LATCH_FIXED] = LATCH_FIXED, [LATCH_OPEN] = LATCH_OPEN, [LATCH_LEARNT] = LATCH_LEARNT, [LATCH_CLOSED] = LATCH_OPEN,
		[LATCH_FOLLOWING] = LATCH_FOLLOWING, [LATCH_APART] = LATCH_APART, [LATCH_HEARD] = LATCH_HEARD,
	};

	for (unsigned s = 0; s < LATCH_STATES; s++) {
		struct latch l;

		test_context("state %u", s);
		latch_start(&l, (enum latch_state)s, &home, 100);
		latch_await(&l, 300);
		EXPECT_INT(l.state, next[s]);
		EXPECT_INT(latch_may(&l, &away, 299), s == LATCH_OPEN || s == LATCH_CLOSED || s == LATCH_FOLLOWING || s == LATCH_APART);
	}
}

/* Who left still sends: he is not taken for who came; later he may be, for what was signalled may be wrong. */
static void who_left_is_not_who_came(void)
{
	struct latch l;

	latch_start(&l, LATCH_OPEN, &home, 1000);
	latch_pass_over(&l, &away, 100);
	EXPECT(!latch_may(&l, &away, 99));
	EXPECT_INT(latch_step(&l, &away, 99), LATCH_REFUSE);
	EXPECT_INT(l.state, LATCH_OPEN);
	EXPECT(latch_may(&l, &far, 99) && latch_may(&l, &home, 99) && latch_may(&l, &away, 100));
	EXPECT_INT(latch_step(&l, &away, 100), LATCH_LEARN);
	/* The one who came is known: nothing is left of it. */
	latch_start(&l, LATCH_OPEN, &home, 1000);
	latch_pass_over(&l, &away, 100);
	EXPECT_INT(latch_step(&l, &home, 50), LATCH_ACCEPT);
	EXPECT(!latch_may(&l, &away, 99) && !latch_may(&l, &away, 100));
	/* Signalled again, it is nobody who left. */
	latch_start(&l, LATCH_OPEN, &home, 1000);
	latch_pass_over(&l, &home, 100);
	EXPECT_INT(latch_step(&l, &home, 50), LATCH_ACCEPT);
	/* Nothing to learn, nothing to pass over. */
	latch_start(&l, LATCH_FOLLOWING, &home, 0);
	latch_pass_over(&l, &away, 100);
	EXPECT_INT(latch_step(&l, &away, 50), LATCH_LEARN);
}

TEST_MAIN("latch", {"every_pair", every_pair}, {"who_left_is_not_who_came", who_left_is_not_who_came},
          {"awaiting_opens_a_window", awaiting_opens_a_window})
