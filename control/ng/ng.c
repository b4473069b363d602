/* SPDX-License-Identifier: MIT */
/* Carries out ng messages by calling dialog and service, and answers them. */
#include "control/ng/ng.h"

#include <sys/resource.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/doc/doc.h"
#include "control/doc/bencode.h"
#include "control/doc/json.h"
#include "control/net/loop.h"
#include "control/ng/cookies.h"
#include "control/ng/message.h"
#include "control/ng/reply.h"
#include "control/session/targets.h"

enum {
	IGNORED_LOG_EVERY = 1000,
	REPLY_KEEP_BYTES = 2 * NG_MESSAGE_MAX,
	LIST_MAX_BYTES = 60000, /* the calls of a list; the reply must fit into a datagram */
	LIST_MARKS_BYTES = 4,   /* what a list has for each call besides the Call-ID */
};
#define EXPIRE_EVERY_NS (100 * NS_PER_MS) /* shortest time between two runs of the timer */

struct ng {
	struct ng_config config;
	struct addr_net allow[NG_ALLOW_MAX];
	struct ng_cookies *cookies;
	struct doc_arena *in, *out;
	struct buf reply;          /* the reply as text; one buffer for all replies */
	struct loop_timer *expire; /* NULL without a loop */
	bool expire_runs;
	struct ng_counts counts;
};

/* A request that is not answered yet. Each request is answered once, and freed with that. */
struct ng_request {
	struct ng *p;
	struct ng_cookie *k; /* NULL: the store does not hold the request */
	struct ng_origin origin;
	bool is_json, knows_load_limit, is_fatal;
	enum ng_command command;
	char *call_id; /* Call-ID of the request, for the reply */
	size_t call_id_len, cookie_len;
	char cookie[NG_COOKIE_MAX];
};

void ng_config_defaults(struct ng_config *c)
{
	struct rlimit limit;

	*c = (struct ng_config){
		.reply_ttl_ms = 30000,
		.retransmit_ms = 10000,
		.requests_max = 131072,
		.under_way_max = 4096,
		.replies_max_bytes = 64u << 20,
	};
	/* The keys of calls need locked memory more than old replies do. */
	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur / 4 < c->replies_max_bytes)
		c->replies_max_bytes = limit.rlim_cur / 4;
}

static void on_expire(void *arg);

static enum err make_parts(struct ng *p)
{
	const struct ng_config *config = &p->config;
	struct ng_cookies_config cookies = {.ttl_ns = config->reply_ttl_ms * NS_PER_MS,
	                                    .retransmit_ns = config->retransmit_ms * NS_PER_MS,
	                                    .count_max = config->requests_max,
	                                    .under_way_max = config->under_way_max,
	                                    .bytes_max = config->replies_max_bytes};
	enum err e = ng_cookies_new(&p->cookies, &cookies);

	if (!e && config->loop)
		e = loop_timer_new(&p->expire, config->loop, on_expire, p);
	if (!e)
		e = doc_arena_new(&p->in);
	if (!e)
		e = doc_arena_new(&p->out);
	return e;
}

enum err ng_new(struct ng **out, const struct ng_config *config)
{
	struct ng *p;
	enum err e;

	if (config->n_allow > NG_ALLOW_MAX)
		return ERR_TOO_BIG;
	p = mem_alloc(sizeof(*p));
	if (!p)
		return ERR_NOMEM;
	p->config = *config;
	for (unsigned i = 0; i < config->n_allow; i++)
		p->allow[i] = config->allow[i];
	p->config.allow = p->allow;
	p->reply.wipes = true;
	e = make_parts(p);
	if (e)
		ng_free(p);
	else
		*out = p;
	return e;
}

void ng_free(struct ng *p)
{
	if (!p)
		return;
	loop_timer_free(p->expire);
	ng_cookies_free(p->cookies);
	doc_arena_free(p->in);
	doc_arena_free(p->out);
	buf_free(&p->reply);
	mem_free(p);
}

void ng_get_counts(const struct ng *p, struct ng_counts *out)
{
	*out = p->counts;
	out->stored_bytes = ng_cookies_bytes(p->cookies);
}

/* --- who may send requests -------------------------------------------------- */

bool ng_is_allowed(struct ng *p, const struct addr *from)
{
	bool ok = addr_is_loopback(from);

	for (unsigned i = 0; i < p->config.n_allow && !ok; i++)
		ok = addr_net_has(&p->allow[i], from);
	p->counts.refused_peers += !ok;
	return ok;
}

