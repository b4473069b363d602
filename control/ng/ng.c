/* SPDX-License-Identifier: MIT */
/* From ng messages to requests of dialog and service, from their results to replies. */
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
#include "control/ng/request.h"
#include "control/ng/reply.h"
#include "control/session/targets.h"

enum { REPLY_ROOM = 2 * PROTO_NG_MESSAGE_MAX, IGNORED_LOG_EVERY = 1000 };

struct proto_ng {
	struct proto_ng_config config;
	struct addr_net allow[PROTO_NG_ALLOW_MAX];
	struct ng_cookies *cookies;
	struct doc_arena *in, *out;
	struct buf reply; /* made big once, so that growing leaves no copies of keys behind */
	struct proto_ng_counts counts;
};

/* A request on its way; answered once. */
struct call {
	struct proto_ng *p;
	struct ng_cookie *cookie;
	struct addr from;
	proto_ng_send_fn *send;
	void *arg;
	uint64_t token;
	bool is_json, knows_load_limit, is_fatal;
	enum ng_command command;
	char *call_id; /* of the request, for the reply */
	size_t call_id_len;
};

void proto_ng_config_defaults(struct proto_ng_config *c)
{
	*c = (struct proto_ng_config){
		.reply_ttl_ms = 30000, .requests_max = 65536, .replies_max_bytes = 64u << 20};
}

enum err proto_ng_new(struct proto_ng **out, const struct proto_ng_config *config)
{
	struct ng_cookies_config cookies = {.ttl_ns = config->reply_ttl_ms * NS_PER_MS,
	                                    .count_max = config->requests_max,
	                                    .bytes_max = config->replies_max_bytes};
	struct proto_ng *p = mem_alloc(sizeof(*p));
	enum err e = ERR_OK;

	if (!p)
		return ERR_NOMEM;
	if (config->n_allow > PROTO_NG_ALLOW_MAX)
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
		proto_ng_free(p);
	else
		*out = p;
	return e;
}

void proto_ng_free(struct proto_ng *p)
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

void proto_ng_get_counts(const struct proto_ng *p, struct proto_ng_counts *out)
{
	*out = p->counts;
}

/* --- who may ask ------------------------------------------------------------ */

bool proto_ng_is_allowed(struct proto_ng *p, const struct addr *from)
{
	bool ok = addr_is_loopback(from);

	for (unsigned i = 0; i < p->config.n_allow && !ok; i++)
		ok = addr_net_has(&p->allow[i], from);
	p->counts.refused_peers += !ok;
	return ok;
}

bool proto_ng_is_media(struct proto_ng *p, const struct addr *from)
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
		         "msg=\"a datagram from a media port of this gateway is no request\" "
		         "addr=%s total=%llu",
		         addr_print(from, text), (unsigned long long)p->counts.refused_media);
	return true;
}

/* --- answering -------------------------------------------------------------- */

static void call_free(struct call *c)
{
	mem_free(c->call_id);
	mem_free(c);
}

/* Without memory for a reply there is none, and nothing to remember: the client asks again. A reply
 * above every bound is not kept. */
static void forget(struct proto_ng *p, struct ng_cookie *k)
{
	ng_cookies_finish(p->cookies, k, (struct str){.p = "", .n = SIZE_MAX}, clk_mono_ns());
}

/* Sends the reply and remembers it. The request is over. */
static void call_answer(struct call *c, struct doc *d)
{
	struct proto_ng *p = c->p;

	buf_str(&p->reply, ng_cookie_text(c->cookie));
	buf_char(&p->reply, ' ');
	if (c->is_json)
		doc_json_encode(&p->reply, d);
	else
		doc_bencode_encode(&p->reply, d);
	if (p->reply.bad || doc_arena_failed(p->out)) {
		forget(p, c->cookie);
	} else {
		c->send(c->arg, c->token, &c->from, buf_as_str(&p->reply));
		ng_cookies_finish(p->cookies, c->cookie, buf_as_str(&p->reply), clk_mono_ns());
	}
	secret_wipe(p->reply.p, p->reply.n);
	p->reply.bad = false;
	buf_reset(&p->reply);
	doc_arena_reset(p->out);
	call_free(c);
}

static struct doc *result(struct proto_ng *p, const char *word)
{
	struct doc *d = doc_dict(p->out);

