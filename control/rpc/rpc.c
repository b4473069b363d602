/* SPDX-License-Identifier: MIT */
/* JSON-RPC 2.0: a line is one request or a batch of requests. Requests are answered in any order; a
 * batch is answered in one line, once its last request is answered. */
#include "control/rpc/rpc.h"

#include "base/clk.h"
#include "base/list.h"
#include "base/mem.h"
#include "control/doc/json.h"
#include "control/rpc/methods.h"
#include "control/rpc/peer.h"

enum {
	ID_MAX = 160,
	METHOD_TABLES_MAX = 8,
	BATCH_MAX = 1024, /* requests of a batch */
	/* Octets of a batch's answers. Above the first number further requests are not carried out;
	 * above the second an answer is replaced by an error. */
	BATCH_FULL_BYTES = 1 << 20,
	BATCH_MAX_BYTES = 3 << 19,
};

struct method_table {
	const struct rpc_method *methods;
	size_t n;
	void *user;
};

struct rpc {
	struct service *sv;
	struct events *ev;
	struct doc_arena *in;  /* values of the line that is being read */
	struct doc_arena *out; /* values of the answer that is being built */
	struct buf line;       /* the answer as text; one buffer for all answers */
	struct link batches;   /* batches that are being read */
	struct method_table tables[METHOD_TABLES_MAX];
	unsigned n_tables;
	uint64_t started_ns;
};

/* A batch: its requests are carried out in slices, one after another; its answers are sent in one
 * line when its last request is answered. */
struct rpc_batch {
	struct link link; /* in rpc.batches while requests are left */
	struct listen_conn *conn;
	struct doc_arena *arena; /* the requests; NULL when all are read */
	const struct doc *next;  /* the next request to carry out */
	struct buf answers;      /* as JSON, without the closing "]" */
	unsigned open;           /* unanswered requests, plus 1 while the batch is being read */
};

struct rpc_request {
	struct rpc *p;
	struct listen_conn *conn;
	struct rpc_batch *batch; /* NULL: not in a batch */
	void *user;              /* what rpc_add_methods got with the method */
	bool is_notification;    /* the request has no id and gets no answer */
	char id[ID_MAX];         /* the request's id as JSON */
};

/* Error codes of JSON-RPC 2.0 section 5.1. error_codes adds the gateway's own, from -32001 down. */
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

static void batch_release(struct rpc_batch *b, struct listen_conn *conn)
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

static void request_free(struct rpc_request *request)
{
	struct listen_conn *conn = request->conn;

	if (request->batch)
		batch_release(request->batch, conn);
	mem_free(request);
	listen_conn_release(conn);
}

/* Puts an error in the place of an answer that would make the batch's answers too long. */
static void replace_answer(struct rpc_request *request)
{
	struct buf *line = &request->p->line;

	buf_reset(line);
	buf_printf(line,
	           "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":%d,\"message\":\"carried "
	           "out, but the answer is left out: the answers of a batch must be at most %d "
	           "octets\",\"data\":{\"error\":\"limit\"}}}",
	           request->id, error_codes[ERR_LIMIT], BATCH_MAX_BYTES);
}

/* Sends the answer in request->p->line, or adds it to the batch. */
static void request_send(struct rpc_request *request)
{
	struct buf *line = &request->p->line;

	if (line->bad) {
		/* The answer failed for lack of memory; the closed connection tells the peer. */
		listen_conn_close(request->conn);
		buf_free(line);
	} else if (request->batch) {
		if (request->batch->answers.n + line->n > BATCH_MAX_BYTES)
			replace_answer(request);
		buf_char(&request->batch->answers, request->batch->answers.n ? ',' : '[');
		buf_str(&request->batch->answers, buf_as_str(line));
	} else {
		buf_char(line, '\n');
		listen_conn_send(request->conn, buf_as_str(line));
	}
}

static void answer(struct rpc_request *request, const char *member, struct doc *value)
{
	struct rpc *p = request->p;

	if (!request->is_notification) {
		buf_reset(&p->line);
		buf_printf(&p->line, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"%s\":", request->id, member);
		if (value && !doc_arena_failed(p->out))
			doc_json_encode(&p->line, value);
		else
			p->line.bad = true;
		buf_char(&p->line, '}');
		request_send(request);
	}
	doc_arena_reset(p->out);
	request_free(request);
}

void rpc_answer(struct rpc_request *request, struct doc *result)
{
	answer(request, "result", result);
}

static void refuse_code(struct rpc_request *request, int code, const char *name, const char *text,
                        const struct schema_fault *fault)
{
	struct doc_arena *a = request->p->out;
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
	answer(request, "error", d);
}

void rpc_refuse(struct rpc_request *request, enum err e, const struct why *why,
                const struct schema_fault *fault)
{
	refuse_code(request, error_codes[e], err_name(e),
	            why && why->text[0] ? why->text : err_meaning(e), fault);
}

/* --- for handlers of methods ------------------------------------------------------ */

