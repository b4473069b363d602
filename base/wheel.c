/* SPDX-License-Identifier: MIT */
/* A hierarchical timer wheel. */
#include "base/wheel.h"

enum { SLOT_BITS = 6, SLOT_MASK = WHEEL_SLOTS - 1 };

void wheel_init(struct wheel *w, uint64_t tick_ns, uint64_t now_ns)
{
	*w = (struct wheel){.tick_ns = tick_ns, .now_tick = now_ns / tick_ns};
	for (int level = 0; level < WHEEL_LEVELS; level++)
		for (int slot = 0; slot < WHEEL_SLOTS; slot++)
			list_init(&w->slots[level][slot]);
}

/* Puts a timer into the level that fits its distance: level 0 covers the next 64 ticks, each higher
 * level 64 times more. */
static void place(struct wheel *w, struct wheel_timer *t)
{
	uint64_t distance = t->due_tick - w->now_tick;
	uint64_t at = t->due_tick;
	int level = 0;

	while (level < WHEEL_LEVELS - 1 && distance >> (SLOT_BITS * (level + 1)))
		level++;
	if (distance >> (SLOT_BITS * WHEEL_LEVELS))
		at = w->now_tick + ((1ull << (SLOT_BITS * WHEEL_LEVELS)) - 1);
	list_add_tail(&w->slots[level][at >> (SLOT_BITS * level) & SLOT_MASK], &t->link);
}

void wheel_set(struct wheel *w, struct wheel_timer *t, uint64_t due_ns)
{
	wheel_cancel(w, t);
	t->due_tick = due_ns / w->tick_ns + (due_ns % w->tick_ns != 0);
	if (t->due_tick <= w->now_tick)
		t->due_tick = w->now_tick + 1;
	place(w, t);
	w->count++;
}

void wheel_cancel(struct wheel *w, struct wheel_timer *t)
{
	if (!wheel_is_set(t))
		return;
	list_remove(&t->link);
	w->count--;
}

bool wheel_is_set(const struct wheel_timer *t)
{
	return list_has(&t->link);
}

/* Takes all timers out of the slot before it calls the first callback, so that a timer set by a
 * callback cannot enter the list that is being walked. */
static void empty_slot(struct wheel *w, struct link *slot, uint64_t now_ns)
{
	struct link todo, *l;

	list_init(&todo);
	while ((l = list_pop(slot)))
		list_add_tail(&todo, l);
	while ((l = list_pop(&todo))) {
		struct wheel_timer *t = LIST_OF(l, struct wheel_timer, link);

		if (t->due_tick > w->now_tick) {
			place(w, t);
			continue;
		}
		w->count--;
		t->fn(t, now_ns);
	}
}

void wheel_advance(struct wheel *w, uint64_t now_ns)
{
	uint64_t target = now_ns / w->tick_ns;

	while (w->now_tick < target) {
		if (w->count == 0) {
			w->now_tick = target;
			return;
		}
		w->now_tick++;
		for (int level = WHEEL_LEVELS - 1; level > 0; level--) {
			uint64_t below = (1ull << (SLOT_BITS * level)) - 1;

			if ((w->now_tick & below) == 0)
				empty_slot(w,
				           &w->slots[level][w->now_tick >> (SLOT_BITS * level) &
				                            SLOT_MASK],
				           now_ns);
		}
		empty_slot(w, &w->slots[0][w->now_tick & SLOT_MASK], now_ns);
	}
}

uint64_t wheel_next_ns(const struct wheel *w)
{
	if (w->count == 0)
		return UINT64_MAX;
	for (uint64_t i = 1; i <= WHEEL_SLOTS; i++) {
		uint64_t tick = w->now_tick + i;

		/* Every 64 ticks timers move down from the level above, so the event loop must wake
		 * up then, too. */
		if (!list_is_empty(&w->slots[0][tick & SLOT_MASK]) || (tick & SLOT_MASK) == 0)
			return tick * w->tick_ns;
	}
	return (w->now_tick + WHEEL_SLOTS) * w->tick_ns;
}
