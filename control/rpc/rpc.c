/* SPDX-License-Identifier: MIT */
/* JSON-RPC 2.0: lines become calls, calls become answers, in any order; batches are answered
 * together. */
#include "control/rpc/rpc.h"

#include "base/clk.h"
#include "base/mem.h"
#include "control/doc/json.h"
#include "control/rpc/methods.h"
#include "control/rpc/peer.h"

enum { ID_MAX = 160, BATCH_MAX = 1024, METHOD_TABLES_MAX = 8 };

struct method_table {
	const struct proto_json_method *methods;
	size_t n;
	void *user;
};

struct proto_json {
	struct service *sv;
	struct events *ev;
	struct doc_arena *in;  /* the line being read */
	struct doc_arena *out; /* the answer being built */
	struct buf line;       /* the answer as text, reused */
	struct method_table tables[METHOD_TABLES_MAX];
	unsigned n_tables;
	uint64_t started_ns;
};

/* A batch is answered as one line when the last of it is. */
struct batch {
	struct buf answers;
	unsigned open; /* calls under way, and one for the reading itself */
};

struct proto_json_call {
	struct proto_json *p;
	struct listen_conn *conn;
	struct batch *batch;
	void *user;
	bool is_notification; /* no id: no answer */
	char id[ID_MAX];      /* as JSON */
};

/* JSON-RPC 2.0 section 5.1 has these five; each of our own errors has a number of its own. */
enum {
	RPC_PARSE = -32700,
	RPC_INVALID = -32600,
	RPC_METHOD = -32601,
	RPC_PARAMS = -32602,
	RPC_INTERNAL = -32603
};
static const int error_codes[ERR_COUNT] = {
	[ERR_NOMEM] = RPC_INTERNAL, [ERR_INVALID] = RPC_PARAMS,   [ERR_RANGE] = RPC_PARAMS,
	[ERR_SYNTAX] = RPC_PARAMS,  [ERR_TRUNCATED] = RPC_PARAMS, [ERR_TOO_BIG] = RPC_PARAMS,
	[ERR_NOT_FOUND] = -32001,   [ERR_EXISTS] = -32002,        [ERR_WRONG_STATE] = -32003,
	[ERR_UNSUPPORTED] = -32004, [ERR_LIMIT] = -32005,         [ERR_DENIED] = -32006,
	[ERR_AUTH] = -32007,        [ERR_REPLAY] = -32008,        [ERR_EXPIRED] = -32009,
	[ERR_REKEY] = -32010,       [ERR_BUSY] = -32011,          [ERR_TIMEOUT] = -32012,
	[ERR_IO] = -32013,          [ERR_CRYPTO] = -32014,        [ERR_CLOSED] = -32015,
	[ERR_KEY_USED] = -32016,
};

/* --- answers ---------------------------------------------------------------- */

static void batch_release(struct batch *b, struct listen_conn *conn)
{
	if (--b->open)
		return;
	if (b->answers.n) {
		buf_text(&b->answers, "]\n");
		if (!b->answers.bad)
			listen_conn_send(conn, buf_as_str(&b->answers));
		else
			listen_conn_close(conn);
	}
	buf_free(&b->answers);
	mem_free(b);
}

static void call_free(struct proto_json_call *call)
{
	struct listen_conn *conn = call->conn;

	if (call->batch)
		batch_release(call->batch, conn);
	mem_free(call);
	listen_conn_release(conn);
}

/* `call->p->line` holds the answer without its line end. */
static void call_send(struct proto_json_call *call)
{
	struct buf *line = &call->p->line;

	if (line->bad) {
		/* No memory for the answer: the peer learns it from the end of its connection. */
		listen_conn_close(call->conn);
		buf_free(line);
	} else if (call->batch) {
		buf_char(&call->batch->answers, call->batch->answers.n ? ',' : '[');
		buf_str(&call->batch->answers, buf_as_str(line));
	} else {
		buf_char(line, '\n');
		listen_conn_send(call->conn, buf_as_str(line));
	}
}

static void answer(struct proto_json_call *call, const char *member, struct doc *value)
{
	struct proto_json *p = call->p;

	if (!call->is_notification) {
		buf_reset(&p->line);
		buf_printf(&p->line, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"%s\":", call->id, member);
		if (value && !doc_arena_failed(p->out))
			doc_json_encode(&p->line, value);
		else
			p->line.bad = true;
		buf_char(&p->line, '}');
		call_send(call);
	}
	doc_arena_reset(p->out);
	call_free(call);
}

