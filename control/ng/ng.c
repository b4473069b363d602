/* SPDX-License-Identifier: MIT */
/* Carries out ng messages by calling dialog and service, and answers them. */
#include "control/ng/ng.h"

#include "base/buf.h"
#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "control/doc/doc.h"
#include "control/doc/bencode.h"
#include "control/doc/json.h"
#include "control/ng/cookies.h"
#include "control/ng/message.h"
#include "control/ng/reply.h"
#include "control/session/targets.h"

enum { REPLY_ROOM = 2 * NG_MESSAGE_MAX, IGNORED_LOG_EVERY = 1000 };

struct ng {
	struct ng_config config;
	struct addr_net allow[NG_ALLOW_MAX];
	struct ng_cookies *cookies;
	struct doc_arena *in, *out;
	struct buf reply; /* ng_new makes it large: growing leaves copies of keys in freed memory */
	struct ng_counts counts;
};

/* A request that is not answered yet. Each request is answered once, and freed with that. */
struct ng_request {
	struct ng *p;
	struct ng_cookie *cookie;
	struct ng_origin origin;
	bool is_json, knows_load_limit, is_fatal;
	enum ng_command command;
	char *call_id; /* Call-ID of the request, for the reply */
	size_t call_id_len;
};

void ng_config_defaults(struct ng_config *c)
{
	*c = (struct ng_config){
		.reply_ttl_ms = 30000,
		.requests_max = 65536,
		.replies_max_bytes = 64u << 20,
	};
}

enum err ng_new(struct ng **out, const struct ng_config *config)
{
	struct ng_cookies_config cookies = {.ttl_ns = config->reply_ttl_ms * NS_PER_MS,
	                                    .count_max = config->requests_max,
	                                    .bytes_max = config->replies_max_bytes};
	struct ng *p = mem_alloc(sizeof(*p));
	enum err e = ERR_OK;

	if (!p)
		return ERR_NOMEM;
	if (config->n_allow > NG_ALLOW_MAX)
		e = ERR_TOO_BIG;
	p->config = *config;
	for (unsigned i = 0; !e && i < config->n_allow; i++)
		p->allow[i] = config->allow[i];
	p->config.allow = p->allow;
	if (!e)
		e = ng_cookies_new(&p->cookies, &cookies);
	if (!e)
		e = doc_arena_new(&p->in);
	if (!e)
		e = doc_arena_new(&p->out);
	for (unsigned i = 0; !e && i < REPLY_ROOM / 64 && !p->reply.bad; i++)
		buf_add(&p->reply,
		        "................................................................", 64);
	if (!e && p->reply.bad)
		e = ERR_NOMEM;
	buf_reset(&p->reply);
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
	if (p->cookies)
		ng_cookies_free(p->cookies);
	doc_arena_free(p->in);
	doc_arena_free(p->out);
	buf_free(&p->reply);
	mem_free(p);
}

void ng_get_counts(const struct ng *p, struct ng_counts *out)
{
	*out = p->counts;
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
	char text[ADDR_TEXT_MAX];

	if (!port_book_holds(targets_book(t), from, now_ns))
		return false;
	p->counts.refused_media++;
	service_count_media_as_request(p->config.service);
	if (targets_may_log(t, now_ns))
		log_warn("ng",
		         "msg=\"request dropped: it came from a media port of this gateway\" "
		         "addr=%s total=%llu",
		         addr_print(from, text), (unsigned long long)p->counts.refused_media);
	return true;
}

/* --- answering -------------------------------------------------------------- */

static void request_free(struct ng_request *q)
{
	mem_free(q->call_id);
	mem_free(q);
}

/* Forgets a request without sending a reply, because memory for the reply is exhausted: the client
 * sends its request again. A reply of SIZE_MAX octets makes ng_cookies_finish forget the request.
 */
static void forget(struct ng *p, struct ng_cookie *k)
{
	ng_cookies_finish(p->cookies, k, (struct str){.p = "", .n = SIZE_MAX}, clk_mono_ns());
}

/* Sends the reply, remembers it, and frees the request. */
static void request_answer(struct ng_request *q, struct doc *d)
{
	struct ng *p = q->p;

	buf_str(&p->reply, ng_cookie_text(q->cookie));
	buf_char(&p->reply, ' ');
	if (q->is_json)
		doc_json_encode(&p->reply, d);
	else
		doc_bencode_encode(&p->reply, d);
	if (p->reply.bad || doc_arena_failed(p->out)) {
		forget(p, q->cookie);
	} else {
		q->origin.send(q->origin.arg, q->origin.token, &q->origin.from,
		               buf_as_str(&p->reply));
		ng_cookies_finish(p->cookies, q->cookie, buf_as_str(&p->reply), clk_mono_ns());
	}
	secret_wipe(p->reply.p, p->reply.n);
	p->reply.bad = false;
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

	while (calls && calls->n < m->limit &&
	       (s = registry_next(service_registry(p->config.service), &at)))
		doc_append(calls, doc_text(p->out, str_of(s->spec->id)));
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
		char quoted[256];

		log_warn("ng", "msg=\"keys or flags ignored, see docs/ng.md\" words=%s total=%llu",
		         log_quote(str_of(m->ignored), quoted, sizeof(quoted)),
		         (unsigned long long)p->counts.ignored_words);
	}
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
	commands[m.command](q, &m);
}

/* Returns NULL for a retransmission, which it answers if a reply is stored, and on any failure. */
static struct ng_request *request_begin(struct ng *p, const struct ng_origin *origin,
                                        struct str cookie)
{
	struct ng_cookie_name name = {.from = &origin->from, .cookie = cookie};
	enum ng_cookie_state state;
	struct ng_cookie *k;
	struct ng_request *q;

	if (ng_cookies_begin(p->cookies, &name, clk_mono_ns(), &k, &state)) {
		p->counts.malformed++;
		return NULL;
	}
	if (state != NG_COOKIE_NEW) {
		p->counts.retransmits++;
		if (state == NG_COOKIE_ANSWERED)
			origin->send(origin->arg, origin->token, &origin->from, ng_cookie_reply(k));
		return NULL;
	}
	q = mem_alloc(sizeof(*q));
	if (!q) {
		forget(p, k);
		return NULL;
	}
	*q = (struct ng_request){.p = p, .cookie = k, .origin = *origin};
	return q;
}

void ng_take(struct ng *p, const struct ng_origin *origin, struct str message)
{
	struct str body;
	struct str cookie = str_cut(message, ' ', &body);
	struct ng_request *q;

	if (!cookie.n || !body.n || cookie.n > NG_COOKIE_MAX) {
		p->counts.malformed++;
		return;
	}
	q = request_begin(p, origin, cookie);
	if (!q)
		return;
	p->counts.requests++;
	q->is_json = body.p[0] == '{';
	carry_out(q, body);
	doc_arena_reset(p->in);
}
