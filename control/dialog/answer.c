/* SPDX-License-Identifier: MIT */
/* Checks an answer against its offer, applies it to the session and rewrites it for the offerer. */
#include "control/dialog/request.h"

#include "base/log.h"
#include "base/map.h"

/* Does side B answer the same offer again under another tag? Then another terminal answers, or the
 * same terminal has a new tag. */
static bool is_of_another_fork(const struct dialog_request *q)
{
	const struct dialog *g = q->dialog;
	const char *tag = g->tag[OFFER_SIDE_B];

	return q->event == OFFER_EVENT_ANSWER_B && tag && q->command.to.n &&
	       !str_is(q->command.to, tag);
}

/* A hash that recognises a repeated answer; never 0. The key may be fixed: a peer gains nothing
 * from a collision. */
static uint64_t hash_of(struct str sdp)
{
	static const uint8_t key[16] = "answers by text";
	uint64_t hash = map_hash(key, sdp.p, sdp.n);

	return hash ? hash : 1;
}

static void note_answer(struct dialog_request *q)
{
	q->dialog->answered[!q->x->from] = hash_of(q->command.sdp);
}

static void commit_answer(struct dialog_request *q)
{
	struct dialog *g = q->dialog;

	note_answer(q);
	for (unsigned i = 0; i < q->x->n_media; i++)
		q->x->media[i].is_new = false;
	dialog_exchange_free(g->crossed);
	g->crossed = NULL;
	if (g->state == OFFER_OPENING) {
		dialog_forks_clear(g);
		dialog_branch_keep_offer(g);
	} else if (g->state != OFFER_STABLE) {
		dialog_forks_clear(g);
		dialog_branches_forget_offers(g);
		dialog_exchange_free(g->next);
		g->next = NULL;
	} else if (is_of_another_fork(q)) {
		dialog_fork_drop(g, q->command.to);
		dialog_fork_keep(g);
	}
	dialog_exchange_free(g->now);
	g->now = q->x;
	q->x = NULL;
	g->core = q->core;
	/* Without memory the answer still applies, but the call does not know its tag. */
	if (q->event == OFFER_EVENT_ANSWER_B && q->command.to.n &&
	    dialog_set_text(&g->tag[OFFER_SIDE_B], q->command.to))
		log_warn("dialog",
		         "out of memory: the answerer's new tag is not stored; requests with this "
		         "tag may "
		         "be refused",
		         LOG_TEXT(session, g->id));
	(void)offer_step(&g->state, q->event);
	log_debug("dialog", "state of the call", LOG_TEXT(session, g->id),
	          LOG_TEXT(state, offer_state_name(g->state)),
	          LOG_TEXT(event, offer_event_name(q->event)));
}

static void answer_done(void *arg, const struct service_result *r)
{
	struct dialog_request *q = arg;

	if (r->e)
		dialog_request_fail(q, r->e, r->why);
	else
		dialog_request_reply_sdp(q, q->x->from, true, commit_answer);
}

static enum err plan_answer(struct dialog_request *q, const struct dialog_exchange *base,
                            struct spec_session **patch, struct why *why)
{
	struct dialog *g = q->dialog;
	struct dialog_options o = q->command.options;
	enum err e = dialog_exchange_copy(&q->x, base);

	/* Another fork has its own key, so a different key is no re-keying. */
	o.accept_rekey |= is_of_another_fork(q);
	if (!e)
		e = dialog_count_read(q->sdp, base, !base->from, true);
	if (!e)
		e = dialog_plan_answer(q->x, g->now, q->sdp, &o, why);
	q->core = dialog_core_of_branch(g, q->command.branch, false);
	if (!e)
		e = dialog_patch_answer(patch, q->x, g->now,
		                        &(struct dialog_patching){
						.id = g->id,
						.core = q->core,
						.context = service_context(q->owner->service),
					});
	return e;
}

/* Does the command's from tag name side `from`, which made the offer? The to tag is not checked,
 * because it differs between forks. */
static bool is_of_offerer(const struct dialog *g, enum offer_side from,
                          const struct dialog_command *command)
{
	bool is_a = g->tag[OFFER_SIDE_A] && str_is(command->from, g->tag[OFFER_SIDE_A]);

	return !command->from.n || !g->tag[OFFER_SIDE_A] || is_a == (from == OFFER_SIDE_A);
}

/* --- the answered offer ----------------------------------------------------- */

/* The offer that the command answers: the waiting offer, or with several branches the offer to this
 * branch. Returns the agreement when no offer waits. */
static const struct dialog_exchange *open_offer(struct dialog *g,
                                                const struct dialog_command *command)
{
	unsigned core = dialog_core_of_branch(g, command->branch, false);
	const struct dialog_exchange *there =
		command->branch.n && g->state <= OFFER_STABLE ? dialog_branch_offer(g, core) : NULL;

	if (g->next && (!there || core == g->next_core))
		return g->next;
	return there ? there : g->now;
}

/* Did the offer add media? The session lost them when another offer superseded this one. */
static bool has_new_media(const struct dialog_exchange *x)
{
	for (unsigned i = 0; i < x->n_media; i++)
		if (x->media[i].treat == DIALOG_TREAT_RELAY && x->media[i].is_new)
			return true;
	return false;
}

/* Both sides made an offer, and the second offer superseded the first one here. Now the first offer
 * is answered, so its receiver must have refused the second one (RFC 3261 14.1): makes the first
 * offer the waiting one again. */
