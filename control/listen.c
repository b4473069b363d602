/* SPDX-License-Identifier: MIT */
/* Sockets that accept, and peers with a wiped input buffer and a bounded output queue. */
#include "control/listen.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "control/loop.h"

enum {
	READ_FIRST_BYTES = 4096,
	READ_BYTES = 65536,           /* at most, of one peer in one turn */
	LINES_A_TURN = 64,            /* of one peer: a flood of small requests must not keep others waiting */
	STALLED_AFTER_S = 10,         /* output that moves nowhere for so long */
	OUT_KEEP_BYTES = 65536,       /* an empty queue larger than this gives its memory back */
};

struct listener {
	struct loop *loop;
	struct listen_config config;
	char where[256];
	char path[108]; /* to be removed; empty for TCP */
	int fd;
	struct event *event;
	struct event *flush_event, *more_event;
	struct link conns;
	struct link flushes; /* peers with output that is not sent yet */
	struct link mores;   /* peers with lines left for the next round */
	unsigned n_conns;
};

struct listen_conn {
	struct link link, flush_link, more_link;
	struct listener *listener;
	int fd; /* -1: closed */
	struct event *read_event, *write_event;
	char *in;
	size_t in_len, in_room, in_seen; /* in_seen: no line end before it */
	struct buf out;
	size_t out_sent;
	void *user;
	unsigned n_held;
	bool paused;   /* too many requests under way, or too much output waits */
	bool closing;  /* after the output is gone */
	bool dead;     /* closed was called; waits for the last release */
	bool in_lines; /* inside conn_lines */
};

/* --- a peer ------------------------------------------------------------------------------------------- */

static void conn_free(struct listen_conn *c)
{
	mem_free(c);
}

static void conn_end(struct listen_conn *c)
{
	struct listener *l = c->listener;

	if (c->dead)
		return;
	c->dead = true;
	event_free(c->read_event);
	event_free(c->write_event);
	close(c->fd);
	c->fd = -1;
	secret_wipe(c->in, c->in_room);
	mem_free(c->in);
	c->in = NULL;
	c->in_len = c->in_room = 0;
	secret_wipe(c->out.p, c->out.room);
	buf_free(&c->out);
	list_remove(&c->link);
	list_remove(&c->flush_link);
	list_remove(&c->more_link);
	l->n_conns--;
	/* Held over its own end, so that `closed` may release what it holds. */
	c->n_held++;
	l->config.ops->closed(l->config.arg, c);
	if (--c->n_held == 0 && !c->in_lines)
		conn_free(c);
}

static size_t out_waiting(const struct listen_conn *c)
{
	return c->out.n - c->out_sent;
}

static void out_reset(struct listen_conn *c)
{
	c->out_sent = 0;
	if (c->out.room > OUT_KEEP_BYTES)
		buf_free(&c->out);
	else
		buf_reset(&c->out);
}

/* False when the peer is gone. */
static bool conn_flush(struct listen_conn *c)
{
	static const struct timeval stalled = {.tv_sec = STALLED_AFTER_S};

	while (out_waiting(c)) {
		ssize_t n = send(c->fd, c->out.p + c->out_sent, out_waiting(c), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			if (event_add(c->write_event, &stalled) == 0)
				return true;
		}
		if (n < 0) {
			conn_end(c);
			return false;
		}
		c->out_sent += (size_t)n;
	}
	out_reset(c);
	event_del(c->write_event);
	if (c->closing) {
		conn_end(c);
		return false;
	}
	return true;
}

static void flush_later(struct listen_conn *c)
{
	struct listener *l = c->listener;

	if (list_has(&c->flush_link))
		return;
	/* Answers of one turn leave together: this runs after what is active now. */
	if (list_is_empty(&l->flushes))
		event_active(l->flush_event, EV_TIMEOUT, 1);
	list_add_tail(&l->flushes, &c->flush_link);
}

void listen_conn_send(struct listen_conn *c, struct str octets)
{
	if (c->dead)
		return;
	/* What was sent makes room once it is the larger part. */
	if (c->out_sent > out_waiting(c)) {
		buf_drop(&c->out, c->out_sent);
		c->out_sent = 0;
	}
	if (out_waiting(c) + octets.n <= c->listener->config.out_max_bytes)
		buf_add(&c->out, octets.p, octets.n);
	else
		c->out.bad = true;
	flush_later(c);
}

