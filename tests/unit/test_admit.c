/* SPDX-License-Identifier: MIT */
/* control/net/admit with the listeners that use it: slow, idle and numerous peers, and a process
 * without free descriptors, over lines, ng messages and HTTP. */
#include "control/net/admit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/mem.h"
#include "control/net/http.h"
#include "control/net/listen.h"
#include "control/net/loop.h"
#include "control/ng/frame.h"
#include "tests/harness/harness.h"

enum { PEERS_MAX = 16, PATIENCE_S = 30 };

/* What a client sends, and a half of it. */
enum protocol { LINES, NG, HTTP, PROTOCOLS };
static const struct {
	const char *name, *whole, *half;
} protocols[PROTOCOLS] = {
	[LINES] = {"lines", "ask\n", "as"},
	[NG] = {"ng", "1_1 d7:command4:pinge", "1_1 d7:comm"},
	[HTTP] = {"http", "GET /x HTTP/1.1\r\nHost: x\r\n\r\n", "GET /x HTTP/1.1\r\nHo"},
};

static struct {
	enum protocol protocol;
	struct loop *loop;
	struct listener *listener;
	struct http_server *server;
	unsigned port;
	struct listen_conn *last; /* the connection that sent the last message */
} t;

static void on_message(void *arg, struct listen_conn *c, struct str message)
{
	(void)arg;
	t.last = c;
	if (str_is(message, "keep"))
		listen_conn_keep(c, true);
	listen_conn_send(c, STR("ok\n"));
}

static void on_event(void *arg, struct listen_conn *c)
{
	(void)arg;
	(void)c;
}

static const struct listen_ops line_ops = {
	.line = on_message, .too_long = on_event, .closed = on_event};
static const struct listen_ops ng_ops = {
	.frame = ng_frame_length, .line = on_message, .too_long = on_event, .closed = on_event};

static void serve(void *arg, struct http_request *q, const struct http_incoming *in)
{
	(void)arg;
	(void)in;
	http_answer(q, &(struct http_reply){.status = 200});
}

static enum err open_listener(const struct admit_limits *limits)
{
	struct listen_config config = {.name = "test",
	                               .where = "tcp:127.0.0.1:0",
	                               .line_max_bytes = 4096,
	                               .out_max_bytes = 1 << 20,
	                               .limits = *limits,
	                               .requests_max = 64,
	                               .ops = t.protocol == NG ? &ng_ops : &line_ops};
	struct http_server_config http = {
		.name = "test", .limits = *limits, .body_max_bytes = 100, .serve = serve};
	struct addr a;
	enum err e = addr_parse(STR("127.0.0.1:0"), &http.listen);

	if (e)
		return e;
	if (t.protocol == HTTP) {
		e = http_server_new(&t.server, loop_base(t.loop), &http, NULL);
		t.port = e ? 0 : http_server_addr(t.server).port;
		return e;
	}
	e = listener_new(&t.listener, t.loop, &config, NULL);
	if (!e)
		e = addr_parse(str_skip(str_of(listener_where(t.listener)), 4), &a);
	t.port = e ? 0 : a.port;
	return e;
}

static bool start(enum protocol protocol, struct admit_limits limits)
{
	test_context("%s", protocols[protocol].name);
	memset(&t, 0, sizeof(t));
	t.protocol = protocol;
	return EXPECT_OK(loop_new(&t.loop)) && EXPECT_OK(open_listener(&limits));
}

static void stop(void)
{
	listener_free(t.listener);
	http_server_free(t.server);
	loop_free(t.loop);
}

static const struct admit *admission(void)
{
	return t.server ? http_server_admit(t.server) : listener_admit(t.listener);
}

static uint64_t counted(enum admit_reason reason)
{
	return admit_counted(admission(), reason);
}

/* Connects from an address of this host, and sends `text`. */
static int dial(const char *from, const char *text)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)t.port)};
	struct sockaddr_in local = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(inet_pton(AF_INET, "127.0.0.1", &to.sin_addr) == 1);
	CHECK(inet_pton(AF_INET, from, &local.sin_addr) == 1);
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&local, sizeof(local)) == 0);
	CHECK(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	if (text[0])
		CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
	return fd;
}

enum seen { NOTHING, ANSWER, END };

static enum seen look(int fd)
{
	char octets[512];
	ssize_t n = recv(fd, octets, sizeof(octets), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return NOTHING;
	return n > 0 ? ANSWER : END;
}

static void turns(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		loop_turn(t.loop, false);
}

/* Runs the loop until something comes from `fd`; sends `drip` in between if it is not NULL. */
static enum seen wait_for(int fd, const char *drip)
{
	uint64_t until = clk_mono_ns() + PATIENCE_S * NS_PER_S, next = 0;
	enum seen seen;