bool ng_is_media(struct ng *p, const struct addr *from)
{
	struct targets *t = service_targets(p->config.service);
	uint64_t now_ns = service_now_ns(p->config.service);

	if (!port_book_holds(targets_book(t), from, now_ns))
		return false;
	p->counts.refused_media++;
	service_count_media_as_request(p->config.service);
	if (targets_may_log(t, now_ns))
		log_warn("ng", "request dropped: it came from a media port of this gateway",
		         LOG_ADDR(peer, from), LOG_UINT(total, p->counts.refused_media));
	return true;
}

/* --- answering -------------------------------------------------------------- */

static void request_free(struct ng_request *q)
{
	mem_free(q->call_id);
	mem_free(q);
}

/* --- time ------------------------------------------------------------------- */

/* Lets the timer run when the oldest reply expires. */
static void expire_at(struct ng *p, uint64_t due_ns, uint64_t now_ns)
{
	uint64_t after_ns = due_ns > now_ns + EXPIRE_EVERY_NS ? due_ns - now_ns : EXPIRE_EVERY_NS;

	if (due_ns == UINT64_MAX || !p->expire || p->expire_runs)
		return;
	/* If the timer cannot be set, the next request wipes what has expired. */
	p->expire_runs = loop_timer_set(p->expire, after_ns) == ERR_OK;
}

static void expire(struct ng *p)
{
	uint64_t now_ns = clk_mono_ns();

	expire_at(p, ng_cookies_expire(p->cookies, now_ns), now_ns);
}

static void on_expire(void *arg)
{
	struct ng *p = arg;

	p->expire_runs = false;
	expire(p);
}

/* --- replies ---------------------------------------------------------------- */

/* Stores the reply, if the request is kept. `reply` is empty when memory for it is missing: the
 * request is remembered all the same, so that a retransmission is not carried out again. */
static void store(struct ng *p, struct ng_cookie *k, struct str reply)
{
	ng_cookies_finish(p->cookies, k, reply, clk_mono_ns());
	if (!p->expire_runs)
		expire(p);
}

/* Sends the reply, stores it, and frees the request. */
static void request_answer(struct ng_request *q, struct doc *d)
{
	struct ng *p = q->p;
	bool ok;

	buf_add(&p->reply, q->cookie, q->cookie_len);
	buf_char(&p->reply, ' ');
	if (q->is_json)
		doc_json_encode(&p->reply, d);
	else
		doc_bencode_encode(&p->reply, d);
	ok = !p->reply.bad && !doc_arena_failed(p->out);
	if (ok)
		q->origin.send(q->origin.arg, q->origin.token, &q->origin.from,
		               buf_as_str(&p->reply));
	if (q->k)
		store(p, q->k, ok ? buf_as_str(&p->reply) : STR(""));
	if (p->reply.room > REPLY_KEEP_BYTES)
		buf_free(&p->reply);
	buf_reset(&p->reply);
	doc_arena_reset(p->out);
	request_free(q);
}

static struct doc *result(struct ng *p, const char *word)
{
	struct doc *d = doc_dict(p->out);

	doc_set_text(p->out, d, "result", str_of(word));
	return d;
}

static void request_fail(struct ng_request *q, const char *reason)
{
	struct doc *d = result(q->p, "error");

	q->p->counts.errors++;
	doc_set_text(q->p->out, d, "error-reason", str_of(reason));
	request_answer(q, d);
}

/*
 * Refuses a new call because the gateway has no room for it. On exactly these texts Kamailio, and
 * OpenSIPS since 3.6, try their next gateway. `reason` goes into the key `warning`.
 */
static void request_limit(struct ng_request *q, enum service_limit limit, const char *reason)
{
	static const char *const words[SERVICE_LIMIT_COUNT] = {
		[SERVICE_LIMIT_SESSIONS] = "Parallel session limit reached",
		[SERVICE_LIMIT_PORTS] = "Ran out of ports",
		[SERVICE_LIMIT_DRAINING] = "Parallel session limit reached",
	};
	struct doc *d = result(q->p, q->knows_load_limit ? "load limit" : "error");

	q->p->counts.errors += !q->knows_load_limit;
	doc_set_text(q->p->out, d, q->knows_load_limit ? "message" : "error-reason",
	             str_of(words[limit]));
	doc_set_text(q->p->out, d, "warning", str_of(reason));
	request_answer(q, d);
}

/* --- commands --------------------------------------------------------------- */

