/* SPDX-License-Identifier: MIT */
/* A relay under test: the connection, and requests in flight. */
#include "bench/target/target.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/mem.h"
#include "bench/target/netns.h"

enum {
	DATAGRAM_MAX = 65536,
	REPEAT_MS = 1000,
	REPEATS_MAX = 5,
	STREAM_TIMEOUT_MS = 10000,
};

struct pending {
	struct call *call; /* NULL: the slot is free */
	enum target_verb verb;
	unsigned step;
	unsigned id;
	unsigned repeats;
	uint64_t sent_ns, first_ns;
	struct buf request; /* kept in order to repeat it */
	struct target_done done;
};

struct target {
	const struct target_protocol *protocol;
	int fd;
	unsigned in_flight, generation;
	uint64_t repeats, looked_ns;
	struct buf out, in;
	struct pending pending[TARGET_IN_FLIGHT_MAX];
	unsigned free[TARGET_IN_FLIGHT_MAX], n_free;
	struct hist latency[REQUEST_COUNT];
};

static const char *const request_names[] = {"create", "update", "offer", "answer", "delete"};

const char *target_request_name(enum target_request r)
{
	return request_names[r];
}

unsigned target_in_flight(const struct target *t)
{
	return t->in_flight;
}

struct hist *target_latency(struct target *t, enum target_request r)
{
	return &t->latency[r];
}

uint64_t target_repeats(const struct target *t)
{
	return t->repeats;
}

static enum err fill_sockaddr(const char *place, struct sockaddr_storage *ss, socklen_t *len,
                              struct why *why)
{
	struct sockaddr_un *un = (struct sockaddr_un *)ss;
	struct addr a;

	*ss = (struct sockaddr_storage){0};
	if (*place == '/' || *place == '.') {
		un->sun_family = AF_UNIX;
		*len = sizeof(*un);
		if (str_copy(str_of(place), un->sun_path, sizeof(un->sun_path)) != ERR_OK)
			return why_fail(why, ERR_TOO_BIG,
			                "--target: the path %s is longer than %zu characters",
			                place, sizeof(un->sun_path) - 1);
		return ERR_OK;
	}
	if (addr_parse(str_of(place), &a) != ERR_OK)
		return why_fail(
			why, ERR_SYNTAX,
			"--target: '%s' is neither a path nor ADDRESS:PORT, such as 127.0.0.1:2223",
			place);
	*len = addr_to_sockaddr(&a, ss);
	return ERR_OK;
}

static enum err dial(int *out, const struct target_protocol *p, const char *place,
                     const char *netns, struct why *why)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int fd = -1, room = 4 << 20;
	enum err e = fill_sockaddr(place, &ss, &len, why);

	if (e == ERR_OK && p->is_datagram && ss.ss_family == AF_UNIX)
		e = why_fail(why, ERR_UNSUPPORTED, "--target: ng needs HOST:PORT, not a path");
	if (e == ERR_OK)
		e = netns_socket(&fd, netns, ss.ss_family,
		                 (p->is_datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, why);
	if (e != ERR_OK)
		return e;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (connect(fd, (struct sockaddr *)&ss, len) != 0) {
		why_fail(why, ERR_IO, "--target: cannot connect to %s: %s; is the relay running?",
		         place, strerror(errno));
		close(fd);
		return ERR_IO;
	}
	*out = fd;
	return ERR_OK;
}

enum err target_open(struct target **out, const char *where, const char *netns, struct why *why)
{
	static const struct target_protocol *const protocols[] = {&target_jsonrpc,
	                                                          &target_jsonrpc_sdp, &target_ng};
	struct target *t = NULL;
	enum err e = ERR_INVALID;

	for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
		size_t n = strlen(protocols[i]->name);

		if (strncmp(where, protocols[i]->name, n) || where[n] != ':')
			continue;
		if (!(t = mem_alloc(sizeof(*t))))
			return ERR_NOMEM;
		t->protocol = protocols[i];
		t->fd = -1;
		e = dial(&t->fd, t->protocol, where + n + 1, netns, why);
		break;
	}
	if (e != ERR_OK) {
		if (!t)
			why_fail(why, e,
			         "--target: '%s' is not jsonrpc:PATH, jsonrpc-sdp:PATH (HOST:PORT "
			         "also) or ng:HOST:PORT",
			         where);
		target_close(t);
		return e;
	}
	/* Servers keep replies by cookie for a while. Ids start from the clock, 64 for each
	 * millisecond, so that a run does not use the ids of a recent run. */
	t->generation = (unsigned)(clk_wall_ns() / (NS_PER_MS / 64));
	for (t->n_free = 0; t->n_free < TARGET_IN_FLIGHT_MAX; t->n_free++)
		t->free[t->n_free] = TARGET_IN_FLIGHT_MAX - 1 - t->n_free;
	*out = t;
	return ERR_OK;
}

void target_close(struct target *t)
{
	if (!t)
		return;
	if (t->fd >= 0)
		close(t->fd);
	for (unsigned i = 0; i < TARGET_IN_FLIGHT_MAX; i++)
		buf_free(&t->pending[i].request);
	buf_free(&t->in);
	buf_free(&t->out);
	mem_free(t);
}

