/* SPDX-License-Identifier: MIT */
/* Sends untrusted lines through the listener, the protocol and the service, over the fake relay. No
 * reply contains a key. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/net/listen.h"
#include "control/net/loop.h"
#include "control/rpc/rpc.h"
#include "tests/harness/fake_relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct loop *loop;
static struct service *service;
static struct events *events;
static struct rpc *json;
static struct listener *listener;
/* Interface "default" has an address of each family, "core:1" only an IPv4 address. */
static struct relay_interface interfaces[] = {
	{.name = "default", .port_min = 30000, .port_max = 30999},
	{.name = "default", .port_min = 30000, .port_max = 30999},
	{.name = "core:1", .port_min = 30000, .port_max = 30999},
};

/* Runs once per process: as in the gateway, one service serves many requests. */
static void start(void)
{
	struct service_config config = {
		.relay = &fake_relay,
		.sessions_max = 64,
		.context = {.interfaces = interfaces, .n_interfaces = ARRAY_LEN(interfaces)}};
	struct listen_config listen = {.name = "test",
	                               .where = "tcp:127.0.0.1:0",
	                               .line_max_bytes = 65536,
	                               .out_max_bytes = 1 << 20,
	                               .limits = {.conns_max = 4, .peer_max = 4},
	                               .requests_max = 64,
	                               .ops = &rpc_listen_ops};

	static const char *const addresses[] = {"127.0.0.1", "::1", "127.0.0.2"};

	for (unsigned i = 0; i < ARRAY_LEN(interfaces); i++) {
		CHECK(addr_parse_ip(str_of(addresses[i]), &interfaces[i].bind) == ERR_OK);
		interfaces[i].advertised = interfaces[i].bind;
	}
	CHECK(loop_new(&loop) == ERR_OK && service_new(&service, &config, NULL) == ERR_OK);
	CHECK(events_new(&events, &fake_relay) == ERR_OK &&
	      rpc_new(&json, service, events) == ERR_OK);
	listen.arg = json;
	CHECK(listener_new(&listener, loop, &listen, NULL) == ERR_OK);
}

static int dial(void)
{
	struct sockaddr_storage ss;
	struct addr a;
	int fd;

	CHECK(addr_parse(str_skip(str_of(listener_where(listener)), 4), &a) == ERR_OK);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0);
	/* The alarm of libFuzzer's -timeout may interrupt the call; the next call goes on. */
	while (connect(fd, (struct sockaddr *)&ss, addr_to_sockaddr(&a, &ss)) && errno != EISCONN)
		CHECK(errno == EINTR);
	return fd;
}

/* Deletes the sessions, so that inputs do not affect each other. */
static void drop_sessions(void)
{
	uint32_t at = 0;
	struct registry_session *s;

	relay_poll(&fake_relay);
	while ((s = registry_next(service_registry(service), &at))) {
		fake_relay_forget(s->relay);
		registry_remove(service_registry(service), s);
	}
}

static const char key[] = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

/* True if the input has the key in the place of a name, such as an id or a suite. Error texts quote
 * names, so the test skips such inputs. */
static bool names_the_key(const uint8_t *data, size_t size)
{
	static const char place[] = "\"inline\":\"";
	const uint8_t *at = data, *end = data + size;

	while (at < end && (at = memmem(at, (size_t)(end - at), key, sizeof(key) - 1))) {
		size_t before = (size_t)(at - data);

		if (before < sizeof(place) - 1 ||
		    memcmp(at - (sizeof(place) - 1), place, sizeof(place) - 1) != 0)
			return true;
		at += sizeof(key) - 1;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char answers[1 << 20];
	size_t n = 0;
	ssize_t got;
	int fd;

	if (size > 60000 || names_the_key(data, size))
		return 0;
	if (!loop)
		start();
	fd = dial();
	CHECK(send(fd, size ? (const void *)data : "", size, MSG_NOSIGNAL) == (ssize_t)size &&
	      send(fd, "\n", 1, MSG_NOSIGNAL) == 1);
	for (unsigned i = 0; i < 4; i++) {
		loop_turn(loop, false);
		relay_poll(&fake_relay);
	}
	while (n < sizeof(answers) &&
	       (got = recv(fd, answers + n, sizeof(answers) - n, MSG_DONTWAIT)) > 0)
		n += (size_t)got;
	CHECK(!memmem(answers, n, key, sizeof(key) - 1));
	close(fd);
	for (unsigned i = 0; i < 4; i++)
		loop_turn(loop, false);
	drop_sessions();
	return 0;
}
