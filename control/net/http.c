/* SPDX-License-Identifier: MIT */
/* The HTTP listener, based on libevent's evhttp. */
#include "control/net/http.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/secret.h"
#include "control/net/tls.h"

enum {
	HEADERS_MAX_BYTES = 16384,
	TYPE_MAX = 128,
	/* When a body exceeds evhttp's own limit, evhttp closes the connection. That limit is
	   BODY_SLACK times body_max_bytes, so that a body a little too long is answered 413. */
	BODY_SLACK = 4,
};

struct http_server {
	struct evhttp *http;
	struct event_base *base;
	struct http_server_config config;
	struct addr bound;    /* with the port that the system chose */
	struct link requests; /* requests that http_answer has not answered yet */
};

struct http_request {
	struct link link;
	struct evhttp_request *evhttp; /* NULL: the client has closed the connection */
};

static const struct {
	enum evhttp_cmd_type theirs;
	enum http_method ours;
} methods[] = {
	{EVHTTP_REQ_GET, HTTP_GET},       {EVHTTP_REQ_POST, HTTP_POST},
	{EVHTTP_REQ_PUT, HTTP_PUT},       {EVHTTP_REQ_PATCH, HTTP_PATCH},
	{EVHTTP_REQ_DELETE, HTTP_DELETE},
};

static enum http_method method_of(const struct evhttp_request *request)
{
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (methods[i].theirs == evhttp_request_get_command(request))
			return methods[i].ours;
	return HTTP_OTHER_METHOD;
}

static void set_peer(struct evhttp_connection *connection, struct http_incoming *r)
{
	const struct sockaddr *sa = evhttp_connection_get_addr(connection);

	if (!sa || addr_from_sockaddr(sa, &r->from))
		r->from = (struct addr){0};
}

static void client_gone(struct evhttp_connection *connection, void *arg)
{
	struct http_request *q = arg;

	(void)connection;
	q->evhttp = NULL;
}

static void answer_now(struct evhttp_request *request, const struct http_reply *reply)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *body = reply->content_type ? evbuffer_new() : NULL;

	evhttp_add_header(headers, "Cache-Control", "no-store");
	if (reply->content_type)
		evhttp_add_header(headers, "Content-Type", reply->content_type);
	for (size_t i = 0; i < reply->n_headers; i++)
		evhttp_add_header(headers, reply->headers[i].name, reply->headers[i].value);
	if (body && evbuffer_add(body, reply->body.p, reply->body.n) == 0)
		evhttp_send_reply(request, reply->status, NULL, body);
	else
		evhttp_send_reply(request, reply->content_type ? 500 : reply->status, NULL, NULL);
	if (body)
		evbuffer_free(body);
}

/* Takes the body out of the request, so that it does not stay in memory until the reply is sent: it
 * may hold keys. `*out` borrows the octets of the result, NULL when memory is exhausted. */
static struct evbuffer *take_body(struct evhttp_request *request, struct view *out)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(request), *body = evbuffer_new();

	if (!body || evbuffer_add_buffer(body, in))
		goto failed;
	out->n = evbuffer_get_length(body);
	out->p = out->n ? evbuffer_pullup(body, -1) : (const uint8_t *)"";
	if (out->p)
		return body;
failed:
	if (body)
		evbuffer_free(body);
	return NULL;
}

static void wipe_body(struct evbuffer *body)
{
	size_t n = evbuffer_get_length(body);

	if (n)
		secret_wipe(evbuffer_pullup(body, -1), n);
	evbuffer_free(body);
}

static void serve(struct evhttp_request *request, void *arg)
{
	struct http_server *s = arg;
	struct evhttp_connection *connection = evhttp_request_get_connection(request);
	struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
	const char *type = evhttp_find_header(headers, "Content-Type");
	char type_text[TYPE_MAX];
	struct http_incoming r = {.method = method_of(request), .is_tls = s->config.tls != NULL};
	struct evbuffer *body;
	struct http_request *q;

	r.path = str_cut(str_of(evhttp_request_get_uri(request)), '?', &r.query);
	r.content_type = http_plain_type(type, type_text, sizeof(type_text));
	r.if_match = str_of(evhttp_find_header(headers, "If-Match"));
	r.if_none_match = str_of(evhttp_find_header(headers, "If-None-Match"));
	if (evbuffer_get_length(evhttp_request_get_input_buffer(request)) >
	    s->config.body_max_bytes) {
		answer_now(request, &(struct http_reply){.status = 413});
		return;
	}
	body = take_body(request, &r.body);
	q = body ? mem_alloc(sizeof(*q)) : NULL;
	if (!q) {
		answer_now(request, &(struct http_reply){.status = 503});
		goto out;
	}
	q->evhttp = request;
	list_add_tail(&s->requests, &q->link);
	set_peer(connection, &r);
	evhttp_connection_set_closecb(connection, client_gone, q);
	s->config.serve(s->config.arg, q, &r);
out:
	if (body)
		wipe_body(body);
}

