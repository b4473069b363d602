/* SPDX-License-Identifier: MIT */
/* relay/io/sock: the relay on loopback sockets. Bursts, order, allocations, syscalls,
 * descriptors. */
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clk.h"
#include "base/mem.h"
#include "tests/harness/call.h"

enum { PORT_MIN = 11000, CALLS_MAX = 200, BURST = 500, SESSIONS = 10000, SSRC = 0x0a0a0a00 };

/* Each process has its own loopback addresses, so that every port is free. */
static struct {
	struct relay_interface interface;
	struct addr peers[2];
	int fds[2]; /* sockets of the two peers, shared by all calls */
	struct relay *relay;
	struct relay_session *sessions[CALLS_MAX];
	unsigned n_done, n_failed;
	bool by_hand;
} g;

static struct addr own_addr(uint8_t last, uint16_t port)
{
	unsigned pid = (unsigned)getpid();

	return (struct addr){
		.ip = {127, (uint8_t)(1 + (pid >> 8) % 250), (uint8_t)pid, last},
		.port = port,
		.version = 4,
	};
}

static int udp(const struct addr *at)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), bytes = 4 << 20;
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(at, &name);

	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&name, len) == 0);
	(void)!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return fd;
}

/* by_hand: the test's own thread runs the workers' turns, so that mem_calls() counts their
 * allocations. */
static bool open_relay_with(unsigned workers, bool by_hand, unsigned gather_delay_us)
{
	struct relay_config c;
	struct why why = {.text = ""};

	memset(&g, 0, sizeof(g));
	g.by_hand = by_hand;
	g.interface = (struct relay_interface){
		.name = "own",
		.bind = own_addr(1, 0),
		.advertised = own_addr(1, 0),
		.port_min = PORT_MIN,
		.port_max = 40000,
	};
	for (unsigned i = 0; i < 2; i++) {
		g.peers[i] = own_addr((uint8_t)(2 + i), 6000);
		g.fds[i] = udp(&g.peers[i]);
	}
	relay_config_defaults(&c);
	c.workers = workers;
	c.engine = "evp";
	c.io = "sock";
	c.by_hand = by_hand;
	c.gather_delay_us = gather_delay_us;
	c.interfaces = &g.interface;
	c.n_interfaces = 1;
	return test_expect(relay_start(&g.relay, &c, &why) == ERR_OK, __FILE__, __LINE__,
	                   "relay_start to succeed, got: %s", why.text);
}

static bool open_relay(unsigned workers, bool by_hand)
{
	return open_relay_with(workers, by_hand, 0);
}

static void close_relay(void)
{
	relay_stop(g.relay);
	close(g.fds[0]);
	close(g.fds[1]);
}

static void on_done(void *arg, const struct relay_result *result)
{
	(void)arg;
	g.n_done++;
	g.n_failed += result->e != ERR_OK;
	if (result->e)
		printf("%s\n", result->why->text);
}

/* Runs the workers until `done` requests are completed; fails after 20 s. */
static void await(unsigned done)
{
	struct pollfd p = {.fd = relay_wait_fd(g.relay), .events = POLLIN};
	uint64_t end_ns = clk_mono_ns() + 20 * NS_PER_S;

	while (g.n_done < done && clk_mono_ns() < end_ns) {
		if (g.by_hand)
			relay_step(g.relay, clk_mono_ns());
		else
			poll(&p, 1, 100);
		relay_poll(g.relay);
	}
	EXPECT_INT(g.n_done, done);
	EXPECT_INT(g.n_failed, 0);
}

static uint16_t port_of(unsigned call, unsigned side)
{
	return (uint16_t)(PORT_MIN + 2 * call + side);
}

