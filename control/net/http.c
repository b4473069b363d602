/* SPDX-License-Identifier: MIT */
/* The HTTP listener, based on libevent's evhttp. */
#include "control/net/http.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/secret.h"
#include "control/net/tls.h"

enum {
	HEADERS_MAX_BYTES = 16384,
	TYPE_MAX = 128,
	/* When a body exceeds evhttp's own limit, evhttp closes the connection. That limit is
	   BODY_SLACK times body_max_bytes, so that a body a little too long is answered 413. */
	BODY_SLACK = 4,
	BACKLOG = 128,
	ACCEPTS_A_TURN = 64,
};

struct http_server {
	struct link link; /* in `servers` */
	struct evhttp *http;
	struct event_base *base;
	struct http_server_config config;
	char where[ADDR_TEXT_MAX]; /* `bound` as text */
	struct addr bound;         /* with the port that the system chose */
	struct link requests;      /* requests that http_answer has not answered yet */
	struct admit *admit;
	struct evconnlistener *listener; /* belongs to `http` once that has it */
	struct map *conns;               /* by evhttp's connection */
	struct link fresh;               /* connections that settle() has not seen */
	unsigned n_fresh;
	struct event *settle, *resume;
	bool paused; /* not accepting until `resume` fires */
};

/* Every listener, because libevent gives on_accept_failed a pointer that belongs to evhttp. Control
 * thread only. */
static struct link servers = {&servers, &servers};

/*
 * A connection. evhttp accepts it and owns it. It asks make_bev for a bufferevent before it sets
 * the socket, so settle(), which runs before the loop reads from the connection, admits it.
 */
struct http_conn {
	struct link link; /* in `fresh` until settle() */
	struct http_server *server;
	struct bufferevent *bev; /* held by a reference until settle() */
	struct evhttp_connection *evhttp;
	struct admit_conn admit;
	struct http_request *request; /* the unanswered request; may be NULL */
	bool broken;                  /* there was no memory for TLS: settle() closes it */
};

struct http_request {
	struct link link;
	struct http_conn *conn;
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

static struct http_conn *conn_of(const struct http_server *s, struct evhttp_connection *c)
{
	return map_get(s->conns, &c, sizeof(struct evhttp_connection *));
}

/* The answer is sent. */
static void on_complete(struct evhttp_request *request, void *arg)
{
	struct http_conn *c = arg;
	bool more = evbuffer_get_length(bufferevent_get_input(c->bev)) > 0;

	(void)request;
	admit_set(&c->admit, more ? ADMIT_MESSAGE : ADMIT_IDLE, true);
}

/* `c`: NULL if the connection was not admitted, which closes it after the answer. */
static void answer_now(struct http_conn *c, struct evhttp_request *request,
                       const struct http_reply *reply)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *body = reply->content_type ? evbuffer_new() : NULL;

	if (c) {
		admit_set(&c->admit, ADMIT_MESSAGE, true);
		evhttp_request_set_on_complete_cb(request, on_complete, c);
	} else {
		evhttp_add_header(headers, "Connection", "close");
	}
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
	struct http_conn *c = conn_of(s, connection);
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
		answer_now(c, request, &(struct http_reply){.status = 413});
		return;
	}
	body = take_body(request, &r.body);
	q = body && c ? mem_alloc(sizeof(*q)) : NULL;
	if (!q) {
		answer_now(c, request, &(struct http_reply){.status = 503});
		goto out;
	}
	q->evhttp = request;
	q->conn = c;
	c->request = q;
	list_add_tail(&s->requests, &q->link);
	set_peer(connection, &r);
	admit_set(&c->admit, ADMIT_BUSY, true);
	s->config.serve(s->config.arg, q, &r);
out:
	if (body)
		wipe_body(body);
}

