/* SPDX-License-Identifier: MIT */
/* JSON-RPC batches: they are carried out in order and in slices, so that others are answered in
 * between, and their answers have a limit. */
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clk.h"
#include "control/net/listen.h"
#include "control/net/loop.h"
#include "control/rpc/rpc.h"
#include "tests/harness/fake_relay.h"
#include "tests/harness/harness.h"

enum { SESSIONS = 200, BATCH = 1024, TURNS_MAX = 200000 };

static struct loop *loop;
static struct service *service;
static struct events *events;
static struct rpc *json;
static struct listener *listener;
static struct relay_interface interfaces[] = {
	{.name = "v4",
         .bind = {.version = 4, .ip = {203, 0, 113, 1}},
         .advertised = {.version = 4, .ip = {203, 0, 113, 1}},
         .port_min = 30000,
         .port_max = 34999},
};

struct client {
	int fd;
	struct buf in;
};

static struct client dial(void)
{
	struct client c = {.in = {0}};
	struct sockaddr_storage ss;
	struct addr a;

	CHECK(addr_parse(str_skip(str_of(listener_where(listener)), 4), &a) == ERR_OK);
	c.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(c.fd >= 0 && connect(c.fd, (struct sockaddr *)&ss, addr_to_sockaddr(&a, &ss)) == 0);
	return c;
}

static void hang_up(struct client *c)
{
	close(c->fd);
	buf_free(&c->in);
}

static void turn(void)
{
	loop_turn(loop, false);
	relay_poll(&fake_relay);
}