	while (!(seen = look(fd)) && clk_mono_ns() < until) {
		if (drip && clk_mono_ns() >= next) {
			(void)send(fd, drip, 1, MSG_NOSIGNAL);
			next = clk_mono_ns() + 50 * NS_PER_MS;
		}
		loop_turn(t.loop, false);
		usleep(1000);
	}
	return seen;
}

static unsigned open_ones(const int *fds, unsigned n)
{
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++)
		count += look(fds[i]) != END;
	return count;
}

static void close_all(const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
}

/* Peers that send half a message hold a listener for message_s only. */
static void half_messages_end(void)
{
	for (enum protocol p = 0; p < PROTOCOLS; p++) {
		int fds[4], good;

		if (!start(p, (struct admit_limits){.conns_max = 4, .peer_max = 4, .message_s = 1}))
			return;
		for (unsigned i = 0; i < 4; i++)
			fds[i] = dial("127.0.0.1", protocols[p].half);
		for (unsigned i = 0; i < 4; i++)
			EXPECT_INT(wait_for(fds[i], NULL), END);
		EXPECT_INT(counted(ADMIT_SLOW), 4);
		good = dial("127.0.0.1", protocols[p].whole);
		EXPECT_INT(wait_for(good, NULL), ANSWER);
		close(good);
		close_all(fds, 4);
		stop();
	}
}

/* The time of a message counts from its first octet: further octets do not prolong it. */
static void dribbled_messages_end(void)
{
	static const char *const drips[PROTOCOLS] = {"x", "1", "x"};

	for (enum protocol p = 0; p < PROTOCOLS; p++) {
		int fd;

		if (!start(p, (struct admit_limits){.conns_max = 4, .message_s = 1}))
			return;
		fd = dial("127.0.0.1", p == NG ? "1_1 d7:command9000:" : protocols[p].half);
		EXPECT_INT(wait_for(fd, drips[p]), END);
		EXPECT_INT(counted(ADMIT_SLOW), 1);
		close(fd);
		stop();
	}
}

/* Whole messages end no time: a connection in use stays for longer than message_s. */
static void a_connection_in_use_stays(void)
{
	for (enum protocol p = 0; p < PROTOCOLS; p++) {
		uint64_t until = clk_mono_ns() + 2500 * NS_PER_MS;
		unsigned answers = 0;
		int fd;

		if (!start(p, (struct admit_limits){.conns_max = 4, .idle_s = 60, .message_s = 1}))
			return;
		fd = dial("127.0.0.1", "");
		while (clk_mono_ns() < until) {
			CHECK(send(fd, protocols[p].whole, strlen(protocols[p].whole),
			           MSG_NOSIGNAL) > 0);
			if (!EXPECT_INT(wait_for(fd, NULL), ANSWER))
				break;
			answers++;
			usleep(10000);
		}
		EXPECT(answers > 0 && counted(ADMIT_SLOW) == 0);
		close(fd);
		stop();
	}
}

/* Without any time limit a new client still gets in: the listener closes a waiting connection. */
static void a_full_listener_makes_room(void)
{
	for (enum protocol p = 0; p < PROTOCOLS; p++) {
		uint64_t until = clk_mono_ns() + PATIENCE_S * NS_PER_S;
		enum seen seen = NOTHING;
		int fds[4];

		if (!start(p, (struct admit_limits){.conns_max = 4, .peer_max = 4}))
			return;
		for (unsigned i = 0; i < 4; i++)
			fds[i] = dial("127.0.0.1", i % 2 ? protocols[p].half : "");
		turns(10);
		EXPECT_INT(open_ones(fds, 4), 4);
		while (seen != ANSWER && clk_mono_ns() < until) {
			int good = dial("127.0.0.1", protocols[p].whole);

			seen = wait_for(good, NULL);
			close(good);
			turns(10);
			usleep(10000);
		}
		EXPECT_INT(seen, ANSWER);
		EXPECT_INT(counted(ADMIT_EVICTED), 1);
		/* The first refusal came while all were too young to be closed. */
		EXPECT(counted(ADMIT_SHARE) + counted(ADMIT_FULL) > 0);
		close_all(fds, 4);
		stop();
	}
}

