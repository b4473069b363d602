/* SPDX-License-Identifier: MIT */
/* Requests. Control makes a plan after the session's previous request is done; the worker carries
 * it out. */
#include "relay/front/relay_request.h"

#include "base/mem.h"
#include "relay/worker/session.h"

/* --- requests --------------------------------------------------------------- */

void relay_request_free(struct relay *r, struct relay_request *q)
{
	accepted_free(q->wanted);
	plan_free(&r->plan, q->plan);
	mem_free(q->stats.media);
	mem_free(q);
}

static void finish_later(struct relay *r, struct relay_request *q, enum err e)
{
	q->err = e;
	q->next = NULL;
	*r->failed_end = q;
	r->failed_end = &q->next;
	crew_ring(r->crew);
}

/* The blocks that a session may need at once: a stream for each direction of a leg, and a crypto
 * state where it has a key. */
static struct blocks count_blocks(const struct accepted *s)
{
	struct blocks out = {.n = {0}};

	for (unsigned i = 0; i < s->n_media; i++) {
		for (unsigned k = 0; k < s->media[i]->n_legs; k++) {
			const struct mode_side *side = mode_side(mode_get(s->media[i]->mode), k);

			if (!s->media[i]->legs[k].exists)
				continue;
			out.n[BLOCK_IN]++;
			out.n[BLOCK_OUT] += mode_takes_send_key(side);
			out.n[BLOCK_CRYPTO] +=
				(unsigned)mode_takes_receive_key(side) + mode_takes_send_key(side);
		}
	}
	return out;
}

/* Reserves more blocks when legs appear. Blocks of legs that disappear stay reserved until
 * the session ends. */
static enum err supply(struct relay *r, struct relay_session *s, const struct accepted *wanted)
{
	struct blocks more = count_blocks(wanted);
	bool needs = false;
	enum err e;

	for (unsigned k = 0; k < BLOCK_KINDS; k++) {
		more.n[k] = more.n[k] > s->blocks.n[k] ? more.n[k] - s->blocks.n[k] : 0;
		needs |= more.n[k] > 0;
	}
	e = needs ? crew_supply(r->crew, s->worker, &more) : ERR_OK;
	for (unsigned k = 0; !e && k < BLOCK_KINDS; k++)
		s->blocks.n[k] += more.n[k];
	return e;
}

static enum err make_plan(struct relay *r, struct relay_session *s, struct relay_request *q)
{
	const struct plan_ends ends = {.from = s->is, .to = q->wanted, .history = &s->history};
	enum err e = key_history_reserve(&s->history, q->wanted);

	if (!e)
		e = key_history_claim(&s->history, r->ledger, q->wanted, q->why);
	if (!e)
		e = plan_new(&q->plan, &r->plan, &ends, q->why);
	if (!e)
		e = supply(r, s, q->wanted);
	if (e == ERR_NOMEM)
		return why_fail(q->why, e, "out of memory");
	if (!e)
		q->plan->session = s->body;
	return e;
}

/* Arrays for n_legs legs of each media, not for RELAY_LEGS_MAX, because every delete allocates
 * them. */
static enum err stats_new(struct relay_session_stats *out, const struct accepted *is)
{
	struct relay_leg_stats *legs;
	size_t n_legs = 0;

	for (unsigned i = 0; i < is->n_media; i++)
		n_legs += is->media[i]->n_legs;
	out->media = mem_alloc(is->n_media * sizeof(*out->media) + n_legs * sizeof(*legs));
	if (!out->media)
		return ERR_NOMEM;
	out->n_media = is->n_media;
	legs = (struct relay_leg_stats *)(void *)(out->media + is->n_media);
	for (unsigned i = 0; i < is->n_media; i++) {
		out->media[i] =
			(struct relay_media_stats){.n_legs = is->media[i]->n_legs, .legs = legs};
		legs += is->media[i]->n_legs;
	}
	return ERR_OK;
}

static enum err make_stats(struct relay_session *s, struct relay_request *q)
{
	enum err e = stats_new(&q->stats, s->is);

	q->body = s->body;
	/* A delete cannot fail: if there is no memory, its statistics are empty. */
	return q->kind == MSG_DELETE ? ERR_OK : e;
}

/* Gives the oldest request to the worker, unless the worker has one of this session already. */
static void submit_next(struct relay *r, struct relay_session *s)
{
	struct relay_request *q = s->head;
	enum err e = ERR_OK;

	if (s->is_busy || !q || crew_has_ended(r->crew))
		return;
	s->head = q->next;
	s->is_busy = true;
	if (q->kind == MSG_PERMIT || q->kind == MSG_REOPEN)
		q->body = s->body;
	else
		e = q->kind == MSG_APPLY ? make_plan(r, s, q) : make_stats(s, q);
	if (e)
		finish_later(r, q, e);
	else
		crew_post(r->crew, s->worker, q);
}