static void report_call(struct ng_request *q, struct doc *out, const struct registry_session *s,
                        const struct relay_session_stats *stats)
{
	ng_reply_call(q->p->out, out,
	              &(struct ng_call){
			      .dialogs = q->p->config.dialogs,
			      .service = q->p->config.service,
			      .id = str_make(q->call_id, q->call_id_len),
			      .session = s,
			      .stats = stats,
		      });
}

static void on_dialog(void *arg, const struct dialog_reply *r)
{
	struct ng_request *q = arg;
	struct ng *p = q->p;
	const char *why = r->why && r->why->text[0] ? r->why->text : err_meaning(r->e);
	struct doc *d;

	if (r->e && r->limit) {
		request_limit(q, r->limit, why);
		return;
	}
	if (r->e == ERR_NOT_FOUND && q->command == NG_DELETE && !q->is_fatal) {
		d = result(p, "ok");
		doc_set_text(p->out, d, "warning", STR("Call-ID not found or tags didn't match"));
		request_answer(q, d);
		return;
	}
	if (r->e) {
		request_fail(q, r->is_unknown ? "Unknown call-id" : why);
		return;
	}
	d = result(p, "ok");
	if (r->sdp.n)
		doc_set_text(p->out, d, "sdp", r->sdp);
	if (r->warning && r->warning[0])
		doc_set_text(p->out, d, "warning", str_of(r->warning));
	if (q->command == NG_DELETE && r->session)
		report_call(q, d, r->session, r->stats);
	/* A delete may also end only one branch, or end the call later: then the session stays
	 * attached to its call. */
	if (q->command == NG_DELETE && r->session && !r->session->attached)
		ng_cookies_end_call(p->cookies, str_make(q->call_id, q->call_id_len));
	request_answer(q, d);
}

static void do_dialog(struct ng_request *q, const struct ng_message *m)
{
	dialog_submit(q->p->config.dialogs, &m->dialog, on_dialog, q);
}

static void on_query(void *arg, const struct service_result *r)
{
	struct ng_request *q = arg;
	struct ng *p = q->p;
	struct doc *d;

	if (r->e) {
		request_fail(q, r->e == ERR_NOT_FOUND ? "Unknown call-id" : r->why->text);
		return;
	}
	d = result(p, "ok");
	report_call(q, d, r->session, r->stats);
	request_answer(q, d);
}

static void do_query(struct ng_request *q, const struct ng_message *m)
{
	char id[DIALOG_ID_MAX];

	if (dialog_session_id(m->dialog.call, id))
		request_fail(q, "Unknown call-id");
	else
		service_get(q->p->config.service, str_of(id), on_query, q);
}

static void do_ping(struct ng_request *q, const struct ng_message *m)
{
	(void)m;
	request_answer(q, result(q->p, "pong"));
}

static void do_list(struct ng_request *q, const struct ng_message *m)
{
	struct ng *p = q->p;
	struct doc *d = result(p, "ok"), *calls = doc_list(p->out);
	struct registry_session *s;
	uint32_t at = 0;
	size_t room = LIST_MAX_BYTES;

	while (calls && calls->n < m->limit &&
	       (s = registry_next(service_registry(p->config.service), &at))) {
		struct str id = str_of(s->spec->id);

		if (id.n + LIST_MARKS_BYTES > room)
			break;
		room -= id.n + LIST_MARKS_BYTES;
		doc_append(calls, doc_text(p->out, id));
	}
	doc_set(d, "calls", calls);
	request_answer(q, d);
}

static void do_statistics(struct ng_request *q, const struct ng_message *m)
{
	struct doc *d = result(q->p, "ok");

	(void)m;
	ng_reply_statistics(q->p->out, d, q->p->config.service);
	request_answer(q, d);
}

static void (*const commands[NG_COMMAND_COUNT])(struct ng_request *q,
                                                const struct ng_message *m) = {
	[NG_PING] = do_ping,
	[NG_OFFER] = do_dialog,
	[NG_ANSWER] = do_dialog,
	[NG_DELETE] = do_dialog,
	[NG_QUERY] = do_query,
	[NG_LIST] = do_list,
	[NG_STATISTICS] = do_statistics,
};

/* --- requests --------------------------------------------------------------- */

static void note_ignored(struct ng *p, const struct ng_message *m)
{
	uint64_t before = p->counts.ignored_words;

	p->counts.ignored_words += m->n_ignored;
	/* A client repeats its words in every call, so log the first ignored word and then about
	 * every thousandth. */
	if (m->n_ignored && (before == 0 || before / IGNORED_LOG_EVERY !=
	                                            p->counts.ignored_words / IGNORED_LOG_EVERY)) {

		log_warn("ng", "keys or flags ignored, see docs/ng.md", LOG_TEXT(words, m->ignored),
		         LOG_UINT(total, p->counts.ignored_words));
	}
}

