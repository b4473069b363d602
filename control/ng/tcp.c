/* SPDX-License-Identifier: MIT */
/* Listens for ng clients over TCP, cuts their streams into messages and sends replies. */
#include "control/ng/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "control/net/loop.h"
#include "control/ng/frame.h"

enum { CONNS_MAX = 256, OUT_MAX_BYTES = 1 << 20, BACKLOG = 64, READ_BYTES = NG_MESSAGE_MAX + 1 };
#define ACCEPT_PAUSE_NS NS_PER_S

struct conn {
	struct link link;
	struct ng_tcp *t;
	uint64_t serial; /* names the connection in replies, which may come after it is closed */
	int fd;
	struct addr peer;
	struct loop_watch *read, *write; /* `write` is NULL unless replies are unsent */
	size_t n_in;                     /* octets in `in` */
	struct buf out;                  /* unsent replies; may hold keys */
	bool in_messages;                /* conn_messages is running */
	bool is_over; /* the connection has ended; readable() frees it after conn_messages */
	char in[READ_BYTES];
};

struct ng_tcp {
	struct loop *loop;
	struct ng *proto;
	int fd;
	struct loop_watch *watch; /* NULL while accepting pauses, until `resume` fires */
	struct loop_timer *resume;
	struct link conns;
	unsigned n_conns;
	uint64_t serials;
};

static void conn_free(struct conn *c)
{
	list_remove(&c->link);
	c->t->n_conns--;
	loop_watch_free(c->read);
	loop_watch_free(c->write);
	close(c->fd);
	secret_wipe(c->in, c->n_in);
	buf_free(&c->out);
	mem_free(c);
}

/* Frees the connection; while conn_messages runs, leaves this to the caller of conn_messages. */
static void conn_end(struct conn *c)
{
	c->is_over = true;
	if (!c->in_messages)
		conn_free(c);
}

static void writable(void *arg, bool is_readable, bool is_writable);