void http_answer(struct http_request *q, const struct http_reply *reply)
{
	if (q->evhttp) {
		evhttp_connection_set_closecb(evhttp_request_get_connection(q->evhttp), NULL, NULL);
		answer_now(q->evhttp, reply);
	}
	list_remove(&q->link);
	mem_free(q);
}

static struct bufferevent *connection_of(const struct http_request *q)
{
	return q->evhttp
	               ? evhttp_connection_get_bufferevent(evhttp_request_get_connection(q->evhttp))
	               : NULL;
}

bool http_client_names(const struct http_request *q, const char *dns_name)
{
	return tls_peer_names(connection_of(q), dns_name);
}

bool http_client_is(const struct http_request *q, const char *name)
{
	return tls_peer_is(connection_of(q), name);
}

const char *http_client_subject(const struct http_request *q, char *out, size_t room)
{
	return tls_peer_subject(connection_of(q), out, room);
}

static struct bufferevent *make_tls(struct event_base *base, void *arg)
{
	struct http_server *s = arg;

	return tls_wrap(s->config.tls, base, -1, NULL);
}

static enum err bind_listener(struct http_server *s, struct why *why)
{
	char ip[ADDR_TEXT_MAX], text[ADDR_TEXT_MAX];
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct evhttp_bound_socket *bound;
	int one = 1;

	bound = evhttp_bind_socket_with_handle(s->http, addr_print_ip(&s->config.listen, ip),
	                                       s->config.listen.port);
	if (!bound)
		return why_fail(why, ERR_IO, "cannot listen on %s: %s",
		                addr_print(&s->config.listen, text),
		                evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	if (getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&sa, &len) ||
	    addr_from_sockaddr((struct sockaddr *)&sa, &s->bound))
		return why_fail(why, ERR_IO, "cannot read the port of %s",
		                addr_print(&s->config.listen, text));
	/* Accepted connections inherit TCP_NODELAY. A reply's head and body are two TLS records:
	 * without TCP_NODELAY the body waits up to 40 ms for the acknowledgement of the head. */
	setsockopt(evhttp_bound_socket_get_fd(bound), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return ERR_OK;
}

enum err http_server_new(struct http_server **out, struct event_base *base,
                         const struct http_server_config *config, struct why *why)
{
	struct http_server *s = mem_alloc(sizeof(*s));
	enum err e;

	if (!s)
		return why_fail(why, ERR_NOMEM, "out of memory");
	list_init(&s->requests);
	s->base = base;
	s->config = *config;
	s->http = evhttp_new(base);
	if (!s->http) {
		e = why_fail(why, ERR_NOMEM, "out of memory");
		goto out;
	}
	evhttp_set_gencb(s->http, serve, s);
	evhttp_set_max_headers_size(s->http, HEADERS_MAX_BYTES);
	evhttp_set_max_body_size(s->http, (ev_ssize_t)(config->body_max_bytes * BODY_SLACK));
	evhttp_set_timeout(s->http, (int)config->timeout_s);
	evhttp_set_allowed_methods(s->http, (ev_uint16_t)~0u);
	if (config->tls)
		evhttp_set_bevcb(s->http, make_tls, s);
	e = bind_listener(s, why);
	if (e)
		goto out;
	*out = s;
	return ERR_OK;
out:
	http_server_free(s);
	return e;
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	for (struct link *l; (l = list_pop(&s->requests)) != NULL;) {
		struct http_request *q = LIST_OF(l, struct http_request, link);

		if (q->evhttp)
			evhttp_connection_set_closecb(evhttp_request_get_connection(q->evhttp),
			                              NULL, NULL);
		q->evhttp = NULL;
	}
	if (s->http)
		evhttp_free(s->http);
	mem_free(s);
}

struct addr http_server_addr(const struct http_server *s)
{
	return s->bound;
}
