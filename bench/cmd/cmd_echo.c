/* SPDX-License-Identifier: MIT */
/* sluice-bench echo: a reference target. It forwards packets unchanged, and drops, delays,
 * duplicates and alters a known share of them. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "bench/bench.h"
#include "bench/target/bencode.h"
#include "bench/target/netns.h"
#include "bench/target/ngsdp.h"
#include "base/opt.h"

enum { LEGS = SIDES, DATAGRAM_MAX = 65536, MEDIA_MAX = 2048, REORDER_MS = 30 };

struct echo_call;
struct echo_leg {
	struct echo_call *call;
	int fd;
	struct addr local, remote;
};

struct echo_call {
	struct echo_leg leg[LEGS];
	struct link link;
	char id[128];
};

/* A packet that waits until its delay has passed. */
struct held {
	struct link link;
	uint64_t due_ns;
	struct echo_leg *to;
	size_t n;
	uint8_t octets[MEDIA_MAX];
};

/* A share of packets chosen at random, and the number chosen so far. */
struct share {
	double share;
	uint64_t chosen;
};

struct echo {
	struct addr listen, media[LEGS];
	int ng, epoll, timer;
	struct share loss, duplicate, reorder, corrupt;
	uint64_t delay_ns, arrived, sent, random;
	struct link held, calls; /* `held` is sorted by due time */
	struct map *by_id;
};

static bool falls(struct echo *e, struct share *s)
{
	e->random ^= e->random << 13;
	e->random ^= e->random >> 7;
	e->random ^= e->random << 17;
	if ((double)(e->random >> 11) >= s->share * 9007199254740992.0)
		return false;
	s->chosen++;
	return true;
}

/* --- media ------------------------------------------------------------------ */

static void transmit(struct echo *e, struct echo_leg *to, const uint8_t *p, size_t n)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&to->remote, &ss);

	if (len && sendto(to->fd, p, n, MSG_DONTWAIT, (struct sockaddr *)&ss, len) == (ssize_t)n)
		e->sent++;
}

static void set_timer(struct echo *e)
{
	struct itimerspec its = {0};
	struct held *first =
		list_is_empty(&e->held) ? NULL : LIST_OF(e->held.next, struct held, link);

	if (first) {
		its.it_value.tv_sec = (time_t)(first->due_ns / NS_PER_S);
		its.it_value.tv_nsec = (long)(first->due_ns % NS_PER_S);
	}
	(void)timerfd_settime(e->timer, TFD_TIMER_ABSTIME, &its, NULL);
}

static void hold(struct echo *e, struct echo_leg *to, const uint8_t *p, size_t n, uint64_t due_ns)
{
	struct held *h = mem_alloc(sizeof(*h));
	struct link *before = e->held.prev;

	if (!h)
		return;
	h->due_ns = due_ns;
	h->to = to;
	h->n = n;
	memcpy(h->octets, p, n);
	while (before != &e->held && LIST_OF(before, struct held, link)->due_ns > due_ns)
		before = before->prev;
	list_add_tail(before->next, &h->link);
	set_timer(e);
}

static void release_due(struct echo *e)
{
	uint64_t now = clk_mono_ns(), fired;

	(void)!read(e->timer, &fired, sizeof(fired));
	while (!list_is_empty(&e->held)) {
		struct held *h = LIST_OF(e->held.next, struct held, link);

		if (h->due_ns > now)
			break;
		list_remove(&h->link);
		transmit(e, h->to, h->octets, h->n);
		mem_free(h);
	}
	set_timer(e);
}

static void forward(struct echo *e, struct echo_leg *to, uint8_t *p, size_t n)
{
	uint64_t now = clk_mono_ns(), due = now + e->delay_ns;
	unsigned copies;

	e->arrived++;
	if (falls(e, &e->loss))
		return;
	if (falls(e, &e->corrupt))
		p[n - 1] ^= 0x01;
	if (falls(e, &e->reorder))
		due += REORDER_MS * NS_PER_MS;
	for (copies = 1 + falls(e, &e->duplicate); copies; copies--) {
		if (due > now)
			hold(e, to, p, n, due);
		else
			transmit(e, to, p, n);
	}
}

