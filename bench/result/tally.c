/* SPDX-License-Identifier: MIT */
/* Classifies the arrivals of one flow's packets. */
#include "bench/result/tally.h"

#include <string.h>

static bool take(struct tally *t, uint32_t counter)
{
	uint64_t bit = 1ull << (counter % 64), *word = &t->window[counter % TALLY_WINDOW / 64];
	bool was = (*word & bit) != 0;

	*word |= bit;
	return was;
}

enum tally_fate tally_add(struct tally *t, uint32_t counter)
{
	if (counter >= t->next) {
		if (counter - t->next >= TALLY_WINDOW)
			memset(t->window, 0, sizeof(t->window));
		else
			for (uint32_t c = t->next; c != counter; c++)
				t->window[c % TALLY_WINDOW / 64] &= ~(1ull << (c % 64));
		t->next = counter + 1;
		t->window[counter % TALLY_WINDOW / 64] |= 1ull << (counter % 64);
		return TALLY_NEW;
	}
	if (t->next - counter > TALLY_WINDOW)
		return TALLY_TOO_LATE;
	return take(t, counter) ? TALLY_DUPLICATE : TALLY_REORDERED;
}
