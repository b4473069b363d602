/* SPDX-License-Identifier: MIT */
/* Ends a call, one of its dialogs, a branch, or an offer that was refused (docs/decisions/0059). */
#include "control/dialog/request.h"

#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/dialog/later.h"

/*
 * Seconds. DOUBT_S: how long a call stays when a branch was refused and others may still ring; more
 * than timer C of proxies (RFC 3261 16.6). CANCELLED_S: how long after an answer other branches may
 * still exist (64 times T1).
 */
enum { DOUBT_S = 300, CANCELLED_S = 32 };

static void finish(struct dialog_request *q)
{
	dialog_request_finish(q, &(struct dialog_reply){.session = q->dialog->session});
}

/* --- the whole call --------------------------------------------------------- */

static void delete_done(void *arg, const struct service_result *r)
{
	struct dialog_request *q = arg;
	struct dialog *g = q->dialog;
	struct dialog_reply reply = {
		.e = r->e, .why = r->why, .session = r->session, .stats = r->stats};

	/* The session did not end, for example because memory is short: the call stays, too. */
	if (r->e && g->session) {
		dialog_later_retry(g);
		dialog_request_fail(q, r->e, r->why);
		return;
	}
	dialog_later_forget(g);
	if (r->session)
		r->session->attached = NULL;
	g->session = NULL;
	g->state = OFFER_ENDED;
	reply.sip_status = r->e ? dialog_sip_status(r->e) : 0;
	dialog_request_finish(q, &reply);
}

static void delete_now(struct dialog_request *q)
{
	struct dialog *g = q->dialog;

	if (g->session) {
		service_delete(q->owner->service, str_of(g->id), delete_done, q);
		return;
	}
	g->state = OFFER_ENDED;
	finish(q);
}

/* Replies with the current counts: the call continues for its delete delay. */
static void reply_with_counts(void *arg, const struct service_result *r)
{
	struct dialog_request *q = arg;

	if (r->e)
		finish(q);
	else
		dialog_request_finish(
			q, &(struct dialog_reply){.session = r->session, .stats = r->stats});
}

static uint32_t delay_ms(const struct dialog_request *q)
{
	uint32_t asked_ms = q->command.options.delete_delay_ms;

	return asked_ms == DIALOG_DELAY_SETTING
	               ? service_get_config(q->owner->service)->calls.delete_delay_ms
	               : asked_ms;
}

static void end_call(struct dialog_request *q)
{
	if (!q->ends_all && delay_ms(q) && dialog_later_end(q->dialog, delay_ms(q), false))
		service_get(q->owner->service, str_of(q->dialog->id), reply_with_counts, q);
	else
		delete_now(q);
}

/* Other branches may still ring: ends the call after DOUBT_S if no offer or answer comes. */
static void end_in_doubt(struct dialog_request *q)
{
	(void)dialog_later_end(q->dialog, DOUBT_S * 1000, true);
	finish(q);
}

/* --- back to another dialog ------------------------------------------------- */

static void return_done(void *arg, const struct service_result *r)
{
	struct dialog_request *q = arg;
	struct dialog *g = q->dialog;

	/* A possible reason: the session no longer remembers the fork's key. */
	if (r->e) {
		log_info("dialog", "cannot return to another fork: the call ends",
		         LOG_TEXT(session, g->id), LOG_TEXT(reason, r->why->text));
		end_call(q);
		return;
	}
	dialog_exchange_free(g->now);
	g->now = q->x;
	q->x = NULL;
	dialog_fork_return(g);
	g->settled_ns = clk_mono_ns();
	/* The fork may be an early dialog that ended without signalling. */
	g->ends_when_silent = true;
	finish(q);
}

/* Returns the call to the fork that answered before the active one. False: no such fork, or no
 * memory. */
static bool start_return(struct dialog_request *q)
{
	struct dialog *g = q->dialog;
	const struct dialog_fork *fork = dialog_fork_behind(g);
	struct spec_session *patch = NULL;

	if (g->state != OFFER_STABLE || !fork || !g->session ||
	    dialog_exchange_copy(&q->x, fork->agreed))
		return false;
	q->core = fork->core;
	q->x->terms.accept_rekey = true;
	if (dialog_patch_answer(&patch, q->x, g->now,
	                        &(struct dialog_patching){
					.id = g->id,
					.core = q->core,
					.context = service_context(q->owner->service),
				}) ||
	    !patch)
		return false;
	service_update_take(q->owner->service, patch, return_done, q);
	return true;
}