static void take_media(struct echo *e, struct echo_leg *leg)
{
	struct echo_leg *to = leg == &leg->call->leg[SIDE_ACCESS] ? &leg->call->leg[SIDE_CORE]
	                                                          : &leg->call->leg[SIDE_ACCESS];
	uint8_t room[MEDIA_MAX];
	ssize_t n;

	while ((n = recv(leg->fd, room, sizeof(room), MSG_DONTWAIT)) > 0)
		forward(e, to, room, (size_t)n);
}

/* --- calls ------------------------------------------------------------------ */

static void end_call(struct echo *e, struct echo_call *c)
{
	LIST_EACH (at, &e->held) {
		struct held *h = LIST_OF(at, struct held, link);

		if (h->to->call != c)
			continue;
		list_remove(&h->link);
		mem_free(h);
	}
	for (int i = 0; i < LEGS; i++)
		if (c->leg[i].fd >= 0)
			close(c->leg[i].fd);
	(void)map_remove(e->by_id, c->id, strlen(c->id));
	list_remove(&c->link);
	mem_free(c);
}

static enum err open_leg(struct echo *e, struct echo_leg *leg, const struct addr *at)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = leg};
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(at, &ss);
	int bytes = 4 << 20;

	leg->fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (leg->fd < 0)
		return ERR_IO;
	(void)setsockopt(leg->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	if (bind(leg->fd, (struct sockaddr *)&ss, len) != 0 ||
	    getsockname(leg->fd, (struct sockaddr *)&ss, &len) != 0 ||
	    epoll_ctl(e->epoll, EPOLL_CTL_ADD, leg->fd, &ev) != 0)
		return ERR_IO;
	return addr_from_sockaddr((struct sockaddr *)&ss, &leg->local);
}

static enum err make_call(struct echo *e, const char *id, struct echo_call **out)
{
	struct echo_call *c = mem_alloc(sizeof(*c));
	enum err err;

	if (!c)
		return ERR_NOMEM;
	list_add_tail(&e->calls, &c->link);
	c->leg[SIDE_ACCESS] = c->leg[SIDE_CORE] = (struct echo_leg){.call = c, .fd = -1};
	err = str_copy(str_of(id), c->id, sizeof(c->id));
	for (int i = 0; i < LEGS && err == ERR_OK; i++)
		err = open_leg(e, &c->leg[i], &e->media[i]);
	if (err == ERR_OK)
		err = map_put(e->by_id, c->id, strlen(c->id), c);
	if (err == ERR_OK)
		*out = c;
	else
		end_call(e, c);
	return err;
}

/* Copies an SDP to `out`, with `local` in place of its address and port. */
static void rewrite(struct str sdp, const struct addr *local, struct buf *out)
{
	char ip[ADDR_TEXT_MAX];

	while (sdp.n) {
		struct str line = str_cut(sdp, '\n', &sdp), rest;

		if (str_ends(line, "\r"))
			line.n--;
		if (str_starts(line, "c=")) {
			buf_printf(out, "c=IN IP%d %s", local->version == 6 ? 6 : 4,
			           addr_print_ip(local, ip));
		} else if (str_starts(line, "m=")) {
			buf_str(out, str_cut(line, ' ', &rest));
			(void)str_cut(rest, ' ', &rest);
			buf_printf(out, " %u ", local->port);
			buf_str(out, rest);
		} else {
			buf_str(out, line);
		}
		buf_text(out, "\r\n");
	}
}

static const char *describe(struct echo *e, const json_t *request, bool is_offer, json_t *reply)
{
	const char *id = json_string_value(json_object_get(request, "call-id")),
		   *sdp = json_string_value(json_object_get(request, "sdp"));
	enum bench_side from = is_offer ? SIDE_ACCESS : SIDE_CORE;
	struct echo_call *c = id ? map_get(e->by_id, id, strlen(id)) : NULL;
	struct buf text = {0};

	if (!id || !sdp)
		return "call-id or sdp is missing";
	if (!c && (!is_offer || make_call(e, id, &c) != ERR_OK))
		return is_offer ? "cannot open sockets for the call" : "unknown call-id";
	if (ngsdp_read_address(str_of(sdp), &c->leg[from].remote, NULL) != ERR_OK)
		return "the SDP has no media address";
	rewrite(str_of(sdp), &c->leg[call_other_side(from)].local, &text);
	json_object_set_new(reply, "sdp", json_stringn(text.p, text.n));
	buf_free(&text);
	return NULL;
}

