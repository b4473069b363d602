/* SPDX-License-Identifier: MIT */
/* relay/io/xdp while the network changes: MTU, routes, neighbours, queues, links that go down,
 * devices that are removed. */
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/unit/xdp_gate.h"

/* A packet larger than the MTU of its way out gets VERDICT_MTU and is never fragmented. The MTU of
 * a route counts, too. */
static void mtu_and_routes(void)
{
	static uint8_t big[1400];
	int fds[2];
	struct addr from;

	if (!gate_open(1, 1))
		return;
	join(0, 0, 20000);
	fds[0] = peer_udp(0, 20000);
	fds[1] = peer_udp(1, 20000);
	for (int i = 0; i < 3; i++) { /* the kernel resolves the neighbour */
		peer_send(fds[0], 0, 20000, "x", 1);
		run(gate.gathered + 1, 2000);
		EXPECT_INT(peer_receive(fds[1], big, sizeof(big), &from), 1);
	}
	REQUIRE(netns_run(NULL, "ip link set here1 mtu 1300"));
	gate.verdicts[VERDICT_FORWARDED] = 0;
	/* The first packets after a change of a link go through the kernel, which applies the new
	 * MTU, too. */
	for (int i = 0; i < 3; i++) {
		peer_send(fds[0], 0, 20000, big, 1273);
		run(gate.gathered + 1, 2000);
	}
	EXPECT_INT(gate.verdicts[VERDICT_MTU], 3);
	peer_send(fds[0], 0, 20000, big, 1272);
	run(gate.gathered + 1, 2000);
	EXPECT_INT(gate.verdicts[VERDICT_FORWARDED], 1);
	EXPECT_INT(peer_receive(fds[1], big, sizeof(big), &from), 1272);
	REQUIRE(netns_run(NULL, "ip route add 10.1.0.2/32 dev here1 mtu lock 1000"));
	for (int i = 0; i < 2; i++) {
		peer_send(fds[0], 0, 20000, big, 973);
		run(gate.gathered + 1, 2000);
	}
	EXPECT_INT(gate.verdicts[VERDICT_MTU], 5);
	REQUIRE(netns_run(NULL, "ip route replace unreachable 10.1.0.2/32"));
	for (int i = 0; i < 2; i++) {
		peer_send(fds[0], 0, 20000, big, 100);
		run(gate.gathered + 1, 2000);
	}
	EXPECT_INT(gate.verdicts[VERDICT_NO_ROUTE], 2);
	close(fds[0]);
	close(fds[1]);
	gate_close();
}

/* When every turn takes its full batch of packets, the worker still reads notifications of the
 * network. */
static void changes_under_full_turns(void)
{
	uint8_t big[64];
	unsigned full = 0;
	struct addr from;
	int fds[2];

	if (!gate_open(1, 1))
		return;
	join(0, 0, 20000);
	fds[0] = peer_udp(0, 20000);
	fds[1] = peer_udp(1, 20000);
	for (int i = 0; i < 6; i++) { /* the worker learns the neighbour */
		peer_send(fds[0], 0, 20000, "x", 1);
		run(gate.gathered + 1, 2000);
		EXPECT_INT(peer_receive(fds[1], big, sizeof(big), &from), 1);
		run(gate.gathered + 1, 50);
	}
	EXPECT(umem(0)->queues[1].tx.cached_prod > 0);
	REQUIRE(netns_run(NULL, "ip route replace unreachable 10.1.0.2/32"));
	for (unsigned i = 0; i < 24 * PKT_BATCH; i++)
		REQUIRE(peer_send(fds[0], 0, 20000, "full", 4));
	while (turn(0) == PKT_BATCH) {
		full++;
		if (full == 18) {
			EXPECT(gate.verdicts[VERDICT_NO_ROUTE] > 0);
			EXPECT_INT(gate.gathered, 6 + 18 * PKT_BATCH);
		}
	}
	EXPECT(full >= 18);
	close(fds[0]);
	close(fds[1]);
	gate_close();
}

/* When a neighbour changes its link address, packets go to the new address. */
static void neighbour_moves(void)
{
	uint8_t got[64];
	struct addr from;
	int fds[2];

	if (!gate_open(1, 1))
		return;
	join(0, 0, 20000);
	fds[0] = peer_udp(0, 20000);
	fds[1] = peer_udp(1, 20000);
	for (int i = 0; i < 10; i++) {
		if (i == 5) {
			REQUIRE(netns_run(&gate.peers[1],
			                  "ip link set there1 address 02:00:00:00:77:01"));
			REQUIRE(netns_run(NULL, "ip neigh replace 10.1.0.2 lladdr "
			                        "02:00:00:00:77:01 dev here1 nud reachable"));
		}
		peer_send(fds[0], 0, 20000, "x", 1);
		run(gate.gathered + 1, 2000);
		EXPECT_INT(peer_receive(fds[1], got, sizeof(got), &from), 1);
	}
	close(fds[0]);
	close(fds[1]);
	gate_close();
}