/* --- branches --------------------------------------------------------------- */

/* Returns the agreement, or before the first answer the first offer. */
static const struct dialog_exchange *first_exchange(const struct dialog *g)
{
	return g->now ? g->now : g->next;
}

static void branch_gone(struct dialog_request *q)
{
	struct dialog *g = q->dialog;

	const struct dialog_exchange *offer = dialog_branch_offer(g, q->core);
	struct dialog_exchange *copy = NULL;

	/* Another branch becomes active: the call waits for its answer, as before the first one. */
	if (q->core != g->core && offer &&
	    (offer == g->next || !dialog_exchange_copy(&copy, offer))) {
		if (copy) {
			dialog_exchange_free(g->next);
			g->next = copy;
		}
		g->next_core = g->core = q->core;
		dialog_exchange_free(g->now);
		g->now = NULL;
		mem_free(g->tag[OFFER_SIDE_B]);
		g->tag[OFFER_SIDE_B] = NULL;
		g->state = OFFER_OPENING;
	}
	if (g->state == OFFER_OPENING)
		end_in_doubt(q);
	else
		finish(q);
}

static void branch_done(void *arg, const struct service_result *r)
{
	struct dialog_request *q = arg;

	if (r->e)
		log_info("dialog", "cannot remove the legs of an ended branch: its legs stay",
		         LOG_TEXT(session, q->dialog->id), LOG_TEXT(reason, r->why->text));
	branch_gone(q);
}

/* Removes core leg `core` from all media. If it was active, core leg `heir` becomes active. */
static void take_branch(struct dialog_request *q, unsigned core, unsigned heir)
{
	struct dialog *g = q->dialog;
	struct spec_session *patch = NULL;
	bool was_next = g->state == OFFER_OPENING && g->next_core == core;

	q->core = core == g->core || was_next ? heir : g->core;
	if (!dialog_branch_offer(g, q->core))
		q->core = g->core;
	if (g->session && first_exchange(g) &&
	    !dialog_patch_branch(&patch, first_exchange(g), g->id, core, q->core) && patch)
		service_update_take(q->owner->service, patch, branch_done, q);
	else
		branch_gone(q);
}

static void end_branch(struct dialog_request *q)
{
	struct dialog *g = q->dialog;
	unsigned core = 0, other;
	struct dialog_branch *b = dialog_branch_find(g, q->command.branch, &core);
	bool is_answered = g->state >= OFFER_STABLE && core == g->core,
	     has_other = dialog_branch_other(g, core, &other);

	b->n_refused = (uint8_t)(b->n_refused + (b->n_refused < UINT8_MAX));
	/* More offers went to this branch than it refused: a terminal may still answer. */
	if (b->n_refused < b->n_offers && !is_answered) {
		end_in_doubt(q);
		return;
	}
	if (is_answered && start_return(q)) {
		b->is_ended = true;
	} else if (has_other && dialog_branch_offer(g, other)) {
		b->is_ended = true;
		take_branch(q, core, other);
	} else if (is_answered || g->state == OFFER_OPENING) {
		/* If an offer to another branch cancels the delete, this branch stays ended. */
		b->is_ended = !is_answered;
		end_call(q);
	} else {
		b->is_ended = true;
		take_branch(q, core, g->core);
	}
}

/* --- what a delete names ---------------------------------------------------- */

/* The answerer's tag in a delete; empty: the delete names no answerer. */
static struct str fork_tag(const struct dialog *g, const struct dialog_command *command)
{
	if (dialog_is_tag_of(g, OFFER_SIDE_A, command->from))
		return command->to;
	if (!command->from.n && dialog_is_tag_of(g, OFFER_SIDE_A, command->to))
		return str_of("");
	return command->from.n ? command->from : command->to;
}

/* Ends the active dialog. The call returns to another fork that answered, or to branches that still
 * ring; otherwise it ends. */
static void end_active(struct dialog_request *q)
{
	struct dialog *g = q->dialog;
	unsigned other;
	bool may_ring = clk_mono_ns() - g->settled_ns < CANCELLED_S * NS_PER_S;

	if (start_return(q))
		return;
	if (g->state == OFFER_STABLE && may_ring && dialog_branch_other(g, g->core, &other) &&
	    dialog_branch_offer(g, other))
		take_branch(q, g->core, other);
	else
		end_call(q);
}