/* Writes as much as the socket accepts; the rest stays in t->out until the next turn. */
static enum err flush(struct target *t, struct why *why)
{
	while (t->out.n) {
		ssize_t n = send(t->fd, t->out.p, t->out.n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
			return ERR_OK;
		if (n < 0)
			return why_fail(why, ERR_CLOSED,
			                "the target closed its control connection: %s",
			                strerror(errno));
		buf_drop(&t->out, (size_t)n);
	}
	return ERR_OK;
}

static enum err transmit(struct target *t, struct pending *p, struct why *why)
{
	p->sent_ns = clk_mono_ns();
	if (!t->protocol->is_datagram) {
		buf_add(&t->out, p->request.p, p->request.n);
		return flush(t, why);
	}
	/* If a datagram cannot be sent now, watch() repeats it like a lost one. */
	if (send(t->fd, p->request.p, p->request.n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
	    errno == ECONNREFUSED)
		return why_fail(why, ERR_CLOSED, "nothing listens at the target's ng port");
	return ERR_OK;
}

static enum err start_step(struct target *t, struct pending *p, struct why *why)
{
	enum err e;

	/* The id contains the slot's number and changes with each use, so that a late reply cannot
	 * match another request. */
	p->id = ++t->generation % 4000000 * TARGET_IN_FLIGHT_MAX + (unsigned)(p - t->pending);
	p->repeats = 0;
	buf_reset(&p->request);
	e = t->protocol->print(p->call, p->verb, p->step, p->id, &p->request);
	if (e == ERR_OK && p->request.bad)
		e = ERR_NOMEM;
	if (e != ERR_OK)
		return why_fail(why, e, "cannot make the request: %s", err_meaning(e));
	e = transmit(t, p, why);
	p->first_ns = p->sent_ns;
	return e;
}

static void release(struct target *t, struct pending *p)
{
	p->call = NULL;
	t->in_flight--;
	t->free[t->n_free++] = (unsigned)(p - t->pending);
}

static void finish(struct target *t, struct pending *p, enum err e, const struct why *why)
{
	struct call *s = p->call;

	release(t, p);
	p->done.fn(p->done.arg, s, p->verb, e, why);
}

enum err target_ask(struct target *t, struct call *s, enum target_verb verb,
                    struct target_done done, struct why *why)
{
	struct pending *p;
	enum err e;

	if (t->n_free == 0)
		return why_fail(why, ERR_BUSY, "%d requests are in flight, the maximum",
		                TARGET_IN_FLIGHT_MAX);
	p = &t->pending[t->free[--t->n_free]];
	t->in_flight++;
	p->call = s;
	p->verb = verb;
	p->step = 0;
	p->done = done;
	e = start_step(t, p, why);
	if (e != ERR_OK)
		release(t, p);
	return e;
}

static void take_reply(struct target *t, struct str text)
{
	struct why why = {""};
	struct pending *p;
	unsigned id = 0;
	json_t *doc = NULL;
	enum err e = t->protocol->parse(text, &id, &doc);

	if (e != ERR_OK)
		return;
	p = &t->pending[id % TARGET_IN_FLIGHT_MAX];
	if (p->call && p->id == id) {
		hist_add(&t->latency[t->protocol->request(p->verb, p->step)],
		         clk_mono_ns() - p->first_ns);
		e = t->protocol->read(p->call, p->verb, p->step, doc, &why);
		if (e == ERR_OK && ++p->step < t->protocol->steps[p->verb])
			e = start_step(t, p, &why);
		else
			finish(t, p, e, &why), e = ERR_OK;
		if (e != ERR_OK)
			finish(t, p, e, &why);
	}
	json_decref(doc);
}

static void take_lines(struct target *t)
{
	struct str rest = buf_as_str(&t->in), line;
	size_t used = 0, end;

	while ((end = str_find(rest, '\n')) < rest.n) {
		line = str_make(rest.p, end);
		rest = str_skip(rest, end + 1);
		used += end + 1;
		take_reply(t, line);
	}
	buf_drop(&t->in, used);
}

static enum err receive(struct target *t, struct why *why)
{
	static char room[DATAGRAM_MAX];
	ssize_t n;

	while ((n = recv(t->fd, room, sizeof(room), MSG_DONTWAIT)) > 0) {
		if (t->protocol->is_datagram) {
			take_reply(t, str_make(room, (size_t)n));
		} else {
			buf_add(&t->in, room, (size_t)n);
			take_lines(t);
		}
	}
	if (n == 0 && !t->protocol->is_datagram)
		return why_fail(why, ERR_CLOSED, "the target closed its control connection");
	if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		return why_fail(why, ERR_CLOSED,
		                "cannot receive on the target's control connection: %s",
		                strerror(errno));
	return ERR_OK;
}

/* Repeats datagrams without a reply, and ends requests whose time is over. Works at most ten times
 * a second. */
static void watch(struct target *t)
{
	uint64_t now = clk_mono_ns();
	struct why why;

	if (now - t->looked_ns < 100 * NS_PER_MS)
		return;
	t->looked_ns = now;
	for (unsigned i = 0; i < TARGET_IN_FLIGHT_MAX && t->in_flight; i++) {
		struct pending *p = &t->pending[i];
		bool may_repeat = t->protocol->is_datagram && p->repeats < REPEATS_MAX;

		if (!p->call ||
		    now - p->sent_ns <
		            (t->protocol->is_datagram ? REPEAT_MS : STREAM_TIMEOUT_MS) * NS_PER_MS)
			continue;
		if (may_repeat) {
			p->repeats++;
			t->repeats++;
			(void)transmit(t, p, NULL);
		} else {
			why_fail(&why, ERR_TIMEOUT, "no reply to request %s of call %s",
			         target_request_name(t->protocol->request(p->verb, p->step)),
			         p->call->id);
			finish(t, p, ERR_TIMEOUT, &why);
		}
	}
}

enum err target_turn(struct target *t, int timeout_ms, struct why *why)
{
	struct pollfd pfd = {.fd = t->fd, .events = (short)(POLLIN | (t->out.n ? POLLOUT : 0))};
	enum err e = flush(t, why);

	if (e != ERR_OK)
		return e;
	if (poll(&pfd, 1, timeout_ms) > 0)
		e = receive(t, why);
	watch(t);
	return e;
}
