/* SPDX-License-Identifier: MIT */
/* Sends requests of the JSON control protocol, and keeps events that come before an answer. */
#include "control/client.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/secret.h"
#include "control/doc/json.h"

enum { READ_BYTES = 65536, LINE_MAX_BYTES = 16 << 20 };

/* An event that arrived while client_request waited for its answer; `text` is its JSON line. */
struct kept {
	struct link link;
	size_t n;
	char text[];
};

struct client {
	int fd;
	int timeout_ms; /* how long client_request waits for its answer; -1: no limit */
	uint64_t next_id;
	char *in;
	size_t in_len, in_room;
	struct link events;
	struct doc_arena *arena;
	struct buf out;
};

static enum err open_socket(int *fd, struct str where, struct why *why)
{
	struct sockaddr_storage ss = {0};
	struct sockaddr_un *un = (struct sockaddr_un *)&ss;
	socklen_t len;

	if (str_starts(where, "tcp:")) {
		struct addr a;

		if (addr_parse(str_skip(where, 4), &a))
			return why_fail(why, ERR_INVALID,
			                "\"%.*s\": must be tcp:HOST:PORT, where HOST is an "
			                "IP address",
			                STR_SHOWN(where));
		len = addr_to_sockaddr(&a, &ss);
	} else {
		if (where.n >= sizeof(un->sun_path))
			return why_fail(why, ERR_TOO_BIG,
			                "\"%.*s\": the path of a socket must be at most %zu octets",
			                STR_SHOWN(where), sizeof(un->sun_path) - 1);
		un->sun_family = AF_UNIX;
		memcpy(un->sun_path, where.p, where.n);
		len = sizeof(*un);
	}
	*fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return why_fail(why, ERR_IO, "cannot create a socket: %s", strerror(errno));
	if (connect(*fd, (struct sockaddr *)&ss, len)) {
		why_fail(why, ERR_IO, "cannot connect to %.*s: %s%s", STR_ARG(where),
		         strerror(errno),
		         errno == ENOENT || errno == ECONNREFUSED ? "; is the gateway running?"
		                                                  : "");
		close(*fd);
		return ERR_IO;
	}
	return ERR_OK;
}

enum err client_open(struct client **out, const char *where, unsigned timeout_ms, struct why *why)
{
	struct client *c = mem_alloc(sizeof(*c));
	enum err e;

	if (!c || doc_arena_new(&c->arena)) {
		mem_free(c);
		return why_fail(why, ERR_NOMEM, "out of memory");
	}
	c->timeout_ms = timeout_ms ? (int)timeout_ms : -1;
	c->next_id = 1;
	c->fd = -1;
	list_init(&c->events);
	e = open_socket(&c->fd, str_of(where), why);
	if (e) {
		c->fd = -1;
		client_close(c);
		return e;
	}
	*out = c;
	return ERR_OK;
}

void client_close(struct client *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	for (struct link *l; (l = list_pop(&c->events));)
		mem_free(LIST_OF(l, struct kept, link));
	secret_wipe(c->out.p, c->out.room);
	buf_free(&c->out);
	mem_free(c->in);
	doc_arena_free(c->arena);
	mem_free(c);
}

static enum err send_all(struct client *c, struct why *why)
{
	for (size_t sent = 0; sent < c->out.n;) {
		ssize_t n = send(c->fd, c->out.p + sent, c->out.n - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return why_fail(why, ERR_IO, "cannot send the request: %s",
			                strerror(errno));
		sent += (size_t)n;
	}
	return ERR_OK;
}

static enum err read_more(struct client *c, int timeout_ms, struct why *why)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	ssize_t n;
	int rc;

