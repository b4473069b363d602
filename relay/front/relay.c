/* SPDX-License-Identifier: MIT */
/* The facade of the data plane: places sessions, carries requests to workers and their outcome
 * back. */
#include "relay/relay.h"

#include "base/list.h"
#include "base/mem.h"
#include "relay/front/crew.h"
#include "relay/front/ended.h"
#include "relay/front/plan.h"

struct relay_session {
	struct link link;
	struct worker *worker;
	struct session *body;
	struct shadow *is; /* NULL until create is done */
	struct used_keys used;
	struct blocks blocks;        /* reserved for it at its worker */
	struct request *head, *tail; /* asked and not yet given to the worker, oldest first */
	bool is_busy;                /* one request is under way: the next plan needs its outcome */
	bool is_ending;              /* delete was asked for, or create failed */
	uint8_t n_media_asked;
	struct request *ending; /* made with the session, so that delete can't fail */
	const struct relay_session_stats *final;
	struct gone gone;
};

struct relay {
	struct crew *crew;
	struct plan_context plan;
	struct sent *sent;
	struct link sessions;
	struct request *failed,
		**failed_end; /* failed before they reached a worker: told by the next poll */
	relay_event_fn *listener;
	void *listener_arg;
	relay_event_fn *asker;
	void *asker_arg;
};

/* --- requests --------------------------------------------------------------- */

static void request_free(struct relay *r, struct request *q)
{
	shadow_free(q->wanted);
	plan_free(&r->plan, q->plan);
	mem_free(q->stats.media);
	mem_free(q);
}

static void fail_later(struct relay *r, struct request *q, enum err e)
{
	q->err = e;
	q->next = NULL;
	*r->failed_end = q;
	r->failed_end = &q->next;
	crew_ring(r->crew);
}

/* Blocks that a session may need at once: one for each direction of a leg, and a state where that
 * works on packets. */
static struct blocks count_blocks(const struct shadow *s)
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

/* More as legs appear; what legs that disappear needed stays reserved until the session ends. */
static enum err supply(struct relay *r, struct relay_session *s, const struct shadow *wanted)
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

static enum err make_plan(struct relay *r, struct relay_session *s, struct request *q)
{
	enum err e = used_keys_reserve(&s->used, q->wanted);

	if (!e)
		e = sent_keys_claim(r->sent, &r->plan, q->wanted, s, q->why);
	if (!e)
		e = plan_new(&q->plan, &r->plan, s->is, q->wanted, &s->used, q->why);
	if (!e)
		e = supply(r, s, q->wanted);
	if (e == ERR_NOMEM)
		return why_fail(q->why, e, "out of memory");
	if (!e)
		q->plan->session = s->body;
	return e;
}

/* Room for the legs that there are, no more: every delete takes this. */
static enum err stats_new(struct relay_session_stats *out, const struct shadow *is)
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

static enum err make_stats(struct relay_session *s, struct request *q)
{
	enum err e = stats_new(&q->stats, s->is);

	q->body = s->body;
	/* A delete can't fail: without memory its statistics are empty. */
	return q->kind == MSG_DELETE ? ERR_OK : e;
}

/* Gives the worker the oldest request, when it has none of this session. */
static void pump(struct relay *r, struct relay_session *s)
{
	struct request *q = s->head;
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
		fail_later(r, q, e);
	else
		crew_post(r->crew, s->worker, q);
}

