/* SPDX-License-Identifier: MIT */
/* The HTTP client, based on libevent's evhttp: a connection and a deadline for each request. */
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
	struct evdns_base *dns;  /* NULL: libevent resolves names with the blocking resolver */
	struct tls_context *tls; /* NULL: http:// only */
	size_t body_max_bytes;
	struct link requests; /* requests that have not ended */
};

struct http_client_request {
	struct link link;
	struct http_client *client;
	struct evhttp_connection *connection;
	struct bufferevent *bev; /* belongs to `connection` once that exists */
	struct event *timer;     /* fires at the deadline, or when the request ends, to free it */
	struct http_url url;
	enum evhttp_request_error error;
	bool has_error; /* `error` is set */
	bool ended;     /* `done` was called, or must not be called */
	http_done_fn *done;
	void *arg;
};

static void request_free(struct http_client_request *q)
{
	list_remove(&q->link);
	if (q->connection)
		evhttp_connection_free(q->connection);
	else if (q->bev)
		bufferevent_free(q->bev);
	if (q->timer)
		event_free(q->timer);
	mem_free(q);
}

static void finish(struct http_client_request *q, enum err e, const struct http_response *in,
                   const struct why *why)
{
	q->ended = true;
	q->done(q->arg, e, in, why);
}

static void fail(struct http_client_request *q)
{
	char tls[160];
	struct why why = {{0}};
	enum err e = ERR_CLOSED;
	const char *reason = "cannot connect, or the connection was closed before the answer was "
			     "complete";

	if (q->has_error && q->error == EVREQ_HTTP_TIMEOUT) {
		e = ERR_TIMEOUT;
		reason = "no answer in time";
	} else if (q->has_error && q->error == EVREQ_HTTP_DATA_TOO_LONG) {
		e = ERR_TOO_BIG;
		reason = "the answer exceeds the maximum length";
	} else if (q->url.is_tls && tls_failure(q->bev, tls, sizeof(tls))[0]) {
		e = ERR_AUTH;
		reason = tls;
	} else if (q->url.is_tls) {
		reason = "cannot connect, or the connection was closed before the answer was "
			 "complete "
			 "(the server may have refused the client certificate: see its log)";
	}
	finish(q, why_fail(&why, e, "%s port %u: %s", q->url.host, q->url.port, reason), NULL,
	       &why);
}

static void succeed(struct http_client_request *q, struct evhttp_request *request)
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
		.reason = str_of(evhttp_find_header(headers, "Mikey-Reason")),
		.body = {p, p ? n : 0},
	};

	if (str_to_u64(str_of(evhttp_find_header(headers, "Retry-After")), UINT_MAX, &retry) ==
	    ERR_OK)
		in.retry_after_s = (unsigned)retry;
	finish(q, ERR_OK, &in, NULL);
}

/* evhttp still uses the connection here, so the timer, made active at once, frees the request. */
static void on_done(struct evhttp_request *request, void *arg)
{
	struct http_client_request *q = arg;

	if (q->ended)
		return;
	if (request && evhttp_request_get_response_code(request) != 0)
		succeed(q, request);
	else
		fail(q);
	event_active(q->timer, EV_TIMEOUT, 0);
}

static void on_error(enum evhttp_request_error error, void *arg)
{
	struct http_client_request *q = arg;

	q->error = error;
	q->has_error = true;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct http_client_request *q = arg;

	(void)fd;
	(void)what;
	if (!q->ended) {
		q->error = EVREQ_HTTP_TIMEOUT;
		q->has_error = true;
		fail(q);
	}
	request_free(q);
}

static bool add_headers(struct evhttp_request *request, const struct http_outgoing *out)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	bool ok = evhttp_add_header(headers, "Connection", "close") == 0 &&
	          evhttp_add_header(headers, "Cache-Control", "no-store") == 0;

	if (out->content_type)
		ok = ok && evhttp_add_header(headers, "Content-Type", out->content_type) == 0 &&
		     evbuffer_add(evhttp_request_get_output_buffer(request), out->body.p,
		                  out->body.n) == 0;
	for (size_t i = 0; i < out->n_headers; i++)
		ok = ok &&
		     evhttp_add_header(headers, out->headers[i].name, out->headers[i].value) == 0;
	return ok;
}