struct service *rpc_service(const struct rpc_request *request)
{
	return request->p->sv;
}

void *rpc_user(const struct rpc_request *request)
{
	return request->user;
}

struct doc_arena *rpc_arena(struct rpc_request *request)
{
	return request->p->out;
}

struct listen_conn *rpc_request_conn(const struct rpc_request *request)
{
	return request->conn;
}

uint64_t rpc_request_uptime_ms(const struct rpc_request *request)
{
	return (clk_mono_ns() - request->p->started_ns) / NS_PER_MS;
}

enum err rpc_read(struct rpc_request *request, const struct schema *s, const struct doc *params,
                  void *out)
{
	struct schema_fault fault = {.e = ERR_OK};
	struct schema_in in = {.context = service_context(request->p->sv), .fault = &fault};
	enum err e = schema_read(&in, s, params, out);
	struct why why;

	if (e) {
		schema_fault_text(&fault, &why);
		rpc_refuse(request, e, &why, &fault);
	}
	return e;
}

/* --- requests --------------------------------------------------------------- */

/* Returns NULL when memory is exhausted, and closes the connection. */
static struct rpc_request *request_new(struct rpc *p, struct listen_conn *c,
                                       struct rpc_batch *batch)
{
	struct rpc_request *request = mem_alloc(sizeof(*request));

	if (!request) {
		listen_conn_close(c);
		return NULL;
	}
	*request = (struct rpc_request){.p = p, .conn = c, .batch = batch, .id = "null"};
	listen_conn_hold(c);
	if (batch)
		batch->open++;
	return request;
}

/* Returns false when `id` is not a string, integer or null, or does not fit into request->id. */
static bool request_set_id(struct rpc_request *request, const struct doc *id)
{
	struct buf b = {0};
	bool ok = id->kind == DOC_NULL || id->kind == DOC_INT || id->kind == DOC_TEXT;

	if (ok)
		doc_json_encode(&b, id);
	ok = ok && !b.bad && b.n < sizeof(request->id);
	if (ok)
		memcpy(request->id, b.p, b.n + 1);
	buf_free(&b);
	return ok;
}

static const struct rpc_method *find_method(const struct rpc *p, struct str name, void **user)
{
	for (unsigned t = 0; t < p->n_tables; t++)
		for (size_t i = 0; i < p->tables[t].n; i++)
			if (str_is(name, p->tables[t].methods[i].name)) {
				*user = p->tables[t].user;
				return &p->tables[t].methods[i];
			}
	return NULL;
}

static const char *message_fault(const struct doc *message)
{
	for (DOC_EACH(it, message))
		if (!str_is(it->key, "jsonrpc") && !str_is(it->key, "id") &&
		    !str_is(it->key, "method") && !str_is(it->key, "params"))
			return "a request may have only the members jsonrpc, id, method and params";
	if (!str_is(doc_get_text(message, "jsonrpc"), "2.0"))
		return "jsonrpc must be \"2.0\"";
	if (doc_get_text(message, "method").n == 0)
		return "method must be a string that is not empty";
	return NULL;
}

static void handle_request(struct rpc *p, struct listen_conn *c, struct rpc_batch *batch,
                           const struct doc *message)
{
	static const struct doc no_params = {.kind = DOC_DICT};
	struct rpc_request *request = request_new(p, c, batch);
	const struct doc *id = message->kind == DOC_DICT ? doc_get(message, "id") : NULL;
	const struct doc *params = message->kind == DOC_DICT ? doc_get(message, "params") : NULL;
	const struct rpc_method *method;
	const char *fault;

	if (!request)
		return;
	if (message->kind != DOC_DICT) {
		refuse_code(request, RPC_INVALID, "invalid", "a request must be an object", NULL);
		return;
	}
	if (id && !request_set_id(request, id)) {
		refuse_code(request, RPC_INVALID, "invalid",
		            "id must be a string of at most 157 octets as JSON, an integer or null",
		            NULL);
		return;
	}
	fault = message_fault(message);
	if (fault) {
		refuse_code(request, RPC_INVALID, "invalid", fault, NULL);
		return;
	}
	request->is_notification = !id;
	if (batch && id && batch->answers.n > BATCH_FULL_BYTES) {
		refuse_code(request, error_codes[ERR_LIMIT], err_name(ERR_LIMIT),
		            "not carried out: the answers to the earlier requests of this batch "
		            "have more than 1048576 octets; send smaller batches",
		            NULL);
		return;
	}
	method = find_method(p, doc_get_text(message, "method"), &request->user);
	if (!method)
		refuse_code(request, RPC_METHOD, "unsupported",
		            "no such method; docs/control-protocol.md lists the methods", NULL);
	else if (params && params->kind != DOC_DICT)
		refuse_code(request, RPC_PARAMS, "invalid", "params must be an object", NULL);
	else
		method->handle(request, params ? params : &no_params);
}