/* Sends `n` packets each way between the two peers, one after the other; returns how many
 * arrived. */
static unsigned exchange(const int fds[2], unsigned n)
{
	unsigned arrived = 0;

	for (unsigned i = 0; i < 2 * n; i++) {
		uint8_t got[64];
		struct addr from;
		unsigned in = i % 2;

		if (!peer_send(fds[in], in, 20000, &i, sizeof(i)))
			continue;
		run(gate.gathered + 1, 500);
		arrived += peer_receive(fds[!in], got, sizeof(got), &from) == sizeof(i) &&
		           memcmp(got, &i, sizeof(i)) == 0;
	}
	return arrived;
}

/* Starts a gateway with one call; both peers have received packets. */
static bool open_call(int fds[2])
{
	if (!gate_open(1, 1))
		return false;
	join(0, 0, 20000);
	fds[0] = peer_udp(0, 20000);
	fds[1] = peer_udp(1, 20000);
	return EXPECT_INT(exchange(fds, 5), 10);
}

/* Reads all notifications; then the worker must sleep. A descriptor that stayed readable would keep
 * a CPU busy. */
static void expect_rest(void)
{
	unsigned turns = 0;

	while (turns < 100 && wait_workers(50)) {
		turn(0);
		turns++;
	}
	EXPECT(turns < 100);
}

static uint64_t by_frame(unsigned device)
{
	return xdp_of(gate.io[0])
	        ->umem->queues[xdp_of(gate.io[0])->devices[device].first]
	        .tx.cached_prod;
}

/* When a route changes to another device or gateway, packets follow it at once, over IPv4 and
 * IPv6. */
static void route_moves(void)
{
	static const char *const far[] = {"10.9.0.2", "fd09::2"};
	static const char *const gateways[2][2] = {{"10.1.0.2 dev here1", "10.0.0.2 dev here0"},
	                                           {"fd00:1::2 dev here1", "fd00:0::2 dev here0"}};

	if (!gate_open(1, 1))
		return;
	for (unsigned family = 0; family < 2; family++) {
		int fd = peer_udp(2 * family, 20000), sinks[2];
		struct addr to = ip(far[family], 0, 20000);

		test_context("%s", far[family]);
		join(0, 2 * family, 20000);
		gate.to[2 * family + 1][0] = to;
		for (unsigned i = 0; i < 2; i++) {
			struct sockaddr_storage name;
			socklen_t len = addr_to_sockaddr(&to, &name);

			REQUIRE(netns_run(&gate.peers[i], "ip addr add %s/%u dev lo nodad",
			                  far[family], family ? 128 : 32));
			sinks[i] = netns_socket(&gate.peers[i], name.ss_family, SOCK_DGRAM, 0);
			REQUIRE(sinks[i] >= 0 &&
			        bind(sinks[i], (struct sockaddr *)&name, len) == 0);
		}
		for (unsigned k = 0; k < 4; k++) {
			unsigned side = !(k % 2);
			uint64_t frames;

			REQUIRE(netns_run(NULL, "ip route replace %s via %s", far[family],
			                  gateways[family][!side]));
			expect_rest();
			for (unsigned i = 0; i < 5; i++) {
				uint8_t got[64];
				struct addr from;

				frames = by_frame(side);
				REQUIRE(peer_send(fd, 2 * family, 20000, "x", 1));
				run(gate.gathered + 1, 2000);
				EXPECT_INT(peer_receive(sinks[side], got, sizeof(got), &from), 1);
				expect_rest();
			}
			/* When the neighbour on the new way is resolved, packets go as frames
			 * again. */
			EXPECT_INT(by_frame(side) - frames, 1);
		}
		close(fd);
		close(sinks[0]);
		close(sinks[1]);
	}
	gate_close();
}

/* While the link is down packets get VERDICT_NO_ROUTE and the worker sleeps; when it is up, packets
 * go as frames again. */