void listen_conn_close(struct listen_conn *c)
{
	if (c->dead)
		return;
	c->closing = true;
	event_del(c->read_event);
	flush_later(c);
}

void listen_conn_set_user(struct listen_conn *c, void *user)
{
	c->user = user;
}

void *listen_conn_user(const struct listen_conn *c)
{
	return c->user;
}

static bool must_pause(const struct listen_conn *c)
{
	return c->n_held >= c->listener->config.requests_max || out_waiting(c) > c->listener->config.out_max_bytes / 2;
}

/* Had its share of this round: the rest of its lines waits for the next one. */
static void more_later(struct listen_conn *c)
{
	static const struct timeval at_once = {0};
	struct listener *l = c->listener;

	if (list_has(&c->more_link))
		return;
	if (list_is_empty(&l->mores) && event_add(l->more_event, &at_once)) {
		listen_conn_close(c);
		return;
	}
	list_add_tail(&l->mores, &c->more_link);
}

/* Consumes whole lines, and wipes them. */
static void conn_lines(struct listen_conn *c)
{
	const struct listen_config *config = &c->listener->config;
	size_t start = 0;
	unsigned n_lines = 0;
	bool too_long = false;

	c->in_lines = true;
	while (!c->dead && !c->closing && !(c->paused = n_lines == LINES_A_TURN || must_pause(c))) {
		char *from = c->in + (c->in_seen > start ? c->in_seen : start);
		char *end = memchr(from, '\n', (size_t)(c->in + c->in_len - from));
		size_t n = end ? (size_t)(end - (c->in + start)) : c->in_len - start;

		too_long = n > config->line_max_bytes;
		if (too_long || !end) {
			c->in_seen = c->in_len;
			break;
		}
		if (n && c->in[start + n - 1] == '\r')
			n--;
		if (n)
			config->ops->line(config->arg, c, str_make(c->in + start, n));
		n_lines++;
		start = c->in ? (size_t)(end + 1 - c->in) : 0;
		c->in_seen = start;
	}
	c->in_lines = false;
	if (c->dead) {
		if (c->n_held == 0)
			conn_free(c);
		return;
	}
	if (start) {
		memmove(c->in, c->in + start, c->in_len - start);
		secret_wipe(c->in + c->in_len - start, start);
		c->in_len -= start;
		c->in_seen = c->in_seen > start ? c->in_seen - start : 0;
	}
	if (too_long) {
		config->ops->too_long(config->arg, c);
		listen_conn_close(c);
	} else if (c->paused) {
		event_del(c->read_event);
		if (n_lines == LINES_A_TURN)
			more_later(c);
	}
}

static void resume_if_idle(struct listen_conn *c)
{
	if (c->dead || c->closing || !c->paused || c->in_lines || must_pause(c))
		return;
	c->paused = false;
	/* Not from here: the caller is in the middle of an answer. Readiness is looked at in the next turn. */
	if (event_add(c->read_event, NULL)) {
		listen_conn_close(c);
		return;
	}
	if (c->in_len)
		event_active(c->read_event, EV_TIMEOUT, 1);
}

void listen_conn_hold(struct listen_conn *c)
{
	c->n_held++;
}

void listen_conn_release(struct listen_conn *c)
{
	if (--c->n_held == 0 && c->dead && !c->in_lines)
		conn_free(c);
	else
		resume_if_idle(c);
}

