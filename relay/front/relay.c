/* SPDX-License-Identifier: MIT */
/* The functions of relay.h: start and stop, requests of sessions, events. */
#include "relay/relay.h"

#include <string.h>

#include "base/mem.h"
#include "keyctx/prim.h"
#include "relay/front/relay_request.h"
#include "relay/worker/session.h"

static void pass_event(struct relay *r, const struct relay_event *e)
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
		relay_request_finish(r, m->request);
	else if (m->kind == MSG_KEY)
		key_free(r->plan.engine, m->key);
	else if (m->kind == MSG_EVENT && !m->session_event.session->is_ending)
		pass_event(r, &m->session_event.event);
}

void relay_poll(struct relay *r)
{
	relay_request_finish_failed(r);
	crew_poll(r->crew, on_message, r);
	relay_request_finish_failed(r);
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

static enum err new_apply(struct relay *r, struct relay_session *s,
                          const struct relay_session_spec *spec, struct relay_request **out,
                          struct why *why)
{
	struct relay_request *q = NULL;
	enum err e = relay_request_new(&q, s, MSG_APPLY);

	if (e)
		return why_fail(why, e, "out of memory");
	e = accepted_new(&q->wanted, r->plan.config, spec, why);
	if (e) {
		relay_request_free(r, q);
		return e;
	}
	*out = q;
	return ERR_OK;
}

/* This function and relay_session_update have more than five parameters, because `done` and `arg`
 * together are one callback. */
enum err relay_session_create(struct relay *r, struct relay_session **out,
                              const struct relay_session_spec *spec, relay_done_fn *done, void *arg,
                              struct why *why)
{
	struct relay_session *s = mem_alloc(sizeof(*s));
	struct relay_request *q = NULL;
	enum err e;

	if (!s)
		return why_fail(why, ERR_NOMEM, "out of memory");
	s->ending = mem_alloc(sizeof(*s->ending));
	s->body = mem_alloc(sizeof(*s->body));
	e = s->ending && s->body ? new_apply(r, s, spec, &q, why)
	                         : why_fail(why, ERR_NOMEM, "out of memory");
	if (e) {
		mem_free(s->body);
		mem_free(s->ending);
		mem_free(s);
		return e;
	}
	s->body->handle = s;
	s->history.hash_key = r->hash_key;
	s->n_media_asked = spec->n_media;
	s->worker = crew_place(r->crew);
	list_add_tail(&r->sessions, &s->link);
	q->done = done;
	q->arg = arg;
	*out = s;
	relay_request_submit(r, s, q);
	return ERR_OK;
}

enum err relay_session_update(struct relay *r, struct relay_session *s,
                              const struct relay_session_spec *spec, relay_done_fn *done, void *arg,
                              struct why *why)
{
	struct relay_request *q = NULL;
	enum err e;

	if (s->is_ending)
		return why_fail(why, ERR_CLOSED, "the session is ending");
	if (spec->n_media < s->n_media_asked)
		return why_fail(why, ERR_INVALID,
		                "the update has %u media, but the session has %u; list all media",
		                spec->n_media, s->n_media_asked);
	e = new_apply(r, s, spec, &q, why);
	if (e)
		return e;
	s->n_media_asked = spec->n_media;
	q->done = done;
	q->arg = arg;
	relay_request_submit(r, s, q);
	return ERR_OK;
}

void relay_session_delete(struct relay *r, struct relay_session *s, relay_done_fn *done, void *arg)
{
	struct relay_request *q = s->ending;

	s->ending = NULL;
	s->is_ending = true;
	q->kind = MSG_DELETE;
	q->session = s;
	q->done = done;
	q->arg = arg;
	relay_request_submit(r, s, q);
}

enum err relay_session_query(struct relay *r, struct relay_session *s, relay_stats_fn *done,
                             void *arg)
{
	struct relay_request *q = NULL;
	enum err e = s->is_ending ? ERR_CLOSED : relay_request_new(&q, s, MSG_QUERY);

	if (e)
		return e;
	q->stats_done = done;
	q->arg = arg;
	relay_request_submit(r, s, q);
	return ERR_OK;
}

enum err relay_session_reopen(struct relay *r, struct relay_session *s,
                              const uint16_t legs[RELAY_MEDIA_MAX])
{
	struct relay_request *q = NULL;
	enum err e = s->is_ending ? ERR_CLOSED : relay_request_new(&q, s, MSG_REOPEN);

	if (e)
		return e;
	memcpy(q->reopened, legs, RELAY_MEDIA_MAX * sizeof(legs[0]));
	relay_request_submit(r, s, q);
	return ERR_OK;
}

enum err relay_session_permit(struct relay *r, struct relay_session *s,
                              const struct relay_permit *permit)
{
	struct relay_request *q = NULL;
	enum err e = s->is_ending ? ERR_CLOSED : relay_request_new(&q, s, MSG_PERMIT);

	if (e)
		return e;
	*q->permit = *permit;
	relay_request_submit(r, s, q);
	return ERR_OK;
}

bool relay_session_refuses_key(const struct relay_session *s, const struct keyctx *k, bool is_send)
{
	struct key_history_entry key = key_history_entry_of(&s->history, k, is_send);
	const struct key_history_entry *kept = NULL;

	/* No leg is named, so only a refusal that holds for every leg counts. */
	key.media = key.leg = UINT8_MAX;
	return key_history_look(&s->history, NULL, &key, &kept) == KEY_HISTORY_SPENT;
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
	e = prim_random(r->hash_key, sizeof(r->hash_key));
	if (e)
		(void)!why_fail(why, e, "the system provides no random numbers");
	else if ((e = key_ledger_new(&r->ledger, config->keys_remembered)))
		(void)!why_fail(why, e, "out of memory");
	else
		e = crew_start(&r->crew, config, why);
	if (e) {
		key_ledger_free(r->ledger);
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
	/* The listener gets no more events, but every done call is made. */
	r->listener = r->asker = NULL;
	crew_end(r->crew, on_message, r);
	relay_request_finish_failed(r);
	while ((l = list_pop(&r->sessions)))
		relay_request_end_session(r, LIST_OF(l, struct relay_session, link));
	crew_free(r->crew);
	key_ledger_free(r->ledger);
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

unsigned relay_step(struct relay *r, uint64_t now_ns)
{
	return crew_step(r->crew, now_ns);
}
