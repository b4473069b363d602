/* SPDX-License-Identifier: MIT */
/* Chooses for an offered m-line the offerer's key to use, and our keys for the other side. */
#include "control/dialog/offer_line.h"

#include "base/mem.h"

enum sdes_fault offer_keys_judge_one(const struct sdes_line *l, const struct dialog_side *now)
{
	return sdes_line_shares_key(l, &now->ours) ? SDES_REFLECTED_KEY
	       : sdes_line_shares_key(l, &now->theirs) && !sdes_line_eq(l, &now->theirs)
	               ? SDES_REUSED_KEY
	               : SDES_USABLE;
}

void offer_keys_judge(struct sdes_list *list, const struct dialog_side *now)
{
	for (unsigned i = 0; i < list->n; i++)
		if (list->lines[i].fault == SDES_USABLE)
			list->lines[i].fault = offer_keys_judge_one(&list->lines[i], now);
}

/* The usable line that the request prefers, else the first usable one (RFC 4568 5.1.2). */
static const struct sdes_line *preferred_line(const struct offer_line *p)
{
	for (unsigned i = 0; i < p->o->n_preferred; i++)
		for (unsigned k = 0; k < p->list->n; k++)
			if (p->list->lines[k].fault == SDES_USABLE &&
			    p->list->lines[k].suite->id == p->o->preferred[i])
				return &p->list->lines[k];
	return sdes_list_first(p->list);
}

enum err offer_keys_near(struct offer_line *p, const struct dialog_side *before)
{
	struct dialog_side *side = &p->m->side[p->from];
	const struct dialog_side *past = before ? before : p->past ? &p->past->side[p->from] : NULL;
	const struct sdes_line *line =
		past && past->theirs.n_keys ? sdes_list_find(p->list, &past->theirs) : NULL;
	char text[256];
	enum err e;

	/* An m-line that returns with its old key keeps our old key; else we make a new one. */
	if (!before && line)
		before = past;
	if (p->m->acfg)
		line = &p->capability.crypto;
	if (!line)
		line = preferred_line(p);
	if (!line)
		return why_fail(p->why, ERR_INVALID, "m-line %u: no usable a=crypto line (%s)",
		                p->i + 1, sdes_list_describe(p->list, text, sizeof(text)));
	e = sdes_line_copy(&side->theirs, line);
	if (e)
		return e;
	if (!before || before->ours.suite != line->suite || !before->ours.n_keys ||
	    dialog_is_spent(&before->ours, true, p->o))
		return sdes_answer_make(&side->ours, line, p->list, p->o->sdes.own_lifetime_pkts);
	e = sdes_line_copy(&side->ours, &before->ours);
	side->ours.tag = line->tag;
	side->ours.spelling = line->spelling;
	return e;
}

/* The suites to offer, best first, without duplicates. */
struct suites {
	unsigned n;
	uint32_t seen; /* bits by suite_id: the suites in `ids` */
	enum suite_id ids[SUITE_COUNT];
};

static void add_suite(struct suites *l, enum suite_id id)
{
	if (l->seen >> id & 1)
		return;
	l->seen |= 1u << id;
	l->ids[l->n++] = id;
}

/* Moves the suites that the request lists in `order` to the front. */
static void sort_suites(struct suites *l, const struct dialog_options *o)
{
	struct suites sorted = {0};

	for (unsigned i = 0; i < o->n_order; i++)
		if (l->seen >> o->order[i] & 1)
			add_suite(&sorted, o->order[i]);
	for (unsigned i = 0; i < l->n; i++)
		add_suite(&sorted, l->ids[i]);
	*l = sorted;
}

/* The suites for the other side. With offerers_first the offerer's suites come first, so that both
 * ends can agree on one of them. Empty if the request allows none. */
static struct suites far_suites(const struct offer_line *p)
{
	const struct dialog_options *o = p->o;
	struct suites l = {0};

	if (!o->n_suites)
		return l;
	for (unsigned i = 0; o->offerers_first && i < p->list->n; i++)
		if (p->list->lines[i].fault == SDES_USABLE)
			add_suite(&l, p->list->lines[i].suite->id);
	if (!o->no_new_suites || !l.n)
		for (unsigned i = 0; i < o->n_suites; i++)
			add_suite(&l, o->suites[i]);
	sort_suites(&l, o);
	return l;
}

enum err offer_keys_far(struct offer_line *p, const struct dialog_side *before)
{
	bool goes_on = before && before->ours.n_keys && !dialog_is_spent(&before->ours, true, p->o);
	struct suites suites = far_suites(p);
	struct sdes_list *l;
	enum err e = ERR_OK;

	if (!goes_on && !suites.n)
		return why_fail(
			p->why, ERR_INVALID,
			"m-line %u: %s without a suite to offer: the request excludes all suites; "
			"allow at least one",
			p->i + 1, sdp_profile_name(p->m->side[p->other].profile));
	l = mem_alloc(sizeof(*l));
	if (!l)
		return ERR_NOMEM;
	p->m->offered = l;
	if (goes_on) {
		e = sdes_line_copy(&l->lines[0], &before->ours);
		l->n = !e;
		return e;
	}
	for (unsigned i = 0; i < suites.n && !e; i++) {
		e = sdes_offer_make(&l->lines[i], i + 1, suite_get(suites.ids[i]),
		                    p->o->sdes.own_lifetime_pkts);
		l->n += !e;
	}
	return e;
}
