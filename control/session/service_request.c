/* SPDX-License-Identifier: MIT */
/* Requests for sessions. One request of a session is under way, the others wait. */
#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/session/service_spec.h"
#include "control/session/service_state.h"

/* Ports are tried until one request has found this many that other programs hold. Each is left
 * alone afterwards, so later requests find fewer. */
enum { PORT_TRIES = 64 };

enum request_kind { REQUEST_CREATE, REQUEST_UPDATE, REQUEST_DELETE, REQUEST_GET };

/* A request. It is freed after its callback. */
struct service_request {
	struct link link; /* in session->requests, or in sv->awaiting_ports */
	struct service *sv;
	struct registry_session *session;
	enum request_kind kind;
	char id[sizeof(((struct spec_session *)0)->id)];
	struct spec_session *patch; /* CREATE, UPDATE: the given content or change */
	struct spec_session *next;  /* UPDATE: the session's new content, with ports */
	struct past *past;          /* UPDATE: control/session/rekey_guard.h, for `next` */
	unsigned tries;
	enum service_limit limit; /* `limit` of the result, on failure */
	service_done_fn *done;
	void *arg;
};

static void request_submit(struct service_request *q);
static void request_start(struct service_request *q);
static void create_place(struct service_request *q);
static void update_place(struct service_request *q);

/* --- requests that wait for ports -------------------------------------------- */

/* Handles the error `e` of ports_assign. True: no port pair was free, an ending session is being
 * deleted, and the request tries again when the ports of that session are free. False: the request
 * must not wait. */
static bool request_starves(struct service_request *q, enum err e)
{
	struct service *sv = q->sv;

	if (e != ERR_LIMIT || sv->closed || !sv->reclaim || !sv->reclaim(sv->reclaim_arg))
		return false;
	sv->counts.reclaimed++;
	list_add_tail(&sv->awaiting_ports, &q->link);
	return true;
}

/* Call it after a session has ended: each request that waits for ports tries again once. */
static void retry_awaiting(struct service *sv)
{
	struct link retries;

	list_init(&retries);
	for (struct link *l; (l = list_pop(&sv->awaiting_ports));)
		list_add_tail(&retries, l);
	for (struct link *l; (l = list_pop(&retries));) {
		struct service_request *q = LIST_OF(l, struct service_request, link);

		if (q->kind == REQUEST_CREATE)
			create_place(q);
		else
			update_place(q);
	}
}

/* Submits each of the waiting requests again. */
static void submit_all(struct link *waiting)
{
	for (struct link *l; (l = list_pop(waiting));)
		request_submit(LIST_OF(l, struct service_request, link));
}

void service_close(struct service *sv)
{
	struct registry_session *s;
	struct link waiting;
	uint32_t at = 0;

	list_init(&waiting);
	sv->closed = true;
	retry_awaiting(sv);
	while ((s = registry_next(sv->registry, &at))) {
		queue_take_waiting(&s->requests, &waiting);
		submit_all(&waiting);
	}
}

/* --- local ports ------------------------------------------------------------ */

static void ports_release(struct service *sv, struct spec_session *of,
                          const struct spec_session *kept, bool used)
{
	targets_give_ports(sv->targets, of, kept, used ? sv->config.now_ns() : 0);
	local_release(sv->local, of, kept, used, sv->config.now_ns());
}

/* Releases the ports that a request took and the relay refused. */
static void ports_refused(struct service *sv, struct spec_session *of,
                          const struct spec_session *kept, const struct relay_result *result)
{
	if (result->e != ERR_EXISTS || !result->taken.version) {
		ports_release(sv, of, kept, true);
		return;
	}
	targets_give_ports(sv->targets, of, kept, 0);
	local_release_refused(sv->local, of, kept, &result->taken, sv->config.now_ns());
}

static enum err ports_assign(struct service *sv, const struct registry_session *s,
                             struct spec_session *next, const struct spec_session *now,
                             struct why *why)
{
	enum err e = local_assign(sv->local, next, now, sv->config.now_ns(), why);

	if (!e)
		targets_take_ports(sv->targets, s, next);
	return e;
}

/* --- results ---------------------------------------------------------------- */

static void request_free(struct service_request *q)
{
	spec_free(q->patch);
	spec_free(q->next);
	past_free(q->past);
	mem_free(q);
}

/* Calls the request's callback, frees the request and starts the session's next one. */
static void request_finish(struct service_request *q, struct service_result result)
{
	struct service *sv = q->sv;
	struct registry_session *s = q->session;
	struct why none = {""};
	struct link *next;

	if (!result.why)
		result.why = &none;
	if (result.e)
		sv->counts.refused++;
	if (s)
		s->state = SESSION_STEADY;
	result.session = result.e ? NULL : s;
	q->done(q->arg, &result);
	request_free(q);
	next = s ? queue_next(&s->requests) : NULL;
	if (next)
		request_start(LIST_OF(next, struct service_request, link));
}

