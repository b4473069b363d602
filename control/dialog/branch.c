/* SPDX-License-Identifier: MIT */
/* Branches of a forked first offer. Each has its own core leg, its own offer and its own keys. */
#include "control/dialog/request.h"

#include "base/mem.h"

static struct dialog_branch *branch_at(const struct dialog *g, unsigned core)
{
	return g->branches && core >= 1 && core <= DIALOG_BRANCHES_MAX && g->branches[core - 1].name
	               ? &g->branches[core - 1]
	               : NULL;
}

struct dialog_branch *dialog_branch_find(const struct dialog *g, struct str name, unsigned *core)
{
	for (unsigned i = 0; name.n && g->branches && i < DIALOG_BRANCHES_MAX; i++) {
		if (g->branches[i].name && str_is(name, g->branches[i].name)) {
			*core = i + 1;
			return &g->branches[i];
		}
	}
	return NULL;
}

/* An unused entry, else that of an ended branch whose core leg is not active; NULL: none. */
static struct dialog_branch *free_branch(struct dialog *g)
{
	for (unsigned i = 0; i < DIALOG_BRANCHES_MAX; i++)
		if (!g->branches[i].name)
			return &g->branches[i];
	for (unsigned i = 0; i < DIALOG_BRANCHES_MAX; i++)
		if (g->branches[i].is_ended && i + 1 != g->core)
			return &g->branches[i];
	return NULL;
}

static unsigned add_branch(struct dialog *g, struct str name)
{
	struct dialog_branch *b;

	if (!g->branches)
		g->branches = mem_array(DIALOG_BRANCHES_MAX, sizeof(g->branches[0]));
	b = g->branches ? free_branch(g) : NULL;
	if (!b || dialog_set_text(&b->name, name))
		return g->core;
	dialog_exchange_free(b->offer);
	*b = (struct dialog_branch){.name = b->name};
	return (unsigned)(b - g->branches) + 1;
}

unsigned dialog_core_of_branch(struct dialog *g, struct str branch, bool add)
{
	unsigned core = g->core;

	if (!branch.n || dialog_branch_find(g, branch, &core))
		return core;
	return add ? add_branch(g, branch) : core;
}

static unsigned n_branches(const struct dialog *g)
{
	unsigned n = 0;

	for (unsigned core = 1; core <= DIALOG_BRANCHES_MAX; core++)
		n += branch_at(g, core) != NULL;
	return n;
}

void dialog_branch_keep_offer(struct dialog *g)
{
	struct dialog_branch *b = n_branches(g) > 1 ? branch_at(g, g->next_core) : NULL;

	if (b) {
		dialog_exchange_free(b->offer);
		b->offer = g->next;
	} else {
		dialog_exchange_free(g->next);
	}
	g->next = NULL;
}

const struct dialog_exchange *dialog_branch_offer(const struct dialog *g, unsigned core)
{
	const struct dialog_branch *b = branch_at(g, core);

	if (g->state == OFFER_OPENING && g->next_core == core)
		return g->next;
	return b ? b->offer : NULL;
}

void dialog_branch_count(struct dialog *g, struct str name)
{
	unsigned core;
	struct dialog_branch *b = dialog_branch_find(g, name, &core);
	uint8_t *n = b ? &b->n_offers : &g->n_offers;

	*n = (uint8_t)(*n + (*n < UINT8_MAX));
	if (b)
		b->is_ended = false;
}

bool dialog_branch_other(const struct dialog *g, unsigned but, unsigned *core)
{
	for (unsigned c = 1; c <= DIALOG_BRANCHES_MAX; c++) {
		const struct dialog_branch *b = branch_at(g, c);

		if (c != but && b && !b->is_ended && b->n_offers) {
			*core = c;
			return true;
		}
	}
	return false;
}

unsigned dialog_branches_open(const struct dialog *g)
{
	unsigned offers = g->n_offers, refused = g->n_refused;

	for (unsigned core = 1; core <= DIALOG_BRANCHES_MAX; core++) {
		const struct dialog_branch *b = branch_at(g, core);

		if (!b || b->is_ended)
			continue;
		offers += b->n_offers;
		refused += b->n_refused;
	}
	return offers > refused ? offers - refused : 0;
}

void dialog_branches_forget_offers(struct dialog *g)
{
	for (unsigned i = 0; g->branches && i < DIALOG_BRANCHES_MAX; i++) {
		dialog_exchange_free(g->branches[i].offer);
		g->branches[i].offer = NULL;
	}
}

void dialog_branches_free(struct dialog *g)
{
	dialog_branches_forget_offers(g);
	for (unsigned i = 0; g->branches && i < DIALOG_BRANCHES_MAX; i++)
		mem_free(g->branches[i].name);
	mem_free(g->branches);
	g->branches = NULL;
}