static bool conn_make_room(struct listen_conn *c)
{
	size_t room = c->in_room ? c->in_room * 4 : READ_FIRST_BYTES;
	size_t most = c->listener->config.line_max_bytes + READ_BYTES;
	char *p;

	if (c->in_len < c->in_room)
		return true;
	if (room > most)
		room = most;
	if (room <= c->in_len)
		return false;
	/* Not mem_resize: it would leave the old octets behind. */
	p = mem_alloc(room);
	if (!p)
		return false;
	if (c->in_len)
		memcpy(p, c->in, c->in_len);
	secret_wipe(c->in, c->in_room);
	mem_free(c->in);
	c->in = p;
	c->in_room = room;
	return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct listen_conn *c = arg;
	ssize_t n;

	if (what & EV_READ) {
		if (!conn_make_room(c)) {
			conn_end(c);
			return;
		}
		n = recv(fd, c->in + c->in_len, c->in_room - c->in_len, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
			return;
		if (n <= 0) {
			conn_end(c);
			return;
		}
		c->in_len += (size_t)n;
	}
	conn_lines(c);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct listen_conn *c = arg;

	(void)fd;
	if (what & EV_TIMEOUT) {
		log_warn("listen", "at=%s msg=\"a peer does not read: closed\" waiting=%zu", c->listener->where, out_waiting(c));
		conn_end(c);
	} else if (conn_flush(c)) {
		resume_if_idle(c);
	}
}

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	for (struct link *k; (k = list_pop(&l->flushes));) {
		struct listen_conn *c = LIST_OF(k, struct listen_conn, flush_link);

		if (c->out.bad) {
			log_warn("listen", "at=%s msg=\"a peer reads too slowly: closed\"", l->where);
			conn_end(c);
		} else if (conn_flush(c)) {
			resume_if_idle(c);
		}
	}
}

static void on_more(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	for (struct link *k; (k = list_pop(&l->mores));)
		resume_if_idle(LIST_OF(k, struct listen_conn, more_link));
}

static enum err conn_new(struct listener *l, int fd)
{
	struct event_base *base = loop_base(l->loop);
	struct listen_conn *c = mem_alloc(sizeof(*c));

	if (!c)
		return ERR_NOMEM;
	c->fd = fd;
	c->listener = l;
	c->read_event = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->write_event = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	if (!c->read_event || !c->write_event || event_add(c->read_event, NULL)) {
		if (c->read_event)
			event_free(c->read_event);
		if (c->write_event)
			event_free(c->write_event);
		mem_free(c);
		return ERR_NOMEM;
	}
	list_add_tail(&l->conns, &c->link);
	l->n_conns++;
	if (l->config.ops->opened)
		l->config.ops->opened(l->config.arg, c);
	return ERR_OK;
}

/* --- an address --------------------------------------------------------------------------------------- */

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	int one = 1;

	(void)what;
	for (unsigned i = 0; i < 64; i++) {
		int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (peer < 0) {
			if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR && errno != ECONNABORTED)
				log_warn("listen", "at=%s msg=\"accept: %s\"", l->where, strerror(errno));
			return;
		}
		if (!l->path[0])
			(void)setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (l->n_conns >= l->config.conns_max || conn_new(l, peer)) {
			log_warn("listen", "at=%s msg=\"a peer too many: closed\" peers=%u", l->where, l->n_conns);
			close(peer);
		}
	}
}

static bool is_tcp(struct str where)
{
	return str_starts(where, "tcp:");
}

enum err listen_check(struct str where, struct why *why)
{
	struct sockaddr_un un;
	struct addr a;

	if (!is_tcp(where)) {
		if (where.n == 0 || where.p[0] != '/')
			return why_fail(why, ERR_INVALID, "\"%.*s\" is neither an absolute path nor tcp:HOST:PORT", STR_ARG(where));
		if (where.n >= sizeof(un.sun_path))
			return why_fail(why, ERR_TOO_BIG, "\"%.*s\": a socket's path has at most %zu characters", STR_ARG(where),
			                sizeof(un.sun_path) - 1);
		return ERR_OK;
	}
	if (addr_parse(str_skip(where, 4), &a))
		return why_fail(why, ERR_INVALID, "\"%.*s\" is not tcp:HOST:PORT with a literal address", STR_ARG(where));
	if (!addr_is_loopback(&a))
		return why_fail(why, ERR_DENIED, "\"%.*s\": the control port carries keys in clear and listens on loopback only",
		                STR_ARG(where));
	return ERR_OK;
}

static enum err open_tcp(struct listener *l, struct str where, struct why *why)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr a;
	int one = 1;
	char text[ADDR_TEXT_MAX];

	if (addr_parse(str_skip(where, 4), &a))
		return ERR_INVALID;
	l->fd = socket(a.version == 6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return why_fail(why, ERR_IO, "%.*s: %s", STR_ARG(where), strerror(errno));
	(void)setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(l->fd, (struct sockaddr *)&ss, addr_to_sockaddr(&a, &ss)) || listen(l->fd, 128))
		return why_fail(why, ERR_IO, "%.*s: %s", STR_ARG(where), strerror(errno));
	if (getsockname(l->fd, (struct sockaddr *)&ss, &len) == 0 && addr_from_sockaddr((struct sockaddr *)&ss, &a) == ERR_OK)
		snprintf(l->where, sizeof(l->where), "tcp:%s", addr_print(&a, text));
	return ERR_OK;
}

