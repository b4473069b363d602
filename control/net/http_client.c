/* SPDX-License-Identifier: MIT */
/* The HTTP client on libevent's evhttp: one connection for each call, one deadline for the whole of
 * it. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/http.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/list.h"
#include "base/mem.h"
#include "control/net/http.h"
#include "control/net/tls.h"

struct http_client {
	struct event_base *base;
	struct evdns_base *dns; /* NULL: addresses only, and names by the blocking resolver */
	struct tls_context *tls;
	size_t body_max_bytes;
	struct link calls;
};

struct http_call {
	struct link link;
	struct http_client *client;
	struct evhttp_connection *connection;
	struct bufferevent *bev; /* the connection's */
	struct event *timer; /* deadline; once `ended`, what releases the call outside evhttp's own
	                        calls */
	struct http_url url;
	enum evhttp_request_error error;
	bool has_error, ended;
	http_done_fn *done;
	void *arg;
};

static void call_free(struct http_call *call)
{
	list_remove(&call->link);
	if (call->connection)
		evhttp_connection_free(call->connection);
	else if (call->bev)
		bufferevent_free(call->bev);
	if (call->timer)
		event_free(call->timer);
	mem_free(call);
}

static void finish(struct http_call *call, enum err e, const struct http_response *in,
                   const struct why *why)
{
	call->ended = true;
	call->done(call->arg, e, in, why);
}

static void fail(struct http_call *call)
{
	char tls[160];
	struct why why = {{0}};
	enum err e = ERR_CLOSED;
	const char *reason = "no connection, or it was closed before the answer was whole";

	if (call->has_error && call->error == EVREQ_HTTP_TIMEOUT) {
		e = ERR_TIMEOUT;
		reason = "no answer in time";
	} else if (call->has_error && call->error == EVREQ_HTTP_DATA_TOO_LONG) {
		e = ERR_TOO_BIG;
		reason = "the answer is too long";
	} else if (call->url.is_tls && tls_failure(call->bev, tls, sizeof(tls))[0]) {
		e = ERR_AUTH;
		reason = tls;
	} else if (call->url.is_tls) {
		reason = "no connection, or it was closed before the answer was whole (if it "
			 "refuses our certificate, its log tells)";
	}
	finish(call, why_fail(&why, e, "%s port %u: %s", call->url.host, call->url.port, reason),
	       NULL, &why);
}

static void succeed(struct http_call *call, struct evhttp_request *request)
{
	struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
	struct evbuffer *body = evhttp_request_get_input_buffer(request);
	size_t n = evbuffer_get_length(body);
	const uint8_t *p = n ? evbuffer_pullup(body, -1) : (const uint8_t *)"";
	char type[128];
	uint64_t retry = 0;
	struct http_response in = {
		.status = evhttp_request_get_response_code(request),
		.content_type = http_plain_type(evhttp_find_header(headers, "Content-Type"), type,
	                                        sizeof(type)),
		.www_authenticate = str_of(evhttp_find_header(headers, "WWW-Authenticate")),
		.body = {p, p ? n : 0},
	};

	if (str_to_u64(str_of(evhttp_find_header(headers, "Retry-After")), UINT_MAX, &retry) ==
	    ERR_OK)
		in.retry_after_s = (unsigned)retry;
	finish(call, ERR_OK, &in, NULL);
}

/* evhttp is still at work on the connection here: it is released by the timer, at once. */
static void on_done(struct evhttp_request *request, void *arg)
{
	struct http_call *call = arg;

	if (call->ended)
		return;
	if (request && evhttp_request_get_response_code(request) != 0)
		succeed(call, request);
	else
		fail(call);
	event_active(call->timer, EV_TIMEOUT, 0);
}

static void on_error(enum evhttp_request_error error, void *arg)
{
	struct http_call *call = arg;

	call->error = error;
	call->has_error = true;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct http_call *call = arg;

	(void)fd;
	(void)what;
	if (!call->ended) {
		call->error = EVREQ_HTTP_TIMEOUT;
		call->has_error = true;
		fail(call);
	}
	call_free(call);
}