static void call(struct relay_session **out, unsigned n, const struct keyctx *receive,
                 const struct keyctx *send)
{
	struct relay_session_spec spec;
	struct relay_media_spec media;

	call_spec(&spec, &media, receive ? RELAY_MODE_E2AE : RELAY_MODE_RTP, RELAY_RTCP_MUX);
	for (unsigned i = 0; i < 2; i++) {
		media.legs[i].port_rtp = port_of(n, i);
		media.legs[i].remote = g.peers[i];
	}
	media.legs[0].receive = receive;
	media.legs[0].send = send;
	EXPECT_OK(relay_session_create(g.relay, out, &spec, on_done, NULL, NULL));
}

static bool put(unsigned call_n, unsigned side, const void *data, size_t n)
{
	struct addr to = addr_with_port(&g.interface.bind, port_of(call_n, side));
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(&to, &name);

	return sendto(g.fds[side], data, n, 0, (struct sockaddr *)&name, len) == (ssize_t)n;
}

/* Receives the next packet of the peer on `side`, within 5 s if the workers have threads; 0 if
 * there is none. */
static size_t take(unsigned side, uint8_t *data, size_t room)
{
	struct pollfd p = {.fd = g.fds[side], .events = POLLIN};
	ssize_t n = poll(&p, 1, g.by_hand ? 0 : 5000) > 0 ? recv(g.fds[side], data, room, 0) : 0;

	return n > 0 ? (size_t)n : 0;
}

/* --- bursts and order ------------------------------------------------------- */

static void burst(bool by_hand)
{
	uint8_t octets[256];
	size_t n;

	if (!open_relay(2, by_hand))
		return;
	call(&g.sessions[0], 0, NULL, NULL);
	await(1);
	for (unsigned i = 0; i < BURST; i++)
		EXPECT(put(0, 0, octets, call_rtp(octets, SSRC, i)));
	for (unsigned i = 0; i < BURST; i++) {
		uint8_t want[256];

		if (by_hand && i % 16 == 0)
			for (unsigned k = 0; k < 4; k++)
				relay_step(g.relay, clk_mono_ns());
		n = take(1, octets, sizeof(octets));
		EXPECT_OCTETS(octets, n, want, call_rtp(want, SSRC, i));
		if (n == 0)
			break;
	}
	close_relay();
}

static void a_burst_on_one_port(void)
{
	burst(true);
}

static void a_burst_on_one_port_with_threads(void)
{
	burst(false);
}

/* Packets to many ports on two workers: each stream keeps its order, and no packet is lost. */
static void many_ports_keep_their_order(void)
{
	enum { PORTS = 100, ROUNDS = 40 };
	uint16_t next[PORTS] = {0};
	uint8_t octets[256];
	struct relay_stats stats;

	if (!open_relay(2, false))
		return;
	for (unsigned i = 0; i < PORTS; i++)
		call(&g.sessions[i], i, NULL, NULL);
	await(PORTS);
	relay_get_stats(g.relay, &stats);
	EXPECT_INT(stats.worker_sessions[0], PORTS / 2);
	EXPECT_INT(stats.worker_sessions[1], PORTS / 2);
	for (unsigned r = 0; r < ROUNDS; r++) {
		for (unsigned i = 0; i < PORTS; i++)
			EXPECT(put(i, 0, octets, call_rtp(octets, SSRC + i, r)));
		for (unsigned i = 0; i < PORTS; i++) {
			unsigned which;

			if (!EXPECT(take(1, octets, sizeof(octets)) > 12)) {
				r = ROUNDS;
				break;
			}
			which = be32_get(octets + 8) - SSRC;
			if (EXPECT(which < PORTS))
				EXPECT_INT(be16_get(octets + 2), next[which]++);
		}
	}
	close_relay();
}

/* --- cost of a packet ------------------------------------------------------- */

/* 10,000 e2ae packets through 50 calls: no allocation, and per packet at most one receive and one
 * send syscall. */
