/* SPDX-License-Identifier: MIT */
/* Whole e2ae calls over relay/io/xdp between network namespaces, with the workers' own threads:
 * SRTP on one side, RTP on the other. */
#include <dirent.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clk.h"
#include "base/mem.h"
#include "relay/relay.h"
#include "tests/harness/call.h"
#include "tests/harness/netns.h"

enum { PORT_MIN = 20000, PORT_MAX = 40000, PEER_PORT = 6000, CALLS_MAX = 10000 };

/* Leg a goes to peer 0 through here0, leg b to peer 1 through here1. Interfaces 0 and 1 have the
 * IPv4 addresses of here0 and here1, 2 and 3 the IPv6 addresses; 4 is loopback. */
static struct {
	struct netns_peer peers[2];
	struct relay_interface interfaces[5];
	int fds[2][2]; /* the peers' sockets, by side, then by IPv4 or IPv6 */
	struct relay *relay;
	struct relay_session *sessions[CALLS_MAX];
	unsigned n_sessions, n_done;
	enum err last_error;
} g;

static struct addr ip(const char *format, unsigned n, uint16_t port)
{
	char text[64];
	struct addr a = {0};

	snprintf(text, sizeof(text), format, n);
	CHECK(addr_parse_ip(str_of(text), &a) == ERR_OK);
	a.port = port;
	return a;
}

static int peer_udp(unsigned side, bool is_ip6, uint16_t port)
{
	struct addr at = ip(is_ip6 ? "fd00:%u::2" : "10.%u.0.2", side, port);
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(&at, &name);
	int fd = netns_socket(&g.peers[side], is_ip6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);

	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&name, len) == 0);
	return fd;
}

static bool open_relay(const char *io, unsigned workers, unsigned queues, bool with_loopback)
{
	struct relay_config c;
	struct why why = {{0}};
	char reason[128];
	int bytes = 16 << 20;

	memset(&g, 0, sizeof(g));
	if (!netns_make(g.peers, 2, queues, reason)) {
		test_skip("%s", reason);
		return false;
	}
	for (unsigned i = 0; i < 5; i++) {
		struct relay_interface *f = &g.interfaces[i];

		snprintf(f->name, sizeof(f->name), "%s",
		         i == 4  ? "near"
		         : i % 2 ? "core"
		                 : "access");
		f->bind = i < 4 ? ip(i < 2 ? "10.%u.0.1" : "fd00:%u::1", i % 2, 0)
		                : ip("127.0.0.%u", 1, 0);
		f->advertised = f->bind;
		f->port_min = PORT_MIN;
		f->port_max = PORT_MAX;
	}
	if (!strcmp(io, "xdp") && io_xdp.probe(&g.interfaces[0], &why)) {
		test_skip("%s", why.text);
		netns_end(g.peers, 2);
		return false;
	}
	/* The sockets are opened before the relay starts, which then drops the privilege to enter
	 * another namespace. */
	for (unsigned i = 0; i < 4; i++)
		g.fds[i % 2][i / 2] = peer_udp(i % 2, i / 2, PEER_PORT);
	for (unsigned i = 0; i < 4; i++)
		setsockopt(g.fds[i % 2][i / 2], SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	relay_config_defaults(&c);
	c.workers = workers;
	c.engine = "auto";
	c.io = io;
	c.interfaces = g.interfaces;
	c.n_interfaces = with_loopback ? 5 : 4;
	return test_expect(relay_start(&g.relay, &c, &why) == ERR_OK, __FILE__, __LINE__,
	                   "relay_start to succeed, got: %s", why.text);
}

static void close_relay(void)
{
	relay_stop(g.relay);
	for (unsigned i = 0; i < 4; i++)
		close(g.fds[i % 2][i / 2]);
	netns_end(g.peers, 2);
}

static void on_done(void *arg, const struct relay_result *result)
{
	(void)arg;
	g.n_done++;
	g.last_error = result->e;
	if (result->e)
		printf("%s\n", result->why->text);
}

static void await(unsigned done)
{
	struct pollfd p = {.fd = relay_wait_fd(g.relay), .events = POLLIN};

	while (g.n_done < done && poll(&p, 1, 5000) > 0)
		relay_poll(g.relay);
}

/* Creates call `n`: our port is PORT_MIN + 2n on both sides, and the peers use PEER_PORT. The keys
 * stay the caller's. */
static bool call(unsigned n, bool is_ip6, enum relay_mode mode, const struct keyctx *receive,
                 const struct keyctx *send)
{
	struct relay_session_spec spec;
	struct relay_media_spec media;
	struct why why = {{0}};

	call_spec(&spec, &media, mode, RELAY_RTCP_MUX);
	for (unsigned i = 0; i < 2; i++) {
		media.legs[i].interface = (uint8_t)(is_ip6 * 2 + i);
		media.legs[i].port_rtp = (uint16_t)(PORT_MIN + 2 * n);
		media.legs[i].remote = ip(is_ip6 ? "fd00:%u::2" : "10.%u.0.2", i, PEER_PORT);
	}
	media.legs[0].receive = receive;
	media.legs[0].send = send;
	return test_expect(
		relay_session_create(g.relay, &g.sessions[n], &spec, on_done, NULL, &why) == ERR_OK,
		__FILE__, __LINE__, "relay_session_create to succeed, got: %s", why.text);
}

static bool peer_send(int fd, unsigned side, bool is_ip6, uint16_t port, const void *data, size_t n)
{
	struct addr to = addr_with_port(&g.interfaces[is_ip6 * 2 + side].bind, port);
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(&to, &name);

	return sendto(fd, data, n, 0, (struct sockaddr *)&name, len) == (ssize_t)n;
}

static size_t peer_receive(int fd, void *data, size_t room)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n = poll(&p, 1, 3000) > 0 ? recv(fd, data, room, 0) : 0;

	return n > 0 ? (size_t)n : 0;
}

