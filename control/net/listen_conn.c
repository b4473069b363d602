/* SPDX-License-Identifier: MIT */
/* One connection: cuts input into messages and wipes it; queues output up to a maximum. */
#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/mem.h"
#include "base/secret.h"
#include "control/net/listen_conn.h"
#include "control/net/loop.h"

enum {
	READ_FIRST_BYTES = 4096,
	READ_BYTES = 65536,     /* room in the input buffer beyond the longest line */
	LINES_A_TURN = 64,      /* messages of a connection that one round handles */
	STALLED_AFTER_S = 10,   /* closes a connection whose peer reads no output for this long */
	OUT_KEEP_BYTES = 65536, /* when the output is sent, a buffer larger than this is freed */
};
/* A slice is the time that a connection may work at once; a round is the time that all connections
 * of a listener may work before the loop serves other descriptors. Each may take longer by one
 * request. */
#define SLICE_NS (4 * NS_PER_MS)
#define ROUND_NS (8 * NS_PER_MS)

struct listen_conn {
	struct link link, flush_link, more_link;
	struct listener *listener;
	struct admit_conn admit;
	struct addr peer; /* no address for a Unix peer */
	int fd;           /* -1: closed */
	struct event *read_event, *write_event;
	char *in;
	size_t in_len, in_room, in_seen; /* the first in_seen octets have no line end */
	struct buf out;
	size_t out_sent; /* octets of `out` that are sent */
	void *user;
	unsigned n_held;   /* holds: unanswered requests, and one while `closed` runs */
	bool paused;       /* not reading: too many holds or lines, or too much unsent output */
	bool closing;      /* the connection is closed once the output is sent */
	bool dead;         /* `closed` was called; the last release frees the struct */
	bool in_lines;     /* conn_lines or conn_work is running */
	bool working;      /* work of the last message is undone: `more` goes on with it */
	uint64_t slice_ns; /* when the present slice began */
	bool kept;         /* never closed because it is idle */
};

/* Tells admission what the connection waits for. `anew`: a message came to its end. */
static void set_phase(struct listen_conn *c, bool anew)
{
	bool timed = c->closing || (c->in_len && !c->paused);
	bool busy = c->paused || c->n_held || c->working || c->kept || c->out.n;

	admit_set(&c->admit, timed ? ADMIT_MESSAGE : busy ? ADMIT_BUSY : ADMIT_IDLE, anew);
}

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
	buf_free(&c->out);
	list_remove(&c->link);
	list_remove(&c->flush_link);
	list_remove(&c->more_link);
	admit_leave(&c->admit);
	/* A hold during `closed` keeps `c` valid if `closed` calls listen_conn_release. */
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