	doc_set_text(p->out, d, "result", str_of(word));
	return d;
}

static void call_fail(struct call *c, const char *reason)
{
	struct doc *d = result(c->p, "error");

	c->p->counts.errors++;
	doc_set_text(c->p->out, d, "error-reason", str_of(reason));
	call_answer(c, d);
}

/*
 * A new call that can't be taken now. Proxies go on to their next gateway at these very texts, and
 * at few others: Kamailio knows the first two, OpenSIPS too since 3.6. What is wrong in our own
 * words stands beside.
 */
static void call_limit(struct call *c, enum service_limit limit, const char *reason)
{
	static const char *const words[SERVICE_LIMIT_COUNT] = {
		[SERVICE_LIMIT_SESSIONS] = "Parallel session limit reached",
		[SERVICE_LIMIT_PORTS] = "Ran out of ports",
		[SERVICE_LIMIT_DRAINING] = "Parallel session limit reached",
	};
	struct doc *d = result(c->p, c->knows_load_limit ? "load limit" : "error");

	c->p->counts.errors += !c->knows_load_limit;
	doc_set_text(c->p->out, d, c->knows_load_limit ? "message" : "error-reason",
	             str_of(words[limit]));
	doc_set_text(c->p->out, d, "warning", str_of(reason));
	call_answer(c, d);
}

/* --- commands --------------------------------------------------------------- */

static void on_dialog(void *arg, const struct dialog_reply *r)
{
	struct call *c = arg;
	struct proto_ng *p = c->p;
	const char *why = r->why && r->why->text[0] ? r->why->text : err_meaning(r->e);
	struct str id = str_make(c->call_id, c->call_id_len);
	struct doc *d;

	if (r->e && r->limit) {
		call_limit(c, r->limit, why);
		return;
	}
	if (r->e == ERR_NOT_FOUND && c->command == NG_DELETE && !c->is_fatal) {
		d = result(p, "ok");
		doc_set_text(p->out, d, "warning", STR("Call-ID not found or tags didn't match"));
		call_answer(c, d);
		return;
	}
	if (r->e) {
		call_fail(c, r->is_unknown ? "Unknown call-id" : why);
		return;
	}
	d = result(p, "ok");
	if (r->sdp.n)
		doc_set_text(p->out, d, "sdp", r->sdp);
	if (r->warning && r->warning[0])
		doc_set_text(p->out, d, "warning", str_of(r->warning));
	if (c->command == NG_DELETE && r->session)
		ng_reply_call(p->out, d, p->config.dialogs, id, p->config.service, r->session,
		              r->stats);
	call_answer(c, d);
}

static void do_dialog(struct call *c, const struct ng_request *q)
{
	dialog_request(c->p->config.dialogs, &q->ask, on_dialog, c);
}

static void on_query(void *arg, const struct service_result *r)
{
	struct call *c = arg;
	struct proto_ng *p = c->p;
	struct doc *d;

	if (r->e) {
		call_fail(c, r->e == ERR_NOT_FOUND ? "Unknown call-id" : r->why->text);
		return;
	}
	d = result(p, "ok");
	ng_reply_call(p->out, d, p->config.dialogs, str_make(c->call_id, c->call_id_len),
	              p->config.service, r->session, r->stats);
	call_answer(c, d);
}

static void do_query(struct call *c, const struct ng_request *q)
{
	char id[DIALOG_ID_MAX];

	if (dialog_session_id(q->ask.call, id))
		call_fail(c, "Unknown call-id");
	else
		service_get(c->p->config.service, str_of(id), on_query, c);
}

static void do_ping(struct call *c, const struct ng_request *q)
{
	(void)q;
	call_answer(c, result(c->p, "pong"));
}

static void do_list(struct call *c, const struct ng_request *q)
{
	struct proto_ng *p = c->p;
	struct doc *d = result(p, "ok"), *calls = doc_list(p->out);
	struct registry_session *s;
	uint32_t at = 0;

	while (calls && calls->n < q->limit &&
	       (s = registry_next(service_registry(p->config.service), &at)))
		doc_append(calls, doc_text(p->out, str_of(s->spec->id)));
	doc_set(d, "calls", calls);
	call_answer(c, d);
}