static bool add_headers(struct evhttp_request *request, const struct http_ask *ask)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	bool ok = evhttp_add_header(headers, "Connection", "close") == 0 &&
	          evhttp_add_header(headers, "Cache-Control", "no-store") == 0;

	if (ask->content_type)
		ok = ok && evhttp_add_header(headers, "Content-Type", ask->content_type) == 0 &&
		     evbuffer_add(evhttp_request_get_output_buffer(request), ask->body.p,
		                  ask->body.n) == 0;
	for (size_t i = 0; i < ask->n_headers; i++)
		ok = ok &&
		     evhttp_add_header(headers, ask->headers[i].name, ask->headers[i].value) == 0;
	return ok;
}

/* The request is about to go out, so there is a socket. Head and body are two TLS records: neither
 * waits for the other's acknowledgement. */
static void on_output(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
	struct http_call *call = arg;
	int one = 1;

	(void)buffer;
	if (info->n_added)
		setsockopt(bufferevent_getfd(call->bev), IPPROTO_TCP, TCP_NODELAY, &one,
		           sizeof(one));
}

static enum err connect_call(struct http_call *call)
{
	struct http_client *c = call->client;

	call->bev = call->url.is_tls ? tls_wrap(c->tls, c->base, -1, call->url.host)
	                             : bufferevent_socket_new(c->base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (!call->bev || !evbuffer_add_cb(bufferevent_get_output(call->bev), on_output, call))
		return ERR_NOMEM;
	call->connection = evhttp_connection_base_bufferevent_new(c->base, c->dns, call->bev,
	                                                          call->url.host, call->url.port);
	if (!call->connection)
		return ERR_NOMEM;
	evhttp_connection_set_max_body_size(call->connection, (ev_ssize_t)c->body_max_bytes);
	evhttp_connection_set_max_headers_size(call->connection, 16384);
	return ERR_OK;
}

static enum err send_call(struct http_call *call, const struct http_ask *ask)
{
	struct evhttp_request *request = evhttp_request_new(on_done, call);
	struct timeval limit = {.tv_sec = ask->timeout_ms / 1000,
	                        .tv_usec = (ask->timeout_ms % 1000) * 1000};

	if (!request)
		return ERR_NOMEM;
	evhttp_request_set_error_cb(request, on_error);
	if (!add_headers(request, ask) || event_add(call->timer, &limit)) {
		evhttp_request_free(request);
		return ERR_NOMEM;
	}
	/* From here the request is the connection's; a refusal frees it. */
	if (evhttp_make_request(call->connection, request,
	                        ask->method == HTTP_POST ? EVHTTP_REQ_POST : EVHTTP_REQ_GET,
	                        call->url.path))
		return ERR_CLOSED;
	return ERR_OK;
}

enum err http_client_call(struct http_client *c, const struct http_ask *ask, http_done_fn *done,
                          void *arg, struct why *why)
{
	struct http_call *call;
	enum err e;

	if (ask->url.is_tls && !c->tls)
		return why_fail(why, ERR_INVALID, "https needs TLS, and none is set up");
	call = mem_alloc(sizeof(*call));
	if (!call)
		return why_fail(why, ERR_NOMEM, "out of memory");
	*call = (struct http_call){.client = c, .url = ask->url, .done = done, .arg = arg};
	list_add_tail(&c->calls, &call->link);
	call->timer = evtimer_new(c->base, on_timer, call);
	e = call->timer ? connect_call(call) : ERR_NOMEM;
	/* A connection that fails at once must not call back from inside this call. */
	call->ended = true;
	if (!e)
		e = send_call(call, ask);
	if (e) {
		call_free(call);
		return why_fail(why, e, "can't call %s: %s", ask->url.host, err_meaning(e));
	}
	call->ended = false;
	return ERR_OK;
}

enum err http_client_new(struct http_client **out, struct event_base *base, struct tls_context *tls,
                         size_t body_max_bytes)
{
	struct http_client *c = mem_alloc(sizeof(*c));

	if (!c)
		return ERR_NOMEM;
	list_init(&c->calls);
	c->base = base;
	c->tls = tls;
	c->body_max_bytes = body_max_bytes;
	c->dns = evdns_base_new(base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
	                                      EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	*out = c;
	return ERR_OK;
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	LIST_EACH (l, &c->calls)
		call_free(LIST_OF(l, struct http_call, link));
	if (c->dns)
		evdns_base_free(c->dns, 0);
	mem_free(c);
}