void proto_json_answer(struct proto_json_call *call, struct doc *result)
{
	answer(call, "result", result);
}

static void refuse_code(struct proto_json_call *call, int code, const char *name, const char *text,
                        const struct schema_fault *fault)
{
	struct doc_arena *a = call->p->out;
	struct doc *d, *data;

	doc_arena_reset(a);
	d = doc_dict(a);
	doc_set(d, "code", doc_int(a, code));
	doc_set_text(a, d, "message", str_of(text));
	data = doc_dict(a);
	doc_set_text(a, data, "error", str_of(name));
	if (fault && fault->path[0])
		doc_set_text(a, data, "path", str_of(fault->path));
	if (fault && fault->value[0])
		doc_set_text(a, data, "value", str_of(fault->value));
	if (fault && fault->allowed[0])
		doc_set_text(a, data, "allowed", str_of(fault->allowed));
	doc_set(d, "data", data);
	answer(call, "error", d);
}

void proto_json_refuse(struct proto_json_call *call, enum err e, const struct why *why,
                       const struct schema_fault *fault)
{
	refuse_code(call, error_codes[e], err_name(e),
	            why && why->text[0] ? why->text : err_meaning(e), fault);
}

/* --- what handlers use ------------------------------------------------------ */

struct service *proto_json_service(const struct proto_json_call *call)
{
	return call->p->sv;
}

void *proto_json_user(const struct proto_json_call *call)
{
	return call->user;
}

struct doc_arena *proto_json_arena(struct proto_json_call *call)
{
	return call->p->out;
}

struct listen_conn *json_call_conn(const struct proto_json_call *call)
{
	return call->conn;
}

uint64_t json_call_uptime_ms(const struct proto_json_call *call)
{
	return (clk_mono_ns() - call->p->started_ns) / NS_PER_MS;
}

enum err proto_json_read(struct proto_json_call *call, const struct schema *s,
                         const struct doc *params, void *out)
{
	struct schema_fault fault = {.e = ERR_OK};
	struct schema_in in = {.context = service_context(call->p->sv), .fault = &fault};
	enum err e = schema_read(&in, s, params, out);
	struct why why;

	if (e) {
		schema_fault_text(&fault, &why);
		proto_json_refuse(call, e, &why, &fault);
	}
	return e;
}

/* --- requests --------------------------------------------------------------- */

/* NULL: no memory, and the peer is closed. */
static struct proto_json_call *call_new(struct proto_json *p, struct listen_conn *c,
                                        struct batch *batch)
{
	struct proto_json_call *call = mem_alloc(sizeof(*call));

	if (!call) {
		listen_conn_close(c);
		return NULL;
	}
	*call = (struct proto_json_call){.p = p, .conn = c, .batch = batch, .id = "null"};
	listen_conn_hold(c);
	if (batch)
		batch->open++;
	return call;
}

/* False when the id is neither text, whole number nor null, or too long to be given back. */
static bool call_set_id(struct proto_json_call *call, const struct doc *id)
{
	struct buf b = {0};
	bool ok = id->kind == DOC_NULL || id->kind == DOC_INT || id->kind == DOC_TEXT;

	if (ok)
		doc_json_encode(&b, id);
	ok = ok && !b.bad && b.n < sizeof(call->id);
	if (ok)
		memcpy(call->id, b.p, b.n + 1);
	buf_free(&b);
	return ok;
}

static const struct proto_json_method *find_method(const struct proto_json *p, struct str name,
                                                   void **user)
{
	for (unsigned t = 0; t < p->n_tables; t++)
		for (size_t i = 0; i < p->tables[t].n; i++)
			if (str_is(name, p->tables[t].methods[i].name)) {
				*user = p->tables[t].user;
				return &p->tables[t].methods[i];
			}
	return NULL;
}

static const char *request_fault(const struct doc *request)
{
	for (DOC_EACH(it, request))
		if (!str_is(it->key, "jsonrpc") && !str_is(it->key, "id") &&
		    !str_is(it->key, "method") && !str_is(it->key, "params"))
			return "a request has jsonrpc, id, method and params";
	if (!str_is(doc_get_text(request, "jsonrpc"), "2.0"))
		return "jsonrpc must be \"2.0\"";
	if (doc_get_text(request, "method").n == 0)
		return "method must be a text";
	return NULL;
}