static void link_goes_down_and_up(void)
{
	int fds[2];
	uint64_t frames;

	if (!open_call(fds))
		return;
	for (unsigned round = 0; round < 3; round++) {
		uint64_t lost = gate.verdicts[VERDICT_NO_ROUTE];

		REQUIRE(netns_run(NULL, "ip link set here1 down"));
		expect_rest();
		for (unsigned i = 0; i < 5; i++) {
			peer_send(fds[0], 0, 20000, "x", 1);
			run(gate.gathered + 1, 2000);
		}
		EXPECT_INT(gate.verdicts[VERDICT_NO_ROUTE] - lost, 5);
		expect_rest();
		expect_frames_accounted();
		REQUIRE(netns_run(NULL, "ip link set here1 up"));
		exchange(fds, 3); /* the kernel resolves the neighbours again */
		expect_rest();
		frames = by_frame(1);
		EXPECT_INT(exchange(fds, 5), 10);
		EXPECT(by_frame(1) - frames >= 4);
	}
	close(fds[0]);
	close(fds[1]);
	gate_close();
}

/* The link goes down and up while the rings are full: the back end loses no frame. */
static void link_goes_down_under_load(void)
{
	int fds[2];

	if (!open_call(fds))
		return;
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 200; i++)
			peer_send(fds[0], 0, 20000, "x", 1);
		if (round % 2)
			run(gate.gathered + 50, 100);
		REQUIRE(netns_run(NULL, "ip link set here1 %s", round % 2 ? "up" : "down"));
		run(UINT64_MAX, 20);
		expect_frames_accounted();
	}
	REQUIRE(netns_run(NULL, "ip link set here1 up"));
	exchange(fds, 3);
	while (recv(fds[1], &(char){0}, 1, MSG_DONTWAIT) >= 0)
		;
	EXPECT_INT(exchange(fds, 5), 10);
	close(fds[0]);
	close(fds[1]);
	gate_close();
}

/* The device is removed during a call, and another device gets the same address: the call continues
 * through the kernel. */
static void device_disappears(void)
{
	int fds[2];

	if (!open_call(fds))
		return;
	REQUIRE(netns_run(NULL, "ip link del here1"));
	expect_rest();
	gate.verdicts[VERDICT_NO_ROUTE] = 0;
	for (unsigned i = 0; i < 5; i++) {
		peer_send(fds[0], 0, 20000, "x", 1);
		run(gate.gathered + 1, 2000);
	}
	EXPECT_INT(gate.verdicts[VERDICT_NO_ROUTE], 5);
	expect_rest();
	REQUIRE(netns_run(NULL, "ip link add name here1 type veth peer name there1 netns %d",
	                  (int)gate.peers[1].holder) &&
	        netns_run(NULL, "ip addr add 10.1.0.1/24 dev here1 && ip link set here1 up") &&
	        netns_run(&gate.peers[1], "ip addr add 10.1.0.2/24 dev there1") &&
	        netns_run(&gate.peers[1], "ip link set there1 up") &&
	        netns_run(&gate.peers[1], "ip route replace default via 10.1.0.1"));
	exchange(fds, 3);
	EXPECT_INT(exchange(fds, 5), 10);
	expect_rest();
	close(fds[0]);
	close(fds[1]);
	gate_close();
}

/* --- queues ----------------------------------------------------------------- */

static bool set_queues(const char *device, uint32_t n)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_SCHANNELS, .rx_count = n, .tx_count = n};
	struct ifreq request = {.ifr_data = (void *)&channels};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), failed;

	strncpy(request.ifr_name, device, sizeof(request.ifr_name) - 1);
	failed = ioctl(fd, SIOCETHTOOL, &request);
	close(fd);
	return !failed;
}

static void start_with_one_queue(void)
{
	CHECK(set_queues("here0", 1) && set_queues("here1", 1));
}

/* Queues added after the start have no AF_XDP socket: their packets go through the kernel, and none
 * is lost. */
static void queues_are_added(void)
{
	enum { FLOWS = 16, EACH = 10 };
	int fds[FLOWS], sink;
	uint8_t got[64];
	struct addr from;

	if (!gate_open_after(1, 4, start_with_one_queue))
		return;
	join(0, 0, 20000);
	sink = peer_udp(1, 20000);
	REQUIRE(set_queues("here0", 4));
	EXPECT_INT(xdp_of(gate.io[0])->umem->n_queues, 2);
	for (uint16_t i = 0; i < FLOWS; i++)
		fds[i] = peer_udp(0, (uint16_t)(30000 + i));
	for (unsigned k = 0; k < FLOWS * EACH; k++) {
		REQUIRE(peer_send(fds[k % FLOWS], 0, 20000, &k, sizeof(k)));
		run(gate.gathered + 1, 2000);
		EXPECT_OCTETS(got, (size_t)peer_receive(sink, got, sizeof(got), &from), &k,
		              sizeof(k));
	}
	EXPECT_INT(gate.verdicts[VERDICT_FORWARDED], FLOWS * EACH);
	/* Some packets must arrive as frames and some through the kernel, otherwise the test shows
	 * nothing. */
	EXPECT(xdp_of(gate.io[0])->umem->queues[0].rx.cached_cons > 0);
	EXPECT(xdp_of(gate.io[0])->umem->queues[0].rx.cached_cons < FLOWS * EACH);
	for (unsigned i = 0; i < FLOWS; i++)
		close(fds[i]);
	close(sink);
	gate_close();
}

