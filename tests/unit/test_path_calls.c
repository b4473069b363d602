/* SPDX-License-Identifier: MIT */
/* Syscalls and allocations for 10,000 e2ae packets: a tracer counts every syscall that a worker
 * makes in its turns. */
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/mem.h"
#include "tests/harness/call.h"
#include "tests/harness/netns.h"

enum {
	PORT_MIN = 21000,
	PEER_PORT = 6000,
	CALLS = 32,
	BURST = 2,
	ROUNDS = 80,
	WARM = 4,
	PKTS = CALLS * BURST * 2 * ROUNDS, /* 10,240 packets */
	SYSCALLS = 512,
	/* The traced process marks the start and the end of a turn by calling getpriority() with
	 * this argument. */
	MARK = 0x51ce,
	NOT_HERE = 77,
};

/* --- the traced process ----------------------------------------------------- */

static struct {
	struct netns_peer peers[2];
	struct relay_interface interfaces[2]; /* two: access, then core */
	struct addr remotes[2];
	int fds[2];
	struct relay *relay;
	struct srtp_end up;
	unsigned n_done;
} g;

static struct addr ip(const char *format, unsigned a, unsigned b, unsigned c)
{
	char text[64];
	struct addr out = {0};

	snprintf(text, sizeof(text), format, a, b, c);
	CHECK(addr_parse_ip(str_of(text), &out) == ERR_OK);
	return out;
}

/* Gives the relay and the peers addresses: veth pairs for xdp, loopback addresses of this process
 * for sock. False: not possible here. */