/* Sends all octets, while the loop takes them. */
static void tell(const struct client *c, struct str text)
{
	while (text.n) {
		ssize_t n = send(c->fd, text.p, text.n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			text = str_skip(text, (size_t)n);
		else
			turn();
	}
}

/* Reads what has arrived. Returns true if there is a whole line. */
static bool hear(struct client *c)
{
	char some[65536];
	ssize_t n;

	while ((n = recv(c->fd, some, sizeof(some), MSG_DONTWAIT)) > 0)
		buf_add(&c->in, some, (size_t)n);
	return c->in.n && memchr(c->in.p, '\n', c->in.n);
}

static bool wait_for(struct client *c)
{
	for (unsigned i = 0; i < TURNS_MAX && !hear(c); i++)
		turn();
	return EXPECT(hear(c));
}

static void begin(void)
{
	struct service_config config = {.relay = &fake_relay,
	                                .sessions_max = SESSIONS,
	                                .context = {.interfaces = interfaces, .n_interfaces = 1}};
	struct listen_config listen = {.name = "test",
	                               .where = "tcp:127.0.0.1:0",
	                               .line_max_bytes = RPC_LINE_MAX,
	                               .out_max_bytes = 4 << 20,
	                               .limits = {.conns_max = 8, .peer_max = 8},
	                               .requests_max = 1024,
	                               .ops = &rpc_listen_ops};
	struct client c;

	fake_relay_reset();
	CHECK(loop_new(&loop) == ERR_OK && service_new(&service, &config, NULL) == ERR_OK);
	CHECK(events_new(&events, &fake_relay) == ERR_OK &&
	      rpc_new(&json, service, events) == ERR_OK);
	listen.arg = json;
	CHECK(listener_new(&listener, loop, &listen, NULL) == ERR_OK);
	c = dial();
	for (unsigned i = 0; i < SESSIONS; i++) {
		char text[256];

		snprintf(text, sizeof(text),
		         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"session.create\",\"params\":{"
		         "\"id\":\"call-%u\",\"media\":[{\"id\":\"0\",\"mode\":\"rtp\",\"legs\":{"
		         "\"a\":{},\"b\":{}}}]}}\n",
		         i);
		tell(&c, str_of(text));
		if (wait_for(&c) && !strstr(c.in.p, "result"))
			printf("--- %s\n", c.in.p);
		buf_reset(&c.in);
	}
	EXPECT_INT(registry_count(service_registry(service)), SESSIONS);
	hang_up(&c);
}

static void end(void)
{
	relay_poll(&fake_relay);
	listener_free(listener);
	rpc_free(json);
	events_free(events);
	service_free(service);
	loop_free(loop);
	fake_relay_reset();
}

/* A batch of costly requests, with `last` as the last one. `id`: "\"id\":1," or "". The first
 * request is a notification that makes the gateway drain. */
static void make_batch(struct buf *out, const char *id, const char *last)
{
	buf_text(out, "[{\"jsonrpc\":\"2.0\",\"method\":\"session.drain\"},");
	for (unsigned i = 0; i + 2 < BATCH; i++)
		buf_printf(
			out,
			"{\"jsonrpc\":\"2.0\",%s\"method\":\"session.list\",\"params\":{\"limit\":"
			"1000}},",
			id);
	buf_printf(out, "%s]\n", last);
}

#define PING(id) "{\"jsonrpc\":\"2.0\",\"id\":\"" id "\",\"method\":\"ping\"}"

/* While a batch is worked at, another connection is answered; the next line of the connection with
 * the batch waits for the batch. */
static void a_batch_leaves_room_for_others(void)
{
	struct buf batch = {0};
	struct client noisy, quiet;

	begin();
	noisy = dial();
	quiet = dial();
	make_batch(&batch, "", PING("of the batch"));
	buf_text(&batch, PING("behind the batch") "\n");
	tell(&noisy, buf_as_str(&batch));
	/* The first request of the batch is carried out. */
	for (unsigned i = 0; i < TURNS_MAX && !service_is_draining(service); i++)
		turn();
	tell(&quiet, STR(PING("of another") "\n"));
	if (wait_for(&quiet))
		EXPECT(strstr(quiet.in.p, "of another") != NULL);
	EXPECT(!hear(&noisy));
	if (wait_for(&noisy)) {
		char *line_end = strchr(noisy.in.p, '\n'), *of_batch;

		of_batch = strstr(noisy.in.p, "of the batch");
		EXPECT(noisy.in.p[0] == '[' && of_batch && of_batch < line_end);
		buf_drop(&noisy.in, (size_t)(line_end + 1 - noisy.in.p));
	}
	if (wait_for(&noisy))
		EXPECT(strstr(noisy.in.p, "behind the batch") != NULL);
	hang_up(&noisy);
	hang_up(&quiet);
	buf_free(&batch);
	end();
}

static unsigned count(const char *text, const char *part)
{
	unsigned n = 0;

	while ((text = strstr(text, part))) {
		n++;
		text++;
	}
	return n;
}

/* When the answers of a batch are long, its further requests are refused: each is told so. */
static void the_answers_of_a_batch_have_a_limit(void)
{
	static const char create[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"session.delete\",\"params\":{\"id\":"
		"\"call-7\"}}";
	struct buf batch = {0};
	struct client c;

	begin();
	c = dial();
	make_batch(&batch, "\"id\":1,", create);
	tell(&c, buf_as_str(&batch));
	if (wait_for(&c)) {
		unsigned refused = count(c.in.p, "not carried out: the answers to the earlier");

		EXPECT(c.in.n > 1 << 20 && c.in.n < 2 << 20);
		EXPECT(refused > BATCH / 2);
		EXPECT_INT(refused + count(c.in.p, "\"sessions\":["), BATCH - 1);
	}
	/* The last request would have ended a session. */
	EXPECT_INT(registry_count(service_registry(service)), SESSIONS);
	hang_up(&c);
	buf_free(&batch);
	end();
}

/* Several batches at once, and the end of the listener in the middle of them. */
static void a_listener_ends_amid_batches(void)
{
	struct buf batch = {0};
	struct client c[3];

	begin();
	make_batch(&batch, "", PING("1"));
	for (unsigned i = 0; i < ARRAY_LEN(c); i++) {
		c[i] = dial();
		tell(&c[i], buf_as_str(&batch));
	}
	turn();
	turn();
	/* One client has gone; its batch may still be worked at. */
	hang_up(&c[0]);
	turn();
	end();
	hang_up(&c[1]);
	hang_up(&c[2]);
	buf_free(&batch);
}

TEST_MAIN("rpc_batch", {"a batch leaves room for others", a_batch_leaves_room_for_others},
          {"the answers of a batch have a limit", the_answers_of_a_batch_have_a_limit},
          {"a listener ends amid batches", a_listener_ends_amid_batches})