static void request_fail(struct service_request *q, enum err e, const struct why *why)
{
	request_finish(q, (struct service_result){.e = e, .limit = q->limit, .why = why});
}

/* Removes the session. Submits its waiting requests again: a create makes the session again, the
 * others find no session. */
static void session_end(struct service *sv, struct registry_session *s)
{
	struct link waiting;

	list_init(&waiting);
	queue_take_waiting(&s->requests, &waiting);
	registry_remove(sv->registry, s);
	submit_all(&waiting);
}

/* --- create ----------------------------------------------------------------- */

static void create_done(void *arg, const struct relay_result *result);

/* ERR_EXISTS of the relay means that another process holds the ports that were tried. */
static enum service_limit limit_of_tries(enum err e)
{
	return e == ERR_EXISTS ? SERVICE_LIMIT_PORTS : SERVICE_LIMIT_NONE;
}

static void create_fail(struct service_request *q, enum err e, const struct why *why)
{
	struct service *sv = q->sv;
	struct registry_session *s = q->session;

	/* The queue stays busy: requests from the callback wait until the session is removed. */
	q->session = NULL;
	request_fail(q, e, why);
	session_end(sv, s);
}

static void create_place(struct service_request *q)
{
	struct service *sv = q->sv;
	struct registry_session *s = q->session;
	struct why why = {""};
	enum err e = sv->closed ? why_fail(&why, ERR_CLOSED, "the gateway is shutting down")
	                        : ports_assign(sv, s, s->spec, NULL, &why);

	if (request_starves(q, e))
		return;
	q->limit = e == ERR_LIMIT    ? SERVICE_LIMIT_PORTS
	           : e == ERR_CLOSED ? SERVICE_LIMIT_DRAINING
	                             : SERVICE_LIMIT_NONE;
	if (e) {
		create_fail(q, e, &why);
		return;
	}
	e = targets_check(sv->targets, &(struct targets_change){.session = s, .next = s->spec},
	                  sv->config.now_ns(), &why);
	sv->counts.targets_refused += e == ERR_DENIED;
	service_spec_fill(&sv->scratch, s->spec, s, targets_book(sv->targets));
	if (!e)
		e = relay_session_create(sv->config.relay, &s->relay, &sv->scratch, create_done, q,
		                         &why);
	if (e) {
		ports_release(sv, s->spec, NULL, false);
		create_fail(q, e, &why);
	}
}

static void create_done(void *arg, const struct relay_result *result)
{
	struct service_request *q = arg;
	struct service *sv = q->sv;
	struct registry_session *s = q->session;
	enum err e = result->e;

	if (!e) {
		sv->counts.created++;
		request_finish(q, (struct service_result){.changed = true});
		return;
	}
	s->relay = NULL;
	ports_refused(sv, s->spec, NULL, result);
	if (e == ERR_EXISTS && ++q->tries < PORT_TRIES && !sv->closed) {
		sv->counts.port_retries++;
		log_debug("service", "ports are taken, trying others",
		          LOG_TEXT(session, s->spec->id), LOG_TEXT(reason, result->why->text),
		          LOG_UINT(attempt, q->tries));
		create_place(q);
		return;
	}
	q->limit = limit_of_tries(e);
	create_fail(q, e, result->why);
}

/* Handles a create for an existing session: success for the same content, else ERR_EXISTS. */
static void create_again(struct service_request *q)
{
	struct spec_session *same = NULL;
	struct why why = {""};
	enum err e = spec_apply(&same, NULL, q->patch, &q->sv->config.context, &why);

	if (!e && !spec_eq(same, q->session->spec))
		e = why_fail(&why, ERR_EXISTS, "session \"%s\" exists with other content", q->id);
	spec_free(same);
	request_finish(q, (struct service_result){.e = e, .why = &why});
}

