/* SPDX-License-Identifier: MIT */
/* base/wheel: at any distance no timer fires early, and none is lost. */
#include "base/wheel.h"

#include "tests/harness/harness.h"

enum { TIMERS = 400, TICK_NS = 1000000 };

struct waiter {
	struct wheel_timer timer;
	uint64_t due_ns;
	unsigned fired;
};

static uint64_t last_advance_ns;

static void fire(struct wheel_timer *t, uint64_t now_ns)
{
	struct waiter *w = (struct waiter *)(void *)((char *)t - offsetof(struct waiter, timer));

	w->fired++;
	EXPECT(now_ns >= w->due_ns);
	/* No timer is late: it was not due at the previous advance, if times are rounded up to
	 * ticks. */
	EXPECT(w->due_ns + TICK_NS > last_advance_ns);
}

static void fires_each_once_in_time(void)
{
	static struct waiter waiters[TIMERS];
	uint64_t state = test_seed(), now = 123456789;
	struct wheel w;
	unsigned fired = 0;

	memset(waiters, 0, sizeof(waiters));
	wheel_init(&w, TICK_NS, now);
	last_advance_ns = now;
	for (int i = 0; i < TIMERS; i++) {
		/* Distances from less than one tick to more than the span of the wheel. */
		uint64_t distance = test_random(&state) % (1000ull << (test_random(&state) % 35));

		waiters[i].timer.fn = fire;
		waiters[i].due_ns = now + distance;
		wheel_set(&w, &waiters[i].timer, waiters[i].due_ns);
	}
	EXPECT_INT(w.count, TIMERS);
	for (int turn = 0; turn < 2000000 && w.count; turn++) {
		uint64_t next = wheel_next_ns(&w);

		EXPECT(next > now - now % TICK_NS);
		last_advance_ns = now;
		now = next + test_random(&state) % TICK_NS;
		wheel_advance(&w, now);
	}
	for (int i = 0; i < TIMERS; i++)
		fired += waiters[i].fired == 1;
	EXPECT_INT(fired, TIMERS);
	EXPECT_INT(w.count, 0);
	EXPECT(wheel_next_ns(&w) == UINT64_MAX);
}

static void cancels_and_moves(void)
{
	struct waiter a = {.timer = {.fn = fire}}, b = {.timer = {.fn = fire}};
	struct wheel w;

	wheel_init(&w, TICK_NS, 0);
	last_advance_ns = 0;
	a.due_ns = 5 * TICK_NS;
	wheel_set(&w, &a.timer, a.due_ns);
	b.due_ns = 6 * TICK_NS;
	wheel_set(&w, &b.timer, b.due_ns);
	wheel_cancel(&w, &a.timer);
	wheel_cancel(&w, &a.timer);
	b.due_ns = 100 * TICK_NS;
	wheel_set(&w, &b.timer, b.due_ns);
	wheel_advance(&w, 99 * TICK_NS);
	EXPECT_INT(a.fired + b.fired, 0);
	EXPECT(!wheel_is_set(&a.timer) && wheel_is_set(&b.timer));
	wheel_advance(&w, 100 * TICK_NS);
	EXPECT_INT(b.fired, 1);
}

static struct wheel self_wheel;

static void set_again(struct wheel_timer *t, uint64_t now_ns)
{
	struct waiter *w = (struct waiter *)(void *)((char *)t - offsetof(struct waiter, timer));

	if (++w->fired < 10)
		wheel_set(&self_wheel, t, now_ns + TICK_NS);
}

static void a_timer_may_set_itself_again(void)
{
	struct waiter a = {.timer = {.fn = set_again}};

	wheel_init(&self_wheel, TICK_NS, 0);
	wheel_set(&self_wheel, &a.timer, TICK_NS);
	for (uint64_t i = 1; i <= 10; i++) {
		wheel_advance(&self_wheel, i * TICK_NS);
		EXPECT_INT(a.fired, i);
	}
	wheel_advance(&self_wheel, 50 * (uint64_t)TICK_NS);
	EXPECT_INT(a.fired, 10);
}

TEST_MAIN("wheel", {"fires each once in time", fires_each_once_in_time},
          {"cancels and moves", cancels_and_moves},
          {"a timer may set itself again", a_timer_may_set_itself_again})
