/* SPDX-License-Identifier: MIT */
/* control/net: lines of a peer that floods do not delay another peer, and every line of the flood
 * is processed. */
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/buf.h"
#include "control/net/listen.h"
#include "control/net/loop.h"
#include "tests/harness/harness.h"

enum { FLOOD_LINES = 5000 };

struct scene {
	struct loop *loop;
	struct listener *listener;
	unsigned flood, others, flood_before_other;
};

static void on_line(void *arg, struct listen_conn *c, struct str line)
{
	struct scene *s = arg;

	(void)c;
	if (str_is(line, "flood")) {
		s->flood++;
		return;
	}
	s->others++;
	s->flood_before_other = s->flood;
}

static void on_too_long(void *arg, struct listen_conn *c)
{
	(void)arg, (void)c;
	EXPECT(!"no line was too long");
}

static void on_closed(void *arg, struct listen_conn *c)
{
	(void)arg, (void)c;
}

static const struct listen_ops ops = {
	.line = on_line, .too_long = on_too_long, .closed = on_closed};

static int dial(const struct scene *s)
{
	struct sockaddr_storage ss;
	struct addr a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(addr_parse(str_skip(str_of(listener_where(s->listener)), 4), &a) == ERR_OK);
	CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&ss, addr_to_sockaddr(&a, &ss)) == 0);
	return fd;
}

static void a_flood_leaves_room_for_others(void)
{
	struct scene s = {.loop = NULL};
	struct listen_config config = {.name = "test",
	                               .where = "tcp:127.0.0.1:0",
	                               .line_max_bytes = 65536,
	                               .out_max_bytes = 1 << 20,
	                               .limits = {.conns_max = 4, .peer_max = 4},
	                               .requests_max = 64,
	                               .ops = &ops,
	                               .arg = &s};
	struct buf flood = {0};
	int noisy, quiet;

	for (unsigned i = 0; i < FLOOD_LINES; i++)
		buf_text(&flood, "flood\n");
	REQUIRE_OK(loop_new(&s.loop));
	REQUIRE_OK(listener_new(&s.listener, s.loop, &config, NULL));
	noisy = dial(&s);
	quiet = dial(&s);
	/* The socket buffer has room for the whole flood, so one send() takes it. */
	EXPECT_INT(send(noisy, flood.p, flood.n, MSG_NOSIGNAL), flood.n);
	EXPECT_INT(send(quiet, "ask\n", 4, MSG_NOSIGNAL), 4);
	for (unsigned i = 0; i < 10 * FLOOD_LINES && s.flood + s.others <= FLOOD_LINES; i++)
		loop_turn(s.loop, false);
	EXPECT_INT(s.others, 1);
	EXPECT_INT(s.flood, FLOOD_LINES);
	EXPECT(s.flood_before_other < FLOOD_LINES / 10);
	close(noisy);
	close(quiet);
	listener_free(s.listener);
	loop_free(s.loop);
	buf_free(&flood);
}

/* A path that cannot be cleared for another reason than a listener there is not "in use". */
static void a_path_that_cannot_be_cleared(void)
{
	char folder[] = "/tmp/sluice-listen-XXXXXX", where[64];
	struct scene s = {.loop = NULL};
	struct listen_config config = {.name = "test",
	                               .where = where,
	                               .mode = 0600,
	                               .line_max_bytes = 65536,
	                               .out_max_bytes = 1 << 20,
	                               .limits = {.conns_max = 4},
	                               .requests_max = 64,
	                               .ops = &ops,
	                               .arg = &s};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct why why = {{0}};
	struct rlimit old, none;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	REQUIRE(mkdtemp(folder) != NULL);
	snprintf(where, sizeof(where), "%s/s", folder);
	memcpy(un.sun_path, where, strlen(where));
	REQUIRE(bind(fd, (struct sockaddr *)&un, sizeof(un)) == 0);
	REQUIRE_OK(loop_new(&s.loop));
	close(fd);
	REQUIRE(getrlimit(RLIMIT_NOFILE, &old) == 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = old.rlim_max};
	REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
	EXPECT_ERR(listener_new(&s.listener, s.loop, &config, &why), ERR_IO);
	REQUIRE(setrlimit(RLIMIT_NOFILE, &old) == 0);
	EXPECT(strstr(why.text, "Too many open files") != NULL);
	/* Nothing listens on the socket that was left behind, so it is replaced. */
	REQUIRE_OK(listener_new(&s.listener, s.loop, &config, &why));
	listener_free(s.listener);
	loop_free(s.loop);
	rmdir(folder);
}

TEST_MAIN("listen", {"a flood leaves room for others", a_flood_leaves_room_for_others},
          {"a path that cannot be cleared", a_path_that_cannot_be_cleared})