static bool place(bool is_xdp)
{
	char reason[128];
	unsigned pid = (unsigned)getpid();

	if (is_xdp && !netns_make(g.peers, 2, 1, reason))
		return false;
	for (unsigned i = 0; i < 2; i++) {
		struct sockaddr_storage name;
		socklen_t len;
		int bytes = 4 << 20;

		g.interfaces[i].bind =
			is_xdp ? ip("10.%u.0.1", i, 0, 0)
			       : ip("127.%u.%u.%u", 1 + (pid >> 8) % 250, pid % 256, 1 + i);
		g.remotes[i] = is_xdp ? ip("10.%u.0.2", i, 0, 0)
		                      : ip("127.%u.%u.%u", 1 + (pid >> 8) % 250, pid % 256, 3 + i);
		g.remotes[i].port = PEER_PORT;
		snprintf(g.interfaces[i].name, sizeof(g.interfaces[i].name), "%s",
		         i ? "core" : "access");
		g.interfaces[i].advertised = g.interfaces[i].bind;
		g.interfaces[i].port_min = PORT_MIN;
		g.interfaces[i].port_max = PORT_MIN + 2 * CALLS;
		g.fds[i] = is_xdp ? netns_socket(&g.peers[i], AF_INET, SOCK_DGRAM, 0)
		                  : socket(AF_INET, SOCK_DGRAM, 0);
		len = addr_to_sockaddr(&g.remotes[i], &name);
		CHECK(g.fds[i] >= 0 && bind(g.fds[i], (struct sockaddr *)&name, len) == 0);
		(void)!setsockopt(g.fds[i], SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	}
	return true;
}

static void on_done(void *arg, const struct relay_result *result)
{
	(void)arg;
	CHECK(result->e == ERR_OK);
	g.n_done++;
}

static bool start(const char *io)
{
	struct relay_config c;
	struct why why = {.text = ""};

	relay_config_defaults(&c);
	c.workers = 1;
	c.by_hand = true;
	c.io = io;
	c.interfaces = g.interfaces;
	c.n_interfaces = 2;
	if (relay_start(&g.relay, &c, &why)) {
		printf("%s\n", why.text);
		return false;
	}
	CHECK(srtp_open(&g.up, call_key("AES_CM_128_HMAC_SHA1_80"), ENGINE_SEND));
	for (unsigned n = 0; n < CALLS; n++) {
		struct relay_session_spec spec;
		struct relay_media_spec media;
		struct relay_session *s;
		struct keyctx *down = call_key("AES_CM_128_HMAC_SHA1_80");

		call_spec(&spec, &media, RELAY_MODE_E2AE, RELAY_RTCP_MUX);
		for (unsigned i = 0; i < 2; i++) {
			media.legs[i].interface = (uint8_t)i;
			media.legs[i].port_rtp = (uint16_t)(PORT_MIN + 2 * n);
			media.legs[i].remote = g.remotes[i];
		}
		media.legs[0].receive = g.up.ctx;
		media.legs[0].send = down;
		CHECK(relay_session_create(g.relay, &s, &spec, on_done, NULL, &why) == ERR_OK);
		keyctx_free(down);
		while (g.n_done <= n) {
			relay_step(g.relay, clk_mono_ns());
			relay_poll(g.relay);
		}
	}
	return true;
}

static void put(unsigned side, unsigned call, const void *data, size_t n)
{
	struct addr to = addr_with_port(&g.interfaces[side].bind, (uint16_t)(PORT_MIN + 2 * call));
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(&to, &name);

	CHECK(sendto(g.fds[side], data, n, 0, (struct sockaddr *)&name, len) == (ssize_t)n);
}

static unsigned hear(unsigned side)
{
	uint8_t octets[512];
	unsigned n = 0;

	while (recv(g.fds[side], octets, sizeof(octets), MSG_DONTWAIT) > 0)
		n++;
	return n;
}

static void mark(void)
{
	syscall(SYS_getpriority, MARK, 0);
}

/* Sends packets both ways and runs turns until all have arrived; returns the number of allocations
 * in the turns. */
static uint64_t round_of(unsigned r, bool is_counted)
{
	struct srtp_end *up = &g.up;
	uint64_t end_ns = clk_mono_ns() + 10 * NS_PER_S, allocated = 0;
	unsigned out = 0;

	for (unsigned k = 0; k < BURST; k++) {
		uint8_t clear[256], secure[256];
		uint64_t index = (uint64_t)r * BURST + k + 1;
		size_t n = call_rtp(clear, 7, index), m;

		memcpy(secure, clear, n);
		m = end_protect(up, secure, n, sizeof(secure), index);
		for (unsigned i = 0; i < CALLS; i++) {
			put(0, i, secure, m);
			put(1, i, clear, n);
		}
	}
	while (out < CALLS * BURST * 2 && clk_mono_ns() < end_ns) {
		uint64_t now_ns = clk_mono_ns(), at = mem_calls();

		if (is_counted)
			mark();
		relay_step(g.relay, now_ns);
		relay_step(g.relay, now_ns);
		if (is_counted)
			mark();
		allocated += mem_calls() - at;
		relay_poll(g.relay);
		out += hear(0) + hear(1);
	}
	CHECK(out == CALLS * BURST * 2);
	return allocated;
}

/* Runs in the child; its exit status tells the tracer the result. Its caller uses _exit, because
 * the checks of a sanitizer at exit cannot be traced. */
static int perform(const char *io)
{
	uint64_t allocated = 0;

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		return NOT_HERE;
	if (!place(!strcmp(io, "xdp")) || !start(io))
		return NOT_HERE;
	raise(SIGSTOP);
	for (unsigned r = 0; r < WARM; r++)
		round_of(r, false);
	for (unsigned r = WARM; r < WARM + ROUNDS; r++)
		allocated += round_of(r, true);
	if (!strcmp(io, "xdp"))
		netns_end(g.peers, 2);
	if (allocated)
		printf("%llu allocations\n", (unsigned long long)allocated);
	return allocated != 0;
}

/* --- the tracer ------------------------------------------------------------- */

struct tally {
	uint64_t calls[SYSCALLS], all;
	int status;
};

static bool is_mark(const struct __ptrace_syscall_info *i)
{
	return i->entry.nr == SYS_getpriority && i->entry.args[0] == MARK;
}

/* Follows the child until it ends, and counts the syscalls of its turns. */
static void follow(pid_t child, struct tally *t)
{
	bool is_inside = false;
	int status;

	while (waitpid(child, &status, 0) == child) {
		struct __ptrace_syscall_info info;
		int forward = 0;

		t->status = status;
		if (!WIFSTOPPED(status))
			return;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			if (ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info) <= 0 ||
			    info.op != PTRACE_SYSCALL_INFO_ENTRY) {
				ptrace(PTRACE_SYSCALL, child, NULL, NULL);
				continue;
			}
			if (is_mark(&info))
				is_inside = !is_inside;
			else if (is_inside && info.entry.nr < SYSCALLS)
				t->calls[info.entry.nr]++, t->all++;
		} else if (WSTOPSIG(status) == SIGSTOP) {
			ptrace(PTRACE_SETOPTIONS, child, NULL,
			       PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
		} else if (WSTOPSIG(status) != SIGTRAP) {
			forward = WSTOPSIG(status);
		}
		ptrace(PTRACE_SYSCALL, child, NULL, (void *)(long)forward);
	}
}

