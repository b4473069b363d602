/* SPDX-License-Identifier: MIT */
/* Requests for sessions: one is under way for each session, the rest wait. */
#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/session/service_spec.h"
#include "control/session/service_state.h"

enum { PORT_TRIES = 16 };

enum op_kind { OP_CREATE, OP_UPDATE, OP_DELETE, OP_GET };

/* A request from asking to answer. */
struct service_op {
	struct link link; /* in session.waiting */
	struct service *sv;
	struct registry_session *session;
	enum op_kind kind;
	char id[sizeof(((struct spec_session *)0)->id)];
	struct spec_session *patch; /* CREATE, UPDATE */
	struct spec_session *next;  /* what the session shall become; with ports */
	struct past *past;          /* UPDATE: and what that leaves behind */
	unsigned tries;
	enum service_limit limit; /* what it failed for, if it fails */
	service_done_fn *done;
	void *arg;
};

static void op_submit(struct service_op *op);
static void op_start(struct service_op *op);
static void create_ask(struct service_op *op);
static void update_ask(struct service_op *op);

/* --- requests that wait for ports -------------------------------------------- */

/* False: nothing can be ended for it. Else it asks again when the ports are there. */
static bool op_starves(struct service_op *op, enum err e)
{
	struct service *sv = op->sv;

	if (e != ERR_LIMIT || sv->closed || !sv->reclaim || !sv->reclaim(sv->reclaim_arg))
		return false;
	sv->counts.reclaimed++;
	list_add_tail(&sv->starved, &op->link);
	return true;
}

/* A session has ended: who waits for ports looks again, each once. */
static void feed_starved(struct service *sv)
{
	struct link hungry;

	list_init(&hungry);
	for (struct link *l; (l = list_pop(&sv->starved));)
		list_add_tail(&hungry, l);
	for (struct link *l; (l = list_pop(&hungry));) {
		struct service_op *op = LIST_OF(l, struct service_op, link);

		if (op->kind == OP_CREATE)
			create_ask(op);
		else
			update_ask(op);
	}
}

void service_close(struct service *sv)
{
	struct registry_session *s;
	uint32_t at = 0;

	sv->closed = true;
	feed_starved(sv);
	while ((s = registry_next(sv->registry, &at)))
		for (struct link *l; (l = list_pop(&s->waiting));) {
			s->n_waiting--;
			op_submit(LIST_OF(l, struct service_op, link));
		}
}

/* --- local ports ------------------------------------------------------------ */

