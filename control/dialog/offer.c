/* SPDX-License-Identifier: MIT */
/* Checks and plans an offer, applies it to the session and rewrites it for the other side. */
#include "control/dialog/request.h"

#include "base/log.h"
#include "base/mem.h"
#include "control/dialog/later.h"
#include "control/session/targets.h"

bool dialog_is_tag_of(const struct dialog *g, enum offer_side side, struct str tag)
{
	return g->tag[side] && str_is(tag, g->tag[side]);
}

/* The sender's side: A if its tag is the first offerer's or the call knows no tag yet, else B. */
static enum offer_side side_of(const struct dialog *g, const struct dialog_command *command)
{
	if (!g->tag[OFFER_SIDE_A] || dialog_is_tag_of(g, OFFER_SIDE_A, command->from))
		return OFFER_SIDE_A;
	return OFFER_SIDE_B;
}

/*
 * A request of side B has A's tag as its to tag (RFC 3261 12.2.1.1). A new INVITE that happens to
 * have the same Call-ID does not have that tag: it belongs to another call and must not change this
 * one.
 */
bool dialog_is_of_sides(const struct dialog *g, const struct dialog_command *command)
{
	if (!command->from.n || !g->tag[OFFER_SIDE_A] ||
	    dialog_is_tag_of(g, OFFER_SIDE_A, command->from))
		return true;
	if (dialog_is_tag_of(g, OFFER_SIDE_B, command->from) && !command->to.n)
		return true;
	return dialog_is_tag_of(g, OFFER_SIDE_A, command->to);
}

static void commit_offer(struct dialog_request *q)
{
	struct dialog *g = q->dialog;

	dialog_exchange_free(g->crossed);
	g->crossed = q->supersedes ? g->next : NULL;
	if (q->supersedes)
		g->next = NULL;
	if (g->next && g->next_core != q->core)
		dialog_branch_keep_offer(g);
	dialog_exchange_free(g->next);
	g->next = q->x;
	g->next_core = q->core;
	q->x = NULL;
	if (g->state == OFFER_NEW || g->state == OFFER_OPENING)
		dialog_branch_count(g, q->command.branch);
	if (q->supersedes)
		(void)offer_step(&g->state, OFFER_EVENT_REFUSED);
	(void)offer_step(&g->state, q->event);
	log_debug("dialog", "state of the call", LOG_TEXT(session, g->id),
	          LOG_TEXT(state, offer_state_name(g->state)),
	          LOG_TEXT(event, offer_event_name(q->event)));
}

static bool offer_less(struct dialog_request *q, const struct service_result *r);

static void offer_done(void *arg, const struct service_result *r)
{
	struct dialog_request *q = arg;
	struct dialog *g = q->dialog;

	if (r->e && g->session && r->limit == SERVICE_LIMIT_PORTS && offer_less(q, r))
		return;
	if (r->e) {
		/* A client that gets a limit error moves the call to another gateway. Only a new
		 * call can move. */
		q->limit = g->session || g->now ? SERVICE_LIMIT_NONE : r->limit;
		dialog_request_fail(q, r->e, r->why);
		return;
	}
	g->session = r->session;
	g->session->attached = g;
	g->session->attached_free = dialog_session_gone;
	dialog_request_reply_sdp(q, !q->x->from, false, commit_offer);
}

/* Refuses the last m-line that is new in the call. False: no m-line is new, or the call would have
 * no m-line left. */
static bool refuse_a_new_line(struct dialog_request *q, const struct why *reason, enum err *e)
{
	const struct dialog_exchange *now = q->dialog->now;
	struct dialog_media *last = NULL;
	struct why why = *reason;
	unsigned left = 0, at = 0;

	for (unsigned i = 0; i < q->x->n_media; i++) {
		struct dialog_media *m = &q->x->media[i];

		left += m->treat == DIALOG_TREAT_RELAY || m->treat == DIALOG_TREAT_PASS;
		if (m->treat == DIALOG_TREAT_RELAY && m->is_new &&
		    !(now && i < now->n_media && now->media[i].treat == DIALOG_TREAT_RELAY)) {
			last = m;
			at = i;
		}
	}
	if (!last || left < 2)
		return false;
	why_prefix(&why, "m-line %u", at + 1);
	last->change = OFFER_CHANGE_NONE;
	*e = dialog_media_set_aside(last, DIALOG_TREAT_REFUSE, &why);
	return true;
}

/* Called when there are too few ports for the new m-lines of a call: refuses the last new one,
 * again until the remaining ones get ports. Existing media stay. False: no m-line can be refused.
 */
static bool offer_less(struct dialog_request *q, const struct service_result *r)
{
	struct dialog *g = q->dialog;
	struct spec_session *patch = NULL;
	struct why why = {""};
	enum err e = ERR_OK;

	if (!refuse_a_new_line(q, r->why, &e))
		return false;
	if (!e)
		e = dialog_patch_offer(&patch, q->x, q->replaces ? g->next : NULL, g->id, q->core);
	if (e)
		dialog_request_fail(q, e, &why);
	else if (patch)
		service_update_take(q->owner->service, patch, offer_done, q);
	else
		dialog_request_reply_sdp(q, !q->x->from, false, commit_offer);
	return true;
}