static uint64_t take(struct tally *t, const long *numbers, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		sum += t->calls[numbers[i]];
		t->all -= t->calls[numbers[i]];
		t->calls[numbers[i]] = 0;
	}
	return sum;
}

static bool trace(const char *io, struct tally *t)
{
	pid_t child;

	memset(t, 0, sizeof(*t));
	fflush(stdout);
	child = fork();
	if (child == 0) {
		int rc = perform(io);

		fflush(stdout);
		_exit(rc);
	}
	if (!EXPECT(child > 0))
		return false;
	follow(child, t);
	if (WIFEXITED(t->status) && WEXITSTATUS(t->status) == NOT_HERE) {
		test_skip("no ptrace, network namespaces or AF_XDP on this machine");
		return false;
	}
	return EXPECT_INT(t->status, 0);
}

static const long receives[] = {SYS_recvmsg, SYS_recvmmsg, SYS_recvfrom},
		  sends[] = {SYS_sendto, SYS_sendmsg, SYS_sendmmsg};
static const long waits[] = {
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
#endif
	SYS_epoll_pwait,
};

/* Fails for each syscall that take() has not counted, and prints its number. */
static void expect_nothing_else(const struct tally *t)
{
	for (unsigned i = 0; i < SYSCALLS; i++)
		if (t->calls[i])
			test_expect(false, __FILE__, __LINE__, "no syscall %u, got %llu", i,
			            (unsigned long long)t->calls[i]);
}

static void sock(void)
{
	struct tally t;
	uint64_t received, sent, waited;

	if (!trace("sock", &t))
		return;
	received = take(&t, receives, ARRAY_LEN(receives));
	sent = take(&t, sends, ARRAY_LEN(sends));
	waited = take(&t, waits, ARRAY_LEN(waits));
	printf("sock, %d packets: %llu receives, %llu sends, %llu waits\n", PKTS,
	       (unsigned long long)received, (unsigned long long)sent, (unsigned long long)waited);
	EXPECT(received > 0 && received <= PKTS);
	EXPECT(sent > 0 && sent <= PKTS);
	EXPECT(waited > 0 && waited <= PKTS / 4); /* one per turn of up to 64 packets */
	expect_nothing_else(&t);
}

static void xdp(void)
{
	struct tally t;
	uint64_t received, sent, waited;

	if (!trace("xdp", &t))
		return;
	received = take(&t, receives, ARRAY_LEN(receives));
	sent = take(&t, sends, ARRAY_LEN(sends));
	waited = take(&t, waits, ARRAY_LEN(waits));
	printf("xdp, %d packets: %llu receives, %llu sends, %llu waits\n", PKTS,
	       (unsigned long long)received, (unsigned long long)sent, (unsigned long long)waited);
	/* A syscall may send 32 frames, and there are two devices. A few receives are netlink
	 * notifications. */
	EXPECT(sent > 0 && sent <= PKTS / 8);
	EXPECT(waited <= PKTS / 8);
	EXPECT(received <= PKTS / 100);
	expect_nothing_else(&t);
}

TEST_MAIN("path_calls", {"sock", sock}, {"xdp", xdp})