static void create_start(struct service_request *q)
{
	struct service *sv = q->sv;
	struct spec_session *spec = NULL;
	struct why why = {""};
	enum err e = ERR_OK;

	if (sv->draining)
		q->limit = SERVICE_LIMIT_DRAINING;
	else if (service_count_sessions(sv) >= sv->config.sessions_max)
		q->limit = SERVICE_LIMIT_SESSIONS;
	if (q->limit == SERVICE_LIMIT_DRAINING)
		e = why_fail(&why, ERR_LIMIT,
		             "draining: new sessions are refused until session.undrain "
		             "(`sluicectl undrain`)");
	else if (q->limit)
		e = why_fail(&why, ERR_LIMIT, "session limit reached: %u (sessions-max)",
		             sv->config.sessions_max);
	else
		e = spec_apply(&spec, NULL, q->patch, &sv->config.context, &why);
	if (!e) {
		e = registry_add_take(sv->registry, spec, &q->session);
		if (e) {
			why_fail(&why, e, "out of memory");
			spec_free(spec);
		}
	}
	if (e) {
		request_fail(q, e, &why);
		return;
	}
	q->session->state = SESSION_CREATING;
	queue_init(&q->session->requests, SERVICE_WAITING_MAX);
	(void)queue_enter(&q->session->requests, &q->link);
	q->session->created_wall_ns = clk_wall_ns();
	create_place(q);
}

/* --- update ----------------------------------------------------------------- */

static void update_done(void *arg, const struct relay_result *result);

/* Lets legs learn their peer's source again if the patch names the peer's address, changed or not:
 * after an answer or re-INVITE the peer may send from elsewhere. Call it before the session takes
 * its new content. */
static void reopen(const struct service_request *q)
{
	const struct registry_session *s = q->session;
	uint16_t legs[RELAY_MEDIA_MAX];

	if (s->relay && service_spec_signalled(q->patch, s->spec, legs) &&
	    relay_session_reopen(q->sv->config.relay, s->relay, legs) == ERR_NOMEM)
		log_warn("service",
		         "out of memory: the legs of this request keep the peer addresses that "
		         "they have "
		         "learned",
		         LOG_TEXT(session, s->spec->id));
}

static void update_place(struct service_request *q)
{
	struct service *sv = q->sv;
	struct registry_session *s = q->session;
	struct why why = {""};
	enum err e = sv->closed ? why_fail(&why, ERR_CLOSED, "the gateway is shutting down")
	                        : ports_assign(sv, s, q->next, s->spec, &why);

	if (request_starves(q, e))
		return;
	q->limit = e == ERR_LIMIT    ? SERVICE_LIMIT_PORTS
	           : e == ERR_CLOSED ? SERVICE_LIMIT_DRAINING
	                             : SERVICE_LIMIT_NONE;
	if (!e) {
		e = targets_check(
			sv->targets,
			&(struct targets_change){.session = s, .next = q->next, .now = s->spec},
			sv->config.now_ns(), &why);
		sv->counts.targets_refused += e == ERR_DENIED;
		service_spec_fill(&sv->scratch, q->next, s, targets_book(sv->targets));
		if (!e)
			e = relay_session_update(sv->config.relay, s->relay, &sv->scratch,
			                         update_done, q, &why);
		if (e)
			ports_release(sv, q->next, s->spec, false);
		s->next = e ? NULL : q->next;
	}
	if (e)
		request_fail(q, e, &why);
}

static void update_done(void *arg, const struct relay_result *result)
{
	struct service_request *q = arg;
	struct service *sv = q->sv;
	struct registry_session *s = q->session;
	enum err e = result->e;

	s->next = NULL;
	if (!e) {
		struct past *gone = s->past;

		s->past = q->past;
		q->past = gone;
		reopen(q);
		spec_swap(s->spec, q->next);
		ports_release(sv, q->next, s->spec, true);
		sv->counts.updates++;
		request_finish(q, (struct service_result){.changed = true});
		return;
	}
	ports_refused(sv, q->next, s->spec, result);
	if (e == ERR_EXISTS && ++q->tries < PORT_TRIES && !sv->closed) {
		sv->counts.port_retries++;
		update_place(q);
		return;
	}
	q->limit = limit_of_tries(e);
	request_fail(q, e, result->why);
}

static void update_start(struct service_request *q)
{
	struct registry_session *s = q->session;
	struct why why = {""};
	enum err e = spec_apply(&q->next, s->spec, q->patch, &q->sv->config.context, &why);

	if (!e)
		e = past_check_rekey(s->past, s->spec, q->next, &why);
	if (!e && past_new(&q->past, s->past, s->spec, q->next))
		e = why_fail(&why, ERR_NOMEM, "out of memory");
	if (e) {
		request_fail(q, e, &why);
		return;
	}
	if (spec_eq(s->spec, q->next)) {
		reopen(q);
		request_finish(q, (struct service_result){.changed = false});
		return;
	}
	s->state = SESSION_UPDATING;
	update_place(q);
}

/* --- delete and get --------------------------------------------------------- */