/* Sends what the socket accepts. Returns false when this closed the connection. */
static bool conn_flush(struct listen_conn *c)
{
	static const struct timeval stalled = {.tv_sec = STALLED_AFTER_S};

	while (out_waiting(c)) {
		ssize_t n = send(c->fd, c->out.p + c->out_sent, out_waiting(c),
		                 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			if (event_add(c->write_event, &stalled) == 0) {
				set_phase(c, false);
				return true;
			}
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
	set_phase(c, false);
	return true;
}

static void flush_later(struct listen_conn *c)
{
	struct listener *l = c->listener;

	if (list_has(&c->flush_link))
		return;
	/* flush_event runs after the descriptors that are ready now, so that the answers of one
	 * round are sent together. */
	if (list_is_empty(&l->flushes))
		event_active(l->flush_event, EV_TIMEOUT, 1);
	list_add_tail(&l->flushes, &c->flush_link);
}

void listen_conn_send(struct listen_conn *c, struct str octets)
{
	if (c->dead)
		return;
	/* When more octets are sent than unsent, remove the sent ones from the buffer. */
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
	set_phase(c, true);
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

void listen_conn_keep(struct listen_conn *c, bool keep)
{
	c->kept = keep;
	set_phase(c, false);
}

struct addr listen_conn_peer(const struct listen_conn *c)
{
	return c->peer;
}

static bool must_pause(const struct listen_conn *c)
{
	return c->working || c->n_held >= c->listener->config.requests_max ||
	       out_waiting(c) > c->listener->config.out_max_bytes / 2;
}

void listen_conn_work(struct listen_conn *c, bool is_undone)
{
	c->working = is_undone;
}

bool listen_conn_has_time(const struct listen_conn *c)
{
	return clk_mono_ns() - c->slice_ns < SLICE_NS;
}

bool listen_conn_is_open(const struct listen_conn *c)
{
	return !c->dead && !c->closing && !c->out.bad;
}

static void slice_begin(struct listen_conn *c)
{
	c->slice_ns = clk_mono_ns();
	c->in_lines = true;
}

/* Returns false when the connection has ended; it may be freed then. */
static bool slice_end(struct listen_conn *c)
{
	c->listener->spent_ns += clk_mono_ns() - c->slice_ns;
	c->in_lines = false;
	if (c->dead && c->n_held == 0)
		conn_free(c);
	else
		return !c->dead;
	return false;
}

/* Lets the further lines or work of a connection wait for the next round. */
static void more_later(struct listen_conn *c)
{
	static const struct timeval at_once = {0};
	struct listener *l = c->listener;

	if (list_has(&c->more_link))
		return;
	if (event_add(l->more_event, &at_once) && list_is_empty(&l->mores)) {
		listen_conn_close(c);
		return;
	}
	list_add_tail(&l->mores, &c->more_link);
}

/* A message in c->in. */
struct piece {
	size_t at, n; /* the message; n is 0 if there are only line ends */
	size_t used;  /* octets of c->in up to the end of the message */
};

static enum err cut_line(struct listen_conn *c, size_t start, struct piece *out)
{
	size_t from = c->in_seen > start ? c->in_seen : start;
	const char *end = memchr(c->in + from, '\n', c->in_len - from);
	size_t n = (end ? (size_t)(end - c->in) : c->in_len) - start;

	if (n > c->listener->config.line_max_bytes)
		return ERR_TOO_BIG;
	if (!end) {
		c->in_seen = c->in_len;
		return ERR_TRUNCATED;
	}
	*out = (struct piece){.at = start, .n = n, .used = start + n + 1};
	if (n && c->in[start + n - 1] == '\r')
		out->n--;
	return ERR_OK;
}

static enum err cut_frame(struct listen_conn *c, size_t start, struct piece *out)
{
	size_t at = start, n = 0;
	enum err e = ERR_OK;

	while (at < c->in_len && (c->in[at] == '\n' || c->in[at] == '\r'))
		at++;
	if (at < c->in_len)
		e = c->listener->config.ops->frame(str_make(c->in + at, c->in_len - at), &n);
	if (!e)
		*out = (struct piece){.at = at, .n = n, .used = at + n};
	return e;
}

/* Removes and wipes the first `n` octets of the input. */
static void drop_input(struct listen_conn *c, size_t n)
{
	if (!n)
		return;
	memmove(c->in, c->in + n, c->in_len - n);
	secret_wipe(c->in + c->in_len - n, n);
	c->in_len -= n;
	c->in_seen = c->in_seen > n ? c->in_seen - n : 0;
}

/* Handles the complete messages in c->in, then removes and wipes them. */
static void conn_lines(struct listen_conn *c)
{
	const struct listen_config *config = &c->listener->config;
	unsigned n_cut = 0, n_messages = 0;
	struct piece piece = {.used = 0};
	bool turn_over = false;
	enum err e = ERR_OK;

	slice_begin(c);
	while (!c->dead && !c->closing && !(c->paused = turn_over || must_pause(c)) &&
	       piece.used < c->in_len) {
		e = config->ops->frame ? cut_frame(c, piece.used, &piece)
		                       : cut_line(c, piece.used, &piece);
		if (e)
			break;
		if (piece.n) {
			n_messages++;
			config->ops->line(config->arg, c, str_make(c->in + piece.at, piece.n));
		}
		turn_over = ++n_cut == LINES_A_TURN || !listen_conn_has_time(c);
	}
	if (!slice_end(c))
		return;
	drop_input(c, piece.used);
	if (e && e != ERR_TRUNCATED) {
		config->ops->too_long(config->arg, c);
		listen_conn_close(c);
	} else if (c->paused) {
		event_del(c->read_event);
		if (turn_over || c->working)
			more_later(c);
	}
	if (!c->dead)
		set_phase(c, n_messages > 0);
}

/* Goes on with the work of the last message. */
static void conn_work(struct listen_conn *c)
{
	const struct listen_config *config = &c->listener->config;

	slice_begin(c);
	config->ops->more(config->arg, c);
	if (!slice_end(c))
		return;
	if (c->working && !c->closing)
		more_later(c);
	set_phase(c, false);
}

static void resume_if_idle(struct listen_conn *c)
{
	if (c->dead || c->closing || !c->paused || c->in_lines || must_pause(c))
		return;
	c->paused = false;
	set_phase(c, false);
	/* The caller may be answering a request, so buffered lines wait for the next round. */
	if (event_add(c->read_event, NULL)) {
		listen_conn_close(c);
		return;
	}
	if (c->in_len)
		event_active(c->read_event, EV_TIMEOUT, 1);
}

/* Must messages wait for the next round? True when this round has no time left, or when other
 * connections wait already. */
static bool must_wait(const struct listener *l)
{
	return l->spent_ns >= ROUND_NS || !list_is_empty(&l->mores);
}

void listen_conn_hold(struct listen_conn *c)
{
	c->n_held++;
	if (!c->in_lines)
		set_phase(c, false);
}

void listen_conn_release(struct listen_conn *c)
{
	if (--c->n_held == 0 && c->dead && !c->in_lines)
		conn_free(c);
	else if (!c->dead) {
		set_phase(c, false);
		resume_if_idle(c);
	}
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
	/* mem_resize would leave a copy of the old octets, which may be keys, in freed memory. */
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
	if (must_wait(c->listener)) {
		c->paused = true;
		event_del(c->read_event);
		/* The phase stays: a message that arrives in parts gets no new time. */
		more_later(c);
	} else {
		conn_lines(c);
	}
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct listen_conn *c = arg;

	(void)fd;
	if (what & EV_TIMEOUT) {
		admit_tell(c->listener->admit, ADMIT_UNREAD);
		conn_end(c);
	} else if (conn_flush(c)) {
		resume_if_idle(c);
	}
}

void listen_flush(struct listener *l)
{
	for (struct link *k; (k = list_pop(&l->flushes));) {
		struct listen_conn *c = LIST_OF(k, struct listen_conn, flush_link);

		if (c->out.bad) {
			admit_tell(l->admit, ADMIT_UNREAD);
			conn_end(c);
		} else if (conn_flush(c)) {
			resume_if_idle(c);
		}
	}
}

/* Lets one connection of `mores` go on. */
static void go_on(struct listen_conn *c)
{
	if (c->working) {
		conn_work(c);
	} else if (c->paused && !c->closing && !must_pause(c)) {
		c->paused = false;
		if (event_add(c->read_event, NULL))
			listen_conn_close(c);
		else
			conn_lines(c);
	}
}

void listen_go_on(struct listener *l)
{
	static const struct timeval at_once = {0};
	const struct link *last = l->mores.prev;
	struct link *k = NULL;

	/* A connection that is not done goes to the end of the list: its turn is in another round.
	 */
	l->spent_ns = 0;
	while (k != last && l->spent_ns < ROUND_NS && (k = list_pop(&l->mores)))
		go_on(LIST_OF(k, struct listen_conn, more_link));
	/* Without memory for the event the connections wait until another one asks for it. */
	if (!list_is_empty(&l->mores))
		(void)event_add(l->more_event, &at_once);
}

static enum err conn_refuse(struct listen_conn *c, enum err e)
{
	if (e == ERR_NOMEM)
		admit_tell(c->listener->admit, ADMIT_NO_MEMORY);
	if (c->read_event)
		event_free(c->read_event);
	if (c->write_event)
		event_free(c->write_event);
	mem_free(c);
	return e;
}

enum err listen_conn_new(struct listener *l, int fd, const struct addr *peer)
{
	struct event_base *base = loop_base(l->loop);
	struct listen_conn *c = mem_alloc(sizeof(*c));
	struct admit_who who = l->path[0] ? admit_who_of(fd) : admit_who_is(peer);

	if (!c) {
		admit_tell(l->admit, ADMIT_NO_MEMORY);
		return ERR_NOMEM;
	}
	c->fd = fd;
	c->peer = *peer;
	c->out.wipes = true;
	c->listener = l;
	c->read_event = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->write_event = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	if (!c->read_event || !c->write_event || event_add(c->read_event, NULL))
		return conn_refuse(c, ERR_NOMEM);
	if (!admit_enter(l->admit, &c->admit, &who))
		return conn_refuse(c, ERR_LIMIT);
	list_add_tail(&l->conns, &c->link);
	if (l->config.ops->opened)
		l->config.ops->opened(l->config.arg, c);
	return ERR_OK;
}

void listen_conn_evict(void *arg, struct admit_conn *c)
{
	(void)arg;
	conn_end(LIST_OF(c, struct listen_conn, admit));
}

void listen_end_all(struct listener *l)
{
	while (!list_is_empty(&l->conns))
		conn_end(LIST_OF(l->conns.next, struct listen_conn, link));
}
