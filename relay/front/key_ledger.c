/* SPDX-License-Identifier: MIT */
/* A table of claimed keys, and two generations of keys of ended sessions. */
#include "relay/front/key_ledger.h"

#include "base/mem.h"

enum { FIRST_SLOTS = 64 };

/* Open addressing, at most half full. `print` is the keyed hash of a key; 0 marks a free slot. */
struct slot {
	uint64_t print;
	const void *owner;
};

struct table {
	struct slot *slots;
	uint64_t mask;
	uint64_t n;
};

struct key_ledger {
	struct table claimed;
	/* new keys go to past[0]; when it is full, past[1] is dropped and past[0] becomes
	 * past[1] */
	struct table past[2];
	unsigned remembered;
};

/* --- tables ----------------------------------------------------------------- */

/* The slot with this hash, or the free slot where it belongs. */
static struct slot *place(const struct table *t, uint64_t print)
{
	uint64_t at = print & t->mask;

	while (t->slots[at].print && t->slots[at].print != print)
		at = (at + 1) & t->mask;
	return &t->slots[at];
}

static struct slot *find(const struct table *t, uint64_t print)
{
	struct slot *s = t->slots ? place(t, print) : NULL;

	return s && s->print ? s : NULL;
}

static enum err make_room(struct table *t)
{
	uint64_t n_slots = t->slots ? t->mask + 1 : 0;
	struct table wider = {.n = t->n};

	if (2 * (t->n + 1) <= n_slots)
		return ERR_OK;
	n_slots = n_slots ? 2 * n_slots : FIRST_SLOTS;
	wider.mask = n_slots - 1;
	wider.slots = mem_array(n_slots, sizeof(*wider.slots));
	if (!wider.slots)
		return ERR_NOMEM;
	for (uint64_t i = 0; t->slots && i <= t->mask; i++)
		if (t->slots[i].print)
			*place(&wider, t->slots[i].print) = t->slots[i];
	mem_free(t->slots);
	*t = wider;
	return ERR_OK;
}

/* Removes a slot. Later slots of the same chain move into the hole, so that searches still find
 * them. */
static void remove_slot(struct table *t, struct slot *s)
{
	uint64_t hole = (uint64_t)(s - t->slots);

	for (uint64_t at = (hole + 1) & t->mask; t->slots[at].print; at = (at + 1) & t->mask) {
		uint64_t wanted = t->slots[at].print & t->mask;

		if (((at - wanted) & t->mask) < ((at - hole) & t->mask))
			continue;
		t->slots[hole] = t->slots[at];
		hole = at;
	}
	t->slots[hole] = (struct slot){.print = 0};
	t->n--;
}

static void table_free(struct table *t)
{
	mem_free(t->slots);
	*t = (struct table){.slots = NULL};
}

/* --- keys ------------------------------------------------------------------- */

enum err key_ledger_new(struct key_ledger **out, unsigned remembered)
{
	struct key_ledger *l = mem_alloc(sizeof(*l));

	if (!l)
		return ERR_NOMEM;
	l->remembered = remembered;
	*out = l;
	return ERR_OK;
}

void key_ledger_free(struct key_ledger *l)
{
	if (!l)
		return;
	table_free(&l->claimed);
	table_free(&l->past[0]);
	table_free(&l->past[1]);
	mem_free(l);
}

static uint64_t usable(uint64_t print)
{
	return print ? print : 1;
}

enum err key_ledger_claim(struct key_ledger *l, uint64_t print, const void *owner, struct why *why)
{
	struct slot *slot;
	enum err e;

	print = usable(print);
	slot = find(&l->claimed, print);
	if (slot && slot->owner == owner)
		return ERR_OK;
	if (slot)
		return why_fail(why, ERR_KEY_USED,
		                "its send key is in use by another session; use a different key");
	if (find(&l->past[0], print) || find(&l->past[1], print))
		return why_fail(why, ERR_KEY_USED,
		                "its send key was used by a session that has ended, so packet "
		                "indexes would repeat; use a new key");
	e = make_room(&l->claimed);
	if (e)
		return why_fail(why, e, "out of memory");
	*place(&l->claimed, print) = (struct slot){.print = print, .owner = owner};
	l->claimed.n++;
	return ERR_OK;
}

static void next_generation(struct key_ledger *l)
{
	table_free(&l->past[1]);
	l->past[1] = l->past[0];
	l->past[0] = (struct table){.slots = NULL};
}

/* Out of memory: the older generation is forgotten early, and at worst this key is not remembered.
 * Ending a session cannot fail. */
static void remember(struct key_ledger *l, uint64_t print)
{
	if (l->past[0].n >= l->remembered)
		next_generation(l);
	if (make_room(&l->past[0])) {
		next_generation(l);
		if (make_room(&l->past[0]))
			return;
	}
	*place(&l->past[0], print) = (struct slot){.print = print};
	l->past[0].n++;
}

void key_ledger_release(struct key_ledger *l, uint64_t print, const void *owner, bool was_used)
{
	struct slot *slot;

	print = usable(print);
	slot = find(&l->claimed, print);
	if (!slot || slot->owner != owner)
		return;
	remove_slot(&l->claimed, slot);
	if (was_used && l->remembered)
		remember(l, print);
}