/* Handles a delete with an unknown tag: a branch that never answered has ended. */
static void end_unknown(struct dialog_request *q)
{
	struct dialog *g = q->dialog;

	if (g->state != OFFER_OPENING) {
		finish(q);
		return;
	}
	g->n_refused = (uint8_t)(g->n_refused + (g->n_refused < UINT8_MAX));
	if (dialog_branches_open(g))
		end_in_doubt(q);
	else
		end_call(q);
}

/*
 * Could the delete be about one branch? A delete with the caller's tag alone means that the caller
 * hung up, or that one of several branches was refused or cancelled while another one rings or has
 * just answered. With a delay of 0 the delete means the whole call.
 */
static bool may_be_a_refusal(const struct dialog_request *q)
{
	const struct dialog *g = q->dialog;
	bool is_young =
		g->state == OFFER_STABLE && clk_mono_ns() - g->settled_ns < CANCELLED_S * NS_PER_S;

	return delay_ms(q) && g->owner->later && (g->state == OFFER_OPENING || is_young) &&
	       dialog_branches_open(g) > 1 && dialog_is_tag_of(g, OFFER_SIDE_A, q->command.from);
}

static bool refuse_foreign_tags(struct dialog_request *q)
{
	struct why why;

	if (dialog_is_of_sides(q->dialog, &q->command))
		return false;
	dialog_request_fail(
		q, why_fail(&why, ERR_NOT_FOUND, "the tags match neither side of this call"), &why);
	return true;
}

void dialog_start_delete(struct dialog_request *q)
{
	struct dialog *g = q->dialog;
	struct str tag = fork_tag(g, &q->command);
	unsigned core;
	const struct dialog_branch *b = dialog_branch_find(g, q->command.branch, &core);
	bool knows_tag = g->tag[OFFER_SIDE_A] && tag.n;

	if (!q->ends_all && refuse_foreign_tags(q))
		return;
	if (q->ends_all) {
		delete_now(q);
	} else if (knows_tag && dialog_is_tag_of(g, OFFER_SIDE_B, tag)) {
		end_active(q);
	} else if (knows_tag && dialog_fork_is_known(g, tag) && (!b || core == g->core)) {
		dialog_fork_drop(g, tag);
		finish(q);
	} else if (b && b->is_ended) {
		finish(q);
	} else if (b) {
		end_branch(q);
	} else if (knows_tag && (g->tag[OFFER_SIDE_B] || g->state == OFFER_OPENING)) {
		end_unknown(q);
	} else if (may_be_a_refusal(q)) {
		g->n_refused++;
		end_in_doubt(q);
	} else {
		end_call(q);
	}
}

/* --- a refused offer -------------------------------------------------------- */

static void roll_back(struct dialog_request *q)
{
	struct dialog *g = q->dialog;

	dialog_exchange_free(g->next);
	g->next = NULL;
	(void)offer_step(&g->state, OFFER_EVENT_REFUSED);
	finish(q);
}

static void undo_done(void *arg, const struct service_result *r)
{
	struct dialog_request *q = arg;

	if (r->e)
		dialog_request_fail(q, r->e, r->why);
	else
		roll_back(q);
}

void dialog_start_reject(struct dialog_request *q)
{
	struct dialog *g = q->dialog;
	struct spec_session *patch = NULL;
	enum offer_state next;
	enum offer_action action = offer_look(g->state, OFFER_EVENT_REFUSED, &next);
	struct why why = {""};
	enum err e = ERR_OK;
	unsigned core, other;

	if (refuse_foreign_tags(q))
		return;
	if (g->state == OFFER_OPENING && dialog_branch_find(g, q->command.branch, &core) &&
	    dialog_branch_other(g, core, &other)) {
		end_branch(q);
		return;
	}
	if (action == OFFER_DO_ROLL_BACK && next == OFFER_NEW && g->session) {
		delete_now(q);
		return;
	}
	if (action == OFFER_DO_ROLL_BACK && g->next)
		e = dialog_patch_undo(&patch, g->next, g->id);
	if (e)
		dialog_request_fail(q, e, &why);
	else if (patch && g->session)
		service_update_take(q->owner->service, patch, undo_done, q);
	else
		roll_back(q);
}