/* Octets that follow a request in its allocation. */
static size_t extra_bytes(enum msg_kind kind)
{
	switch (kind) {
	case MSG_APPLY:
		return sizeof(struct why);
	case MSG_PERMIT:
		return sizeof(struct relay_permit);
	case MSG_REOPEN:
		return RELAY_MEDIA_MAX * sizeof(uint16_t);
	case MSG_DELETE:
	case MSG_QUERY:
	case MSG_ASKED:
	case MSG_CHUNK:
	case MSG_STOP:
	case MSG_DONE:
	case MSG_EVENT:
	case MSG_KEY:
	case MSG_NEED:
		break;
	}
	return 0;
}

enum err relay_request_new(struct relay_request **out, struct relay_session *s, enum msg_kind kind)
{
	struct relay_request *q = mem_alloc(sizeof(*q) + extra_bytes(kind));

	if (!q)
		return ERR_NOMEM;
	q->why = kind == MSG_APPLY ? (struct why *)(void *)(q + 1) : NULL;
	q->permit = kind == MSG_PERMIT ? (struct relay_permit *)(void *)(q + 1) : NULL;
	q->reopened = kind == MSG_REOPEN ? (uint16_t *)(void *)(q + 1) : NULL;
	q->kind = kind;
	q->session = s;
	*out = q;
	return ERR_OK;
}

void relay_request_submit(struct relay *r, struct relay_session *s, struct relay_request *q)
{
	q->next = NULL;
	if (s->head)
		s->tail->next = q;
	else
		s->head = q;
	s->tail = q;
	submit_next(r, s);
}

/* --- outcomes --------------------------------------------------------------- */

static void free_session(struct relay *r, struct relay_session *s)
{
	list_remove(&s->link);
	crew_return(r->crew, s->worker, &s->blocks);
	crew_leave(r->crew, s->worker);
	session_free(r->plan.engine, s->body);
	accepted_free(s->is);
	key_history_end(&s->history, r->ledger);
	key_history_fini(&s->history);
	ended_fini(&s->ended);
	mem_free(s->ending);
	mem_free(s);
}

static void make_done_call(struct relay_request *q)
{
	static const struct why none = {""}, gone = {"the session has ended"};

	if (q->kind == MSG_QUERY) {
		if (q->stats_done)
			q->stats_done(q->arg, q->err, q->err ? NULL : &q->stats);
	} else if (q->done) {
		struct relay_result result = {
			.e = q->err,
			.why = q->why                 ? q->why
		               : q->err == ERR_CLOSED ? &gone
		                                      : &none,
		};

		if (q->err == ERR_EXISTS && q->plan)
			result.taken = q->plan->taken;
		q->done(q->arg, &result);
	}
}

/* Finishes the waiting requests with ERR_CLOSED: the session was deleted, its create failed, or the
 * relay stops. */
static void close_waiting(struct relay *r, struct relay_session *s)
{
	while (s->head) {
		struct relay_request *q = s->head;

		s->head = q->next;
		q->err = why_fail(q->why, ERR_CLOSED,
		                  "the session was deleted, was not created, or the relay stops");
		make_done_call(q);
		relay_request_free(r, q);
	}
}

static void note_applied(struct relay_session *s, struct relay_request *q)
{
	for (unsigned i = 0; i < q->plan->n_changes; i++) {
		const struct leg_change *c = &q->plan->changes[i];

		if (c->disappears && c->final)
			ended_add(&s->ended, c->media, c->leg, c->final);
	}
	key_history_settle(&s->history, q->wanted, q->plan->forgotten, q->plan->n_forgotten);
	accepted_free(s->is);
	s->is = q->wanted;
	q->wanted = NULL;
}

void relay_request_finish(struct relay *r, struct relay_request *q)
{
	struct relay_session *s = q->session;
	bool is_end = q->kind == MSG_DELETE || (q->kind == MSG_APPLY && q->err && !s->is);

	s->is_busy = false;
	s->is_ending |= is_end;
	/* Withdraw before the done call, which may try the key again. */
	if (q->kind == MSG_APPLY && !q->err)
		note_applied(s, q);
	else if (q->kind == MSG_APPLY)
		key_history_withdraw(&s->history, r->ledger, q->wanted);
	q->stats.n_gone = s->ended.n;
	q->stats.gone = s->ended.legs;
	s->final = q->kind == MSG_DELETE ? &q->stats : NULL;
	make_done_call(q);
	s->final = NULL;
	relay_request_free(r, q);
	if (is_end) {
		close_waiting(r, s);
		free_session(r, s);
	} else {
		submit_next(r, s);
	}
}

void relay_request_finish_failed(struct relay *r)
{
	while (r->failed) {
		struct relay_request *q = r->failed;

		r->failed = q->next;
		if (!r->failed)
			r->failed_end = &r->failed;
		relay_request_finish(r, q);
	}
}

void relay_request_end_session(struct relay *r, struct relay_session *s)
{
	close_waiting(r, s);
	if (s->is)
		session_end(s->worker, s->body);
	free_session(r, s);
}
