/* SPDX-License-Identifier: MIT */
/* control/net/redis against a scripted server on loopback: order of replies, limits, late and
 * malformed replies, refused passwords, and connecting again. */
#include "control/net/redis.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/clk.h"
#include "base/secret.h"
#include "control/net/loop.h"
#include "tests/harness/harness.h"

enum { SEEN_ROOM = 4096, QUEUE_MAX = 4 };

/* The server: it reads everything, and after each read it sends the next line of the script. */
static struct {
	struct loop *loop;
	struct loop_watch *accepts, *reads;
	struct redis *client;
	int listener, fd;
	unsigned port, connections;
	const char *const *script; /* ends with NULL; an empty text sends nothing */
	char seen[SEEN_ROOM];
	size_t n_seen;
	unsigned ups, downs, replies;
	enum err last_down, last_reply;
	struct why why;
	char text[256]; /* the replies, one after the other */
} t;

static void hang_up(void)
{
	loop_watch_free(t.reads);
	t.reads = NULL;
	if (t.fd >= 0)
		close(t.fd);
	t.fd = -1;
}

static void on_server_read(void *arg, bool readable, bool writable)
{
	ssize_t n = read(t.fd, t.seen + t.n_seen, sizeof(t.seen) - t.n_seen - 1);

	(void)arg;
	(void)readable;
	(void)writable;
	if (n <= 0) {
		hang_up();
		return;
	}
	t.n_seen += (size_t)n;
	t.seen[t.n_seen] = 0;
	if (!*t.script)
		return;
	CHECK(write(t.fd, *t.script, strlen(*t.script)) == (ssize_t)strlen(*t.script));
	t.script++;
}

static void on_server_accept(void *arg, bool readable, bool writable)
{
	(void)arg;
	(void)readable;
	(void)writable;
	hang_up();
	t.fd = accept(t.listener, NULL, NULL);
	t.connections++;
	CHECK(t.fd >= 0 &&
	      loop_watch_new(&t.reads, t.loop,
	                     &(struct loop_watch_config){
				     .fd = t.fd, .read = true, .fn = on_server_read}) == ERR_OK);
}

static void on_up(void *arg)
{
	(void)arg;
	t.ups++;
}

static void on_down(void *arg, enum err e, const struct why *why)
{
	(void)arg;
	t.downs++;
	t.last_down = e;
	t.why = *why;
}