static json_t *injected(const struct echo *e)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "arrived", (json_int_t)e->arrived, "sent",
	                 (json_int_t)e->sent, "lost", (json_int_t)e->loss.chosen, "duplicated",
	                 (json_int_t)e->duplicate.chosen, "reordered",
	                 (json_int_t)e->reorder.chosen, "corrupted", (json_int_t)e->corrupt.chosen);
}

static const char *obey(struct echo *e, const json_t *request, json_t *reply)
{
	const char *command = json_string_value(json_object_get(request, "command"));
	const char *id = json_string_value(json_object_get(request, "call-id"));
	struct echo_call *c;

	json_object_set_new(reply, "result", json_string("ok"));
	if (!command)
		return "command is missing";
	if (!strcmp(command, "ping")) {
		json_object_set_new(reply, "result", json_string("pong"));
		return NULL;
	}
	if (!strcmp(command, "offer") || !strcmp(command, "answer"))
		return describe(e, request, *command == 'o', reply);
	if (!strcmp(command, "statistics")) {
		json_object_set_new(reply, "statistics", injected(e));
		return NULL;
	}
	c = id ? map_get(e->by_id, id, strlen(id)) : NULL;
	if (strcmp(command, "delete") != 0 || !c)
		return c ? "unknown command" : "unknown call-id";
	end_call(e, c);
	return NULL;
}

static void take_request(struct echo *e)
{
	static char room[DATAGRAM_MAX];
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	ssize_t n =
		recvfrom(e->ng, room, sizeof(room), MSG_DONTWAIT, (struct sockaddr *)&from, &len);
	struct str rest, cookie = n > 0 ? str_cut(str_make(room, (size_t)n), ' ', &rest) : STR("");
	json_t *request = NULL, *reply;
	const char *error;
	struct buf out = {0};

	if (n <= 0 || bencode_parse(&request, rest) != ERR_OK)
		return;
	reply = json_object();
	error = obey(e, request, reply);
	if (error) {
		json_object_set_new(reply, "result", json_string("error"));
		json_object_set_new(reply, "error-reason", json_string(error));
	}
	buf_str(&out, cookie);
	buf_char(&out, ' ');
	if (bencode_print(reply, &out) == ERR_OK)
		(void)!sendto(e->ng, out.p, out.n, 0, (struct sockaddr *)&from, len);
	buf_free(&out);
	json_decref(request);
	json_decref(reply);
}

/* --- start and loop --------------------------------------------------------- */

static volatile sig_atomic_t is_over;

static void end(int sig)
{
	(void)sig;
	is_over = 1;
}

static enum err start(struct echo *e, const char *listen, const char *access, const char *core,
                      struct why *why)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct sockaddr_storage ss;
	enum err err = map_new(&e->by_id);

	list_init(&e->held);
	list_init(&e->calls);
	if (err != ERR_OK)
		return err;
	if (addr_parse(str_of(listen), &e->listen) != ERR_OK)
		return why_fail(why, ERR_SYNTAX,
		                "--listen: '%s' must be ADDRESS:PORT, such as 127.0.0.1:2223",
		                listen);
	if (addr_parse_ip(str_of(access), &e->media[SIDE_ACCESS]) != ERR_OK ||
	    addr_parse_ip(str_of(core), &e->media[SIDE_CORE]) != ERR_OK)
		return why_fail(why, ERR_SYNTAX,
		                "--access, --core: '%s' and '%s' must be IP addresses", access,
		                core);
	e->epoll = epoll_create1(EPOLL_CLOEXEC);
	e->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	e->ng = socket(e->listen.version == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (e->epoll < 0 || e->timer < 0 || e->ng < 0 ||
	    bind(e->ng, (struct sockaddr *)&ss, addr_to_sockaddr(&e->listen, &ss)) != 0)
		return why_fail(why, ERR_IO, "--listen: cannot listen on %s: %s", listen,
		                strerror(errno));
	ev.data.ptr = &e->ng;
	if (epoll_ctl(e->epoll, EPOLL_CTL_ADD, e->ng, &ev) != 0)
		return ERR_IO;
	ev.data.ptr = &e->timer;
	return epoll_ctl(e->epoll, EPOLL_CTL_ADD, e->timer, &ev) == 0 ? ERR_OK : ERR_IO;
}