static enum err plan_offer(struct dialog_request *q, enum offer_side side, enum offer_action action,
                           struct spec_session **patch, struct why *why)
{
	struct dialog *g = q->dialog;
	const struct spec_context *context = service_context(q->owner->service);
	const struct dialog_exchange *replaced =
		action == OFFER_DO_REPLACE || q->supersedes ? g->next : NULL;
	enum err e;

	q->replaces = replaced != NULL;
	e = dialog_count_read(q->sdp, g->now, side, false);
	if (!e)
		e = dialog_plan_offer(&q->x,
		                      &(struct dialog_planning){
					      .now = g->now,
					      .sdp = q->sdp,
					      .from = side,
					      .options = &q->command.options,
					      .context = context,
				      },
		                      why);

	/* Only the first offer forks; later offers go to the active core leg. */
	q->core = g->state == OFFER_NEW || g->state == OFFER_OPENING
	                  ? dialog_core_of_branch(g, q->command.branch, true)
	                  : g->core;
	if (!e && replaced && !q->supersedes)
		e = dialog_keep_keys(q->x, replaced,
		                     q->core == g->next_core ? replaced
		                                             : dialog_branch_offer(g, q->core));
	if (!e && side == OFFER_SIDE_A && !g->tag[side])
		e = dialog_set_text(&g->tag[side], q->command.from);
	return e ? e : dialog_patch_offer(patch, q->x, replaced, g->id, q->core);
}

/*
 * Judges the addresses in an offer of a running call. They take effect with the answer, but the
 * side that names a forbidden target must get the error. New legs are judged at their creation.
 */
static enum err judge_targets(struct dialog_request *q, enum offer_side side, struct why *why)
{
	struct dialog *g = q->dialog;
	struct service *sv = q->owner->service;
	enum err e = ERR_OK;

	for (unsigned i = 0; g->session && i < q->x->n_media && !e; i++) {
		const struct dialog_media *m = &q->x->media[i];
		const struct sdp_transport *at = &m->side[side].at;
		const struct spec_media *sm;
		char id[32];
		struct leg_name at_leg = {.session = g->session,
		                          .leg = (uint8_t)dialog_leg_of(m, side, q->core)};

		dialog_media_id(i, m->generation, id);
		sm = m->treat == DIALOG_TREAT_RELAY && !m->is_new
		             ? spec_find_media(g->session->spec, str_of(id))
		             : NULL;
		if (!sm)
			continue;
		at_leg.media = (uint8_t)(sm - g->session->spec->media.items);
		e = targets_check_more(service_targets(sv), &at_leg, &at->rtp, service_now_ns(sv),
		                       why);
		if (!e && !at->rtcp_mux)
			e = targets_check_more(service_targets(sv), &at_leg, &at->rtcp,
			                       service_now_ns(sv), why);
	}
	return e;
}

static enum err judge_offer(struct dialog_request *q, enum offer_action *action, struct why *why)
{
	struct dialog *g = q->dialog;
	enum offer_state next;

	if (!dialog_is_of_sides(g, &q->command))
		return why_fail(why, ERR_INVALID,
		                "this Call-ID belongs to another call: the tags match neither side "
		                "of that call; a new call needs another Call-ID");
	*action = offer_look(g->state, q->event, &next);
	if (*action == OFFER_DO_GLARE && q->command.options.supersede_glare) {
		/* The client reports no refusals: assume that the other offer was refused. */
		q->supersedes = true;
		(void)offer_look(g->state, OFFER_EVENT_REFUSED, &next);
		*action = offer_look(next, q->event, &next);
	}
	if (*action == OFFER_DO_GLARE)
		return why_fail(why, ERR_BUSY,
		                "both sides made an offer, and the other side's offer came first "
		                "(491); try again later");
	if (*action != OFFER_DO_OPEN && *action != OFFER_DO_REPLACE)
		return why_fail(why, ERR_WRONG_STATE,
		                "the call accepts no offer now: it is in state %s",
		                offer_state_name(g->state));
	return ERR_OK;
}

/* If the offer begins a new call with the Call-ID of a deleted call that waits for its delete
 * delay: ends the old call first, then starts the offer again. False: it does not. */
static bool take_over(struct dialog_request *q)
{
	struct dialog *g = q->dialog;

	return !dialog_is_of_sides(g, &q->command) && dialog_later_is_over(g) &&
	       dialog_end_before(g, q);
}

void dialog_start_offer(struct dialog_request *q)
{
	struct dialog *g = q->dialog;
	struct service *sv = q->owner->service;
	struct spec_session *patch = NULL;
	enum offer_side side = side_of(g, &q->command);
	enum offer_action action = OFFER_DO_REFUSE;
	struct why why = {""};
	enum err e;

	if (take_over(q))
		return;
	q->event = offer_event_of(side, false);
	e = judge_offer(q, &action, &why);
	if (!e)
		e = sdp_parse(&q->sdp, q->command.sdp, &why);
	if (!e)
		e = plan_offer(q, side, action, &patch, &why);
	if (!e)
		e = judge_targets(q, side, &why);
	if (e) {
		spec_free(patch);
		dialog_request_fail(q, e, &why);
	} else if (!patch)
		dialog_request_reply_sdp(q, !side, false, commit_offer);
	else if (g->session)
		service_update_take(sv, patch, offer_done, q);
	else
		service_create_take(sv, patch, offer_done, q);
}