static void ports_release(struct service *sv, struct spec_session *of,
                          const struct spec_session *kept, bool used)
{
	targets_give_ports(sv->targets, of, kept, used ? sv->config.now_ns() : 0);
	local_release(sv->local, of, kept, used, sv->config.now_ns());
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

/* --- answering -------------------------------------------------------------- */

static void op_free(struct service_op *op)
{
	spec_free(op->patch);
	spec_free(op->next);
	past_free(op->past);
	mem_free(op);
}

/* Tells the caller, then lets the session's next operation start. */
static void op_finish(struct service_op *op, struct service_result result)
{
	struct service *sv = op->sv;
	struct registry_session *s = op->session;
	struct why none = {""};

	if (!result.why)
		result.why = &none;
	if (result.e)
		sv->counts.refused++;
	if (s && s->running == op) {
		s->running = NULL;
		s->state = SESSION_STEADY;
	}
	result.session = result.e ? NULL : s;
	op->done(op->arg, &result);
	op_free(op);
	if (s && !s->running && !list_is_empty(&s->waiting)) {
		s->n_waiting--;
		op_start(LIST_OF(list_pop(&s->waiting), struct service_op, link));
	}
}

static void op_fail(struct service_op *op, enum err e, const struct why *why)
{
	op_finish(op, (struct service_result){.e = e, .limit = op->limit, .why = why});
}

/* The session is no more; what waited for it is asked anew, and finds it absent or makes it again.
 */
static void session_end(struct service *sv, struct registry_session *s)
{
	struct link waiting;

	list_init(&waiting);
	for (struct link *l; (l = list_pop(&s->waiting));)
		list_add_tail(&waiting, l);
	registry_remove(sv->registry, s);
	for (struct link *l; (l = list_pop(&waiting));)
		op_submit(LIST_OF(l, struct service_op, link));
}

/* --- create ----------------------------------------------------------------- */

static void create_done(void *arg, enum err e, const struct why *why);

/* Ports that others hold, however often others were tried. */
static enum service_limit limit_of_tries(enum err e)
{
	return e == ERR_EXISTS ? SERVICE_LIMIT_PORTS : SERVICE_LIMIT_NONE;
}

static void create_fail(struct service_op *op, enum err e, const struct why *why)
{
	struct service *sv = op->sv;
	struct registry_session *s = op->session;

	/* `running` stays set: what the answer's reader asks of this id waits for the end. */
	op->session = NULL;
	op_fail(op, e, why);
	session_end(sv, s);
}

static void create_ask(struct service_op *op)
{
	struct service *sv = op->sv;
	struct registry_session *s = op->session;
	struct why why = {""};
	enum err e = sv->closed ? why_fail(&why, ERR_CLOSED, "the gateway is ending")
	                        : ports_assign(sv, s, s->spec, NULL, &why);

	if (op_starves(op, e))
		return;
	op->limit = e == ERR_LIMIT    ? SERVICE_LIMIT_PORTS
	            : e == ERR_CLOSED ? SERVICE_LIMIT_DRAINING
	                              : SERVICE_LIMIT_NONE;
	if (e) {
		create_fail(op, e, &why);
		return;
	}
	e = targets_check(sv->targets, s, s->spec, NULL, sv->config.now_ns(), &why);
	sv->counts.targets_refused += e == ERR_DENIED;
	service_spec_fill(&sv->scratch, s->spec, s, targets_book(sv->targets));
	if (!e)
		e = relay_session_create(sv->config.relay, &s->relay, &sv->scratch, create_done, op,
		                         &why);
	if (e) {
		ports_release(sv, s->spec, NULL, false);
		create_fail(op, e, &why);
	}
}

static void create_done(void *arg, enum err e, const struct why *why)
{
	struct service_op *op = arg;
	struct service *sv = op->sv;
	struct registry_session *s = op->session;

	if (!e) {
		sv->counts.created++;
		op_finish(op, (struct service_result){.changed = true});
		return;
	}
	s->relay = NULL;
	ports_release(sv, s->spec, NULL, true);
	if (e == ERR_EXISTS && ++op->tries < PORT_TRIES && !sv->closed) {
		/* Somebody else holds a port: those tried rest, others are taken. */
		sv->counts.port_retries++;
		log_debug("service", "sid=%s msg=\"%s\" try=%u", s->spec->id, why->text, op->tries);
		create_ask(op);
		return;
	}
	op->limit = limit_of_tries(e);
	create_fail(op, e, why);
}

/* The content is there already, or differs. */
static void create_again(struct service_op *op)
{
	struct spec_session *same = NULL;
	struct why why = {""};
	enum err e = spec_apply(&same, NULL, op->patch, &op->sv->config.context, &why);

	if (!e && !spec_eq(same, op->session->spec))
		e = why_fail(&why, ERR_EXISTS, "session \"%s\" exists with other content", op->id);
	spec_free(same);
	op_finish(op, (struct service_result){.e = e, .why = &why});
}

static void create_start(struct service_op *op)
{
	struct service *sv = op->sv;
	struct spec_session *spec = NULL;
	struct why why = {""};
	enum err e = ERR_OK;

	if (sv->draining)
		op->limit = SERVICE_LIMIT_DRAINING;
	else if (service_count_sessions(sv) >= sv->config.sessions_max)
		op->limit = SERVICE_LIMIT_SESSIONS;
	if (op->limit == SERVICE_LIMIT_DRAINING)
		e = why_fail(&why, ERR_LIMIT,
		             "draining: no new session is taken until session.undrain (`sluicectl "
		             "undrain`)");
	else if (op->limit)
		e = why_fail(&why, ERR_LIMIT, "%u sessions, the most that sessions-max allows",
		             sv->config.sessions_max);
	else
		e = spec_apply(&spec, NULL, op->patch, &sv->config.context, &why);
	if (!e) {
		e = registry_add_take(sv->registry, spec, &op->session);
		if (e) {
			why_fail(&why, e, "out of memory");
			spec_free(spec);
		}
	}
	if (e) {
		op_fail(op, e, &why);
		return;
	}
	op->session->state = SESSION_CREATING;
	op->session->running = op;
	op->session->created_wall_ns = clk_wall_ns();
	create_ask(op);
}

/* --- update ----------------------------------------------------------------- */

static void update_done(void *arg, enum err e, const struct why *why);

/* An answer or a re-INVITE, with nothing new perhaps: peers may have moved, and are learnt again.
 * Before the session becomes what was asked. */
static void reopen(const struct service_op *op)
{
	const struct registry_session *s = op->session;
	uint16_t legs[RELAY_MEDIA_MAX];

	if (s->relay && service_spec_signalled(op->patch, s->spec, legs) &&
	    relay_session_reopen(op->sv->config.relay, s->relay, legs) == ERR_NOMEM)
		log_warn("service",
		         "sid=%s msg=\"out of memory: peers that moved are not learnt anew\"",
		         s->spec->id);
}

static void update_ask(struct service_op *op)
{
	struct service *sv = op->sv;
	struct registry_session *s = op->session;
	struct why why = {""};
	enum err e = sv->closed ? why_fail(&why, ERR_CLOSED, "the gateway is ending")
	                        : ports_assign(sv, s, op->next, s->spec, &why);

	if (op_starves(op, e))
		return;
	op->limit = e == ERR_LIMIT    ? SERVICE_LIMIT_PORTS
	            : e == ERR_CLOSED ? SERVICE_LIMIT_DRAINING
	                              : SERVICE_LIMIT_NONE;
	if (!e) {
		e = targets_check(sv->targets, s, op->next, s->spec, sv->config.now_ns(), &why);
		sv->counts.targets_refused += e == ERR_DENIED;
		service_spec_fill(&sv->scratch, op->next, s, targets_book(sv->targets));
		if (!e)
			e = relay_session_update(sv->config.relay, s->relay, &sv->scratch,
			                         update_done, op, &why);
		if (e)
			ports_release(sv, op->next, s->spec, false);
		s->next = e ? NULL : op->next;
	}
	if (e)
		op_fail(op, e, &why);
}

static void update_done(void *arg, enum err e, const struct why *why)
{
	struct service_op *op = arg;
	struct service *sv = op->sv;
	struct registry_session *s = op->session;

	s->next = NULL;
	if (!e) {
		struct past *gone = s->past;

		s->past = op->past;
		op->past = gone;
		reopen(op);
		spec_swap(s->spec, op->next);
		ports_release(sv, op->next, s->spec, true);
		sv->counts.updates++;
		op_finish(op, (struct service_result){.changed = true});
		return;
	}
	ports_release(sv, op->next, s->spec, true);
	if (e == ERR_EXISTS && ++op->tries < PORT_TRIES && !sv->closed) {
		sv->counts.port_retries++;
		update_ask(op);
		return;
	}
	op->limit = limit_of_tries(e);
	op_fail(op, e, why);
}

static void update_start(struct service_op *op)
{
	struct registry_session *s = op->session;
	struct why why = {""};
	enum err e = spec_apply(&op->next, s->spec, op->patch, &op->sv->config.context, &why);

	if (!e)
		e = past_check_rekey(s->past, s->spec, op->next, &why);
	if (!e && past_new(&op->past, s->past, s->spec, op->next))
		e = why_fail(&why, ERR_NOMEM, "out of memory");
	if (e) {
		op_fail(op, e, &why);
		return;
	}
	if (spec_eq(s->spec, op->next)) {
		reopen(op);
		op_finish(op, (struct service_result){.changed = false});
		return;
	}
	s->running = op;
	s->state = SESSION_UPDATING;
	update_ask(op);
}

/* --- delete and get --------------------------------------------------------- */

static void delete_done(void *arg, enum err e, const struct why *why)
{
	struct service_op *op = arg;
	struct service *sv = op->sv;
	struct registry_session *s = op->session;

	/* Where somebody waits for them they do not rest. */
	ports_release(sv, s->spec, NULL, list_is_empty(&sv->starved));
	sv->counts.deleted++;
	sv->counts.ending -= s->is_ending;
	s->is_ending = false;
	op->done(op->arg, &(struct service_result){.e = e == ERR_CLOSED ? e : ERR_OK,
	                                           .why = why,
	                                           .session = s,
	                                           .changed = true,
	                                           .stats = relay_session_stats(s->relay)});
	op_free(op);
	session_end(sv, s);
	feed_starved(sv);
}

static void delete_start(struct service_op *op)
{
	op->session->running = op;
	op->session->state = SESSION_DELETING;
	relay_session_delete(op->sv->config.relay, op->session->relay, delete_done, op);
}

static void get_done(void *arg, enum err e, const struct relay_session_stats *stats)
{
	struct service_op *op = arg;
	struct why why = {""};

	if (e)
		why_fail(&why, e, "%s", err_meaning(e));
	op_finish(op, (struct service_result){.e = e, .why = &why, .stats = stats});
}

static void get_start(struct service_op *op)
{
	struct registry_session *s = op->session;
	enum err e;

	s->running = op;
	e = relay_session_query(op->sv->config.relay, s->relay, get_done, op);
	if (e)
		get_done(op, e, NULL);
}

/* --- asking ----------------------------------------------------------------- */

static void op_start(struct service_op *op)
{
	static void (*const start[])(struct service_op *) = {[OP_CREATE] = create_again,
	                                                     [OP_UPDATE] = update_start,
	                                                     [OP_DELETE] = delete_start,
	                                                     [OP_GET] = get_start};

	start[op->kind](op);
}

static void op_submit(struct service_op *op)
{
	struct service *sv = op->sv;
	struct registry_session *s = registry_find(sv->registry, str_of(op->id));
	struct why why;

	op->session = s;
	if (sv->closed) {
		op->session = NULL;
		op->limit = SERVICE_LIMIT_DRAINING;
		why_fail(&why, ERR_CLOSED, "the gateway is ending");
		op_fail(op, ERR_CLOSED, &why);
	} else if (!s && op->kind == OP_CREATE) {
		create_start(op);
	} else if (!s) {
		why_fail(&why, ERR_NOT_FOUND, "no session \"%s\"", op->id);
		op_fail(op, ERR_NOT_FOUND, &why);
	} else if (!s->running && list_is_empty(&s->waiting)) {
		op_start(op);
	} else if (s->n_waiting < SERVICE_WAITING_MAX) {
		s->n_waiting++;
		list_add_tail(&s->waiting, &op->link);
	} else {
		op->session = NULL;
		why_fail(&why, ERR_BUSY, "%u requests wait for session \"%s\" already",
		         s->n_waiting, op->id);
		op_fail(op, ERR_BUSY, &why);
	}
}

static void op_ask(struct service *sv, enum op_kind kind, struct str id, struct spec_session *patch,
                   service_done_fn *done, void *arg)
{
	struct service_op *op = mem_alloc(sizeof(*op));
	struct why why;

	if (!op) {
		spec_free(patch);
		why_fail(&why, ERR_NOMEM, "out of memory");
		done(arg, &(struct service_result){.e = ERR_NOMEM, .why = &why});
		return;
	}
	*op = (struct service_op){.sv = sv, .kind = kind, .patch = patch, .done = done, .arg = arg};
	/* A longer id is no session's: it stays unfound. */
	if (str_copy(id, op->id, sizeof(op->id)))
		op->id[0] = '\0';
	op_submit(op);
}

void service_create_take(struct service *sv, struct spec_session *patch, service_done_fn *done,
                         void *arg)
{
	op_ask(sv, OP_CREATE, str_of(patch->id), patch, done, arg);
}

void service_update_take(struct service *sv, struct spec_session *patch, service_done_fn *done,
                         void *arg)
{
	op_ask(sv, OP_UPDATE, str_of(patch->id), patch, done, arg);
}

void service_delete(struct service *sv, struct str id, service_done_fn *done, void *arg)
{
	op_ask(sv, OP_DELETE, id, NULL, done, arg);
}

void service_get(struct service *sv, struct str id, service_done_fn *done, void *arg)
{
	op_ask(sv, OP_GET, id, NULL, done, arg);
}
