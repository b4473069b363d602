/* SPDX-License-Identifier: MIT */
/* Source latching: every pair of state and event. */
#include "relay/latch.h"

#include "tests/harness/harness.h"

static const struct addr home = {.ip = {192, 0, 2, 1}, .port = 4000, .version = 4};
static const struct addr away = {.ip = {192, 0, 2, 2}, .port = 4000, .version = 4};

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

TEST_MAIN("latch", {"every_pair", every_pair})