/* One peer cannot take all connections from the others. */
static void a_peer_has_a_share(void)
{
	for (enum protocol p = 0; p < PROTOCOLS; p++) {
		int fds[12], others[2];

		if (!start(p, (struct admit_limits){.conns_max = 8}))
			return;
		for (unsigned i = 0; i < 12; i++)
			fds[i] = dial("127.0.0.1", "");
		turns(30);
		EXPECT_INT(open_ones(fds, 12), 6);
		EXPECT_INT(counted(ADMIT_SHARE), 6);
		for (unsigned i = 0; i < 2; i++)
			others[i] = dial("127.0.0.2", protocols[p].whole);
		for (unsigned i = 0; i < 2; i++)
			EXPECT_INT(wait_for(others[i], NULL), ANSWER);
		EXPECT_INT(admit_count(admission()), 8);
		EXPECT_INT(counted(ADMIT_FULL), 0);
		close_all(others, 2);
		close_all(fds, 12);
		stop();
	}
}

/* Of several peers, the one with the most connections loses one to a peer that has none. */
static void the_greediest_loses(void)
{
	for (enum protocol p = 0; p < PROTOCOLS; p++) {
		uint64_t until = clk_mono_ns() + PATIENCE_S * NS_PER_S;
		enum seen seen = NOTHING;
		int greedy[6], modest;

		if (!start(p, (struct admit_limits){.conns_max = 7}))
			return;
		modest = dial("127.0.0.2", "");
		turns(5);
		for (unsigned i = 0; i < 6; i++)
			greedy[i] = dial("127.0.0.1", "");
		turns(20);
		while (seen != ANSWER && clk_mono_ns() < until) {
			int fd = dial("127.0.0.3", protocols[p].whole);

			seen = wait_for(fd, NULL);
			close(fd);
			turns(5);
			usleep(10000);
		}
		EXPECT_INT(seen, ANSWER);
		EXPECT_INT(open_ones(&modest, 1), 1);
		EXPECT_INT(open_ones(greedy, 6), 5);
		close_all(greedy, 6);
		close(modest);
		stop();
	}
}

static void idle_ones_end(void)
{
	for (enum protocol p = 0; p < PROTOCOLS; p++) {
		int silent, used;

		if (!start(p, (struct admit_limits){.conns_max = 8, .idle_s = 1}))
			return;
		silent = dial("127.0.0.1", "");
		used = dial("127.0.0.1", protocols[p].whole);
		EXPECT_INT(wait_for(used, NULL), ANSWER);
		EXPECT_INT(wait_for(silent, NULL), END);
		EXPECT_INT(wait_for(used, NULL), END);
		EXPECT_INT(counted(ADMIT_SILENT), 2);
		close(silent);
		close(used);
		stop();
	}
}

/* A connection that waits for events, and one whose request is not answered, are neither idle nor
 * closed to make room. */
static void waiting_ones_stay(void)
{
	struct listen_conn *held;
	int kept, asked, silent, more[4];

	if (!start(LINES, (struct admit_limits){.conns_max = 3, .peer_max = 3, .idle_s = 1}))
		return;
	kept = dial("127.0.0.1", "keep\n");
	EXPECT_INT(wait_for(kept, NULL), ANSWER);
	asked = dial("127.0.0.1", "ask\n");
	EXPECT_INT(wait_for(asked, NULL), ANSWER);
	held = t.last;
	listen_conn_hold(held);
	silent = dial("127.0.0.1", "");
	EXPECT_INT(wait_for(silent, NULL), END);
	close(silent);
	for (unsigned i = 0; i < 4; i++) {
		more[i] = dial("127.0.0.1", "half");
		turns(10);
	}
	EXPECT_INT(open_ones(more, 4), 1);
	EXPECT_INT(open_ones(&kept, 1) + open_ones(&asked, 1), 2);
	listen_conn_release(held);
	EXPECT_INT(wait_for(asked, NULL), END);
	EXPECT_INT(look(kept), NOTHING);
	close_all(more, 4);
	close(asked);
	close(kept);
	stop();
}

/* While no descriptor is free the listener waits, instead of trying again in every round. */
static void no_descriptor(void)
{
	for (enum protocol p = 0; p < PROTOCOLS; p++) {
		uint64_t until;
		struct rlimit old, less;
		int fd, next;

		if (!start(p, (struct admit_limits){.conns_max = 8}))
			return;
		fd = dial("127.0.0.1", protocols[p].whole);
		next = dup(fd);
		close(next);
		REQUIRE(getrlimit(RLIMIT_NOFILE, &old) == 0);
		less = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = old.rlim_max};
		REQUIRE(setrlimit(RLIMIT_NOFILE, &less) == 0);
		until = clk_mono_ns() + 200 * NS_PER_MS;
		do
			turns(100);
		while (clk_mono_ns() < until);
		EXPECT(counted(ADMIT_NO_FILES) >= 1 && counted(ADMIT_NO_FILES) <= 3);
		REQUIRE(setrlimit(RLIMIT_NOFILE, &old) == 0);
		EXPECT_INT(wait_for(fd, NULL), ANSWER);
		close(fd);
		stop();
	}
}

