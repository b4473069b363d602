/* SPDX-License-Identifier: MIT */
/* base/queue: one request is under way and the others wait in order, up to a limit; a completion
 * callback may submit another. */
#include "base/queue.h"

#include "tests/harness/harness.h"

enum { WAITING_MAX = 4 };

struct item {
	struct link link;
	char name;
};

/* A server, like control/session: it starts requests, and their completion starts the next. */
static struct queue queue;
static char started[32];
static struct item *under_way, *submitted_when_done;

static void start(struct item *i)
{
	size_t n = strlen(started);

	started[n] = i->name;
	started[n + 1] = '\0';
	under_way = i;
}

static enum queue_turn submit(struct item *i)
{
	enum queue_turn turn = queue_enter(&queue, &i->link);

	if (turn == QUEUE_NOW)
		start(i);
	return turn;
}

static void finish(void)
{
	struct item *again = submitted_when_done;
	struct link *l;

	submitted_when_done = NULL;
	under_way = NULL;
	if (again)
		EXPECT_INT(submit(again), QUEUE_LATER);
	l = queue_next(&queue);
	if (l)
		start(LIST_OF(l, struct item, link));
}

static void begin(void)
{
	queue_init(&queue, WAITING_MAX);
	started[0] = '\0';
	under_way = submitted_when_done = NULL;
}

static void one_at_a_time_in_order(void)
{
	struct item items[] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}};

	begin();
	EXPECT(!queue_is_busy(&queue));
	EXPECT_INT(submit(&items[0]), QUEUE_NOW);
	EXPECT_INT(submit(&items[1]), QUEUE_LATER);
	EXPECT_INT(submit(&items[2]), QUEUE_LATER);
	EXPECT(!strcmp(started, "a"));
	finish();
	EXPECT(!strcmp(started, "ab"));
	finish();
	EXPECT(!strcmp(started, "abc"));
	EXPECT(queue_is_busy(&queue));
	finish();
	EXPECT(!queue_is_busy(&queue) && !under_way);
	EXPECT_INT(submit(&items[0]), QUEUE_NOW);
}

static void at_most_the_bound_waits(void)
{
	struct item items[WAITING_MAX + 2] = {0};

	begin();
	EXPECT_INT(submit(&items[0]), QUEUE_NOW);
	for (unsigned i = 1; i <= WAITING_MAX; i++)
		EXPECT_INT(submit(&items[i]), QUEUE_LATER);
	EXPECT(queue_is_full(&queue));
	EXPECT_INT(submit(&items[WAITING_MAX + 1]), QUEUE_FULL);
	EXPECT(!list_has(&items[WAITING_MAX + 1].link));
	finish();
	EXPECT_INT(submit(&items[WAITING_MAX + 1]), QUEUE_LATER);
}

static void a_done_callback_may_submit(void)
{
	struct item items[] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}};

	begin();
	EXPECT_INT(submit(&items[0]), QUEUE_NOW);
	EXPECT_INT(submit(&items[1]), QUEUE_LATER);
	/* A request that is submitted by a completion callback waits behind the earlier
	 * requests. */
	submitted_when_done = &items[2];
	finish();
	EXPECT(!strcmp(started, "ab"));
	/* If no other request waits, the submitted request starts after the callback has
	 * returned. */
	finish();
	EXPECT(!strcmp(started, "abc"));
	submitted_when_done = &items[0];
	finish();
	EXPECT(!strcmp(started, "abca"));
}

static void one_cuts_in(void)
{
	struct item items[] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}};

	begin();
	EXPECT_INT(submit(&items[0]), QUEUE_NOW);
	EXPECT_INT(submit(&items[1]), QUEUE_LATER);
	queue_cut_in(&queue, &items[0].link, &items[2].link);
	start(&items[2]);
	for (unsigned i = 0; i < 3; i++)
		finish();
	EXPECT(!strcmp(started, "acab"));
	EXPECT_INT(queue.n_waiting, 0);
}

static void what_waits_is_taken_out(void)
{
	struct item items[] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}};
	struct link out;

	begin();
	for (unsigned i = 0; i < 3; i++)
		(void)submit(&items[i]);
	list_init(&out);
	queue_take_waiting(&queue, &out);
	EXPECT(list_pop(&out) == &items[1].link && list_pop(&out) == &items[2].link);
	EXPECT(list_is_empty(&out));
	EXPECT(queue_is_busy(&queue));
	finish();
	EXPECT(!strcmp(started, "a"));
	EXPECT(!queue_is_busy(&queue));
}

TEST_MAIN("queue", {"one at a time, in order", one_at_a_time_in_order},
          {"at most the bound waits", at_most_the_bound_waits},
          {"a done callback may submit", a_done_callback_may_submit}, {"one cuts in", one_cuts_in},
          {"what waits is taken out", what_waits_is_taken_out})
