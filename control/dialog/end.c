/* SPDX-License-Identifier: MIT */
/* The end: of an offer that was refused, of a branch, of one of several dialogs, and of a call. */
#include "control/dialog/run.h"

#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/dialog/later.h"

/*
 * DOUBT_S: a refusal says that some place is out, and nothing tells whether others still ring;
 * longer than proxies let anybody ring (RFC 3261 16.6, timer C). CANCELLED_S: whoever lost against
 * an answer has ended by then (64 times T1).
 */
enum { DOUBT_S = 300, CANCELLED_S = 32 };

static void finish(struct dialog_run *op)
{
	dialog_run_finish(op, &(struct dialog_reply){.session = op->dialog->session});
}

/* --- the whole call --------------------------------------------------------- */

static void delete_done(void *arg, const struct service_result *r)
{
	struct dialog_run *op = arg;
	struct dialog *g = op->dialog;
	struct dialog_reply reply = {
		.e = r->e, .why = r->why, .session = r->session, .stats = r->stats};

	dialog_later_forget(g);
	if (r->session)
		r->session->attached = NULL;
	g->session = NULL;
	g->state = OFFER_ENDED;
	reply.sip_status = r->e ? dialog_sip_status(r->e) : 0;
	dialog_run_finish(op, &reply);
}

static void delete_now(struct dialog_run *op)
{
	struct dialog *g = op->dialog;

	if (g->session) {
		service_delete(op->owner->service, str_of(g->id), delete_done, op);
		return;
	}
	g->state = OFFER_ENDED;
	finish(op);
}

/* What there is to tell of a call that goes on for a while. */
static void told_later(void *arg, const struct service_result *r)
{
	struct dialog_run *op = arg;

	if (r->e)
		finish(op);
	else
		dialog_run_finish(op,
		                  &(struct dialog_reply){.session = r->session, .stats = r->stats});
}

static uint32_t delay_ms(const struct dialog_run *op)
{
	uint32_t asked_ms = op->ask.options.delete_delay_ms;

	return asked_ms == DIALOG_DELAY_SETTING
	               ? service_get_config(op->owner->service)->calls.delete_delay_ms
	               : asked_ms;
}

static void end_call(struct dialog_run *op)
{
	if (!op->ends_all && delay_ms(op) && dialog_later_end(op->dialog, delay_ms(op), false))
		service_get(op->owner->service, str_of(op->dialog->id), told_later, op);
	else
		delete_now(op);
}

/* Perhaps nobody is left: if nobody is heard of, the call ends, but not soon. */
static void end_in_doubt(struct dialog_run *op)
{
	(void)dialog_later_end(op->dialog, DOUBT_S * 1000, true);
	finish(op);
}

/* --- back to another dialog ------------------------------------------------- */

static void return_done(void *arg, const struct service_result *r)
{
	struct dialog_run *op = arg;
	struct dialog *g = op->dialog;

	/* The fork's key, say, is no more known: nothing is left to talk. */
	if (r->e) {
		log_info("dialog", "sid=%s msg=\"no way back to another fork\" reason=\"%s\"",
		         g->id, r->why->text);
		end_call(op);
		return;
	}
	dialog_exchange_free(g->now);
	g->now = op->x;
	op->x = NULL;
	dialog_fork_return(g);
	g->settled_ns = clk_mono_ns();
	/* It may have ended without a word, as an early dialog does. */
	g->ends_when_silent = true;
	finish(op);
}

/* False: there is no fork to go back to, or no memory. */
static bool start_return(struct dialog_run *op)
{
	struct dialog *g = op->dialog;
	const struct dialog_fork *fork = dialog_fork_behind(g);
	struct spec_session *patch = NULL;

	if (g->state != OFFER_STABLE || !fork || !g->session ||
	    dialog_exchange_copy(&op->x, fork->agreed))
		return false;
	op->core = fork->core;
	op->x->terms.accept_rekey = true;
	if (dialog_patch_answer(&patch, op->x, g->now, g->id, op->core,
	                        service_context(op->owner->service)) ||
	    !patch)
		return false;
	service_update_take(op->owner->service, patch, return_done, op);
	return true;
}

