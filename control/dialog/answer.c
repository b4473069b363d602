/* SPDX-License-Identifier: MIT */
/* An answer: held against the offer that waits, the session changed, written for the offerer. */
#include "control/dialog/request.h"

#include "base/log.h"
#include "base/map.h"

/* B answers the same offer again, under another tag: another terminal, or the same one that changed
 * its tag. */
static bool is_of_another_fork(const struct dialog_request *q)
{
	const struct dialog *g = q->dialog;
	const char *tag = g->tag[OFFER_SIDE_B];

	return q->event == OFFER_EVENT_ANSWER_B && tag && q->command.to.n &&
	       !str_is(q->command.to, tag);
}

/* Tells an answer that was given before from one that was not; nobody gains by making two alike. */
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
	/* Whose answer it was; without memory for it the tag before stays, which tells forks apart
	 * no less. */
	if (q->event == OFFER_EVENT_ANSWER_B && q->command.to.n &&
	    dialog_set_text(&g->tag[OFFER_SIDE_B], q->command.to))
		log_warn("dialog", "sid=%s msg=\"no memory for the tag of an answer\"", g->id);
	(void)offer_step(&g->state, q->event);
	log_debug("dialog", "sid=%s state=%s event=%s", g->id, offer_state_name(g->state),
	          offer_event_name(q->event));
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

	/* Another fork brings its own key; that is no re-keying. */
	o.accept_rekey |= is_of_another_fork(q);
	if (!e)
		e = dialog_count_read(q->sdp, base, !base->from, true);
	if (!e)
		e = dialog_plan_answer(q->x, g->now, q->sdp, &o, why);
	q->core = dialog_core_of_branch(g, q->command.branch, false);
	if (!e)
		e = dialog_patch_answer(
			patch, q->x, g->now,
			&(struct dialog_patching){.id = g->id,
		                                  .core = q->core,
		                                  .context = service_context(q->owner->service)});
	return e;
}

/* Is that side the one whose offer this answers? Whose the other tag is tells forks apart. */
static bool is_of_offerer(const struct dialog *g, enum offer_side from,
                          const struct dialog_command *command)
{
	bool is_a = g->tag[OFFER_SIDE_A] && str_is(command->from, g->tag[OFFER_SIDE_A]);

	return !command->from.n || !g->tag[OFFER_SIDE_A] || is_a == (from == OFFER_SIDE_A);
}

/* --- which offer ------------------------------------------------------------ */

/* The offer that is open, to this branch where there are several. */
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

/* Media that only the superseded offer had went with it. */
static bool has_new_media(const struct dialog_exchange *x)
{
	for (unsigned i = 0; i < x->n_media; i++)
		if (x->media[i].treat == DIALOG_TREAT_RELAY && x->media[i].is_new)
			return true;
	return false;
}

/*
 * Both sides offered, and it is the first of the two offers that was answered: the second one,
 * which took its place here, is what the peer refused (RFC 3261 14.1).
 */
static enum err turn_back(struct dialog *g, const struct dialog_exchange **base, struct why *why)
{
	struct dialog_exchange *first = g->crossed;

	if (has_new_media(first))
		return why_fail(why, ERR_WRONG_STATE,
		                "this answers an offer that one of the other side crossed and "
		                "cancelled (491); its new media are gone");
	dialog_exchange_free(g->next);
	g->next = first;
	g->crossed = NULL;
	(void)offer_step(&g->state, OFFER_EVENT_REFUSED);
	(void)offer_step(&g->state, offer_event_of(first->from, false));
	*base = first;
	return ERR_OK;
}

/* --- answers that were given before ----------------------------------------- */

static void commit_nothing(struct dialog_request *q)
{
	log_debug("dialog", "sid=%s msg=\"an answer that was given before\"", q->dialog->id);
}

/* Does the description say what is agreed of that side? */
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
 * The SDP of a reliable 183 once more in the 200, with an UPDATE of its sender in between (RFC
 * 3261 13.2.1, RFC 6337 3.1.1): it answers no offer that is open, and says nothing new. What the
 * offerer was told then it is told again.
 */
static enum err plan_repeat(struct dialog_request *q, struct why *why)
{
	struct dialog *g = q->dialog;
	enum offer_side by = q->event == OFFER_EVENT_ANSWER_B ? OFFER_SIDE_B : OFFER_SIDE_A;
	bool is_more;
	enum err e;

	if (!g->now)
		return why_fail(why, ERR_WRONG_STATE,
		                "an answer without an offer: nothing is agreed yet");
	is_more = q->sdp->n_media > g->now->n_media;
	e = dialog_count_read(q->sdp, g->now, by, true);
	if (!e && g->answered[by] != hash_of(q->command.sdp) &&
	    (is_more || !is_as_agreed(g->now, q->sdp, by)))
		e = why_fail(why, ERR_WRONG_STATE,
		             "no offer waits for this answer, and it says other than what is "
		             "agreed; a new offer is needed");
	if (!e)
		e = dialog_exchange_copy(&q->x, g->now);
	if (e)
		return e;
	q->x->from = !by;
	q->core = g->core;
	q->repeats = true;
	return ERR_OK;
}

/* --- carrying out ----------------------------------------------------------- */

/* Finds the offer; none where the answer only repeats one (`*base` stays NULL). */
static enum err judge_answer(struct dialog_request *q, const struct dialog_exchange **base,
                             struct why *why)
{
	struct dialog *g = q->dialog;
	const struct dialog_exchange *x = open_offer(g, &q->command);
	enum offer_state next;
	enum offer_action action;
	enum err e = ERR_OK;

	if (!x)
		return why_fail(why, ERR_WRONG_STATE, "an answer without an offer (%s)",
		                offer_state_name(g->state));
	if (!dialog_is_of_sides(g, &q->command))
		return why_fail(why, ERR_NOT_FOUND, "the tags name no side of this call");
	q->event = offer_event_of(!x->from, true);
	if (!is_of_offerer(g, x->from, &q->command)) {
		q->event = offer_event_of(x->from, true);
		if (!g->crossed || !is_of_offerer(g, g->crossed->from, &q->command))
			return g->state == OFFER_OPENING ? why_fail(why, ERR_WRONG_STATE,
			                                            "the offerer can't answer: "
			                                            "nobody else has offered")
			                                 : ERR_OK;
		e = turn_back(g, &x, why);
	}
	action = offer_look(g->state, q->event, &next);
	if (!e && action != OFFER_DO_AGREE && action != OFFER_DO_AGREE_AGAIN)
		e = why_fail(why, ERR_WRONG_STATE, "an answer without an offer (%s)",
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