	if (c->in_room - c->in_len < READ_BYTES) {
		size_t room = c->in_room * 2 + READ_BYTES;
		char *in = room < LINE_MAX_BYTES ? mem_resize(c->in, room, 1) : NULL;

		if (!in)
			return why_fail(why, ERR_TOO_BIG,
			                "cannot receive the gateway's answer: it is longer than %d "
			                "octets, or memory is exhausted",
			                LINE_MAX_BYTES);
		c->in = in;
		c->in_room = room;
	}
	do
		rc = poll(&p, 1, timeout_ms);
	while (rc < 0 && errno == EINTR);
	if (rc == 0)
		return why_fail(why, ERR_TIMEOUT, "no answer from the gateway within %d ms",
		                timeout_ms);
	n = recv(c->fd, c->in + c->in_len, c->in_room - c->in_len, 0);
	if (n == 0)
		return why_fail(why, ERR_CLOSED, "the gateway closed the connection");
	if (n < 0)
		return why_fail(why, ERR_IO, "cannot receive from the gateway: %s",
		                strerror(errno));
	c->in_len += (size_t)n;
	return ERR_OK;
}

/* Waits for a whole line, empties the arena, and decodes the line into the arena. */
static enum err read_doc(struct client *c, int timeout_ms, struct doc **out, struct why *why)
{
	char *end;
	enum err e;

	while (!(end = c->in_len ? memchr(c->in, '\n', c->in_len) : NULL)) {
		e = read_more(c, timeout_ms, why);
		if (e)
			return e;
	}
	doc_arena_reset(c->arena);
	e = doc_json_decode(out, c->arena, str_make(c->in, (size_t)(end - c->in)), why);
	if (e)
		return e;
	/* The line stays at the start of c->in until line_take: keep_event copies it. */
	return ERR_OK;
}

static size_t line_len(const struct client *c)
{
	return (size_t)((char *)memchr(c->in, '\n', c->in_len) - c->in);
}

static void line_take(struct client *c)
{
	size_t n = line_len(c) + 1;

	memmove(c->in, c->in + n, c->in_len - n);
	c->in_len -= n;
}

static enum err keep_event(struct client *c)
{
	size_t n = line_len(c);
	struct kept *k = mem_alloc(sizeof(*k) + n);

	if (!k)
		return ERR_NOMEM;
	k->n = n;
	memcpy(k->text, c->in, n);
	list_add_tail(&c->events, &k->link);
	return ERR_OK;
}

enum err client_request(struct client *c, const char *method, const struct doc *params,
                        const struct doc **result, struct why *why)
{
	uint64_t id = c->next_id++;
	enum err e;

	buf_reset(&c->out);
	buf_printf(&c->out, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"%s\"",
	           (unsigned long long)id, method);
	if (params) {
		buf_text(&c->out, ",\"params\":");
		doc_json_encode(&c->out, params);
	}
	buf_text(&c->out, "}\n");
	if (c->out.bad)
		return why_fail(why, ERR_NOMEM, "out of memory");
	e = send_all(c, why);
	secret_wipe(c->out.p, c->out.n);
	for (;;) {
		struct doc *d = NULL;
		const struct doc *error;

		if (!e)
			e = read_doc(c, c->timeout_ms, &d, why);
		if (e)
			return e;
		if (d->kind == DOC_DICT && doc_get(d, "method")) {
			e = keep_event(c);
			line_take(c);
			continue;
		}
		line_take(c);
		error = doc_get(d, "error");
		*result = error ? error : doc_get(d, "result");
		if (error)
			return why_fail(why, ERR_DENIED, "%.*s",
			                STR_ARG(doc_get_text(error, "message")));
		return *result ? ERR_OK
		               : why_fail(why, ERR_SYNTAX,
		                          "the gateway's answer has neither a result nor an error");
	}
}

enum err client_next_event(struct client *c, const struct doc **event, struct why *why)
{
	struct link *l = list_pop(&c->events);
	struct doc *d = NULL;
	enum err e;

	if (l) {
		struct kept *k = LIST_OF(l, struct kept, link);

		doc_arena_reset(c->arena);
		e = doc_json_decode(&d, c->arena, str_make(k->text, k->n), why);
		mem_free(k);
	} else {
		e = read_doc(c, -1, &d, why);
		if (!e)
			line_take(c);
	}
	if (e)
		return e;
	*event = doc_get(d, "params");
	return *event ? ERR_OK
	              : why_fail(why, ERR_SYNTAX, "the gateway sent a line that is not an event");
}