static void delete_done(void *arg, const struct relay_result *result)
{
	struct service_request *q = arg;
	struct service *sv = q->sv;
	struct registry_session *s = q->session;

	/* The ports skip the quarantine if a request waits for ports. */
	ports_release(sv, s->spec, NULL, list_is_empty(&sv->awaiting_ports));
	sv->counts.deleted++;
	sv->counts.ending -= s->is_ending;
	s->is_ending = false;
	q->done(q->arg, &(struct service_result){
				.e = result->e == ERR_CLOSED ? result->e : ERR_OK,
				.why = result->why,
				.session = s,
				.changed = true,
				.stats = relay_session_stats(s->relay),
			});
	request_free(q);
	session_end(sv, s);
	retry_awaiting(sv);
}

static void delete_start(struct service_request *q)
{
	q->session->state = SESSION_DELETING;
	relay_session_delete(q->sv->config.relay, q->session->relay, delete_done, q);
}

static void get_done(void *arg, enum err e, const struct relay_session_stats *stats)
{
	struct service_request *q = arg;
	struct why why = {""};

	if (e)
		why_fail(&why, e, "%s", err_meaning(e));
	request_finish(q, (struct service_result){.e = e, .why = &why, .stats = stats});
}

static void get_start(struct service_request *q)
{
	struct registry_session *s = q->session;
	enum err e;

	e = relay_session_query(q->sv->config.relay, s->relay, get_done, q);
	if (e)
		get_done(q, e, NULL);
}

/* --- submitting ------------------------------------------------------------- */

static void request_start(struct service_request *q)
{
	static void (*const start[])(struct service_request *) = {[REQUEST_CREATE] = create_again,
	                                                          [REQUEST_UPDATE] = update_start,
	                                                          [REQUEST_DELETE] = delete_start,
	                                                          [REQUEST_GET] = get_start};

	start[q->kind](q);
}

static void fail_full(struct service_request *q, const struct registry_session *s)
{
	struct why why;

	q->session = NULL;
	why_fail(&why, ERR_BUSY, "session \"%s\": %u requests wait already; try again later", q->id,
	         s->requests.n_waiting);
	request_fail(q, ERR_BUSY, &why);
}

static void request_submit(struct service_request *q)
{
	struct service *sv = q->sv;
	struct registry_session *s = registry_find(sv->registry, str_of(q->id));
	struct why why;

	q->session = s;
	if (sv->closed) {
		q->session = NULL;
		q->limit = SERVICE_LIMIT_DRAINING;
		why_fail(&why, ERR_CLOSED, "the gateway is shutting down");
		request_fail(q, ERR_CLOSED, &why);
	} else if (!s && q->kind == REQUEST_CREATE) {
		create_start(q);
	} else if (!s) {
		why_fail(&why, ERR_NOT_FOUND, "no session \"%s\"", q->id);
		request_fail(q, ERR_NOT_FOUND, &why);
	} else {
		enum queue_turn turn = queue_enter(&s->requests, &q->link);

		if (turn == QUEUE_NOW)
			request_start(q);
		else if (turn == QUEUE_FULL)
			fail_full(q, s);
	}
}

/* Makes and submits a request. The caller has set kind, patch, done and arg of `ask`. */
static void take(struct service *sv, struct str id, const struct service_request *ask)
{
	struct service_request *q = mem_alloc(sizeof(*q));
	struct why why;

	if (!q) {
		spec_free(ask->patch);
		why_fail(&why, ERR_NOMEM, "out of memory");
		ask->done(ask->arg, &(struct service_result){.e = ERR_NOMEM, .why = &why});
		return;
	}
	*q = *ask;
	q->sv = sv;
	/* No session has such a long id: an empty id makes the lookup find nothing. */
	if (str_copy(id, q->id, sizeof(q->id)))
		q->id[0] = '\0';
	request_submit(q);
}

void service_create_take(struct service *sv, struct spec_session *patch, service_done_fn *done,
                         void *arg)
{
	take(sv, str_of(patch->id),
	     &(struct service_request){
		     .kind = REQUEST_CREATE,
		     .patch = patch,
		     .done = done,
		     .arg = arg,
	     });
}

void service_update_take(struct service *sv, struct spec_session *patch, service_done_fn *done,
                         void *arg)
{
	take(sv, str_of(patch->id),
	     &(struct service_request){
		     .kind = REQUEST_UPDATE,
		     .patch = patch,
		     .done = done,
		     .arg = arg,
	     });
}

void service_delete(struct service *sv, struct str id, service_done_fn *done, void *arg)
{
	take(sv, id, &(struct service_request){.kind = REQUEST_DELETE, .done = done, .arg = arg});
}

void service_get(struct service *sv, struct str id, service_done_fn *done, void *arg)
{
	take(sv, id, &(struct service_request){.kind = REQUEST_GET, .done = done, .arg = arg});
}
