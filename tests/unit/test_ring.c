/* SPDX-License-Identifier: MIT */
/* base/ring: two threads exchange entries; none is lost, duplicated or torn. */
#include "base/ring.h"

#include <pthread.h>
#include <sched.h>

#include "tests/harness/harness.h"

enum { ENTRIES = 300000 };

struct entry {
	uint64_t a, b, c;
};

static void *produce(void *arg)
{
	struct ring *r = arg;

	for (uint64_t i = 0; i < ENTRIES; i++) {
		struct entry e = {i, ~i, i * 3};

		while (!ring_push(r, &e))
			sched_yield();
	}
	return NULL;
}

static void carries_everything_in_order(void)
{
	struct ring r;
	pthread_t thread;
	unsigned wrong = 0;

	REQUIRE_OK(ring_init(&r, 60, sizeof(struct entry)));
	EXPECT_INT(r.mask, 63);
	REQUIRE(pthread_create(&thread, NULL, produce, &r) == 0);
	for (uint64_t i = 0; i < ENTRIES; i++) {
		struct entry e;

		while (!ring_pop(&r, &e))
			sched_yield();
		wrong += e.a != i || e.b != ~i || e.c != i * 3;
	}
	pthread_join(thread, NULL);
	EXPECT_INT(wrong, 0);
	ring_fini(&r);
}

static void says_when_full_and_empty(void)
{
	struct ring r;
	uint32_t v = 0;

	REQUIRE_OK(ring_init(&r, 4, sizeof(v)));
	for (int turn = 0; turn < 1000; turn++) {
		EXPECT(!ring_pop(&r, &v));
		for (uint32_t i = 0; i < 4; i++)
			EXPECT(ring_push(&r, &i));
		EXPECT(!ring_push(&r, &v));
		for (uint32_t i = 0; i < 4; i++)
			EXPECT(ring_pop(&r, &v) && v == i);
	}
	ring_fini(&r);
}

TEST_MAIN("ring", {"carries everything in order", carries_everything_in_order},
          {"says when full and empty", says_when_full_and_empty})