static enum err restore_first_offer(struct dialog *g, const struct dialog_exchange **base,
                                    struct why *why)
{
	struct dialog_exchange *first = g->crossed;

	if (has_new_media(first))
		return why_fail(
			why, ERR_WRONG_STATE,
			"this answer is too late: a newer offer of the other side removed the "
			"media that the answered offer had added (491); send the offer again");
	dialog_exchange_free(g->next);
	g->next = first;
	g->crossed = NULL;
	(void)offer_step(&g->state, OFFER_EVENT_REFUSED);
	(void)offer_step(&g->state, offer_event_of(first->from, false));
	*base = first;
	return ERR_OK;
}

/* --- repeated answers ------------------------------------------------------- */

static void commit_nothing(struct dialog_request *q)
{
	log_debug("dialog", "repeated answer, nothing changes", LOG_TEXT(session, q->dialog->id));
}

/* Does the SDP repeat the agreed ports and directions of side `by`? */
static bool is_as_agreed(const struct dialog_exchange *now, const struct sdp *s, enum offer_side by)
{
	struct why why;

	for (unsigned i = 0; i < now->n_media; i++) {
		const struct dialog_side *side = &now->media[i].side[by];
		struct sdp_transport t;

		if (now->media[i].treat != DIALOG_TREAT_RELAY)
			continue;
		if (s->media[i].port == 0 || s->media[i].port != side->at.rtp.port ||
		    sdp_transport_read(s, i, &t, &why))
			return false;
		if (t.direction != side->at.direction)
			return false;
	}
	return true;
}

/*
 * Plans an answer for which no offer waits, such as a 200 that repeats the SDP of a reliable 183
 * after an UPDATE by the same side (RFC 3261 13.2.1, RFC 6337 3.1.1). A repeated answer changes
 * nothing; the reply repeats the SDP that the offerer got for the first one.
 */
static enum err plan_repeat(struct dialog_request *q, struct why *why)
{
	struct dialog *g = q->dialog;
	enum offer_side by = q->event == OFFER_EVENT_ANSWER_B ? OFFER_SIDE_B : OFFER_SIDE_A;
	bool is_more;
	enum err e;

	if (!g->now)
		return why_fail(why, ERR_WRONG_STATE,
		                "this call has no offer to answer; send the offer first");
	is_more = q->sdp->n_media > g->now->n_media;
	e = dialog_count_read(q->sdp, g->now, by, true);
	if (!e && g->answered[by] != hash_of(q->command.sdp) &&
	    (is_more || !is_as_agreed(g->now, q->sdp, by)))
		e = why_fail(
			why, ERR_WRONG_STATE,
			"no offer waits for this answer, and the answer differs from the agreed "
			"SDP; send a new offer");
	if (!e)
		e = dialog_exchange_copy(&q->x, g->now);
	if (e)
		return e;
	q->x->from = !by;
	q->core = g->core;
	q->repeats = true;
	return ERR_OK;
}

/* --- the request ------------------------------------------------------------ */

/* Finds the answered offer; *base stays NULL if the answer may be a repetition (plan_repeat). */
static enum err judge_answer(struct dialog_request *q, const struct dialog_exchange **base,
                             struct why *why)
{
	struct dialog *g = q->dialog;
	const struct dialog_exchange *x = open_offer(g, &q->command);
	enum offer_state next;
	enum offer_action action;
	enum err e = ERR_OK;

	if (!x)
		return why_fail(why, ERR_WRONG_STATE,
		                "no offer waits for an answer: the call is in state %s; send an "
		                "offer first",
		                offer_state_name(g->state));
	if (!dialog_is_of_sides(g, &q->command))
		return why_fail(why, ERR_NOT_FOUND, "the tags match neither side of this call");
	q->event = offer_event_of(!x->from, true);
	if (!is_of_offerer(g, x->from, &q->command)) {
		q->event = offer_event_of(x->from, true);
		if (!g->crossed || !is_of_offerer(g, g->crossed->from, &q->command))
			return g->state == OFFER_OPENING
			               ? why_fail(why, ERR_WRONG_STATE,
			                          "the offerer can't answer its own "
			                          "offer")
			               : ERR_OK;
		e = restore_first_offer(g, &x, why);
	}
	action = offer_look(g->state, q->event, &next);
	if (!e && action != OFFER_DO_AGREE && action != OFFER_DO_AGREE_AGAIN)
		e = why_fail(why, ERR_WRONG_STATE,
		             "no offer waits for an answer: the call is in state %s; send an offer "
		             "first",
		             offer_state_name(g->state));
	*base = x;
	return e;
}

void dialog_start_answer(struct dialog_request *q)
{
	struct dialog *g = q->dialog;
	const struct dialog_exchange *base = NULL;
	struct spec_session *patch = NULL;
	struct why why = {""};
	enum err e = sdp_parse(&q->sdp, q->command.sdp, &why);

	if (!e)
		e = judge_answer(q, &base, &why);
	if (!e)
		e = base ? plan_answer(q, base, &patch, &why) : plan_repeat(q, &why);
	if (e)
		dialog_request_fail(q, e, &why);
	else if (q->repeats)
		dialog_request_reply_sdp(q, q->x->from, true, commit_nothing);
	else if (!patch || !g->session)
		dialog_request_reply_sdp(q, base->from, true, commit_answer);
	else
		service_update_take(q->owner->service, patch, answer_done, q);
}
