/* SPDX-License-Identifier: MIT */
/* The end, of an offer that was refused and of a call. */
#include "control/dialog_run.h"

#include "base/clk.h"
#include "base/log.h"

static void roll_back(struct dialog_run *op)
{
	struct dialog *g = op->dialog;

	dialog_exchange_free(g->next);
	g->next = NULL;
	(void)offer_step(&g->state, OFFER_EVENT_REFUSED);
	dialog_run_finish(op, &(struct dialog_reply){.session = g->session});
}

static void undo_done(void *arg, const struct service_result *r)
{
	struct dialog_run *op = arg;

	if (r->e)
		dialog_run_fail(op, r->e, r->why);
	else
		roll_back(op);
}

static void delete_done(void *arg, const struct service_result *r)
{
	struct dialog_run *op = arg;
	struct dialog *g = op->dialog;
	struct dialog_reply reply = {.e = r->e, .why = r->why, .session = r->session, .stats = r->stats};

	if (r->session)
		r->session->attached = NULL;
	g->session = NULL;
	g->state = OFFER_ENDED;
	reply.sip_status = r->e ? dialog_sip_status(r->e) : 0;
	dialog_run_finish(op, &reply);
}

static void return_done(void *arg, const struct service_result *r)
{
	struct dialog_run *op = arg;
	struct dialog *g = op->dialog;

	/* The fork's key, say, is no more known: nothing is left to talk. */
	if (r->e) {
		log_info("dialog", "sid=%s msg=\"no way back to another fork\" reason=\"%s\"", g->id, r->why->text);
		service_delete(op->owner->service, str_of(g->id), delete_done, op);
		return;
	}
	dialog_exchange_free(g->now);
	g->now = op->x;
	op->x = NULL;
	dialog_fork_return(g);
	g->settled_ns = clk_mono_ns();
	/* It may have ended without a word, as an early dialog does. */
	g->ends_when_silent = true;
	dialog_run_finish(op, &(struct dialog_reply){.session = g->session});
}

/* False: there is no fork to go back to, or no memory. */
static bool start_return(struct dialog_run *op)
{
	struct dialog *g = op->dialog;
	const struct dialog_fork *fork = dialog_fork_behind(g, &op->ask);
	struct spec_session *patch = NULL;

	if (!fork || !g->session || dialog_exchange_copy(&op->x, fork->agreed))
		return false;
	op->core = fork->core;
	op->x->terms.accept_rekey = true;
	if (dialog_patch_answer(&patch, op->x, g->now, g->id, op->core, service_context(op->owner->service)) || !patch)
		return false;
	service_update_take(op->owner->service, patch, return_done, op);
	return true;
}

/* The end of one fork while another one talks leaves the call alone, whichever side tells of it. */
static bool is_other_fork(const struct dialog *g, const struct dialog_ask *ask)
{
	const char *a = g->tag[OFFER_SIDE_A], *b = g->tag[OFFER_SIDE_B];

	if (g->state < OFFER_STABLE || !a || !b || !ask->from.n || !ask->to.n)
		return false;
	return str_is(ask->from, a) ? !str_is(ask->to, b) : !str_is(ask->from, b);
}

static bool refuse_strangers(struct dialog_run *op)
{
	struct why why;

	if (dialog_is_of_sides(op->dialog, &op->ask))
		return false;
	dialog_run_fail(op, why_fail(&why, ERR_NOT_FOUND, "the tags name neither side of this call"), &why);
	return true;
}

void dialog_start_reject(struct dialog_run *op)
{
	struct dialog *g = op->dialog;
	struct spec_session *patch = NULL;
	enum offer_state next;
	enum offer_action action = offer_look(g->state, OFFER_EVENT_REFUSED, &next);
	struct why why = {""};
	enum err e = ERR_OK;

	if (refuse_strangers(op))
		return;
	if (action == OFFER_DO_ROLL_BACK && next == OFFER_NEW && g->session) {
		service_delete(op->owner->service, str_of(g->id), delete_done, op);
		return;
	}
	if (action == OFFER_DO_ROLL_BACK && g->next)
		e = dialog_patch_undo(&patch, g->next, g->id);
	if (e)
		dialog_run_fail(op, e, &why);
	else if (patch && g->session)
		service_update_take(op->owner->service, patch, undo_done, op);
	else
		roll_back(op);
}

void dialog_start_delete(struct dialog_run *op)
{
	struct dialog *g = op->dialog;

	if (refuse_strangers(op))
		return;
	if (is_other_fork(g, &op->ask)) {
		dialog_fork_drop(g, str_is(op->ask.from, g->tag[OFFER_SIDE_A]) ? op->ask.to : op->ask.from);
		dialog_run_finish(op, &(struct dialog_reply){.session = g->session});
	} else if (start_return(op)) {
		return;
	} else if (g->session) {
		service_delete(op->owner->service, str_of(g->id), delete_done, op);
	} else {
		g->state = OFFER_ENDED;
		dialog_run_finish(op, &(struct dialog_reply){.e = ERR_OK});
	}
}