/* Do requests of this command change something? Then each is carried out only once. */
static bool changes(enum ng_command command)
{
	return command == NG_OFFER || command == NG_ANSWER || command == NG_DELETE;
}

/* Makes sure that the store can remember the request. On failure answers it. */
static enum err request_keep(struct ng_request *q)
{
	static const char text[] = "not carried out: this client sent more requests in the last "
				   "seconds than the gateway can remember; send it again later";
	struct ng *p = q->p;
	enum err e = ng_cookies_keep(p->cookies, q->k, clk_mono_ns());

	if (!e)
		ng_cookie_set_call(p->cookies, q->k, str_make(q->call_id, q->call_id_len));
	else if (q->command == NG_OFFER)
		request_limit(q, SERVICE_LIMIT_SESSIONS, text);
	else
		request_fail(q, text);
	return e;
}

static void carry_out(struct ng_request *q, struct str body)
{
	struct ng *p = q->p;
	struct ng_context context = {.calls = &service_get_config(p->config.service)->calls,
	                             .interfaces = service_context(p->config.service)->interfaces,
	                             .n_interfaces =
	                                     service_context(p->config.service)->n_interfaces};
	struct doc *message = NULL;
	struct ng_message m;
	struct why why = {""};
	enum err e = q->is_json ? doc_json_decode(&message, p->in, body, &why)
	                        : doc_bencode_decode(&message, p->in, body, &why);

	if (e) {
		p->counts.malformed++;
		request_fail(q, why.text[0] ? why.text : err_meaning(e));
		return;
	}
	e = ng_message_read(&m, message, &context, &why);
	if (!e) {
		q->call_id = mem_text(m.dialog.call.p ? m.dialog.call.p : "", m.dialog.call.n);
		q->call_id_len = m.dialog.call.n;
		if (!q->call_id)
			e = why_fail(&why, ERR_NOMEM, "out of memory");
	}
	if (e) {
		request_fail(q, why.text);
		return;
	}
	q->command = m.command;
	q->knows_load_limit = m.knows_load_limit;
	q->is_fatal = m.is_fatal;
	note_ignored(p, &m);
	if (!changes(m.command) || !request_keep(q))
		commands[m.command](q, &m);
}

static struct ng_request *request_new(struct ng *p, const struct ng_origin *origin,
                                      struct str cookie, struct str body)
{
	struct ng_request *q = mem_alloc(sizeof(*q));

	if (!q)
		return NULL;
	q->p = p;
	q->origin = *origin;
	q->is_json = body.p[0] == '{';
	q->cookie_len = cookie.n;
	memcpy(q->cookie, cookie.p, cookie.n);
	return q;
}

/* Answers a retransmission; says nothing while its request is under way. */
static void repeat(struct ng_request *q, const struct ng_cookie *k, enum ng_cookie_state state)
{
	struct str reply = ng_cookie_reply(k);

	q->p->counts.retransmits++;
	if (state == NG_COOKIE_ANSWERED && !reply.n) {
		request_fail(q,
		             "this request was answered before, but the reply is no longer stored");
		return;
	}
	if (state == NG_COOKIE_ANSWERED)
		q->origin.send(q->origin.arg, q->origin.token, &q->origin.from, reply);
	request_free(q);
}

void ng_take(struct ng *p, const struct ng_origin *origin, struct str message)
{
	enum ng_cookie_state state = NG_COOKIE_NEW;
	struct str body;
	struct str cookie = str_cut(message, ' ', &body);
	struct ng_cookie *k = NULL;
	struct ng_request *q;
	enum err e;

	if (!cookie.n || !body.n || cookie.n > NG_COOKIE_MAX) {
		p->counts.malformed++;
		return;
	}
	q = request_new(p, origin, cookie, body);
	if (!q)
		return;
	expire(p);
	e = ng_cookies_begin(p->cookies, &origin->from, message, &k, &state);
	if (e == ERR_BUSY) {
		struct why why;

		(void)why_fail(&why, ERR_BUSY,
		               "not carried out: %u requests of this client are unanswered, the "
		               "maximum; wait for their replies",
		               p->config.under_way_max);
		request_fail(q, why.text);
	} else if (e) {
		request_free(q);
	} else if (state != NG_COOKIE_NEW) {
		repeat(q, k, state);
	} else {
		q->k = k;
		p->counts.requests++;
		carry_out(q, body);
		doc_arena_reset(p->in);
	}
}