static void a_packet_costs_two_syscalls_and_no_memory(void)
{
	enum { CALLS = 50, ROUNDS = 100, WARM = 2, PKTS = CALLS * ROUNDS * 2 };
	struct srtp_end up[CALLS], down[CALLS];
	struct relay_stats before, after;
	uint64_t turns_allocated = 0;
	unsigned got = 0;
	uint8_t octets[512];

	if (!open_relay(2, true))
		return;
	for (unsigned i = 0; i < CALLS; i++) {
		REQUIRE(srtp_open(&up[i], call_key("AES_CM_128_HMAC_SHA1_80"), ENGINE_SEND));
		REQUIRE(srtp_open(&down[i], call_key("AES_CM_128_HMAC_SHA1_80"), ENGINE_RECEIVE));
		call(&g.sessions[i], i, up[i].ctx, down[i].ctx);
	}
	await(CALLS);
	for (unsigned r = 0; r < WARM + ROUNDS; r++) {
		if (r == WARM) {
			relay_get_stats(g.relay, &before);
			got = 0;
		}
		for (unsigned i = 0; i < CALLS; i++) {
			size_t n = call_rtp(octets, SSRC + i, r);

			EXPECT(put(i, 1, octets, n));
			EXPECT(put(i, 0, octets,
			           end_protect(&up[i], octets, n, sizeof(octets), r)));
		}
		for (unsigned k = 0; k < 4; k++) {
			uint64_t at = mem_calls();

			relay_step(g.relay, clk_mono_ns());
			turns_allocated += mem_calls() - at;
			relay_poll(g.relay);
		}
		for (unsigned side = 0; side < 2; side++)
			while (take(side, octets, sizeof(octets)))
				got++;
	}
	relay_get_stats(g.relay, &after);
	EXPECT_INT(got, PKTS);
	EXPECT_INT(turns_allocated, 0);
	EXPECT_INT(after.rx_pkts - before.rx_pkts, PKTS);
	EXPECT_INT(after.tx_pkts - before.tx_pkts, PKTS);
	EXPECT(after.rx_calls - before.rx_calls <= PKTS + (after.turns - before.turns));
	EXPECT(after.tx_calls - before.tx_calls <= PKTS);
	for (unsigned i = 0; i < CALLS; i++) {
		srtp_close(&up[i]);
		srtp_close(&down[i]);
	}
	close_relay();
}

/* Many packets that wait on one port, and many packets to one peer, take far fewer syscalls than
 * packets. */
static void a_burst_shares_syscalls(void)
{
	struct relay_stats before, after;
	uint8_t octets[256];

	if (!open_relay(1, true))
		return;
	call(&g.sessions[0], 0, NULL, NULL);
	await(1);
	relay_get_stats(g.relay, &before);
	for (unsigned i = 0; i < BURST; i++)
		EXPECT(put(0, 0, octets, call_rtp(octets, SSRC, i)));
	while (relay_step(g.relay, clk_mono_ns()))
		;
	relay_get_stats(g.relay, &after);
	EXPECT_INT(after.rx_pkts - before.rx_pkts, BURST);
	EXPECT(after.rx_calls - before.rx_calls < BURST / 4);
	EXPECT(after.tx_calls - before.tx_calls < BURST / 4);
	close_relay();
}

/* With gather_delay_us the first packet is sent at once, and packets that arrive within the delay
 * are one batch. Requests are still answered, and no packet is lost. Without the delay each packet
 * would be a batch of its own, since they are 1 ms apart. */