/* --- branches --------------------------------------------------------------- */

/* What the first offer made of the session. */
static const struct dialog_exchange *first_exchange(const struct dialog *g)
{
	return g->now ? g->now : g->next;
}

static void branch_gone(struct dialog_run *op)
{
	struct dialog *g = op->dialog;

	const struct dialog_exchange *offer = dialog_branch_offer(g, op->core);
	struct dialog_exchange *copy = NULL;

	/* It waits for the others again, as before anybody answered. */
	if (op->core != g->core && offer &&
	    (offer == g->next || !dialog_exchange_copy(&copy, offer))) {
		if (copy) {
			dialog_exchange_free(g->next);
			g->next = copy;
		}
		g->next_core = g->core = op->core;
		dialog_exchange_free(g->now);
		g->now = NULL;
		mem_free(g->tag[OFFER_SIDE_B]);
		g->tag[OFFER_SIDE_B] = NULL;
		g->state = OFFER_OPENING;
	}
	if (g->state == OFFER_OPENING)
		end_in_doubt(op);
	else
		finish(op);
}

static void branch_done(void *arg, const struct service_result *r)
{
	struct dialog_run *op = arg;

	if (r->e)
		log_info("dialog",
		         "sid=%s msg=\"the legs of a branch that ended stay\" reason=\"%s\"",
		         op->dialog->id, r->why->text);
	branch_gone(op);
}

/* The legs of core leg `core` go; who is awaited from now on is `heir`. */
static void take_branch(struct dialog_run *op, unsigned core, unsigned heir)
{
	struct dialog *g = op->dialog;
	struct spec_session *patch = NULL;
	bool was_next = g->state == OFFER_OPENING && g->next_core == core;

	op->core = core == g->core || was_next ? heir : g->core;
	if (!dialog_branch_offer(g, op->core))
		op->core = g->core;
	if (g->session && first_exchange(g) &&
	    !dialog_patch_branch(&patch, first_exchange(g), g->id, core, op->core) && patch)
		service_update_take(op->owner->service, patch, branch_done, op);
	else
		branch_gone(op);
}

static void end_branch(struct dialog_run *op)
{
	struct dialog *g = op->dialog;
	unsigned core = 0, other;
	struct dialog_branch *b = dialog_branch_find(g, op->ask.branch, &core);
	bool is_answered = g->state >= OFFER_STABLE && core == g->core,
	     has_other = dialog_branch_other(g, core, &other);

	b->n_refused = (uint8_t)(b->n_refused + (b->n_refused < UINT8_MAX));
	/* One name for several places: some of them have not refused. */
	if (b->n_refused < b->n_offers && !is_answered) {
		end_in_doubt(op);
		return;
	}
	if (is_answered && start_return(op)) {
		b->is_ended = true;
	} else if (has_other && dialog_branch_offer(g, other)) {
		b->is_ended = true;
		take_branch(op, core, other);
	} else if (is_answered || g->state == OFFER_OPENING) {
		/* A call that an offer under another name takes back does not wait for this one. */
		b->is_ended = !is_answered;
		end_call(op);
	} else {
		b->is_ended = true;
		take_branch(op, core, g->core);
	}
}

/* --- what a delete names ---------------------------------------------------- */

/* The tag of the two that is not the caller's; empty when none is given. */
static struct str fork_tag(const struct dialog *g, const struct dialog_ask *ask)
{
	if (dialog_is_tag_of(g, OFFER_SIDE_A, ask->from))
		return ask->to;
	if (!ask->from.n && dialog_is_tag_of(g, OFFER_SIDE_A, ask->to))
		return str_of("");
	return ask->from.n ? ask->from : ask->to;
}

/* The dialog that talks: another that answered too takes its place, or those that still ring are
 * awaited again. */