static void turn(struct echo *e)
{
	struct epoll_event events[64];
	int n = epoll_wait(e->epoll, events, ARRAY_LEN(events), 500);
	bool asked = false;

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == &e->ng)
			asked = true; /* handled last: a request may end the call of a later leg */
		else if (events[i].data.ptr == &e->timer)
			release_due(e);
		else
			take_media(e, events[i].data.ptr);
	}
	if (asked)
		take_request(e);
}

int echo_run(int argc, char **argv)
{
	static struct echo e;
	const char *listen = "127.0.0.1:2223", *access = "127.0.0.1", *core = "127.0.0.1",
		   *stats = NULL;
	double delay_ms = 0;
	const struct opt rows[] = {
		{
			.name = "listen",
			.kind = OPT_TEXT,
			.out = &listen,
			.arg = "HOST:PORT",
			.help = "address on which to serve the ng protocol over UDP",
		},
		{
			.name = "access",
			.kind = OPT_TEXT,
			.out = &access,
			.arg = "IP",
			.help = "own address on the access side",
		},
		{
			.name = "core",
			.kind = OPT_TEXT,
			.out = &core,
			.arg = "IP",
			.help = "own address on the core side",
		},
		{
			.name = "loss",
			.kind = OPT_REAL,
			.out = &e.loss.share,
			.max = 1,
			.arg = "SHARE",
			.help = "share of packets to drop: 0 to 1",
		},
		{
			.name = "duplicate",
			.kind = OPT_REAL,
			.out = &e.duplicate.share,
			.max = 1,
			.arg = "SHARE",
			.help = "share of packets to forward twice: 0 to 1",
		},
		{
			.name = "reorder",
			.kind = OPT_REAL,
			.out = &e.reorder.share,
			.max = 1,
			.arg = "SHARE",
			.help = "share of packets to delay by another 30 ms: 0 to 1",
		},
		{
			.name = "corrupt",
			.kind = OPT_REAL,
			.out = &e.corrupt.share,
			.max = 1,
			.arg = "SHARE",
			.help = "share of packets in which one bit is flipped: 0 to 1",
		},
		{
			.name = "delay",
			.kind = OPT_REAL,
			.out = &delay_ms,
			.max = 10000,
			.arg = "MS",
			.help = "delay of every packet",
		},
		{
			.name = "stats",
			.kind = OPT_TEXT,
			.out = &stats,
			.arg = "FILE",
			.help = "write the counts of injected faults as JSON when the program ends",
		},
	};
	const struct opt_command command = {
		.name = "sluice-bench echo",
		.usage = "",
		.about = "A reference target for checking the other commands: a relay without "
			 "crypto that speaks ng over UDP, forwards packets\nunchanged (modes rtp "
			 "and e2e), and drops, duplicates, delays, reorders and alters a known "
			 "share of them.",
		.opts = rows,
		.n_opts = ARRAY_LEN(rows),
	};
	struct why why = {""};
	int status;
	enum err err;

	if (opt_parse(&command, argc, argv, NULL, &status) == OPT_STOP)
		return status;
	signal(SIGTERM, end);
	signal(SIGINT, end);
	e.random = clk_wall_ns() | 1;
	e.delay_ns = (uint64_t)(delay_ms * NS_PER_MS);
	err = start(&e, listen, access, core, &why);
	if (err != ERR_OK) {
		fprintf(stderr, "sluice-bench echo: %s\n", *why.text ? why.text : err_meaning(err));
		return err == ERR_SYNTAX ? BENCH_MISUSED : BENCH_REFUSED;
	}
	while (!is_over)
		turn(&e);
	if (stats) {
		json_t *doc = injected(&e);

		(void)json_dump_file(doc, stats, JSON_INDENT(2));
		json_decref(doc);
	}
	while (!list_is_empty(&e.calls))
		end_call(&e, LIST_OF(e.calls.next, struct echo_call, link));
	map_free(e.by_id);
	return BENCH_DONE;
}
