/* SPDX-License-Identifier: MIT */
/*
 * Forks: several terminals answer one offer, each in its own dialog (RFC 3261 13.2.2.4). The fork
 * that answered last is active; when its dialog ends, the call returns to the fork that answered
 * before it.
 */
#include "control/dialog/request.h"

#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"

/*
 * Seconds during which a call may return to a fork: 64 times T1. This long after the first 2xx the
 * caller considers other early dialogs ended (RFC 3261 13.2.2.4). The gateway can't know whether
 * a fork was confirmed, and must not return a call to a fork that no longer exists.
 */
enum { FORK_S = 32 };

static void forget(struct dialog *g, struct dialog_fork **at)
{
	struct dialog_fork *f = *at;

	*at = f->before;
	g->n_forks--;
	mem_free(f->tag);
	dialog_exchange_free(f->agreed);
	mem_free(f);
}

static struct dialog_fork **oldest(struct dialog *g)
{
	struct dialog_fork **at = &g->forks;

	while ((*at)->before)
		at = &(*at)->before;
	return at;
}

void dialog_fork_keep(struct dialog *g)
{
	struct dialog_fork *f = mem_alloc(sizeof(*f));

	if (f) {
		*f = (struct dialog_fork){
			.before = g->forks,
			.tag = g->tag[OFFER_SIDE_B],
			.agreed = g->now,
			.core = g->core,
			.until_ns = clk_mono_ns() + FORK_S * NS_PER_S,
		};
		g->forks = f;
		if (++g->n_forks > DIALOG_FORKS_MAX)
			forget(g, oldest(g));
	} else {
		log_warn("dialog", "out of memory: the call cannot return to the replaced fork",
		         LOG_TEXT(session, g->id));
		mem_free(g->tag[OFFER_SIDE_B]);
		dialog_exchange_free(g->now);
	}
	g->tag[OFFER_SIDE_B] = NULL;
	g->now = NULL;
}

void dialog_fork_drop(struct dialog *g, struct str tag)
{
	for (struct dialog_fork **at = &g->forks; *at;) {
		if ((*at)->tag && str_is(tag, (*at)->tag))
			forget(g, at);
		else
			at = &(*at)->before;
	}
}

void dialog_forks_clear(struct dialog *g)
{
	while (g->forks)
		forget(g, &g->forks);
}

bool dialog_fork_is_known(const struct dialog *g, struct str tag)
{
	for (const struct dialog_fork *f = g->forks; f; f = f->before)
		if (f->tag && str_is(tag, f->tag))
			return true;
	return false;
}

const struct dialog_fork *dialog_fork_behind(const struct dialog *g)
{
	const struct dialog_fork *last = g->forks;

	return last && clk_mono_ns() < last->until_ns ? last : NULL;
}

void dialog_fork_return(struct dialog *g)
{
	struct dialog_fork *last = g->forks;

	mem_free(g->tag[OFFER_SIDE_B]);
	g->tag[OFFER_SIDE_B] = last->tag;
	g->core = last->core;
	last->tag = NULL;
	forget(g, &g->forks);
}
