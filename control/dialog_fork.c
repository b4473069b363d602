/* SPDX-License-Identifier: MIT */
/*
 * Forks that share a leg: two terminals answer one offer, each with a dialog of its own (RFC 3261 13.2.2.4). The last answer is active; when the
 * caller ends that dialog, the call goes back to the one before it.
 */
#include "control/dialog_run.h"

#include <string.h>

#include "base/clk.h"
#include "base/mem.h"

/*
 * RFC 3261 13.2.2.4: 64 times T1 after the first 2xx the caller takes early dialogs for ended. Later nothing tells whether such a fork ever
 * became a call, and a call that ends must not leave one behind that never was.
 */
enum { FORK_S = 32 };

static void forget(struct dialog *g, unsigned i)
{
	mem_free(g->forks[i].tag);
	dialog_exchange_free(g->forks[i].agreed);
	g->n_forks--;
	memmove(&g->forks[i], &g->forks[i + 1], (g->n_forks - i) * sizeof(g->forks[0]));
}

void dialog_fork_keep(struct dialog *g)
{
	if (g->n_forks == DIALOG_FORKS_MAX)
		forget(g, 0);
	g->forks[g->n_forks++] = (struct dialog_fork){
		.tag = g->tag[OFFER_SIDE_B], .agreed = g->now, .core = g->core, .until_ns = clk_mono_ns() + FORK_S * NS_PER_S,
	};
	g->tag[OFFER_SIDE_B] = NULL;
	g->now = NULL;
}

void dialog_fork_drop(struct dialog *g, struct str tag)
{
	for (unsigned i = g->n_forks; i > 0; i--)
		if (str_is(tag, g->forks[i - 1].tag))
			forget(g, i - 1);
}

void dialog_forks_clear(struct dialog *g)
{
	while (g->n_forks)
		forget(g, g->n_forks - 1);
}

const struct dialog_fork *dialog_fork_behind(const struct dialog *g, const struct dialog_ask *end)
{
	const char *a = g->tag[OFFER_SIDE_A], *b = g->tag[OFFER_SIDE_B];
	const struct dialog_fork *last = g->n_forks ? &g->forks[g->n_forks - 1] : NULL;

	if (!last || !a || !b || !str_is(end->from, a) || !str_is(end->to, b))
		return NULL;
	return clk_mono_ns() < last->until_ns ? last : NULL;
}

void dialog_fork_return(struct dialog *g)
{
	struct dialog_fork *last = &g->forks[g->n_forks - 1];

	mem_free(g->tag[OFFER_SIDE_B]);
	g->tag[OFFER_SIDE_B] = last->tag;
	g->core = last->core;
	last->tag = NULL;
	forget(g, g->n_forks - 1);
}