/* Sets TCP_NODELAY when sending begins, because the socket exists then. A request's head and body
 * are two TLS records: without TCP_NODELAY the body waits for the acknowledgement of the head. */
static void on_output(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
	struct http_client_request *q = arg;
	int one = 1;

	(void)buffer;
	if (info->n_added)
		setsockopt(bufferevent_getfd(q->bev), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static enum err request_connect(struct http_client_request *q)
{
	struct http_client *c = q->client;

	q->bev = q->url.is_tls ? tls_wrap(c->tls, c->base, -1, q->url.host)
	                       : bufferevent_socket_new(c->base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (!q->bev || !evbuffer_add_cb(bufferevent_get_output(q->bev), on_output, q))
		return ERR_NOMEM;
	q->connection = evhttp_connection_base_bufferevent_new(c->base, c->dns, q->bev, q->url.host,
	                                                       q->url.port);
	if (!q->connection)
		return ERR_NOMEM;
	evhttp_connection_set_max_body_size(q->connection, (ev_ssize_t)c->body_max_bytes);
	evhttp_connection_set_max_headers_size(q->connection, 16384);
	return ERR_OK;
}

static enum err request_send(struct http_client_request *q, const struct http_outgoing *out)
{
	struct evhttp_request *request = evhttp_request_new(on_done, q);
	struct timeval limit = {.tv_sec = out->timeout_ms / 1000,
	                        .tv_usec = (out->timeout_ms % 1000) * 1000};

	if (!request)
		return ERR_NOMEM;
	evhttp_request_set_error_cb(request, on_error);
	if (!add_headers(request, out) || event_add(q->timer, &limit)) {
		evhttp_request_free(request);
		return ERR_NOMEM;
	}
	/* From this call on the connection owns `request`, and frees it on failure too. */
	if (evhttp_make_request(q->connection, request,
	                        out->method == HTTP_POST ? EVHTTP_REQ_POST : EVHTTP_REQ_GET,
	                        q->url.path))
		return ERR_CLOSED;
	return ERR_OK;
}

enum err http_client_send(struct http_client *c, const struct http_outgoing *out,
                          http_done_fn *done, void *arg, struct why *why)
{
	struct http_client_request *q;
	enum err e;

	if (out->url.is_tls && !c->tls)
		return why_fail(why, ERR_INVALID,
		                "cannot send to %s: https needs a TLS configuration (roots, and "
		                "optionally a certificate)",
		                out->url.host);
	q = mem_alloc(sizeof(*q));
	if (!q)
		return why_fail(why, ERR_NOMEM, "out of memory");
	*q = (struct http_client_request){.client = c, .url = out->url, .done = done, .arg = arg};
	list_add_tail(&c->requests, &q->link);
	q->timer = evtimer_new(c->base, on_timer, q);
	e = q->timer ? request_connect(q) : ERR_NOMEM;
	/* While `ended` is set, a connection that fails at once does not call `done`. */
	q->ended = true;
	if (!e)
		e = request_send(q, out);
	if (e) {
		request_free(q);
		return why_fail(why, e, "cannot send to %s: %s", out->url.host, err_meaning(e));
	}
	q->ended = false;
	return ERR_OK;
}

enum err http_client_new(struct http_client **out, struct event_base *base, struct tls_context *tls,
                         size_t body_max_bytes)
{
	struct http_client *c = mem_alloc(sizeof(*c));

	if (!c)
		return ERR_NOMEM;
	list_init(&c->requests);
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
	LIST_EACH (l, &c->requests)
		request_free(LIST_OF(l, struct http_client_request, link));
	if (c->dns)
		evdns_base_free(c->dns, 0);
	mem_free(c);
}