static void do_statistics(struct call *c, const struct ng_request *q)
{
	struct doc *d = result(c->p, "ok");

	(void)q;
	ng_reply_statistics(c->p->out, d, c->p->config.service);
	call_answer(c, d);
}

static void (*const commands[NG_COMMAND_COUNT])(struct call *c, const struct ng_request *q) = {
	[NG_PING] = do_ping,
	[NG_OFFER] = do_dialog,
	[NG_ANSWER] = do_dialog,
	[NG_DELETE] = do_dialog,
	[NG_QUERY] = do_query,
	[NG_LIST] = do_list,
	[NG_STATISTICS] = do_statistics,
};

/* --- asking ----------------------------------------------------------------- */

static void note_ignored(struct proto_ng *p, const struct ng_request *q)
{
	uint64_t before = p->counts.ignored_words;

	p->counts.ignored_words += q->n_ignored;
	/* Clients say the same with every call: told once, then now and then. */
	if (q->n_ignored && (before == 0 || before / IGNORED_LOG_EVERY !=
	                                            p->counts.ignored_words / IGNORED_LOG_EVERY)) {
		char quoted[256];

		log_warn("ng", "msg=\"keys or flags ignored, see docs/ng.md\" words=%s total=%llu",
		         log_quote(str_of(q->ignored), quoted, sizeof(quoted)),
		         (unsigned long long)p->counts.ignored_words);
	}
}

static void carry_out(struct call *c, struct str body)
{
	struct proto_ng *p = c->p;
	struct ng_context context = {.calls = &service_get_config(p->config.service)->calls,
	                             .interfaces = service_context(p->config.service)->interfaces,
	                             .n_interfaces =
	                                     service_context(p->config.service)->n_interfaces};
	struct doc *message = NULL;
	struct ng_request q;
	struct why why = {""};
	enum err e = c->is_json ? doc_json_decode(&message, p->in, body, &why)
	                        : doc_bencode_decode(&message, p->in, body, &why);

	if (e) {
		p->counts.malformed++;
		call_fail(c, why.text[0] ? why.text : err_meaning(e));
		return;
	}
	e = ng_request_read(&q, message, &context, &why);
	if (!e) {
		c->call_id = mem_text(q.ask.call.p ? q.ask.call.p : "", q.ask.call.n);
		c->call_id_len = q.ask.call.n;
		if (!c->call_id)
			e = why_fail(&why, ERR_NOMEM, "out of memory");
	}
	if (e) {
		call_fail(c, why.text);
		return;
	}
	c->command = q.command;
	c->knows_load_limit = q.knows_load_limit;
	c->is_fatal = q.is_fatal;
	note_ignored(p, &q);
	commands[q.command](c, &q);
}

/* The cookie's fate decides whether there is anything to carry out. */
static struct call *call_begin(struct proto_ng *p, const struct addr *from, struct str cookie,
                               proto_ng_send_fn *send, void *arg, uint64_t token)
{
	enum ng_cookie_state state;
	struct ng_cookie *k;
	struct call *c;

	if (ng_cookies_begin(p->cookies, from, cookie, clk_mono_ns(), &k, &state)) {
		p->counts.malformed++;
		return NULL;
	}
	if (state != NG_COOKIE_NEW) {
		p->counts.retransmits++;
		if (state == NG_COOKIE_ANSWERED)
			send(arg, token, from, ng_cookie_reply(k));
		return NULL;
	}
	c = mem_alloc(sizeof(*c));
	if (!c) {
		forget(p, k);
		return NULL;
	}
	*c = (struct call){
		.p = p, .cookie = k, .from = *from, .send = send, .arg = arg, .token = token};
	return c;
}

void proto_ng_take(struct proto_ng *p, const struct addr *from, struct str message,
                   proto_ng_send_fn *send, void *arg, uint64_t token)
{
	struct str body;
	struct str cookie = str_cut(message, ' ', &body);
	struct call *c;

	if (!cookie.n || !body.n || cookie.n > NG_COOKIE_MAX) {
		p->counts.malformed++;
		return;
	}
	c = call_begin(p, from, cookie, send, arg, token);
	if (!c)
		return;
	p->counts.requests++;
	c->is_json = body.p[0] == '{';
	carry_out(c, body);
	doc_arena_reset(p->in);
}