/* --- calls ------------------------------------------------------------------ */

static void talk(unsigned n, bool is_ip6, struct srtp_end *send, struct srtp_end *receive)
{
	const int fds[2] = {g.fds[0][is_ip6], g.fds[1][is_ip6]};
	uint16_t port = (uint16_t)(PORT_MIN + 2 * n);
	uint8_t octets[2048], clear[256];

	for (uint64_t i = 0; i < 100; i++) {
		size_t len = call_rtp(clear, 0xa0 + n, i), secure;
		enum verdict v = VERDICT_NONE;

		test_context("call %u packet %llu", n, (unsigned long long)i);
		memcpy(octets, clear, len);
		secure = end_protect(send, octets, len, sizeof(octets), i);
		EXPECT(peer_send(fds[0], 0, is_ip6, port, octets, secure));
		EXPECT_OCTETS(octets, peer_receive(fds[1], octets, sizeof(octets)), clear, len);
		len = call_rtp(clear, 0xb0 + n, i);
		EXPECT(peer_send(fds[1], 1, is_ip6, port, clear, len));
		secure = peer_receive(fds[0], octets, sizeof(octets));
		EXPECT(secure > len);
		EXPECT_OCTETS(octets, srtp_open_pkt(receive, octets, secure, &v), clear, len);
	}
}

static void e2ae(unsigned workers, unsigned queues)
{
	if (!open_relay("xdp", workers, queues, false))
		return;
	EXPECT_TEXT(relay_io_name(g.relay, 0), "xdp");
	for (unsigned n = 0; n < 4; n++) {
		struct srtp_end send, receive;

		REQUIRE(srtp_open(&send, call_key("AES_CM_128_HMAC_SHA1_80"), ENGINE_SEND));
		REQUIRE(srtp_open(&receive, call_key("AES_CM_128_HMAC_SHA1_80"), ENGINE_RECEIVE));
		REQUIRE(call(n, n % 2, RELAY_MODE_E2AE, send.ctx, receive.ctx));
		await(n + 1);
		EXPECT_INT(g.last_error, ERR_OK);
		talk(n, n % 2, &send, &receive);
		srtp_close(&send);
		srtp_close(&receive);
	}
	close_relay();
}

static void one_worker(void)
{
	e2ae(1, 1);
}

static void two_workers_one_queue(void)
{
	e2ae(2, 1);
}

static void two_workers_two_queues(void)
{
	e2ae(2, 2);
}