static void a_delay_fills_batches(void)
{
	enum { PKTS = 41, DELAY_US = 100000, BATCHES_MAX = 20 };
	struct relay_stats stats;
	uint8_t octets[256];

	if (!open_relay_with(1, false, DELAY_US))
		return;
	call(&g.sessions[0], 0, NULL, NULL);
	await(1);
	for (unsigned i = 0; i < PKTS; i++) {
		EXPECT(put(0, 0, octets, call_rtp(octets, SSRC, i)));
		if (i == 0)
			EXPECT(take(1, octets, sizeof(octets)) > 0);
		if (i == PKTS / 2)
			call(&g.sessions[1], 1, NULL, NULL);
		poll(NULL, 0, 1);
	}
	await(2);
	for (unsigned i = 1; i < PKTS; i++) {
		uint8_t want[256];
		size_t n = take(1, octets, sizeof(octets));

		EXPECT_OCTETS(octets, n, want, call_rtp(want, SSRC, i));
	}
	relay_get_stats(g.relay, &stats);
	EXPECT_INT(stats.batch_pkts, PKTS);
	EXPECT(stats.batches >= 2 && stats.batches <= BATCHES_MAX);
	close_relay();
}

/* --- starting --------------------------------------------------------------- */

static unsigned descriptors(void);

/* If an allocation fails at start, the relay closes every descriptor that it has opened, and no
 * other. */
static void a_failed_start_leaves_descriptors_alone(void)
{
	struct relay_config c;
	unsigned before;
	enum err e = ERR_NOMEM;

	memset(&g, 0, sizeof(g));
	g.interface = (struct relay_interface){
		.name = "own",
		.bind = own_addr(1, 0),
		.advertised = own_addr(1, 0),
		.port_min = PORT_MIN,
		.port_max = 40000,
	};
	relay_config_defaults(&c);
	c.workers = 3;
	c.engine = "evp";
	c.io = "sock";
	c.interfaces = &g.interface;
	c.n_interfaces = 1;
	before = descriptors();
	for (unsigned n = 1; e && n < 200; n++) {
		struct why why = {.text = ""};

		test_context("allocation %u fails", n);
		mem_fail_nth(n);
		e = relay_start(&g.relay, &c, &why);
		mem_fail_nth(0);
		EXPECT(e ? why.text[0] != 0 : true);
		if (e)
			EXPECT_INT(descriptors(), before);
	}
	REQUIRE_OK(e);
	relay_stop(g.relay);
	EXPECT_INT(descriptors(), before);
}

/* The worker's thread has its name and runs on the configured CPU; the control thread keeps its
 * CPUs. */
static void a_worker_is_pinned(void)
{
	struct relay_config c;
	struct why why = {.text = ""};
	cpu_set_t own, after, found;
	int last = -1;
	char path[300], name[32] = "";
	DIR *d;

	REQUIRE(sched_getaffinity(0, sizeof(own), &own) == 0);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &own))
			last = i;
	memset(&g, 0, sizeof(g));
	g.interface = (struct relay_interface){
		.name = "own",
		.bind = own_addr(1, 0),
		.advertised = own_addr(1, 0),
		.port_min = PORT_MIN,
		.port_max = 40000,
	};
	relay_config_defaults(&c);
	c.workers = 1;
	c.cpus = &last;
	c.engine = "evp";
	c.io = "sock";
	c.interfaces = &g.interface;
	c.n_interfaces = 1;
	if (!test_expect(relay_start(&g.relay, &c, &why) == ERR_OK, __FILE__, __LINE__,
	                 "relay_start to succeed, got: %s", why.text))
		return;
	CPU_ZERO(&found);
	for (unsigned tries = 0; tries < 500 && CPU_COUNT(&found) != 1; tries++) {
		d = opendir("/proc/self/task");
		for (struct dirent *e; d && (e = readdir(d));) {
			FILE *f;

			snprintf(path, sizeof(path), "/proc/self/task/%s/comm", e->d_name);
			f = atoi(e->d_name) > 0 ? fopen(path, "re") : NULL;
			if (f && fgets(name, sizeof(name), f) && !strcmp(name, "worker-0\n"))
				(void)!sched_getaffinity(atoi(e->d_name), sizeof(found), &found);
			if (f)
				fclose(f);
		}
		if (d)
			closedir(d);
		poll(NULL, 0, 10);
	}
	EXPECT_INT(CPU_COUNT(&found), 1);
	EXPECT(CPU_ISSET(last, &found));
	REQUIRE(sched_getaffinity(0, sizeof(after), &after) == 0);
	EXPECT(CPU_EQUAL(&own, &after));
	relay_stop(g.relay);
}