static void handle_request(struct proto_json *p, struct listen_conn *c, struct batch *batch,
                           const struct doc *request)
{
	static const struct doc no_params = {.kind = DOC_DICT};
	struct proto_json_call *call = call_new(p, c, batch);
	const struct doc *id = request->kind == DOC_DICT ? doc_get(request, "id") : NULL;
	const struct doc *params = request->kind == DOC_DICT ? doc_get(request, "params") : NULL;
	const struct proto_json_method *method;
	const char *fault;

	if (!call)
		return;
	if (request->kind != DOC_DICT) {
		refuse_code(call, RPC_INVALID, "invalid", "a request is an object", NULL);
		return;
	}
	if (id && !call_set_id(call, id)) {
		refuse_code(call, RPC_INVALID, "invalid",
		            "id must be a text of at most 150 octets, a whole number or null",
		            NULL);
		return;
	}
	fault = request_fault(request);
	if (fault) {
		refuse_code(call, RPC_INVALID, "invalid", fault, NULL);
		return;
	}
	call->is_notification = !id;
	method = find_method(p, doc_get_text(request, "method"), &call->user);
	if (!method)
		refuse_code(call, RPC_METHOD, "unsupported",
		            "no such method; see docs/control-protocol.md", NULL);
	else if (params && params->kind != DOC_DICT)
		refuse_code(call, RPC_PARAMS, "invalid", "params must be an object", NULL);
	else
		method->handle(call, params ? params : &no_params);
}

static void refuse_line(struct proto_json *p, struct listen_conn *c, int code, const char *name,
                        const char *text)
{
	struct proto_json_call *call = call_new(p, c, NULL);

	if (call)
		refuse_code(call, code, name, text, NULL);
}

static void handle_batch(struct proto_json *p, struct listen_conn *c, const struct doc *list)
{
	struct batch *b;

	if (list->n == 0 || list->n > BATCH_MAX) {
		refuse_line(p, c, RPC_INVALID, "invalid", "a batch has 1 to 1024 requests");
		return;
	}
	b = mem_alloc(sizeof(*b));
	if (!b) {
		listen_conn_close(c);
		return;
	}
	b->open = 1;
	for (DOC_EACH(it, list))
		handle_request(p, c, b, it);
	batch_release(b, c);
}

/* --- the listeners' calls --------------------------------------------------- */

static void on_line(void *arg, struct listen_conn *c, struct str line)
{
	struct proto_json *p = arg;
	struct doc *d = NULL;
	struct why why;
	enum err e = doc_json_decode(&d, p->in, line, &why);

	if (e)
		refuse_line(p, c, e == ERR_NOMEM ? RPC_INTERNAL : RPC_PARSE, err_name(e), why.text);
	else if (d->kind == DOC_LIST)
		handle_batch(p, c, d);
	else
		handle_request(p, c, NULL, d);
	/* Wipes the keys that stood in it: what is kept of them is in secret memory. */
	doc_arena_reset(p->in);
}

static void on_too_long(void *arg, struct listen_conn *c)
{
	refuse_line(arg, c, RPC_PARSE, "too-big", "a line is too long; the connection ends");
}

static void on_closed(void *arg, struct listen_conn *c)
{
	(void)arg;
	json_peer_free(listen_conn_user(c));
	listen_conn_set_user(c, NULL);
}

const struct listen_ops proto_json_listen_ops = {
	.line = on_line, .too_long = on_too_long, .closed = on_closed};

/* --- making and ending ------------------------------------------------------ */

enum err proto_json_add_methods(struct proto_json *p, const struct proto_json_method *methods,
                                size_t n, void *user)
{
	if (p->n_tables == METHOD_TABLES_MAX)
		return ERR_LIMIT;
	p->tables[p->n_tables++] = (struct method_table){.methods = methods, .n = n, .user = user};
	return ERR_OK;
}

enum err proto_json_new(struct proto_json **out, struct service *sv, struct events *ev)
{
	struct proto_json *p = mem_alloc(sizeof(*p));

	if (!p)
		return ERR_NOMEM;
	p->sv = sv;
	p->ev = ev;
	p->started_ns = clk_mono_ns();
	if (doc_arena_new(&p->in) || doc_arena_new(&p->out) ||
	    proto_json_add_methods(p, json_methods, json_methods_n, ev)) {
		proto_json_free(p);
		return ERR_NOMEM;
	}
	*out = p;
	return ERR_OK;
}

void proto_json_free(struct proto_json *p)
{
	if (!p)
		return;
	doc_arena_free(p->in);
	doc_arena_free(p->out);
	buf_free(&p->line);
	mem_free(p);
}