/* Bursts of hundreds of packets to each of several ports, through any queue and worker: every
 * stream arrives complete and in order. */
static void bursts(unsigned workers, unsigned queues)
{
	enum {
		STREAMS = 4,
		BURST = 400,
		ROUNDS = 6,
		WARM = 20
	}; /* STREAMS * BURST: fits into a ring of 2,048 */
	uint16_t next[STREAMS] = {0};
	uint8_t octets[256];

	if (!open_relay("xdp", workers, queues, false))
		return;
	for (unsigned n = 0; n < STREAMS; n++)
		call(n, false, RELAY_MODE_RTP, NULL, NULL);
	await(STREAMS);
	/* Sends single packets until the neighbour is resolved: before that, packets go two ways
	 * and may be reordered. */
	for (unsigned i = 0; i < WARM; i++)
		for (unsigned n = 0; n < STREAMS; n++) {
			peer_send(g.fds[1][0], 1, false, (uint16_t)(PORT_MIN + 2 * n), octets,
			          call_rtp(octets, n, i));
			if (!EXPECT(peer_receive(g.fds[0][0], octets, sizeof(octets)) > 12))
				goto out;
			next[n] = WARM;
		}
	for (unsigned r = 0; r < ROUNDS; r++) {
		for (unsigned n = 0; n < STREAMS; n++)
			for (unsigned i = 0; i < BURST; i++)
				peer_send(g.fds[1][0], 1, false, (uint16_t)(PORT_MIN + 2 * n),
				          octets, call_rtp(octets, n, WARM + r * BURST + i));
		for (unsigned i = 0; i < STREAMS * BURST; i++) {
			unsigned which;

			if (!EXPECT(peer_receive(g.fds[0][0], octets, sizeof(octets)) > 12))
				goto out;
			which = be32_get(octets + 8);
			if (EXPECT(which < STREAMS) &&
			    !EXPECT_INT(be16_get(octets + 2), next[which]++))
				goto out;
		}
	}
out:
	close_relay();
}

static void bursts_on_one_worker(void)
{
	bursts(1, 1);
}

static void bursts_on_two_workers_one_queue(void)
{
	bursts(2, 1);
}

static void bursts_on_three_workers_two_queues(void)
{
	bursts(3, 2);
}

/* `auto` uses xdp where it can, and gives the reason where it cannot; the two legs of a call may
 * use different back ends. */
static void falls_back_for_an_interface(void)
{
	struct relay_session_spec spec;
	struct relay_media_spec media;
	struct why why = {{0}};
	struct sockaddr_storage name;
	struct addr at = ip("127.0.0.%u", 1, PEER_PORT), to;
	uint8_t clear[256], octets[2048];
	socklen_t len = addr_to_sockaddr(&at, &name);
	int near, far;

	if (!open_relay("auto", 1, 1, true))
		return;
	if (strcmp(relay_io_name(g.relay, 0), "xdp") != 0) {
		test_skip("%s", relay_io_reason(g.relay, 0));
		close_relay();
		return;
	}
	EXPECT_TEXT(relay_io_name(g.relay, 4), "sock");
	EXPECT_TEXT(relay_io_reason(g.relay, 4),
	            "xdp: lo is loopback; xdp needs an Ethernet device");
	call_spec(&spec, &media, RELAY_MODE_RTP, RELAY_RTCP_MUX);
	media.legs[0].interface = 4;
	media.legs[1].interface = 1;
	media.legs[0].port_rtp = media.legs[1].port_rtp = PORT_MIN;
	media.legs[0].remote = at;
	media.legs[1].remote = ip("10.%u.0.2", 1, PEER_PORT);
	REQUIRE_OK(relay_session_create(g.relay, &g.sessions[0], &spec, on_done, NULL, &why));
	await(1);
	REQUIRE(g.last_error == ERR_OK);
	near = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	REQUIRE(near >= 0 && bind(near, (struct sockaddr *)&name, len) == 0);
	far = g.fds[1][0];
	to = addr_with_port(&g.interfaces[4].bind, PORT_MIN);
	len = addr_to_sockaddr(&to, &name);
	for (uint64_t i = 0; i < 50; i++) {
		size_t n = call_rtp(clear, 7, i);

		EXPECT(sendto(near, clear, n, 0, (struct sockaddr *)&name, len) == (ssize_t)n);
		EXPECT_OCTETS(octets, peer_receive(far, octets, sizeof(octets)), clear, n);
		EXPECT(peer_send(far, 1, false, PORT_MIN, clear, n));
		EXPECT_OCTETS(octets, peer_receive(near, octets, sizeof(octets)), clear, n);
	}
	close(near);
	close_relay();
}