/* A path left by a process that died is taken over; one that answers is not. */
static enum err clear_path(const struct sockaddr_un *un, struct why *why)
{
	struct stat st;
	int fd, rc;

	if (lstat(un->sun_path, &st))
		return ERR_OK;
	if (!S_ISSOCK(st.st_mode))
		return why_fail(why, ERR_EXISTS, "%s is there and is no socket", un->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return why_fail(why, ERR_IO, "socket: %s", strerror(errno));
	rc = connect(fd, (const struct sockaddr *)un, sizeof(*un)) ? errno : 0;
	close(fd);
	if (rc != ECONNREFUSED)
		return why_fail(why, ERR_EXISTS, "%s is in use by another process", un->sun_path);
	return unlink(un->sun_path) ? why_fail(why, ERR_IO, "%s: %s", un->sun_path, strerror(errno)) : ERR_OK;
}

/* The last folder of the path only: anything more would be a mistake in the setting. */
static void make_folder(const char *path)
{
	char folder[108];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return;
	*slash = '\0';
	/* bind() tells what is wrong when it was not made. */
	(void)mkdir(folder, 0755);
}

static enum err open_unix(struct listener *l, struct str where, struct why *why)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	mode_t mask;
	int rc;

	memcpy(un.sun_path, where.p, where.n);
	make_folder(un.sun_path);
	if (clear_path(&un, why))
		return ERR_EXISTS;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return why_fail(why, ERR_IO, "socket: %s", strerror(errno));
	/* Never more open than asked, not even between bind and chmod. */
	mask = umask(0777 & ~l->config.mode);
	rc = bind(l->fd, (struct sockaddr *)&un, sizeof(un));
	umask(mask);
	if (rc || chmod(un.sun_path, l->config.mode) || listen(l->fd, 128))
		return why_fail(why, ERR_IO, "%s: %s", un.sun_path, strerror(errno));
	memcpy(l->path, un.sun_path, sizeof(l->path));
	return ERR_OK;
}

enum err listener_new(struct listener **out, struct loop *loop, const struct listen_config *config, struct why *why)
{
	struct str where = str_of(config->where);
	enum err e = listen_check(where, why);
	struct listener *l;

	if (e)
		return e;
	l = mem_alloc(sizeof(*l));
	if (!l)
		return why_fail(why, ERR_NOMEM, "out of memory");
	l->fd = -1;
	l->loop = loop;
	l->config = *config;
	list_init(&l->conns);
	list_init(&l->flushes);
	list_init(&l->mores);
	snprintf(l->where, sizeof(l->where), "%s", config->where);
	l->config.where = l->where;
	e = is_tcp(where) ? open_tcp(l, where, why) : open_unix(l, where, why);
	if (!e) {
		l->event = event_new(loop_base(loop), l->fd, EV_READ | EV_PERSIST, on_acceptable, l);
		l->flush_event = event_new(loop_base(loop), -1, 0, on_flush, l);
		l->more_event = evtimer_new(loop_base(loop), on_more, l);
		if (!l->event || !l->flush_event || !l->more_event || event_add(l->event, NULL))
			e = why_fail(why, ERR_NOMEM, "out of memory");
	}
	if (e) {
		listener_free(l);
		return e;
	}
	*out = l;
	return ERR_OK;
}

void listener_free(struct listener *l)
{
	if (!l)
		return;
	while (!list_is_empty(&l->conns))
		conn_end(LIST_OF(l->conns.next, struct listen_conn, link));
	if (l->event)
		event_free(l->event);
	if (l->flush_event)
		event_free(l->flush_event);
	if (l->more_event)
		event_free(l->more_event);
	if (l->fd >= 0)
		close(l->fd);
	if (l->path[0])
		unlink(l->path);
	mem_free(l);
}

const char *listener_where(const struct listener *l)
{
	return l->where;
}

unsigned listener_conns(const struct listener *l)
{
	return l->n_conns;
}