/* What stands behind a request in its block. */
static size_t behind(enum msg_kind kind)
{
	switch (kind) {
	case MSG_APPLY:
		return sizeof(struct why);
	case MSG_PERMIT:
		return sizeof(struct permit);
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

static enum err ask(struct request **out, struct relay_session *s, enum msg_kind kind)
{
	struct request *q = mem_alloc(sizeof(*q) + behind(kind));

	if (!q)
		return ERR_NOMEM;
	q->why = kind == MSG_APPLY ? (struct why *)(void *)(q + 1) : NULL;
	q->permit = kind == MSG_PERMIT ? (struct permit *)(void *)(q + 1) : NULL;
	q->reopened = kind == MSG_REOPEN ? (uint16_t *)(void *)(q + 1) : NULL;
	q->kind = kind;
	q->session = s;
	*out = q;
	return ERR_OK;
}

static void submit(struct relay *r, struct relay_session *s, struct request *q)
{
	q->next = NULL;
	if (s->head)
		s->tail->next = q;
	else
		s->head = q;
	s->tail = q;
	pump(r, s);
}

/* --- outcomes --------------------------------------------------------------- */

static void session_gone(struct relay *r, struct relay_session *s)
{
	list_remove(&s->link);
	crew_return(r->crew, s->worker, &s->blocks);
	crew_leave(r->crew, s->worker);
	session_free(&r->plan, s->body);
	shadow_free(s->is);
	sent_keys_end(r->sent, &s->used, s);
	used_keys_fini(&s->used);
	gone_fini(&s->gone);
	mem_free(s->ending);
	mem_free(s);
}

static void tell(struct request *q)
{
	static const struct why none = {""}, gone = {"the session is gone"};

	if (q->kind == MSG_QUERY) {
		if (q->stats_done)
			q->stats_done(q->arg, q->err, q->err ? NULL : &q->stats);
	} else if (q->done) {
		q->done(q->arg, q->err, q->why ? q->why : q->err == ERR_CLOSED ? &gone : &none);
	}
}

/* What was asked after a create that failed, or was still waiting when the relay ends. */
static void close_waiting(struct relay *r, struct relay_session *s)
{
	while (s->head) {
		struct request *q = s->head;

		s->head = q->next;
		q->err = why_fail(q->why, ERR_CLOSED, "the session is gone");
		tell(q);
		request_free(r, q);
	}
}

static void come_into_force(struct relay *r, struct relay_session *s, struct request *q)
{
	for (unsigned i = 0; i < q->plan->n_changes; i++) {
		const struct leg_change *c = &q->plan->changes[i];

		if (c->disappears && c->final)
			gone_add(&s->gone, c->media, c->leg, c->final);
	}
	used_keys_settle(&s->used, &r->plan, q->wanted, q->plan->forgotten, q->plan->n_forgotten);
	shadow_free(s->is);
	s->is = q->wanted;
	q->wanted = NULL;
}

static void finish(struct relay *r, struct request *q)
{
	struct relay_session *s = q->session;
	bool is_end = q->kind == MSG_DELETE || (q->kind == MSG_APPLY && q->err && !s->is);

	s->is_busy = false;
	s->is_ending |= is_end;
	if (q->kind == MSG_APPLY && !q->err)
		come_into_force(r, s, q);
	/* Before anybody hears of it and tries again. */
	else if (q->kind == MSG_APPLY)
		sent_keys_withdraw(r->sent, &r->plan, q->wanted, &s->used, s);
	q->stats.n_gone = s->gone.n;
	q->stats.gone = s->gone.legs;
	s->final = q->kind == MSG_DELETE ? &q->stats : NULL;
	tell(q);
	s->final = NULL;
	request_free(r, q);
	if (is_end) {
		close_waiting(r, s);
		session_gone(r, s);
	} else {
		pump(r, s);
	}
}

static void finish_failed(struct relay *r)
{
	while (r->failed) {
		struct request *q = r->failed;

		r->failed = q->next;
		if (!r->failed)
			r->failed_end = &r->failed;
		finish(r, q);
	}
}

static void tell_event(struct relay *r, const struct relay_event *e)
{
	if (e->kind == RELAY_EVENT_ASK) {
		if (r->asker)
			r->asker(r->asker_arg, e);
	} else if (r->listener) {
		r->listener(r->listener_arg, e);
	}
}

static void on_message(void *arg, struct msg *m)
{
	struct relay *r = arg;

	if (m->kind == MSG_DONE)
		finish(r, m->request);
	else if (m->kind == MSG_KEY)
		key_free(r->plan.engine, m->key);
	else if (m->kind == MSG_EVENT && !m->told.session->is_ending)
		tell_event(r, &m->told.event);
}

void relay_poll(struct relay *r)
{
	finish_failed(r);
	crew_poll(r->crew, on_message, r);
	finish_failed(r);
}

void relay_set_waker(struct relay *r, relay_waker_fn *fn, void *arg)
{
	crew_set_waker(r->crew, fn, arg);
}

void relay_wake(struct relay *r)
{
	crew_wake(r->crew);
}

int relay_wait_fd(const struct relay *r)
{
	return crew_wait_fd(r->crew);
}

/* --- sessions --------------------------------------------------------------- */

static enum err ask_apply(struct relay *r, struct relay_session *s,
                          const struct relay_session_spec *spec, struct request **out,
                          struct why *why)
{
	struct request *q = NULL;
	enum err e = ask(&q, s, MSG_APPLY);

	if (e)
		return why_fail(why, e, "out of memory");
	e = shadow_new(&q->wanted, &r->plan, spec, why);
	if (e) {
		request_free(r, q);
		return e;
	}
	*out = q;
	return ERR_OK;
}

enum err relay_session_create(struct relay *r, struct relay_session **out,
                              const struct relay_session_spec *spec, relay_done_fn *done, void *arg,
                              struct why *why)
{
	struct relay_session *s = mem_alloc(sizeof(*s));
	struct request *q = NULL;
	enum err e;

	if (!s)
		return why_fail(why, ERR_NOMEM, "out of memory");
	s->ending = mem_alloc(sizeof(*s->ending));
	s->body = mem_alloc(sizeof(*s->body));
	e = s->ending && s->body ? ask_apply(r, s, spec, &q, why)
	                         : why_fail(why, ERR_NOMEM, "out of memory");
	if (e) {
		mem_free(s->body);
		mem_free(s->ending);
		mem_free(s);
		return e;
	}
	s->body->handle = s;
	s->n_media_asked = spec->n_media;
	s->worker = crew_place(r->crew);
	list_add_tail(&r->sessions, &s->link);
	q->done = done;
	q->arg = arg;
	*out = s;
	submit(r, s, q);
	return ERR_OK;
}

enum err relay_session_update(struct relay *r, struct relay_session *s,
                              const struct relay_session_spec *spec, relay_done_fn *done, void *arg,
                              struct why *why)
{
	struct request *q = NULL;
	enum err e;

	if (s->is_ending)
		return why_fail(why, ERR_CLOSED, "the session is ending");
	if (spec->n_media < s->n_media_asked)
		return why_fail(
			why, ERR_INVALID,
			"%u media where the session has %u: a media keeps its place for life",
			spec->n_media, s->n_media_asked);
	e = ask_apply(r, s, spec, &q, why);
	if (e)
		return e;
	s->n_media_asked = spec->n_media;
	q->done = done;
	q->arg = arg;
	submit(r, s, q);
	return ERR_OK;
}

void relay_session_delete(struct relay *r, struct relay_session *s, relay_done_fn *done, void *arg)
{
	struct request *q = s->ending;

	s->ending = NULL;
	s->is_ending = true;
	q->kind = MSG_DELETE;
	q->session = s;
	q->done = done;
	q->arg = arg;
	submit(r, s, q);
}

enum err relay_session_query(struct relay *r, struct relay_session *s, relay_stats_fn *done,
                             void *arg)
{
	struct request *q = NULL;
	enum err e = s->is_ending ? ERR_CLOSED : ask(&q, s, MSG_QUERY);

	if (e)
		return e;
	q->stats_done = done;
	q->arg = arg;
	submit(r, s, q);
	return ERR_OK;
}

enum err relay_session_reopen(struct relay *r, struct relay_session *s,
                              const uint16_t legs[RELAY_MEDIA_MAX])
{
	struct request *q = NULL;
	enum err e = s->is_ending ? ERR_CLOSED : ask(&q, s, MSG_REOPEN);

	if (e)
		return e;
	memcpy(q->reopened, legs, RELAY_MEDIA_MAX * sizeof(legs[0]));
	submit(r, s, q);
	return ERR_OK;
}

enum err relay_session_permit(struct relay *r, struct relay_session *s, unsigned media,
                              unsigned leg, bool is_rtcp, const struct addr *source)
{
	struct request *q = NULL;
	enum err e = s->is_ending ? ERR_CLOSED : ask(&q, s, MSG_PERMIT);

	if (e)
		return e;
	*q->permit = (struct permit){.media = (uint8_t)media,
	                             .leg = (uint8_t)leg,
	                             .is_rtcp = is_rtcp,
	                             .source = *source};
	submit(r, s, q);
	return ERR_OK;
}

bool relay_session_refuses_key(const struct relay *r, const struct relay_session *s,
                               const struct keyctx *k, bool is_send)
{
	struct used_key key = used_keys_of(&r->plan, k, is_send);
	const struct used_key *kept = NULL;

	/* In no place: only what holds for all of them counts. */
	key.media = key.leg = UINT8_MAX;
	return used_keys_look(&s->used, &r->plan, NULL, &key, &kept) == USED_SPENT;
}

const struct relay_session_stats *relay_session_stats(const struct relay_session *s)
{
	return s->final;
}

/* --- start and end ---------------------------------------------------------- */

void relay_config_defaults(struct relay_config *c)
{
	*c = (struct relay_config){
		.workers = 1,
		.engine = "auto",
		.io = "auto",
		.ssrcs_per_leg = 64,
		.replay_window_pkts = 128,
		.replay_window_video_pkts = 1024,
		.send_window_pkts = 1024,
		.pkts_per_worker = 4096,
		.auth_fail_rate = 50,
		.keys_remembered = 100000,
	};
}

enum err relay_start(struct relay **out, const struct relay_config *config, struct why *why)
{
	struct relay *r = mem_alloc(sizeof(*r));
	enum err e;

	if (!r)
		return why_fail(why, ERR_NOMEM, "out of memory");
	list_init(&r->sessions);
	r->failed_end = &r->failed;
	e = sent_new(&r->sent, config->keys_remembered);
	e = e ? why_fail(why, e, "out of memory") : crew_start(&r->crew, config, why);
	if (e) {
		sent_free(r->sent);
		mem_free(r);
		return e;
	}
	crew_plan_context(r->crew, &r->plan);
	*out = r;
	return ERR_OK;
}

void relay_stop(struct relay *r)
{
	struct link *l;

	if (!r)
		return;
	/* Nothing is told to a listener any more, but every done call is made. */
	r->listener = r->asker = NULL;
	crew_end(r->crew, on_message, r);
	finish_failed(r);
	while ((l = list_pop(&r->sessions))) {
		struct relay_session *s = LIST_OF(l, struct relay_session, link);

		close_waiting(r, s);
		if (s->is)
			session_end(s->worker, s->body);
		session_gone(r, s);
	}
	crew_free(r->crew);
	sent_free(r->sent);
	mem_free(r);
}

void relay_set_listener(struct relay *r, relay_event_fn *fn, void *arg)
{
	r->listener = fn;
	r->listener_arg = arg;
}

enum err relay_set_asked(struct relay *r, const struct relay_asked *asked)
{
	return crew_set_asked(r->crew, asked);
}

void relay_set_asker(struct relay *r, relay_event_fn *fn, void *arg)
{
	r->asker = fn;
	r->asker_arg = arg;
}

uint64_t relay_events_lost(const struct relay *r)
{
	return crew_events_lost(r->crew);
}

void relay_get_stats(const struct relay *r, struct relay_stats *out)
{
	crew_read(r->crew, out);
}

const char *relay_engine_name(const struct relay *r)
{
	return crew_engine_name(r->crew);
}

const char *relay_engine_reason(const struct relay *r)
{
	return crew_engine_reason(r->crew);
}

const char *relay_io_name(const struct relay *r, unsigned interface)
{
	return crew_io_name(r->crew, interface);
}

const char *relay_io_reason(const struct relay *r, unsigned interface)
{
	return crew_io_reason(r->crew, interface);
}

const char *relay_event_name(enum relay_event_kind k)
{
	static const char *const names[RELAY_EVENT_COUNT] = {
		[RELAY_EVENT_FIRST_MEDIA] = "first-media",
		[RELAY_EVENT_MEDIA_TIMEOUT] = "media-timeout",
		[RELAY_EVENT_SETUP_TIMEOUT] = "setup-timeout",
		[RELAY_EVENT_SOURCE_CHANGED] = "source-changed",
		[RELAY_EVENT_AUTH_FAILURES] = "auth-failures",
		[RELAY_EVENT_KEY_SOFT_LIMIT] = "key-soft-limit",
		[RELAY_EVENT_KEY_EXPIRED] = "key-expired",
		[RELAY_EVENT_STREAM_LIMIT] = "stream-limit",
		[RELAY_EVENT_SSRC_CHANGED] = "ssrc-changed",
		[RELAY_EVENT_NOTHING_AUTHENTIC] = "nothing-authentic",
	};

	return k < RELAY_EVENT_COUNT ? names[k] : "unknown";
}

const char *relay_finding_name(enum relay_finding f)
{
	static const char *const names[RELAY_FINDING_COUNT] = {
		[RELAY_FINDING_NONE] = "none",
		[RELAY_FINDING_CLEAR] = "clear",
		[RELAY_FINDING_WRONG_KEY] = "wrong-key",
		[RELAY_FINDING_TAG_LENGTH] = "tag-length",
	};

	return f < RELAY_FINDING_COUNT ? names[f] : "unknown";
}

unsigned relay_step(struct relay *r, uint64_t now_ns)
{
	return crew_step(r->crew, now_ns);
}