/* Sends what the socket accepts now. If output is left, watches until the socket accepts more. */
static void conn_flush(struct conn *c)
{
	ssize_t n = 0;

	while (c->out.n && (n = send(c->fd, c->out.p, c->out.n, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0) {
		buf_drop(&c->out, (size_t)n);
	}
	if (c->out.n && n < 0 && errno != EAGAIN && errno != EINTR) {
		conn_end(c);
	} else if (c->out.n && !c->write) {
		if (loop_watch_new(&c->write, c->t->loop,
		                   &(struct loop_watch_config){
					   .fd = c->fd,
					   .write = true,
					   .fn = writable,
					   .arg = c,
				   }))
			conn_end(c);
	} else if (!c->out.n) {
		loop_watch_free(c->write);
		c->write = NULL;
	}
}

static void writable(void *arg, bool is_readable, bool is_writable)
{
	(void)is_readable;
	(void)is_writable;
	conn_flush(arg);
}

static void send_reply(void *arg, uint64_t token, const struct addr *to, struct str reply)
{
	struct ng_tcp *t = arg;

	(void)to;
	LIST_EACH (it, &t->conns) {
		struct conn *c = LIST_OF(it, struct conn, link);

		if (c->serial != token || c->is_over)
			continue;
		if (c->out.n + reply.n <= OUT_MAX_BYTES)
			buf_str(&c->out, reply);
		if (c->out.bad || c->out.n + reply.n > OUT_MAX_BYTES)
			conn_end(c);
		else
			conn_flush(c);
		return;
	}
}

/* Handles the complete messages in c->in and removes them. False: close the connection. */
static bool conn_messages(struct conn *c)
{
	size_t at = 0, n = 0;
	enum err e = ERR_OK;

	c->in_messages = true;
	while (at < c->n_in && !c->is_over) {
		/* Some clients send a line end after a message. */
		if (c->in[at] == '\n' || c->in[at] == '\r') {
			at++;
			continue;
		}
		e = ng_frame_length(str_make(c->in + at, c->n_in - at), &n);
		if (e)
			break;
		ng_take(c->t->proto,
		        &(struct ng_origin){
				.from = c->peer,
				.send = send_reply,
				.arg = c->t,
				.token = c->serial,
			},
		        str_make(c->in + at, n));
		at += n;
	}
	c->in_messages = false;
	memmove(c->in, c->in + at, c->n_in - at);
	secret_wipe(c->in + c->n_in - at, at);
	c->n_in -= at;
	return !c->is_over && (!e || e == ERR_TRUNCATED);
}

static void readable(void *arg, bool is_readable, bool is_writable)
{
	struct conn *c = arg;
	ssize_t n = recv(c->fd, c->in + c->n_in, sizeof(c->in) - c->n_in, MSG_DONTWAIT);

	(void)is_readable;
	(void)is_writable;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		c->n_in += (size_t)n;
	if (n <= 0 || !conn_messages(c))
		conn_free(c);
}

static void accept_one(struct ng_tcp *t, int fd, const struct addr *peer)
{
	struct conn *c = t->n_conns < CONNS_MAX && ng_is_allowed(t->proto, peer)
	                         ? mem_alloc(sizeof(*c))
	                         : NULL;
	int one = 1;

	if (!c) {
		close(fd);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->out.wipes = true;
	c->t = t;
	c->fd = fd;
	c->peer = *peer;
	c->serial = ++t->serials;
	list_add_tail(&t->conns, &c->link);
	t->n_conns++;
	if (loop_watch_new(
		    &c->read, t->loop,
		    &(struct loop_watch_config){.fd = fd, .read = true, .fn = readable, .arg = c}))
		conn_free(c);
}

static void acceptable(void *arg, bool is_readable, bool is_writable);

static enum err watch_socket(struct ng_tcp *t)
{
	return loop_watch_new(
		&t->watch, t->loop,
		&(struct loop_watch_config){.fd = t->fd, .read = true, .fn = acceptable, .arg = t});
}

static void resume(void *arg)
{
	struct ng_tcp *t = arg;

	if (watch_socket(t) && loop_timer_set(t->resume, ACCEPT_PAUSE_NS))
		log_error("ng", "msg=\"out of memory: ng over TCP accepts no new connections until "
		                "sluiced is restarted\"");
}

/* Stops accepting for a second after accept4 failed: the listening socket stays readable, so the
 * loop would otherwise call again at once. */
static void accept_later(struct ng_tcp *t, int error)
{
	log_warn("ng", "msg=\"cannot accept a connection: %s; trying again in 1 s\" peers=%u",
	         strerror(error), t->n_conns);
	if (loop_timer_set(t->resume, ACCEPT_PAUSE_NS))
		return;
	loop_watch_free(t->watch);
	t->watch = NULL;
}

static void acceptable(void *arg, bool is_readable, bool is_writable)
{
	struct ng_tcp *t = arg;
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	int fd = accept4(t->fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct addr peer;

	(void)is_readable;
	(void)is_writable;
	if (fd < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			accept_later(t, errno);
		return;
	}
	if (addr_from_sockaddr((struct sockaddr *)&sa, &peer))
		close(fd);
	else
		accept_one(t, fd, &peer);
}

static enum err open_socket(struct ng_tcp *t, const struct addr *bind_to, struct why *why)
{
	struct sockaddr_storage sa;
	uint32_t len = addr_to_sockaddr(bind_to, &sa);
	char text[ADDR_TEXT_MAX];
	int one = 1;

	t->fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t->fd < 0)
		return why_fail(why, ERR_IO, "cannot open a TCP socket for %s: %s",
		                addr_print(bind_to, text), strerror(errno));
	(void)setsockopt(t->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind_to->version == 6)
		(void)setsockopt(t->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(t->fd, (struct sockaddr *)&sa, len) || listen(t->fd, BACKLOG))
		return why_fail(why, errno == EADDRINUSE ? ERR_EXISTS : ERR_IO,
		                "cannot listen on tcp %s: %s", addr_print(bind_to, text),
		                strerror(errno));
	return ERR_OK;
}

enum err ng_tcp_new(struct ng_tcp **out, struct loop *l, const struct addr *bind_to, struct ng *p,
                    struct why *why)
{
	struct ng_tcp *t = mem_alloc(sizeof(*t));
	enum err e;

	if (!t)
		return why_fail(why, ERR_NOMEM, "out of memory");
	t->loop = l;
	t->proto = p;
	list_init(&t->conns);
	e = open_socket(t, bind_to, why);
	if (!e && loop_timer_new(&t->resume, l, resume, t))
		e = why_fail(why, ERR_NOMEM, "out of memory");
	if (!e && watch_socket(t))
		e = why_fail(why, ERR_NOMEM, "out of memory");
	if (e)
		ng_tcp_free(t);
	else
		*out = t;
	return e;
}

void ng_tcp_free(struct ng_tcp *t)
{
	if (!t)
		return;
	LIST_EACH (it, &t->conns)
		conn_free(LIST_OF(it, struct conn, link));
	loop_watch_free(t->watch);
	loop_timer_free(t->resume);
	if (t->fd >= 0)
		close(t->fd);
	mem_free(t);
}