static void end_active(struct dialog_run *op)
{
	struct dialog *g = op->dialog;
	unsigned other;
	bool may_ring = clk_mono_ns() - g->settled_ns < CANCELLED_S * NS_PER_S;

	if (start_return(op))
		return;
	if (g->state == OFFER_STABLE && may_ring && dialog_branch_other(g, g->core, &other) &&
	    dialog_branch_offer(g, other))
		take_branch(op, g->core, other);
	else
		end_call(op);
}

/* A place that was never heard of, of which there may be several. */
static void end_unknown(struct dialog_run *op)
{
	struct dialog *g = op->dialog;

	if (g->state != OFFER_OPENING) {
		finish(op);
		return;
	}
	g->n_refused = (uint8_t)(g->n_refused + (g->n_refused < UINT8_MAX));
	if (dialog_branches_open(g))
		end_in_doubt(op);
	else
		end_call(op);
}

/*
 * The caller's tag alone says that he hung up, or that one of several places refused or lost, and
 * somebody else rings or has just answered. Who wants the end at once (delay 0) means the call.
 */
static bool may_be_a_refusal(const struct dialog_run *op)
{
	const struct dialog *g = op->dialog;
	bool is_young =
		g->state == OFFER_STABLE && clk_mono_ns() - g->settled_ns < CANCELLED_S * NS_PER_S;

	return delay_ms(op) && g->owner->later && (g->state == OFFER_OPENING || is_young) &&
	       dialog_branches_open(g) > 1 && dialog_is_tag_of(g, OFFER_SIDE_A, op->ask.from);
}

static bool refuse_strangers(struct dialog_run *op)
{
	struct why why;

	if (dialog_is_of_sides(op->dialog, &op->ask))
		return false;
	dialog_run_fail(
		op, why_fail(&why, ERR_NOT_FOUND, "the tags name neither side of this call"), &why);
	return true;
}

void dialog_start_delete(struct dialog_run *op)
{
	struct dialog *g = op->dialog;
	struct str tag = fork_tag(g, &op->ask);
	unsigned core;
	const struct dialog_branch *b = dialog_branch_find(g, op->ask.branch, &core);
	bool knows_tag = g->tag[OFFER_SIDE_A] && tag.n;

	if (!op->ends_all && refuse_strangers(op))
		return;
	if (op->ends_all) {
		delete_now(op);
	} else if (knows_tag && dialog_is_tag_of(g, OFFER_SIDE_B, tag)) {
		end_active(op);
	} else if (knows_tag && dialog_fork_is_known(g, tag) && (!b || core == g->core)) {
		dialog_fork_drop(g, tag);
		finish(op);
	} else if (b && b->is_ended) {
		finish(op);
	} else if (b) {
		end_branch(op);
	} else if (knows_tag && (g->tag[OFFER_SIDE_B] || g->state == OFFER_OPENING)) {
		end_unknown(op);
	} else if (may_be_a_refusal(op)) {
		g->n_refused++;
		end_in_doubt(op);
	} else {
		end_call(op);
	}
}

/* --- a refused offer -------------------------------------------------------- */

static void roll_back(struct dialog_run *op)
{
	struct dialog *g = op->dialog;

	dialog_exchange_free(g->next);
	g->next = NULL;
	(void)offer_step(&g->state, OFFER_EVENT_REFUSED);
	finish(op);
}

static void undo_done(void *arg, const struct service_result *r)
{
	struct dialog_run *op = arg;

	if (r->e)
		dialog_run_fail(op, r->e, r->why);
	else
		roll_back(op);
}

void dialog_start_reject(struct dialog_run *op)
{
	struct dialog *g = op->dialog;
	struct spec_session *patch = NULL;
	enum offer_state next;
	enum offer_action action = offer_look(g->state, OFFER_EVENT_REFUSED, &next);
	struct why why = {""};
	enum err e = ERR_OK;
	unsigned core, other;

	if (refuse_strangers(op))
		return;
	if (g->state == OFFER_OPENING && dialog_branch_find(g, op->ask.branch, &core) &&
	    dialog_branch_other(g, core, &other)) {
		end_branch(op);
		return;
	}
	if (action == OFFER_DO_ROLL_BACK && next == OFFER_NEW && g->session) {
		delete_now(op);
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