static void refuse_line(struct rpc *p, struct listen_conn *c, int code, const char *name,
                        const char *text)
{
	struct rpc_request *request = request_new(p, c, NULL);

	if (request)
		refuse_code(request, code, name, text, NULL);
}

/* Ends the reading of a batch. The batch is freed with its last answer. */
static void batch_close(struct rpc_batch *b)
{
	struct listen_conn *conn = b->conn;

	listen_conn_work(conn, false);
	list_remove(&b->link);
	doc_arena_free(b->arena);
	b->arena = NULL;
	batch_release(b, conn);
}

/* Carries out requests of the batch until the slice has no time left, or the batch has ended. */
static void batch_go_on(struct rpc *p, struct rpc_batch *b)
{
	do {
		const struct doc *message = b->next;

		b->next = message->next;
		handle_request(p, b->conn, b, message);
	} while (b->next && listen_conn_is_open(b->conn) && listen_conn_has_time(b->conn));
	if (b->next && listen_conn_is_open(b->conn))
		listen_conn_work(b->conn, true);
	else
		batch_close(b);
}

static void handle_batch(struct rpc *p, struct listen_conn *c, const struct doc *list)
{
	struct doc_arena *fresh = NULL;
	struct rpc_batch *b;

	if (list->n == 0 || list->n > BATCH_MAX) {
		refuse_line(p, c, RPC_INVALID, "invalid", "a batch must have 1 to 1024 requests");
		return;
	}
	b = mem_alloc(sizeof(*b));
	if (!b || doc_arena_new(&fresh)) {
		mem_free(b);
		listen_conn_close(c);
		return;
	}
	*b = (struct rpc_batch){.conn = c, .arena = p->in, .next = list->first, .open = 1};
	b->answers.wipes = true;
	p->in = fresh; /* the batch keeps its requests until all are carried out */
	list_add_tail(&p->batches, &b->link);
	batch_go_on(p, b);
}

/* --- for listeners ---------------------------------------------------- */

static void on_line(void *arg, struct listen_conn *c, struct str line)
{
	struct rpc *p = arg;
	struct doc *d = NULL;
	struct why why;
	enum err e = doc_json_decode(&d, p->in, line, &why);

	if (e)
		refuse_line(p, c, e == ERR_NOMEM ? RPC_INTERNAL : RPC_PARSE, err_name(e), why.text);
	else if (d->kind == DOC_LIST)
		handle_batch(p, c, d);
	else
		handle_request(p, c, NULL, d);
	/* Wipes what the line said; keys that the gateway keeps are copied to secret memory. */
	doc_arena_reset(p->in);
}

static void on_too_long(void *arg, struct listen_conn *c)
{
	refuse_line(arg, c, RPC_PARSE, "too-big",
	            "a line must be at most 262144 octets; the connection is closed");
}

/* The batch of a connection, while requests of it are left; else NULL. */
static struct rpc_batch *batch_of(const struct rpc *p, const struct listen_conn *c)
{
	LIST_EACH (it, &p->batches) {
		struct rpc_batch *b = LIST_OF(it, struct rpc_batch, link);

		if (b->conn == c)
			return b;
	}
	return NULL;
}

static void on_more(void *arg, struct listen_conn *c)
{
	struct rpc_batch *b = batch_of(arg, c);

	if (b)
		batch_go_on(arg, b);
}

static void on_closed(void *arg, struct listen_conn *c)
{
	struct rpc_batch *b = batch_of(arg, c);

	/* Requests that are left are not carried out: nobody would read the answers. */
	if (b)
		batch_close(b);
	rpc_peer_free(listen_conn_user(c));
	listen_conn_set_user(c, NULL);
}

const struct listen_ops rpc_listen_ops = {
	.line = on_line, .too_long = on_too_long, .more = on_more, .closed = on_closed};

/* --- creating and freeing ------------------------------------------------------ */

enum err rpc_add_methods(struct rpc *p, const struct rpc_method *methods, size_t n, void *user)
{
	if (p->n_tables == METHOD_TABLES_MAX)
		return ERR_LIMIT;
	p->tables[p->n_tables++] = (struct method_table){.methods = methods, .n = n, .user = user};
	return ERR_OK;
}

enum err rpc_new(struct rpc **out, struct service *sv, struct events *ev)
{
	struct rpc *p = mem_alloc(sizeof(*p));

	if (!p)
		return ERR_NOMEM;
	list_init(&p->batches);
	p->sv = sv;
	p->line.wipes = true; /* answers of offers carry SDP with keys */
	p->ev = ev;
	p->started_ns = clk_mono_ns();
	if (doc_arena_new(&p->in) || doc_arena_new(&p->out) ||
	    rpc_add_methods(p, rpc_methods, rpc_methods_n, ev)) {
		rpc_free(p);
		return ERR_NOMEM;
	}
	*out = p;
	return ERR_OK;
}

void rpc_free(struct rpc *p)
{
	if (!p)
		return;
	doc_arena_free(p->in);
	doc_arena_free(p->out);
	buf_free(&p->line);
	mem_free(p);
}