/* The probe succeeds, but the frames of all workers exceed the limit on locked memory: `auto` uses
 * sock and names the limit. */
static void falls_back_when_it_will_not_start(void)
{
	const struct rlimit little = {.rlim_cur = 4 << 20, .rlim_max = 4 << 20};

	setrlimit(RLIMIT_MEMLOCK, &little);
	netns_drop(CAP_IPC_LOCK);
	if (!open_relay("auto", 2, 1, false))
		return;
	if (strncmp(relay_io_reason(g.relay, 0), "xdp: ", 5) != 0 ||
	    !strstr(relay_io_reason(g.relay, 0), "RLIMIT_MEMLOCK"))
		test_expect(false, __FILE__, __LINE__,
		            "xdp to fail with RLIMIT_MEMLOCK, got %s: %s",
		            relay_io_name(g.relay, 0), relay_io_reason(g.relay, 0));
	EXPECT_TEXT(relay_io_name(g.relay, 0), "sock");
	REQUIRE(call(0, false, RELAY_MODE_RTP, NULL, NULL));
	await(1);
	EXPECT_INT(g.last_error, ERR_OK);
	close_relay();
}

/* --- cost of a packet (measured by hand) ------------------------------------ */

/* CPU time of all threads but this one, that is, of the workers. */
static uint64_t workers_ns(void)
{
	DIR *d = opendir("/proc/self/task");
	pid_t own = (pid_t)syscall(SYS_gettid);
	struct dirent *e;
	uint64_t sum = 0;

	while (d && (e = readdir(d))) {
		char path[300];
		unsigned long long ns = 0;
		FILE *f;

		if (atoi(e->d_name) <= 0 || atoi(e->d_name) == own)
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/schedstat", e->d_name);
		f = fopen(path, "re");
		if (f && fscanf(f, "%llu", &ns) == 1)
			sum += ns;
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return sum;
}

/* Peer 1 sends RTP to all calls in turn, at `pps` packets a second; peer 0 receives SRTP (or RTP)
 * and discards it. */
static void measure_one(const char *io, enum relay_mode mode, unsigned calls, uint64_t pps,
                        unsigned seconds)
{
	struct keyctx *keys[2] = {call_key("AES_CM_128_HMAC_SHA1_80"),
	                          call_key("AES_CM_128_HMAC_SHA1_80")};
	uint8_t payloads[32][172];
	struct mmsghdr messages[32];
	struct iovec iovs[32];
	struct sockaddr_storage names[32];
	uint64_t start, took = 1, busy, heard = 0, sent = 0, total = pps * seconds;
	int fd, sink, i;

	if (!open_relay(io, 1, 1, false))
		return;
	fd = g.fds[1][0];
	sink = g.fds[0][0];
	for (unsigned n = 0; n < calls; n++) {
		call(n, false, mode, mode == RELAY_MODE_RTP ? NULL : keys[0],
		     mode == RELAY_MODE_RTP ? NULL : keys[1]);
		if (n % 256 == 255 || n + 1 == calls)
			await(n + 1);
	}
	for (i = 0; i < 32; i++)
		call_rtp(payloads[i], 9, 0);
	for (int warm = 1; warm >= 0; warm--) {
		uint64_t many = warm ? pps : total;

		start = clk_mono_ns();
		busy = workers_ns();
		for (sent = heard = 0; sent < many; sent += 32) {
			while (clk_mono_ns() < start + sent * NS_PER_S / pps)
				;
			for (i = 0; i < 32; i++) {
				struct addr to = addr_with_port(
					&g.interfaces[1].bind,
					(uint16_t)(PORT_MIN + 2 * ((sent + (unsigned)i) % calls)));

				iovs[i] = (struct iovec){
					.iov_base = payloads[i],
					.iov_len = sizeof(payloads[i]),
				};
				be16_put(payloads[i] + 2, (uint16_t)((warm ? 0 : pps / calls + 1) +
				                                     (sent + (unsigned)i) / calls));
				messages[i] = (struct mmsghdr){
					.msg_hdr = {.msg_iov = &iovs[i],
				                    .msg_iovlen = 1,
				                    .msg_name = &names[i],
				                    .msg_namelen =
				                            addr_to_sockaddr(&to, &names[i])},
				};
			}
			sendmmsg(fd, messages, 32, 0);
			while (recv(sink, &i, 4, MSG_DONTWAIT | MSG_TRUNC) > 0)
				heard++;
		}
		took = clk_mono_ns() - start;
		nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
		while (recv(sink, &i, 4, MSG_DONTWAIT | MSG_TRUNC) > 0)
			heard++;
	}
	busy = workers_ns() - busy;
	printf("%-4s %-4s %5u calls %6llu pps: %5llu ns of the worker's thread per packet, %llu of "
	       "%llu arrived\n",
	       io, relay_mode_name(mode), calls, (unsigned long long)(sent * NS_PER_S / took),
	       (unsigned long long)(heard ? busy / heard : 0), (unsigned long long)heard,
	       (unsigned long long)sent);
	close_relay();
	keyctx_free(keys[0]);
	keyctx_free(keys[1]);
}

static uint64_t asked_pps(void)
{
	const char *asked = getenv("SLUICE_XDP_MEASURE");

	return asked ? strtoull(asked, NULL, 10) : 0;
}

static void measure(const char *io, enum relay_mode mode, unsigned calls)
{
	if (asked_pps())
		measure_one(io, mode, calls, asked_pps(), 3);
	else
		test_skip("set SLUICE_XDP_MEASURE=packets-per-second to measure");
}

static void measure_xdp_rtp(void)
{
	measure("xdp", RELAY_MODE_RTP, 500);
}

static void measure_xdp_e2ae(void)
{
	measure("xdp", RELAY_MODE_E2AE, 500);
}

static void measure_xdp_e2ae_many(void)
{
	measure("xdp", RELAY_MODE_E2AE, 5000);
}

static void measure_sock_rtp(void)
{
	measure("sock", RELAY_MODE_RTP, 500);
}

static void measure_sock_e2ae(void)
{
	measure("sock", RELAY_MODE_E2AE, 500);
}

static void measure_sock_e2ae_many(void)
{
	measure("sock", RELAY_MODE_E2AE, 5000);
}

/* Each case runs in a process of its own, because a relay that has started cannot regain the
 * privileges it dropped. */
int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{"one_worker", one_worker},
		{"two_workers_one_queue", two_workers_one_queue},
		{"two_workers_two_queues", two_workers_two_queues},
		{"bursts_on_one_worker", bursts_on_one_worker},
		{"bursts_on_two_workers_one_queue", bursts_on_two_workers_one_queue},
		{"bursts_on_three_workers_two_queues", bursts_on_three_workers_two_queues},
		{"falls_back_for_an_interface", falls_back_for_an_interface},
		{"falls_back_when_it_will_not_start", falls_back_when_it_will_not_start},
	};
	static const struct test_case by_hand[] = {
		{"measure_xdp_rtp", measure_xdp_rtp},
		{"measure_xdp_e2ae", measure_xdp_e2ae},
		{"measure_xdp_e2ae_many", measure_xdp_e2ae_many},
		{"measure_sock_rtp", measure_sock_rtp},
		{"measure_sock_e2ae", measure_sock_e2ae},
		{"measure_sock_e2ae_many", measure_sock_e2ae_many},
	};
	const struct test_case *all = asked_pps() ? by_hand : cases;
	size_t n = asked_pps() ? ARRAY_LEN(by_hand) : ARRAY_LEN(cases);
	int failed = 0;

	for (size_t i = 0; i < n; i++) {
		pid_t child;
		int status = 1;

		fflush(stdout);
		child = fork();
		if (child == 0)
			exit(test_main("xdp_relay", &all[i], 1, argc, argv));
		if (child < 0 || waitpid(child, &status, 0) != child || status)
			failed = 1;
	}
	return failed;
}