/* --- descriptors ------------------------------------------------------------ */

static unsigned descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	CHECK(d != NULL);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void sessions_leave_no_descriptor(void)
{
	struct rlimit files;
	unsigned before, asked;

	if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur < 2 * CALLS_MAX + 100) {
		test_skip("RLIMIT_NOFILE is below %d descriptors", 2 * CALLS_MAX + 100);
		return;
	}
	if (!open_relay(2, false))
		return;
	before = descriptors();
	asked = 0;
	for (unsigned n = 0; n < SESSIONS; n += CALLS_MAX) {
		for (unsigned i = 0; i < CALLS_MAX; i++)
			call(&g.sessions[i], i, NULL, NULL);
		await(asked += CALLS_MAX);
		if (g.n_failed)
			break;
		EXPECT_INT(descriptors(), before + 2 * CALLS_MAX);
		for (unsigned i = 0; i < CALLS_MAX; i++)
			relay_session_delete(g.relay, g.sessions[i], on_done, NULL);
		await(asked += CALLS_MAX);
		EXPECT_INT(descriptors(), before);
	}
	close_relay();
}

/* --- kernel drops ----------------------------------------------------------- */

static uint64_t figure(uint64_t *received)
{
	struct relay_stats s;

	relay_get_stats(g.relay, &s);
	*received = s.rx_pkts;
	return s.kernel_drops;
}

/* More packets arrive than a socket buffer holds. Each one is received or counted as dropped, at
 * the latest when the port closes. */
static void kernel_drops_are_counted(void)
{
	enum { MANY = 20000 };
	static const uint8_t octets[200] = {0x80};
	uint64_t received, drops;

	if (!open_relay(1, true))
		return;
	call(&g.sessions[0], 0, NULL, NULL);
	await(1);
	for (unsigned i = 0; i < MANY; i++)
		EXPECT(put(0, 0, octets, sizeof(octets)));
	for (unsigned idle = 0; idle < 3;)
		idle = relay_step(g.relay, clk_mono_ns()) ? 0 : idle + 1;
	EXPECT_INT(figure(&received), 0);
	EXPECT(received > 0 && received < MANY);
	/* The kernel reports its drop count with the next packet that it accepts. */
	EXPECT(put(0, 0, octets, sizeof(octets)));
	for (unsigned idle = 0; idle < 3;)
		idle = relay_step(g.relay, clk_mono_ns()) ? 0 : idle + 1;
	drops = figure(&received);
	EXPECT(drops > 0);
	EXPECT_INT(drops + received, MANY + 1);
	/* Drops that the kernel has not reported with a packet are counted when the port closes. */
	for (unsigned i = 0; i < MANY; i++)
		EXPECT(put(0, 0, octets, sizeof(octets)));
	relay_session_delete(g.relay, g.sessions[0], on_done, NULL);
	await(2);
	drops = figure(&received);
	EXPECT(drops + received > MANY + 1 + MANY / 4);
	close_relay();
}

TEST_MAIN("sock", {"kernel drops are counted", kernel_drops_are_counted},
          {"a burst on one port", a_burst_on_one_port},
          {"a burst on one port with threads", a_burst_on_one_port_with_threads},
          {"many ports keep their order", many_ports_keep_their_order},
          {"a packet costs two syscalls and no memory", a_packet_costs_two_syscalls_and_no_memory},
          {"a burst shares syscalls", a_burst_shares_syscalls},
          {"a delay fills batches", a_delay_fills_batches},
          {"a failed start leaves descriptors alone", a_failed_start_leaves_descriptors_alone},
          {"a worker is pinned", a_worker_is_pinned},
          {"sessions leave no descriptor", sessions_leave_no_descriptor})