/* --- errors from the network ------------------------------------------------ */

/* A peer without a socket answers "port unreachable": packets are still forwarded, and the worker
 * sleeps again. */
static void unreachable_ports_are_ignored(void)
{
	int fd;

	if (!gate_open(1, 1))
		return;
	join(0, 0, 20000);
	join(0, 2, 20000);
	for (unsigned side = 0; side < 4; side += 2) {
		fd = peer_udp(side, 20000);
		gate.verdicts[VERDICT_FORWARDED] = 0;
		for (unsigned i = 0; i < 40; i++) {
			peer_send(fd, side, 20000, "x", 1);
			run(gate.gathered + 1, 2000);
		}
		EXPECT_INT(gate.verdicts[VERDICT_FORWARDED], 40);
		expect_rest();
		close(fd);
	}
	gate_close();
}

/* --- errors from the kernel ------------------------------------------------- */

/* Runs `fn` in a child process, because a process cannot regain privileges that it has dropped.
 * Exit status 77: not possible here. */
static void in_child(int (*fn)(void))
{
	pid_t child = fork();
	int status = 0;

	if (child == 0)
		_exit(fn());
	REQUIRE(child > 0 && waitpid(child, &status, 0) == child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		test_skip("this process has no privileges that it could drop");
	else
		EXPECT_INT(status, 0);
}

static int try_without(unsigned capability)
{
	struct relay_interface f = {.name = "default",
	                            .bind = ip("10.%u.0.1", 0, 0),
	                            .port_min = PORT_MIN,
	                            .port_max = PORT_MAX};
	struct why why = {{0}};
	char reason[128];
	int bad;

	if (!netns_make(gate.peers, PEERS, 1, reason))
		return 77;
	netns_drop(CAP_SYS_ADMIN); /* CAP_SYS_ADMIN would allow the same */
	netns_drop(capability);
	bad = io_xdp.probe(&f, &why) != ERR_DENIED ||
	      !strstr(why.text, "needs the capabilities NET_ADMIN, NET_RAW and BPF");
	if (bad)
		printf("without capability %u: '%s'\n", capability, why.text);
	netns_end(gate.peers, PEERS);
	return bad;
}

static int try_without_net_admin(void)
{
	return try_without(CAP_NET_ADMIN);
}

static int try_without_net_raw(void)
{
	return try_without(CAP_NET_RAW);
}

static void privileges_are_named(void)
{
	in_child(try_without_net_admin);
	in_child(try_without_net_raw);
}

static int try_without_memory(void)
{
	struct io_config config = {
		.workers = 1, .interfaces = gate.interfaces, .n_interfaces = SIDES};
	const struct rlimit little = {.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
	struct why why = {{0}};
	struct io *io = NULL;
	int bad;

	if (!gate_open(1, 1))
		return 77;
	io_xdp.close(gate.io[0]);
	gate.io[0] = NULL;
	config.shared = gate.shared;
	config.pool = gate.pool[0];
	setrlimit(RLIMIT_MEMLOCK, &little);
	netns_drop(CAP_IPC_LOCK);
	bad = io_xdp.open(&io, &config, &why) != ERR_LIMIT ||
	      !strstr(why.text, "exceed the limit on locked memory (RLIMIT_MEMLOCK)");
	if (bad)
		printf("'%s'\n", why.text);
	netns_end(gate.peers, PEERS);
	return bad;
}

static void locked_memory_is_named(void)
{
	in_child(try_without_memory);
}

TEST_MAIN("xdp_changes", {"mtu_and_routes", mtu_and_routes},
          {"changes_under_full_turns", changes_under_full_turns},
          {"neighbour_moves", neighbour_moves}, {"route_moves", route_moves},
          {"link_goes_down_and_up", link_goes_down_and_up},
          {"link_goes_down_under_load", link_goes_down_under_load},
          {"device_disappears", device_disappears}, {"queues_are_added", queues_are_added},
          {"unreachable_ports_are_ignored", unreachable_ports_are_ignored},
          {"privileges_are_named", privileges_are_named},
          {"locked_memory_is_named", locked_memory_is_named})