/* Users of a Unix socket are peers too. */
static void users_of_a_unix_socket(void)
{
	int pair[2];
	struct admit_who who, same;
	uint32_t uid = getuid();

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	who = admit_who_of(pair[0]);
	same = admit_who_of(pair[1]);
	EXPECT(who.kind == 1 && memcmp(who.octets, &uid, sizeof(uid)) == 0);
	EXPECT(memcmp(&who, &same, sizeof(who)) == 0);
	close(pair[0]);
	close(pair[1]);
}

static void peers_by_network(void)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"2001:db8::1", "2001:db8:0:0:ffff::2", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a, b;
		struct admit_who x, y;

		test_context("%s %s", rows[i].a, rows[i].b);
		REQUIRE_OK(addr_parse_ip(str_of(rows[i].a), &a));
		REQUIRE_OK(addr_parse_ip(str_of(rows[i].b), &b));
		x = admit_who_is(&a);
		y = admit_who_is(&b);
		EXPECT((memcmp(&x, &y, sizeof(x)) == 0) == rows[i].same);
	}
}

/* A connection for which there is no memory gets no service, and the listener goes on. */
static void no_memory_for_a_connection(void)
{
	for (enum protocol p = 0; p < PROTOCOLS; p++) {
		int fd;

		for (unsigned nth = 1; nth < 5; nth++) {
			if (!start(p, (struct admit_limits){.conns_max = 8, .message_s = 1}))
				return;
			fd = dial("127.0.0.1", protocols[p].whole);
			mem_fail_nth(nth);
			EXPECT(wait_for(fd, NULL) != NOTHING);
			mem_fail_nth(0);
			close(fd);
			turns(10);
			fd = dial("127.0.0.1", protocols[p].whole);
			EXPECT_INT(wait_for(fd, NULL), ANSWER);
			EXPECT_INT(admit_count(admission()), 1);
			close(fd);
			stop();
		}
	}
}

static enum err make_one(void)
{
	struct admit_limits limits = {.conns_max = 8};
	enum err e;

	t.loop = NULL;
	t.listener = NULL;
	t.server = NULL;
	e = loop_new(&t.loop);
	if (e)
		return e;
	e = open_listener(&limits);
	stop();
	return e;
}

static void no_memory_for_a_listener(void)
{
	for (t.protocol = 0; t.protocol < PROTOCOLS; t.protocol++)
		test_each_allocation_failing(make_one);
}

static void metrics(void)
{
	struct buf out = {0};
	int fd;

	if (!start(LINES, (struct admit_limits){.conns_max = 8}))
		return;
	fd = dial("127.0.0.1", "ask\n");
	EXPECT_INT(wait_for(fd, NULL), ANSWER);
	admit_print(&out, "sluice_");
	buf_char(&out, '\0');
	EXPECT(strstr(out.p, "\nsluice_connections{listener=\"test\"} 1\n") != NULL);
	EXPECT(strstr(out.p,
	              "\nsluice_connections_refused_total{listener=\"test\",reason=\"full\"} "
	              "0\n") != NULL);
	EXPECT(strstr(out.p, "\nsluice_connections_ended_total{listener=\"test\",reason=\"slow\"} "
	                     "0\n") != NULL);
	buf_free(&out);
	close(fd);
	stop();
}

TEST_MAIN("admit", {"half messages end", half_messages_end},
          {"dribbled messages end", dribbled_messages_end},
          {"a connection in use stays", a_connection_in_use_stays},
          {"a full listener makes room", a_full_listener_makes_room},
          {"a peer has a share", a_peer_has_a_share}, {"the greediest loses", the_greediest_loses},
          {"idle ones end", idle_ones_end}, {"waiting ones stay", waiting_ones_stay},
          {"no descriptor", no_descriptor}, {"users of a Unix socket", users_of_a_unix_socket},
          {"peers by network", peers_by_network},
          {"no memory for a connection", no_memory_for_a_connection},
          {"no memory for a listener", no_memory_for_a_listener}, {"metrics", metrics})
