/* SPDX-License-Identifier: MIT */
/* An answer: held against the offer that waits, the session changed, written for the offerer. */
#include "control/dialog/run.h"

#include "base/log.h"
#include "base/map.h"

/* B answers the same offer again, under another tag: another terminal, or the same one that changed
 * its tag. */
static bool is_of_another_fork(const struct dialog_run *op)
{
	const struct dialog *g = op->dialog;
	const char *tag = g->tag[OFFER_SIDE_B];

	return op->event == OFFER_EVENT_ANSWER_B && tag && op->ask.to.n && !str_is(op->ask.to, tag);
}

/* Tells an answer that was given before from one that was not; nobody gains by making two alike. */
static uint64_t hash_of(struct str sdp)
{
	static const uint8_t key[16] = "answers by text";
	uint64_t hash = map_hash(key, sdp.p, sdp.n);

	return hash ? hash : 1;
}

static void note_answer(struct dialog_run *op)
{
	op->dialog->answered[!op->x->from] = hash_of(op->ask.sdp);
}

static void commit_answer(struct dialog_run *op)
{
	struct dialog *g = op->dialog;

	note_answer(op);
	for (unsigned i = 0; i < op->x->n_media; i++)
		op->x->media[i].is_new = false;
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
	} else if (is_of_another_fork(op)) {
		dialog_fork_drop(g, op->ask.to);
		dialog_fork_keep(g);
	}
	dialog_exchange_free(g->now);
	g->now = op->x;
	op->x = NULL;
	g->core = op->core;
	/* Whose answer it was; without memory for it the tag before stays, which tells forks apart
	 * no less. */
	if (op->event == OFFER_EVENT_ANSWER_B && op->ask.to.n &&
	    dialog_set_text(&g->tag[OFFER_SIDE_B], op->ask.to))
		log_warn("dialog", "sid=%s msg=\"no memory for the tag of an answer\"", g->id);
	(void)offer_step(&g->state, op->event);
	log_debug("dialog", "sid=%s state=%s event=%s", g->id, offer_state_name(g->state),
	          offer_event_name(op->event));
}

static void answer_done(void *arg, const struct service_result *r)
{
	struct dialog_run *op = arg;

	if (r->e)
		dialog_run_fail(op, r->e, r->why);
	else
		dialog_run_reply_sdp(op, op->x->from, true, commit_answer);
}

static enum err plan_answer(struct dialog_run *op, const struct dialog_exchange *base,
                            struct spec_session **patch, struct why *why)
{
	struct dialog *g = op->dialog;
	struct dialog_options o = op->ask.options;
	enum err e = dialog_exchange_copy(&op->x, base);

	/* Another fork brings its own key; that is no re-keying. */
	o.accept_rekey |= is_of_another_fork(op);
	if (!e)
		e = dialog_count_read(op->sdp, base, !base->from, true);
	if (!e)
		e = dialog_plan_answer(op->x, g->now, op->sdp, &o, why);
	op->core = dialog_core_of_branch(g, op->ask.branch, false);
	if (!e)
		e = dialog_patch_answer(patch, op->x, g->now, g->id, op->core,
		                        service_context(op->owner->service));
	return e;
}

/* Is that side the one whose offer this answers? Whose the other tag is tells forks apart. */
static bool is_of_offerer(const struct dialog *g, enum offer_side from,
                          const struct dialog_ask *ask)
{
	bool is_a = g->tag[OFFER_SIDE_A] && str_is(ask->from, g->tag[OFFER_SIDE_A]);

	return !ask->from.n || !g->tag[OFFER_SIDE_A] || is_a == (from == OFFER_SIDE_A);
}

/* --- which offer ------------------------------------------------------------ */

/* The offer that is open, to this branch where there are several. */
static const struct dialog_exchange *open_offer(struct dialog *g, const struct dialog_ask *ask)
{
	unsigned core = dialog_core_of_branch(g, ask->branch, false);
	const struct dialog_exchange *there =
		ask->branch.n && g->state <= OFFER_STABLE ? dialog_branch_offer(g, core) : NULL;

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

static void commit_nothing(struct dialog_run *op)
{
	log_debug("dialog", "sid=%s msg=\"an answer that was given before\"", op->dialog->id);
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
static enum err plan_repeat(struct dialog_run *op, struct why *why)
{
	struct dialog *g = op->dialog;
	enum offer_side by = op->event == OFFER_EVENT_ANSWER_B ? OFFER_SIDE_B : OFFER_SIDE_A;
	bool is_more;
	enum err e;

	if (!g->now)
		return why_fail(why, ERR_WRONG_STATE,
		                "an answer without an offer: nothing is agreed yet");
	is_more = op->sdp->n_media > g->now->n_media;
	e = dialog_count_read(op->sdp, g->now, by, true);
	if (!e && g->answered[by] != hash_of(op->ask.sdp) &&
	    (is_more || !is_as_agreed(g->now, op->sdp, by)))
		e = why_fail(why, ERR_WRONG_STATE,
		             "no offer waits for this answer, and it says other than what is "
		             "agreed; a new offer is needed");
	if (!e)
		e = dialog_exchange_copy(&op->x, g->now);
	if (e)
		return e;
	op->x->from = !by;
	op->core = g->core;
	op->repeats = true;
	return ERR_OK;
}

/* --- carrying out ----------------------------------------------------------- */

/* Finds the offer; none where the answer only repeats one (`*base` stays NULL). */
static enum err judge_answer(struct dialog_run *op, const struct dialog_exchange **base,
                             struct why *why)
{
	struct dialog *g = op->dialog;
	const struct dialog_exchange *x = open_offer(g, &op->ask);
	enum offer_state next;
	enum offer_action action;
	enum err e = ERR_OK;

	if (!x)
		return why_fail(why, ERR_WRONG_STATE, "an answer without an offer (%s)",
		                offer_state_name(g->state));
	if (!dialog_is_of_sides(g, &op->ask))
		return why_fail(why, ERR_NOT_FOUND, "the tags name no side of this call");
	op->event = offer_event_of(!x->from, true);
	if (!is_of_offerer(g, x->from, &op->ask)) {
		op->event = offer_event_of(x->from, true);
		if (!g->crossed || !is_of_offerer(g, g->crossed->from, &op->ask))
			return g->state == OFFER_OPENING ? why_fail(why, ERR_WRONG_STATE,
			                                            "the offerer can't answer: "
			                                            "nobody else has offered")
			                                 : ERR_OK;
		e = turn_back(g, &x, why);
	}
	action = offer_look(g->state, op->event, &next);
	if (!e && action != OFFER_DO_AGREE && action != OFFER_DO_AGREE_AGAIN)
		e = why_fail(why, ERR_WRONG_STATE, "an answer without an offer (%s)",
		             offer_state_name(g->state));
	*base = x;
	return e;
}

void dialog_start_answer(struct dialog_run *op)
{
	struct dialog *g = op->dialog;
	const struct dialog_exchange *base = NULL;
	struct spec_session *patch = NULL;
	struct why why = {""};
	enum err e = sdp_parse(&op->sdp, op->ask.sdp, &why);

	if (!e)
		e = judge_answer(op, &base, &why);
	if (!e)
		e = base ? plan_answer(op, base, &patch, &why) : plan_repeat(op, &why);
	if (e)
		dialog_run_fail(op, e, &why);
	else if (op->repeats)
		dialog_run_reply_sdp(op, op->x->from, true, commit_nothing);
	else if (!patch || !g->session)
		dialog_run_reply_sdp(op, base->from, true, commit_answer);
	else
		service_update_take(op->owner->service, patch, answer_done, op);
}