/* Listens on the port; 0: the system chooses one. */
static bool listen_on(unsigned port)
{
	struct sockaddr_storage sa;
	struct addr at;
	socklen_t len;
	int one = 1;

	t.listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(t.listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	CHECK(addr_parse(STR("127.0.0.1:0"), &at) == ERR_OK);
	at.port = (uint16_t)port;
	len = addr_to_sockaddr(&at, &sa);
	if (!EXPECT(bind(t.listener, (struct sockaddr *)&sa, len) == 0 &&
	            listen(t.listener, 8) == 0 &&
	            getsockname(t.listener, (struct sockaddr *)&sa, &len) == 0) ||
	    !EXPECT_OK(addr_from_sockaddr((struct sockaddr *)&sa, &at)))
		return false;
	t.port = at.port;
	return EXPECT_OK(loop_watch_new(&t.accepts, t.loop,
	                                &(struct loop_watch_config){.fd = t.listener,
	                                                            .read = true,
	                                                            .fn = on_server_accept}));
}

static void listen_no_more(void)
{
	loop_watch_free(t.accepts);
	t.accepts = NULL;
	close(t.listener);
}

static bool open_server(void)
{
	memset(&t, 0, sizeof(t));
	t.fd = -1;
	return EXPECT_OK(loop_new(&t.loop)) && listen_on(0);
}

static bool start(const char *const *script, const char *user, struct view password,
                  unsigned timeout_ms)
{
	struct redis_config c = {.user = user,
	                         .password = password,
	                         .timeout_ms = timeout_ms,
	                         .queue_max = QUEUE_MAX,
	                         .up = on_up,
	                         .down = on_down};
	char url[64];

	if (!open_server())
		return false;
	t.script = script;
	snprintf(url, sizeof(url), "redis://127.0.0.1:%u/3", t.port);
	return EXPECT_OK(redis_url_parse(str_of(url), &c.url, NULL)) &&
	       EXPECT_OK(redis_new(&t.client, loop_base(t.loop), &c, NULL));
}

static void stop(void)
{
	redis_free(t.client);
	hang_up();
	listen_no_more();
	loop_free(t.loop);
}

/* Runs the loop until `*counter` has reached `n`; false after 20 s. */
static bool run_until(const unsigned *counter, unsigned n)
{
	uint64_t end = clk_mono_ns() + 20 * NS_PER_S;

	while (*counter < n && clk_mono_ns() < end)
		loop_turn(t.loop, false);
	return EXPECT(*counter >= n);
}

static void on_reply(void *arg, enum err e, const struct redis_value *v)
{
	size_t at = strlen(t.text);
	struct view octets = v ? redis_octets(v) : (struct view){0};

	t.replies++;
	t.last_reply = e;
	snprintf(t.text + at, sizeof(t.text) - at, "%s=%s:%lld:%.*s ", (const char *)arg,
	         err_name(e), v ? (long long)redis_number(v) : -1, (int)octets.n,
	         octets.n ? (const char *)octets.p : "");
}

static enum err send_words(const char *a, const char *b, const char *name)
{
	struct view words[] = {{(const uint8_t *)a, strlen(a)}, {(const uint8_t *)b, strlen(b)}};

	return redis_send(t.client, &(struct redis_command){words, 2}, on_reply,
	                  (void *)(uintptr_t)name);
}

static void urls(void)
{
	static const struct {
		const char *text, *host;
		unsigned port, db;
		bool tls;
		enum err want;
	} rows[] = {
		{"redis://a.example", "a.example", 6379, 0, false, ERR_OK},
		{"rediss://a.example:7000/12", "a.example", 7000, 12, true, ERR_OK},
		{"redis://[::1]:1/", "::1", 1, 0, false, ERR_OK},
		{"redis://[2001:db8::1]", "2001:db8::1", 6379, 0, false, ERR_OK},
		{"http://a", NULL, 0, 0, false, ERR_UNSUPPORTED},
		{"redis://:7000", NULL, 0, 0, false, ERR_SYNTAX},
		{"redis://[::1", NULL, 0, 0, false, ERR_SYNTAX},
		{"redis://a:0", NULL, 0, 0, false, ERR_RANGE},
		{"redis://a:65536", NULL, 0, 0, false, ERR_RANGE},
		{"redis://a/x", NULL, 0, 0, false, ERR_RANGE},
		{"redis://user:secret@a", NULL, 0, 0, false, ERR_DENIED},
		{"redis://a\r\nFLUSHALL", NULL, 0, 0, false, ERR_SYNTAX},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct redis_url u = {0};
		struct why why = {{0}};

		test_context("%s", rows[i].text);
		EXPECT_ERR(redis_url_parse(str_of(rows[i].text), &u, &why), rows[i].want);
		if (rows[i].want) {
			EXPECT(why.text[0] != 0 && !strstr(why.text, "secret"));
			continue;
		}
		EXPECT_TEXT(u.host, rows[i].host);
		EXPECT(u.port == rows[i].port && u.db == rows[i].db && u.is_tls == rows[i].tls);
	}
}

static void replies_in_order(void)
{
	static const char *const script[] = {"+OK\r\n", "$5\r\nfirst\r\n:7\r\n",
	                                     "-ERR no\r\n$-1\r\n", NULL};

	if (!start(script, NULL, (struct view){0}, 20000)) {
		stop();
		return;
	}
	EXPECT_ERR(send_words("GET", "early", "x"), ERR_CLOSED);
	if (run_until(&t.ups, 1)) {
		EXPECT_TEXT(t.seen, "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n");
		t.n_seen = 0;
		EXPECT_OK(send_words("GET", "a\r\nb", "1"));
		EXPECT_OK(send_words("INCR", "", "2"));
		EXPECT_INT(redis_queued(t.client), 2);
		run_until(&t.replies, 2);
		EXPECT_TEXT(t.seen,
		            "*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n*2\r\n$4\r\nINCR\r\n$0\r\n\r\n");
		EXPECT_OK(send_words("GET", "c", "3"));
		EXPECT_OK(send_words("GET", "d", "4"));
		run_until(&t.replies, 4);
		EXPECT_TEXT(t.text, "1=ok:0:first 2=ok:7: 3=ok:0:ERR no 4=ok:0: ");
		EXPECT_INT(redis_queued(t.client), 0);
		EXPECT_INT(t.downs, 0);
	}
	stop();
}

static void on_list(void *arg, enum err e, const struct redis_value *v)
{
	(void)arg;
	t.replies++;
	t.last_reply = e;
	if (!EXPECT(v && redis_kind(v) == REDIS_LIST))
		return;
	EXPECT(redis_item(v, 0) && redis_kind(redis_item(v, 0)) == REDIS_NIL);
	EXPECT(redis_item(v, 1) && redis_number(redis_item(v, 1)) == -3);
	EXPECT(!redis_item(v, 2) && !redis_item(redis_item(v, 1), 0));
}

static void lists(void)
{
	static const char *const script[] = {"+OK\r\n", "*2\r\n$-1\r\n:-3\r\n", NULL};
	struct view word = {(const uint8_t *)"X", 1};

	if (start(script, NULL, (struct view){0}, 20000) && run_until(&t.ups, 1)) {
		EXPECT_OK(redis_send(t.client, &(struct redis_command){&word, 1}, on_list, NULL));
		run_until(&t.replies, 1);
	}
	stop();
}

/* The commands that have no reply are bounded, and each of them is answered once when the
 * connection ends. */
static void queue_is_bounded(void)
{
	static const char *const script[] = {"+OK\r\n", NULL};

	if (start(script, NULL, (struct view){0}, 20000) && run_until(&t.ups, 1)) {
		for (unsigned i = 0; i < QUEUE_MAX; i++)
			EXPECT_OK(send_words("GET", "a", "q"));
		EXPECT_ERR(send_words("GET", "a", "q"), ERR_LIMIT);
		loop_turn(t.loop, false);
		hang_up();
		run_until(&t.downs, 1);
		EXPECT_INT(t.replies, QUEUE_MAX);
		EXPECT_INT(t.last_reply, ERR_CLOSED);
		EXPECT_INT(t.last_down, ERR_CLOSED);
	}
	stop();
}

/* A server that stands still: the command fails after its time limit, and the client connects
 * again. */
static void late_reply(void)
{
	static const char *const script[] = {"+OK\r\n", "", "+OK\r\n", NULL};

	if (start(script, NULL, (struct view){0}, 50) && run_until(&t.ups, 1)) {
		EXPECT_OK(send_words("GET", "a", "late"));
		run_until(&t.downs, 1);
		EXPECT_TEXT(t.text, "late=timeout:-1: ");
		EXPECT_INT(t.last_down, ERR_TIMEOUT);
		run_until(&t.ups, 2);
		EXPECT_INT(t.connections, 2);
	}
	stop();
}

static void not_redis(void)
{
	static const char *const rows[] = {
		"HTTP/1.1 400 Bad Request\r\n\r\n", /* another protocol */
		"+OK\r\n+OK\r\n",                   /* a reply without a command */
		"*2000000000\r\n",                  /* a list that no memory can hold */
		"$9999999999999999999999\r\n",      /* a length that no integer can hold */
		"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", /* too deep */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *script[] = {rows[i], NULL};

		test_context("row %zu", i);
		if (start(script, NULL, (struct view){0}, 20000) && run_until(&t.downs, 1)) {
			EXPECT_INT(t.last_down, ERR_SYNTAX);
			EXPECT(strstr(t.why.text, "127.0.0.1 port"));
		}
		stop();
	}
}

static void password(void)
{
	static const char *const accepts[] = {"+OK\r\n+OK\r\n", NULL},
				 *const refuses[] = {"-WRONGPASS no\r\n-NOAUTH no\r\n", NULL};
	char *secret = secret_alloc(8);
	struct view octets = {(const uint8_t *)secret, 8};

	memcpy(secret, "hunter\r\n", 8);
	if (start(accepts, "kms", octets, 20000) && run_until(&t.ups, 1))
		EXPECT_TEXT(t.seen, "*3\r\n$4\r\nAUTH\r\n$3\r\nkms\r\n$8\r\nhunter\r\n\r\n"
		                    "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n");
	stop();
	if (start(accepts, NULL, octets, 20000) && run_until(&t.ups, 1))
		EXPECT(strstr(t.seen, "*2\r\n$4\r\nAUTH\r\n$8\r\nhunter\r\n\r\n"));
	stop();
	if (start(refuses, "kms", octets, 20000) && run_until(&t.downs, 1)) {
		EXPECT_INT(t.last_down, ERR_DENIED);
		EXPECT(strstr(t.why.text, "WRONGPASS") && !strstr(t.why.text, "hunter"));
		EXPECT_INT(t.ups, 0);
	}
	stop();
	secret_free(secret);
}

/* No server there, then one: the client finds it by itself. */
static void connects_again(void)
{
	static const char *const script[] = {"+OK\r\n", NULL};
	struct redis_config c = {
		.timeout_ms = 20000, .queue_max = QUEUE_MAX, .up = on_up, .down = on_down};
	char url[64];

	if (open_server()) {
		t.script = script;
		snprintf(url, sizeof(url), "redis://127.0.0.1:%u", t.port);
		listen_no_more();
		EXPECT_OK(redis_url_parse(str_of(url), &c.url, NULL));
		EXPECT_OK(redis_new(&t.client, loop_base(t.loop), &c, NULL));
		run_until(&t.downs, 2);
		EXPECT_INT(t.last_down, ERR_CLOSED);
		EXPECT(strstr(t.why.text, "refused"));
		if (listen_on(t.port))
			run_until(&t.ups, 1);
	}
	stop();
}

/* The owner rejects the server: the client closes the connection and tries another time. */
static void rejected(void)
{
	static const char *const script[] = {"+OK\r\n", "+OK\r\n", NULL};
	struct why why = {{0}};

	why_fail(&why, ERR_WRONG_STATE, "this server is a replica");
	if (start(script, NULL, (struct view){0}, 20000) && run_until(&t.ups, 1)) {
		redis_reject(t.client, ERR_WRONG_STATE, &why);
		EXPECT_ERR(send_words("GET", "a", "x"), ERR_CLOSED);
		run_until(&t.downs, 1);
		EXPECT_INT(t.last_down, ERR_WRONG_STATE);
		EXPECT_TEXT(t.why.text, "this server is a replica");
		run_until(&t.ups, 2);
	}
	stop();
}

static enum err open_and_close(void)
{
	struct redis_config c = {.timeout_ms = 1000, .queue_max = 1, .up = on_up, .down = on_down};
	struct redis *r = NULL;
	enum err e;

	CHECK(redis_url_parse(STR("redis://127.0.0.1:1"), &c.url, NULL) == ERR_OK);
	e = redis_new(&r, loop_base(t.loop), &c, NULL);
	redis_free(r);
	return e;
}

static void no_memory(void)
{
	if (open_server())
		test_each_allocation_failing(open_and_close);
	stop();
}

TEST_MAIN("redis", {"urls", urls}, {"replies-in-order", replies_in_order}, {"lists", lists},
          {"queue-is-bounded", queue_is_bounded}, {"late-reply", late_reply},
          {"not-redis", not_redis}, {"password", password}, {"connects-again", connects_again},
          {"rejected", rejected}, {"no-memory", no_memory})
