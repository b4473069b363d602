/* SPDX-License-Identifier: MIT */
/* HTTP/1.1 and HTTPS: a listener whose answers may come later, and a client for one request. */
#ifndef CONTROL_NET_HTTP_H
#define CONTROL_NET_HTTP_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/str.h"

struct event_base;
struct tls_context;

enum http_method { HTTP_GET, HTTP_POST, HTTP_OTHER_METHOD };

struct http_header {
	const char *name, *value;
};

/* --- listener --------------------------------------------------------------- */

struct http_server;
/* One request under way: it waits for its answer. */
struct http_request;

/* What a request says. Lives until http_serve_fn returns. */
struct http_incoming {
	enum http_method method;
	struct str path;         /* without the query, as sent */
	struct str query;        /* without "?", as sent; empty when there is none */
	struct str content_type; /* lower case, without parameters; empty when absent */
	struct view body;
	struct addr from;
	bool is_tls;
};

/* Answers `q` by http_answer once, now or later. Control only. */
typedef void http_serve_fn(void *arg, struct http_request *q, const struct http_incoming *in);

struct http_server_config {
	struct addr listen;      /* port 0: the system chooses */
	struct tls_context *tls; /* NULL: in clear; borrowed */
	size_t body_max_bytes;   /* a longer body is answered 413 */
	unsigned timeout_s;      /* closes a silent connection */
	http_serve_fn *serve;
	void *arg;
};

/* ERR_IO with the address and the reason in `why`. */
enum err http_server_new(struct http_server **out, struct event_base *base,
                         const struct http_server_config *config, struct why *why) MUST_USE;
/* Closes the connections of pending requests; http_answer then only frees them. Takes NULL. */
void http_server_free(struct http_server *s);
/* The address it listens on, with the port that the system chose. */
struct addr http_server_addr(const struct http_server *s);

struct http_reply {
	int status;
	const char *content_type; /* NULL: no body */
	struct view body;         /* copied */
	const struct http_header *headers;
	size_t n_headers;
};

/* Frees `q`. Always sends `Cache-Control: no-store`. */
void http_answer(struct http_request *q, const struct http_reply *reply);
/* Does the verified TLS certificate of the client name `dns_name`? False without TLS, without a
 * certificate, or when the client has closed the connection. */
bool http_client_names(const struct http_request *q, const char *dns_name);

/* The value of `name` in a query ("a=b&c=d"), percent-decoded into `out`; ERR_NOT_FOUND,
 * ERR_TOO_BIG, ERR_SYNTAX. */
enum err http_query_get(struct str query, const char *name, char *out, size_t room) MUST_USE;

/* A Content-Type as lower case without parameters ("Application/MIKEY; x=y" is
 * "application/mikey"); empty when `header` is NULL or too long. */
struct str http_plain_type(const char *header, char *out, size_t room);

/* --- client ----------------------------------------------------------------- */

struct http_client;

/* The parts of "http://host[:port][/path]" or "https://…". Host without brackets. */
struct http_url {
	bool is_tls;
	char host[256];
	uint16_t port;
	char path[512]; /* begins with "/"; includes the query */
};

enum err http_url_parse(struct str text, struct http_url *out, struct why *why) MUST_USE;

struct http_response {
	int status;
	struct str content_type; /* as in http_request */
	struct str www_authenticate;
	unsigned retry_after_s; /* 0: absent */
	struct view body;
};

/* Called once. ERR_OK with any status; else ERR_TIMEOUT, ERR_CLOSED, ERR_AUTH (TLS) or ERR_TOO_BIG
 * with `why`, and `in` is NULL. */
typedef void http_done_fn(void *arg, enum err e, const struct http_response *in,
                          const struct why *why);

/* Borrows `tls`, which https needs. Resolves names without blocking. */
enum err http_client_new(struct http_client **out, struct event_base *base, struct tls_context *tls,
                         size_t body_max_bytes) MUST_USE;
/* Requests under way end; their `done` is not called. Takes NULL. */
void http_client_free(struct http_client *c);

/* A request to send. */
struct http_outgoing {
	enum http_method method;
	struct http_url url;
	const char *content_type; /* NULL: no body */
	struct view body;
	unsigned timeout_ms;
	const struct http_header *headers;
	size_t n_headers;
};

/* The event loop calls `done`, never this function. On failure `done` is not called. */
enum err http_client_send(struct http_client *c, const struct http_outgoing *out,
                          http_done_fn *done, void *arg, struct why *why) MUST_USE;

#endif
