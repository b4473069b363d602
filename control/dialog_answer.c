/* SPDX-License-Identifier: MIT */
/* An answer: held against the offer that waits, the session changed, written for the offerer. */
#include "control/dialog_run.h"

#include "base/log.h"

/* B answers the same offer again, under another tag: another terminal, or the same one that changed its tag. */
static bool is_of_another_fork(const struct dialog_run *op)
{
	const struct dialog *g = op->dialog;
	const char *tag = g->tag[OFFER_SIDE_B];

	return op->event == OFFER_EVENT_ANSWER_B && tag && op->ask.to.n && !str_is(op->ask.to, tag);
}

static void commit_answer(struct dialog_run *op)
{
	struct dialog *g = op->dialog;

	for (unsigned i = 0; i < op->x->n_media; i++)
		op->x->media[i].is_new = false;
	if (g->state != OFFER_STABLE) {
		dialog_forks_clear(g);
		dialog_exchange_free(g->next);
		g->next = NULL;
	} else if (is_of_another_fork(op)) {
		dialog_fork_drop(g, op->ask.to);
		dialog_fork_keep(g);
	}
	dialog_exchange_free(g->now);
	g->now = op->x;
	op->x = NULL;
	g->core = op->core;
	/* Whose answer it was; without memory for it the tag before stays, which tells forks apart no less. */
	if (op->event == OFFER_EVENT_ANSWER_B && op->ask.to.n && dialog_set_text(&g->tag[OFFER_SIDE_B], op->ask.to))
		log_warn("dialog", "sid=%s msg=\"no memory for the tag of an answer\"", g->id);
	(void)offer_step(&g->state, op->event);
	log_debug("dialog", "sid=%s state=%s event=%s", g->id, offer_state_name(g->state), offer_event_name(op->event));
}

static void answer_done(void *arg, const struct service_result *r)
{
	struct dialog_run *op = arg;

	if (r->e)
		dialog_run_fail(op, r->e, r->why);
	else
		dialog_run_reply_sdp(op, op->x->from, true, commit_answer);
}

static enum err plan_answer(struct dialog_run *op, const struct dialog_exchange *base, struct spec_session **patch,
                            struct why *why)
{
	struct dialog *g = op->dialog;
	struct dialog_options o = op->ask.options;
	enum err e = dialog_exchange_copy(&op->x, base);

	/* Another fork brings its own key; that is no re-keying. */
	o.accept_rekey |= is_of_another_fork(op);
	if (!e)
		e = dialog_plan_answer(op->x, g->now, op->sdp, &o, why);
	op->core = dialog_core_of_branch(g, op->ask.branch, false);
	if (!e)
		e = dialog_patch_answer(patch, op->x, g->now, g->id, op->core, service_context(op->owner->service));
	return e;
}

/* The offerer is the same in an answer as in its offer; whose the other tag is tells forks apart. */
static bool is_of_offer(const struct dialog *g, const struct dialog_exchange *offer, const struct dialog_ask *ask)
{
	bool is_a = g->tag[OFFER_SIDE_A] && str_is(ask->from, g->tag[OFFER_SIDE_A]);

	return !ask->from.n || !g->tag[OFFER_SIDE_A] || is_a == (offer->from == OFFER_SIDE_A);
}

void dialog_start_answer(struct dialog_run *op)
{
	struct dialog *g = op->dialog;
	const struct dialog_exchange *base = g->next ? g->next : g->now;
	struct spec_session *patch = NULL;
	enum offer_state next;
	enum offer_action action = OFFER_DO_REFUSE;
	struct why why = {""};
	enum err e = ERR_OK;

	if (base && !is_of_offer(g, base, &op->ask))
		e = why_fail(&why, ERR_NOT_FOUND, "the tags name no offer of this call");
	if (base) {
		op->event = offer_event_of(!base->from, true);
		action = offer_look(g->state, op->event, &next);
	}
	if (!e && action != OFFER_DO_AGREE && action != OFFER_DO_AGREE_AGAIN)
		e = why_fail(&why, ERR_WRONG_STATE, "an answer without an offer (%s)", offer_state_name(g->state));
	if (!e)
		e = sdp_parse(&op->sdp, op->ask.sdp, &why);
	if (!e)
		e = plan_answer(op, base, &patch, &why);
	if (e)
		dialog_run_fail(op, e, &why);
	else if (!patch || !g->session)
		dialog_run_reply_sdp(op, base->from, true, commit_answer);
	else
		service_update_take(op->owner->service, patch, answer_done, op);
}
