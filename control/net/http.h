/* SPDX-License-Identifier: MIT */
/* HTTP/1.1 and HTTPS: a listener that may answer later, and a client with one request per
 * connection. */
#ifndef CONTROL_NET_HTTP_H
#define CONTROL_NET_HTTP_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/str.h"
#include "control/net/admit.h"

struct event_base;
struct tls_context;

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OTHER_METHOD };

struct http_header {
	const char *name, *value;
};

/* --- listener --------------------------------------------------------------- */

struct http_server;
/* A request that is not answered yet. */
struct http_request;

/* The contents of a request. Valid until http_serve_fn returns. */
struct http_incoming {
	enum http_method method;
	struct str path;                    /* without the query, as sent */
	struct str query;                   /* without "?", as sent; empty when there is none */
	struct str content_type;            /* lower case, without parameters; empty when absent */
	struct str if_match, if_none_match; /* as sent; empty when absent */
	struct view body;                   /* may be empty */
	struct addr from;                   /* the client's address; all zero if unknown */
	bool is_tls;                        /* the request came over TLS */
};

/* Handles the request `q`: calls http_answer once, now or later. Control thread only. */
typedef void http_serve_fn(void *arg, struct http_request *q, const struct http_incoming *in);

enum { HTTP_IDLE_S = 60 }; /* for limits.idle_s of listeners without a setting for it */

struct http_server_config {
	struct addr listen;      /* port 0: the system chooses */
	struct tls_context *tls; /* NULL: plain HTTP; borrowed */
	size_t body_max_bytes;   /* a longer body is answered with status 413 */
	const char *name;        /* in metrics and log lines, such as "http"; borrowed */
	/* idle_s: between two requests, and before the first one. message_s: from the first octet
	 * of a request (with TLS: from the begin of the connection) to its last one, and from an
	 * answer until the client has read it. */
	struct admit_limits limits;
	http_serve_fn *serve;
	void *arg;
};

/* Creates a listener on config->listen. ERR_IO: `why` has the address and the reason; ERR_NOMEM. */
enum err http_server_new(struct http_server **out, struct event_base *base,
                         const struct http_server_config *config, struct why *why) MUST_USE;
/* Closes all connections. http_answer still frees an unanswered request, but sends nothing. Takes
 * NULL. */
void http_server_free(struct http_server *s);
/* The address of the listener, with the port that the system chose. */
struct addr http_server_addr(const struct http_server *s);
const struct admit *http_server_admit(const struct http_server *s);

struct http_reply {
	int status;
	const char *content_type; /* NULL: no body */
	struct view body;         /* copied */
	const struct http_header *headers;
	size_t n_headers;
};

/* Sends the reply, always with `Cache-Control: no-store`, and frees `q`. */
void http_answer(struct http_request *q, const struct http_reply *reply);
/* Does the verified TLS certificate of the client name `dns_name`? False without TLS, without a
 * certificate, or when the client has closed the connection. */
bool http_client_names(const struct http_request *q, const char *dns_name);

/* Like http_client_names, but a wildcard in the certificate names nobody: for authorization. A
 * certificate without DNS names counts with its common name. */
bool http_client_is(const struct http_request *q, const char *name);
/* Writes to `out`, and returns, the common name of the client's verified certificate, for logs;
 * empty if there is none. */
const char *http_client_subject(const struct http_request *q, char *out, size_t room);

/* Decodes the percent escapes of a part of a path to a NUL-terminated text. ERR_SYNTAX,
 * ERR_TOO_BIG.
 */
enum err http_path_decode(struct str part, char *out, size_t room) MUST_USE;
/* Writes the value of `name` in a query ("a=b&c=d"), percent-decoded and NUL-terminated, to `out`.
 * ERR_NOT_FOUND, ERR_TOO_BIG, ERR_SYNTAX. */
enum err http_query_get(struct str query, const char *name, char *out, size_t room) MUST_USE;

/* Returns a Content-Type in lower case without parameters: "application/mikey" for
 * "Application/MIKEY; x=y". Empty when `header` is NULL or does not fit into `out`. */
struct str http_plain_type(const char *header, char *out, size_t room);

/* --- client ----------------------------------------------------------------- */

struct http_client;

/* The parts of "http://host[:port][/path]" or "https://…". `host` has no brackets. */
struct http_url {
	bool is_tls;
	char host[256];
	uint16_t port;
	char path[512]; /* begins with "/"; includes the query */
};

/* ERR_SYNTAX, ERR_RANGE (port), ERR_UNSUPPORTED (scheme), ERR_TOO_BIG. */
enum err http_url_parse(struct str text, struct http_url *out, struct why *why) MUST_USE;

struct http_response {
	int status;
	struct str content_type; /* as in http_incoming */
	struct str www_authenticate;
	struct str reason;      /* header Mikey-Reason, as sent; empty when absent */
	unsigned retry_after_s; /* Retry-After in seconds; 0: absent or a date */
	struct view body;
};

/* Called once for each request. ERR_OK: an answer came, with any status; `why` is NULL.
 * ERR_TIMEOUT, ERR_CLOSED, ERR_AUTH (TLS failed), ERR_TOO_BIG: `why` has the reason and `in` is
 * NULL. */
typedef void http_done_fn(void *arg, enum err e, const struct http_response *in,
                          const struct why *why);

/* Borrows `tls`; NULL: only http:// works. Resolves names without blocking, unless libevent cannot
 * start its resolver. */
enum err http_client_new(struct http_client **out, struct event_base *base, struct tls_context *tls,
                         size_t body_max_bytes) MUST_USE;
/* Ends all requests without calling their `done`. Takes NULL. */
void http_client_free(struct http_client *c);

/* A request to send. */
struct http_outgoing {
	enum http_method method;
	struct http_url url;
	const char *content_type; /* NULL: no body */
	struct view body;
	unsigned timeout_ms; /* from the call to the complete answer */
	const struct http_header *headers;
	size_t n_headers;
};

/* Sends a request. `done` is called later by the event loop, never during this call; on failure it
 * is not called. ERR_INVALID (https without `tls`), ERR_CLOSED, ERR_NOMEM. */
enum err http_client_send(struct http_client *c, const struct http_outgoing *out,
                          http_done_fn *done, void *arg, struct why *why) MUST_USE;

#endif