void http_answer(struct http_request *q, const struct http_reply *reply)
{
	if (q->evhttp) {
		q->conn->request = NULL;
		answer_now(q->conn, q->evhttp, reply);
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

/* --- connections ------------------------------------------------------------ */

/* The first octets of a request came. */
static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
	struct http_conn *c = arg;

	(void)input;
	if (info->n_added && c->admit.phase == ADMIT_IDLE)
		admit_set(&c->admit, ADMIT_MESSAGE, false);
}

static void conn_gone(struct evhttp_connection *connection, void *arg)
{
	struct http_conn *c = arg;

	(void)connection;
	if (c->request)
		c->request->evhttp = NULL;
	evbuffer_remove_cb(bufferevent_get_input(c->bev), on_input, c);
	map_remove(c->server->conns, &c->evhttp, sizeof(struct evhttp_connection *));
	admit_leave(&c->admit);
	mem_free(c);
}

static void conn_end(void *arg, struct admit_conn *c)
{
	(void)arg;
	evhttp_connection_free(LIST_OF(c, struct http_conn, admit)->evhttp);
}

/* Admits a connection that evhttp has accepted. False: the caller frees `c`. */
static bool conn_settle(struct http_conn *c)
{
	struct http_server *s = c->server;
	struct admit_who who = admit_who_of(bufferevent_getfd(c->bev));

	if (c->broken) {
		admit_tell(s->admit, ADMIT_NO_MEMORY);
		return false;
	}
	if (!admit_enter(s->admit, &c->admit, &who))
		return false;
	if (map_put(s->conns, &c->evhttp, sizeof(struct evhttp_connection *), c)) {
		admit_tell(s->admit, ADMIT_NO_MEMORY);
		admit_leave(&c->admit);
		return false;
	}
	if (!evbuffer_add_cb(bufferevent_get_input(c->bev), on_input, c)) {
		map_remove(s->conns, &c->evhttp, sizeof(struct evhttp_connection *));
		admit_tell(s->admit, ADMIT_NO_MEMORY);
		admit_leave(&c->admit);
		return false;
	}
	evhttp_connection_set_closecb(c->evhttp, conn_gone, c);
	/* The TLS handshake is part of the first request's time. */
	if (s->config.tls)
		admit_set(&c->admit, ADMIT_MESSAGE, false);
	return true;
}

static void on_settle(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *s = arg;

	(void)fd;
	(void)what;
	for (struct link *l; (l = list_pop(&s->fresh)) != NULL; s->n_fresh--) {
		struct http_conn *c = LIST_OF(l, struct http_conn, link);
		struct bufferevent *bev = c->bev;
		void *evhttp = NULL;

		/* The callback's argument is evhttp's connection; NULL if evhttp has closed it. */
		bufferevent_getcb(bev, NULL, NULL, NULL, &evhttp);
		c->evhttp = evhttp;
		if (!evhttp) {
			mem_free(c);
		} else if (!conn_settle(c)) {
			mem_free(c);
			evhttp_connection_free(evhttp);
		}
		bufferevent_decref(bev);
	}
	if (!s->paused)
		evconnlistener_enable(s->listener);
}

/* Makes the bufferevent of a connection that evhttp has just accepted. If this fails, evhttp makes
 * one itself; serve() refuses the requests of such a connection. */
static struct bufferevent *make_bev(struct event_base *base, void *arg)
{
	struct http_server *s = arg;
	struct http_conn *c = mem_alloc(sizeof(*c));

	if (!c)
		return NULL;
	*c = (struct http_conn){.server = s};
	c->bev = s->config.tls ? tls_wrap(s->config.tls, base, -1, NULL) : NULL;
	c->broken = s->config.tls && !c->bev;
	if (!c->bev)
		c->bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (!c->bev) {
		mem_free(c);
		return NULL;
	}
	bufferevent_incref(c->bev);
	list_add_tail(&s->fresh, &c->link);
	s->n_fresh++;
	event_active(s->settle, EV_TIMEOUT, 1);
	/* Accept no more before settle() has made room, or has refused what is too much. */
	if (s->n_fresh >= ACCEPTS_A_TURN ||
	    admit_count(s->admit) + s->n_fresh >= s->config.limits.conns_max)
		evconnlistener_disable(s->listener);
	return c->bev;
}

/* --- accepting -------------------------------------------------------------- */

/* Without this, libevent would write a log line and call accept() again at once, for ever. */
static void on_accept_failed(struct evconnlistener *listener, void *arg)
{
	static const struct timeval pause = {.tv_sec = ADMIT_PAUSE_S};
	int error = EVUTIL_SOCKET_ERROR();
	struct http_server *s = NULL;

	(void)arg;
	LIST_EACH (it, &servers)
		if (LIST_OF(it, struct http_server, link)->listener == listener)
			s = LIST_OF(it, struct http_server, link);
	CHECK(s);
	if (admit_accept_failed(s->admit, error) || event_add(s->resume, &pause))
		return;
	s->paused = true;
	evconnlistener_disable(listener);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *s = arg;

	(void)fd;
	(void)what;
	s->paused = false;
	evconnlistener_enable(s->listener);
}

static enum err bind_listener(struct http_server *s, struct why *why)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(&s->config.listen, &sa);
	int fd, one = 1;

	s->listener = evconnlistener_new_bind(s->base, NULL, NULL,
	                                      LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC |
	                                              LEV_OPT_CLOSE_ON_FREE,
	                                      BACKLOG, (struct sockaddr *)&sa, (int)len);
	if (!s->listener)
		return why_fail(why, ERR_IO, "cannot listen on %s: %s",
		                addr_print(&s->config.listen, s->where),
		                evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	fd = evconnlistener_get_fd(s->listener);
	len = sizeof(sa);
	if (getsockname(fd, (struct sockaddr *)&sa, &len) ||
	    addr_from_sockaddr((struct sockaddr *)&sa, &s->bound))
		return why_fail(why, ERR_IO, "cannot read the port of %s",
		                addr_print(&s->config.listen, s->where));
	addr_print(&s->bound, s->where);
	/* Accepted connections inherit TCP_NODELAY. A reply's head and body are two TLS records:
	 * without TCP_NODELAY the body waits up to 40 ms for the acknowledgement of the head. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	evconnlistener_set_error_cb(s->listener, on_accept_failed);
	return ERR_OK;
}

static enum err start_admission(struct http_server *s, struct why *why)
{
	enum err e = admit_new(&s->admit, s->base,
	                       &(struct admit_config){.name = s->config.name,
	                                              .where = s->where,
	                                              .limits = s->config.limits,
	                                              .end = conn_end,
	                                              .arg = s});

	if (!e)
		e = map_new(&s->conns);
	s->settle = event_new(s->base, -1, 0, on_settle, s);
	s->resume = evtimer_new(s->base, on_resume, s);
	return e || !s->settle || !s->resume ? why_fail(why, ERR_NOMEM, "out of memory") : ERR_OK;
}

enum err http_server_new(struct http_server **out, struct event_base *base,
                         const struct http_server_config *config, struct why *why)
{
	struct http_server *s = mem_alloc(sizeof(*s));
	enum err e;

	if (!s)
		return why_fail(why, ERR_NOMEM, "out of memory");
	list_add_tail(&servers, &s->link);
	list_init(&s->requests);
	list_init(&s->fresh);
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
	evhttp_set_allowed_methods(s->http, (ev_uint16_t)~0u);
	evhttp_set_bevcb(s->http, make_bev, s);
	e = bind_listener(s, why);
	if (!e)
		e = start_admission(s, why);
	if (!e && !evhttp_bind_listener(s->http, s->listener))
		e = why_fail(why, ERR_NOMEM, "out of memory");
	if (e) {
		if (s->listener)
			evconnlistener_free(s->listener);
		goto out;
	}
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
			q->conn->request = NULL;
		q->evhttp = NULL;
	}
	if (s->settle && !list_is_empty(&s->fresh))
		on_settle(-1, 0, s);
	if (s->http)
		evhttp_free(s->http);
	list_remove(&s->link);
	admit_free(s->admit);
	map_free(s->conns);
	if (s->settle)
		event_free(s->settle);
	if (s->resume)
		event_free(s->resume);
	mem_free(s);
}

struct addr http_server_addr(const struct http_server *s)
{
	return s->bound;
}

const struct admit *http_server_admit(const struct http_server *s)
{
	return s->admit;
}
