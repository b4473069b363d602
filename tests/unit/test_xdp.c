/* SPDX-License-Identifier: MIT */
/* relay/io/xdp in network namespaces: it receives what the peers send, sends what the worker
 * forwards, and loses or duplicates no frame. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "tests/unit/xdp_gate.h"

/* Forwards IPv4 and IPv6 in both directions; checks octets and source addresses. The kernel checks
 * the checksums. */
static void forwards(void)
{
	if (!gate_open(1, 1))
		return;
	for (unsigned family = 0; family < 4; family += 2) {
		int fds[2] = {peer_udp(family, 20000), peer_udp(family + 1, 20000)};

		join(0, family, 20000);
		for (unsigned i = 0; i < 40; i++) {
			unsigned in = family + i % 2, out = in ^ 1;
			uint8_t sent[300], got[2048];
			struct addr from = {0},
				    want = addr_with_port(&gate.interfaces[out].bind, 20000);
			size_t n = 1 + i * 7;

			test_context("side %u, %zu octets", in, n);
			memset(sent, (int)i + 1, sizeof(sent));
			REQUIRE(peer_send(fds[in % 2], in, 20000, sent, n));
			run(gate.gathered + 1, 2000);
			EXPECT_OCTETS(got,
			              (size_t)peer_receive(fds[out % 2], got, sizeof(got), &from),
			              sent, n);
			EXPECT(addr_eq(&from, &want));
			EXPECT_INT(gate.last.tailroom >= PKT_TAILROOM, true);
		}
		close(fds[0]);
		close(fds[1]);
	}
	EXPECT_INT(gate.verdicts[VERDICT_FORWARDED], 80);
	/* The first packets to a neighbour go through the kernel, later packets as frames. */
	EXPECT(counter_get(&io_xdp.counters(gate.io[0])->tx_pkts) == 80);
	EXPECT(xdp_of(gate.io[0])->umem->queues[0].tx.cached_prod > 20);
	gate_close();
}

static int foreign;

static void hold_port(void)
{
	struct addr at = ip("10.%u.0.1", 0, 20010);
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(&at, &name);

	foreign = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK(foreign >= 0 && bind(foreign, (struct sockaddr *)&name, len) == 0);
}

/* A port is refused while another program has it. */
static void foreign_port(void)
{
	struct why why;
	struct io_port port = {.interface = &gate.interfaces[0], .number = 20010};

	if (!gate_open_after(1, 1, hold_port))
		return;
	EXPECT_ERR(io_xdp.open_port(gate.io[0], &port, &why), ERR_EXISTS);
	EXPECT_TEXT(why.text, "10.0.0.1:20010 is already in use");
	close(foreign);
	EXPECT_OK(io_xdp.open_port(gate.io[0], &port, &why));
	gate_close();
}

static void ports(void)
{
	struct why why;
	struct io_port other = {.interface = &gate.interfaces[0], .number = 20000};
	int fd;

	if (!gate_open(1, 1))
		return;
	join(0, 0, 20000);
	EXPECT_ERR(io_xdp.open_port(gate.io[0], &other, &why), ERR_EXISTS);
	EXPECT(!other.is_open);
	other.number = 19999;
	EXPECT_ERR(io_xdp.open_port(gate.io[0], &other, &why), ERR_RANGE);
	fd = peer_udp(0, 20002);
	peer_send(fd, 0, 20002, "nobody", 6);
	run(1, 200);
	EXPECT_INT(gate.gathered, 0);
	EXPECT_INT(counter_get(&io_xdp.counters(gate.io[0])->dropped[VERDICT_NO_PORT]), 1);
	io_xdp.close_port(gate.io[0], &gate.ports[0][0]);
	peer_send(fd, 0, 20000, "closed", 6);
	run(1, 200);
	EXPECT_INT(counter_get(&io_xdp.counters(gate.io[0])->dropped[VERDICT_NO_PORT]), 2);
	other.number = 20000;
	EXPECT_OK(io_xdp.open_port(gate.io[0], &other, &why));
	close(fd);
	gate_close();
}

/* Packets that XDP leaves to the kernel reach the catch-all socket: fragments, packets with IP
 * options, packets from this machine. */
static void catch_all(void)
{
	static uint8_t big[4000];
	static const uint8_t options[8] = {1, 1, 1, 1, 1, 1, 1, 0};
	struct addr own;
	struct sockaddr_storage name;
	socklen_t len;
	int fd, here;

	if (!gate_open(1, 1))
		return;
	join(0, 0, 20000);
	join(0, 2, 20000);
	fd = peer_udp(0, 20000);
	REQUIRE(peer_send(fd, 0, 20000, big, 1700));
	run(1, 2000);
	EXPECT_INT(gate.last.len, 1700);
	EXPECT_INT(gate.verdicts[VERDICT_MTU] + gate.verdicts[VERDICT_FORWARDED], 1);
	/* A packet larger than a buffer is dropped and counted. */
	REQUIRE(peer_send(fd, 0, 20000, big, 3000));
	run(2, 2000);
	EXPECT_INT(gate.verdicts[VERDICT_TOO_BIG], 1);
	REQUIRE(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, options, sizeof(options)) == 0);
	REQUIRE(peer_send(fd, 0, 20000, "options", 7));
	run(3, 2000);
	EXPECT_OCTETS(gate.last_data, gate.last.len, "options", 7);
	close(fd);
	/* Packets from this machine, over IPv4 and IPv6. */
	for (unsigned side = 0; side < 4; side += 2) {
		here = socket(side ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
		own = addr_with_port(&gate.interfaces[side].bind, 20000);
		len = addr_to_sockaddr(&own, &name);
		EXPECT(sendto(here, "loop", 4, 0, (struct sockaddr *)&name, len) == 4);
		run(gate.gathered + 1, 2000);
		EXPECT_OCTETS(gate.last_data, gate.last.len, "loop", 4);
		EXPECT(addr_ip_eq(&gate.last.from, &gate.interfaces[side].bind));
		close(here);
	}
	gate_close();
}

static const struct {
	const char *name, *tags;
	bool is_taken;
} tagged[] = {
	{"untagged", "", true},
	{"priority tag", "8100 a000", true},
	{"two priority tags", "88a8 a000 8100 a000", true},
	{"VLAN 5 is not ours", "8100 0005", false},
	{"service tag is not ours", "88a8 0005", false},
	{"stack", "88a8 0005 8100 0006", false},
	{"three priority tags, by way of the kernel", "8100 0000 8100 0000 8100 0000", true},
};

static void vlan_tags(void)
{
	uint8_t room[512], frame[512], *start;
	int raw;

	if (!gate_open(1, 1))
		return;
	join(0, 0, 20000);
	raw = peer_raw(0);
	for (size_t i = 0; i < ARRAY_LEN(tagged); i++) {
		size_t len = raw_frame(room, &start, 0, 20000, 100), n;
		uint64_t before = gate.gathered;

		test_context("%s", tagged[i].name);
		memcpy(frame, start, 12);
		n = test_hex(tagged[i].tags, frame + 12, 32);
		memcpy(frame + 12 + n, start + 12, len - 12);
		EXPECT(send(raw, frame, len + n, 0) == (ssize_t)(len + n));
		run(before + 1, 200);
		EXPECT_INT(gate.gathered - before, tagged[i].is_taken);
	}
	close(raw);
	gate_close();
}

/* Writes a frame from peer 0 with the source address `source` and correct checksums; returns its
 * length. */
static size_t frame_from(uint8_t *room, uint8_t **start, unsigned side, const char *source)
{
	static const uint8_t from_mac[6] = {2, 0, 0, 0, 0, 2};
	struct addr from = {0}, to = addr_with_port(&gate.interfaces[side].bind, 20000);
	struct frame_link link;
	uint8_t mac[6];

	CHECK(addr_parse_ip(str_of(source), &from) == ERR_OK);
	/* addr_parse_ip turns an IPv4-mapped address into IPv4; this function keeps it as IPv6, as
	 * it is in a packet. */
	if (from.version != to.version) {
		memmove(from.ip + 12, from.ip, 4);
		memset(from.ip, 0, 10);
		memset(from.ip + 10, 0xff, 2);
		from.version = 6;
	}
	from.port = 5004;
	here_mac(side, mac);
	frame_link_make(&link, mac, from_mac, 0, to.version);
	memset(room + 128, 0x5a, 100);
	*start =
		frame_build(room + 128, 100, &link, &(struct frame_ends){.from = &from, .to = &to});
	return (size_t)(room + 228 - *start);
}

/* Packets from sources that the kernel would refuse are dropped as VERDICT_MARTIAN; others pass. */
static void martians(void)
{
	static const struct {
		unsigned side;
		const char *source;
		bool is_taken;
	} rows[] = {
		{0, "10.0.0.2", true},
		{0, "198.51.100.9", true},
		{0, "10.0.0.254", true},
		{2, "fd00:0::2", true},
		{2, "2001:db8::9", true},
		{0, "10.0.0.1", false},
		{0, "10.1.0.1", false},
		{0, "10.0.0.255", false},
		{0, "10.1.0.255", false},
		{0, "127.0.0.1", false},
		{0, "127.7.7.7", false},
		{0, "0.0.0.0", false},
		{0, "0.1.2.3", false},
		{0, "224.0.0.1", false},
		{0, "239.255.255.255", false},
		{0, "255.255.255.255", false},
		{2, "::", false},
		{2, "::1", false},
		{2, "ff02::1", false},
		{2, "ff0e::1234", false},
		{2, "::ffff:10.0.0.2", false},
		{2, "::ffff:127.0.0.1", false},
		{2, "fd00:0::1", false},
		{2, "fd00:1::1", false},
	};
	const struct counter *martian;
	uint8_t room[512], *start;
	uint64_t before;
	int raw;

	if (!gate_open(1, 1))
		return;
	join(0, 0, 20000);
	join(0, 2, 20000);
	raw = peer_raw(0);
	martian = &io_xdp.counters(gate.io[0])->dropped[VERDICT_MARTIAN];
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = frame_from(room, &start, rows[i].side, rows[i].source);

		before = gate.gathered;
		uint64_t had = counter_get(martian);

		test_context("from %s", rows[i].source);
		EXPECT(send(raw, start, len, 0) == (ssize_t)len);
		run(before + 1, 200);
		EXPECT_INT(gate.gathered - before, rows[i].is_taken);
		EXPECT_INT(counter_get(martian) - had, !rows[i].is_taken);
	}
	/* A flooding switch may deliver a frame for another link address: it is dropped, too. */
	test_context("another link address");
	size_t len = frame_from(room, &start, 0, "10.0.0.2");
	start[5] ^= 1;
	before = counter_get(martian);
	EXPECT(send(raw, start, len, 0) == (ssize_t)len);
	run(gate.gathered + 1, 200);
	EXPECT_INT(counter_get(martian) - before, 1);
	/* An own address is added and removed at run time: packets from it are dropped while it is
	 * an own address. */
	test_context("addresses that come and go");
	REQUIRE(netns_run(NULL, "ip addr add 10.0.0.77/24 dev here0"));
	run(gate.gathered + 1, 100);
	len = frame_from(room, &start, 0, "10.0.0.77");
	before = counter_get(martian);
	EXPECT(send(raw, start, len, 0) == (ssize_t)len);
	run(gate.gathered + 1, 200);
	EXPECT_INT(counter_get(martian) - before, 1);
	REQUIRE(netns_run(NULL, "ip addr del 10.0.0.77/24 dev here0 && ip link set here0 address "
	                        "02:00:00:00:77:02"));
	run(gate.gathered + 1, 100);
	len = frame_from(room, &start, 0, "10.0.0.77");
	before = gate.gathered;
	EXPECT(send(raw, start, len, 0) == (ssize_t)len);
	run(before + 1, 200);
	EXPECT_INT(gate.gathered - before, 1);
	close(raw);
	gate_close();
}

/* More packets arrive than the ring and the catch-all socket hold: the kernel's counts of dropped
 * packets are read. */
static void kernel_drops_are_counted(void)
{
	static uint8_t big[1700];
	const struct io_counters *c;
	uint64_t before;
	int fd;

	if (!gate_open(1, 1))
		return;
	join(0, 0, 20000);
	fd = peer_udp(0, 20000);
	EXPECT_INT(counter_get(&io_xdp.counters(gate.io[0])->kernel_drops), 0);
	for (unsigned i = 0; i < 3 * XDP_RING; i++)
		peer_send(fd, 0, 20000, "x", 1);
	before = counter_get(&io_xdp.counters(gate.io[0])->kernel_drops);
	EXPECT(before > 0);
	while (turn(0))
		;
	c = io_xdp.counters(gate.io[0]);
	EXPECT(gate.gathered > 0);
	EXPECT(gate.gathered + counter_get(&c->kernel_drops) <= 3 * XDP_RING);
	/* Fragments reach the worker through the kernel, which also counts those it drops. */
	before = counter_get(&c->kernel_drops);
	for (unsigned i = 0; i < 6000; i++)
		peer_send(fd, 0, 20000, big, sizeof(big));
	EXPECT(counter_get(&io_xdp.counters(gate.io[0])->kernel_drops) > before);
	run(gate.gathered + 1, 200);
	close(fd);
	gate_close();
}

/* Frames with random changes and truncations: afterwards good frames are still received. */
static void hostile_frames(void)
{
	uint64_t state = test_seed();
	uint8_t room[2048], *start;
	int raw, fd;

	if (!gate_open(1, 1))
		return;
	join(0, 0, 20000);
	join(0, 2, 20000);
	raw = peer_raw(0);
	for (int i = 0; i < 20000; i++) {
		size_t len =
			raw_frame(room, &start, i % 2 ? 0 : 2, 20000, test_random(&state) % 1400);

		for (uint64_t k = test_random(&state) % 4; k > 0; k--)
			start[12 + test_random(&state) % 40] ^=
				(uint8_t)(1u << (test_random(&state) & 7));
		if (test_random(&state) % 4 == 0)
			len = 14 + test_random(&state) % (len - 14);
		if (send(raw, start, len, 0) < 0)
			continue;
		if (i % 32 == 0)
			turn(0);
	}
	run(UINT64_MAX, 100);
	EXPECT(gate.gathered > 1000);
	EXPECT(counter_get(&io_xdp.counters(gate.io[0])->dropped[VERDICT_MALFORMED]) > 100);
	fd = peer_udp(0, 20000);
	peer_send(fd, 0, 20000, "good", 4);
	run(gate.gathered + 1, 2000);
	EXPECT_OCTETS(gate.last_data, gate.last.len, "good", 4);
	close(fd);
	close(raw);
	gate_close();
}

/* With any number of queues a packet reaches the worker of its port, whichever queue received
 * it. */
static void strayed(unsigned queues)
{
	int fds[2][8];
	uint8_t got[64];
	struct addr from;

	if (!gate_open(2, queues))
		return;
	for (uint16_t i = 0; i < 8; i++) {
		join(i % 2, 0, (uint16_t)(20000 + i * 2));
		fds[0][i] = peer_udp(0, (uint16_t)(20000 + i * 2));
		fds[1][i] = peer_udp(1, (uint16_t)(20000 + i * 2));
	}
	for (unsigned k = 0; k < 50; k++) {
		for (uint16_t i = 0; i < 8; i++) {
			unsigned in = (k + i) % 2;

			test_context("packet %u of call %u", k, i);
			REQUIRE(peer_send(fds[in][i], in, (uint16_t)(20000 + i * 2), &k,
			                  sizeof(k)));
			run(gate.gathered + 1, 2000);
			EXPECT_OCTETS(got,
			              (size_t)peer_receive(fds[!in][i], got, sizeof(got), &from),
			              &k, sizeof(k));
		}
	}
	EXPECT_INT(gate.verdicts[VERDICT_FORWARDED], 400);
	for (uint16_t i = 0; i < 8; i++) {
		close(fds[0][i]);
		close(fds[1][i]);
	}
	gate_close();
}

static void two_workers_one_queue(void)
{
	strayed(1);
}

static void two_workers_two_queues(void)
{
	strayed(2);
}

/* --- many packets ----------------------------------------------------------- */

struct flood {
	int fd;
	unsigned side;
	atomic_bool end;
};

/* Sends packets until `end` is set. With UDP_SEGMENT one sendmsg gives the kernel 32 datagrams. */
static void *flood(void *arg)
{
	struct flood *f = arg;
	static uint8_t zeros[32 * 180];
	int segment = 180;

	setsockopt(f->fd, IPPROTO_UDP, 103 /* UDP_SEGMENT */, &segment, sizeof(segment));
	for (uint64_t i = 0; !atomic_load(&f->end); i++)
		peer_send(f->fd, f->side, (uint16_t)(PORT_MIN + i % 100 * 2), zeros, sizeof(zeros));
	return NULL;
}

/* Both peers send faster than the relay forwards, so that rings become full and empty. The back end
 * records the owner of each frame and ends the process if a frame has two. Runs until
 * SLUICE_XDP_PKTS packets (20,000 by default) have arrived. */
static void many_packets(void)
{
	const char *asked = getenv("SLUICE_XDP_PKTS");
	uint64_t pkts = asked ? strtoull(asked, NULL, 10) : 20000;
	struct flood floods[2];
	pthread_t threads[2];
	uint64_t seen = 0;

	if (!gate_open(1, 1))
		return;
	for (uint16_t i = 0; i < 100; i++)
		join(0, 0, (uint16_t)(PORT_MIN + i * 2));
	for (unsigned i = 0; i < 2; i++) {
		floods[i] = (struct flood){.fd = peer_udp(i, 30000), .side = i};
		CHECK(pthread_create(&threads[i], NULL, flood, &floods[i]) == 0);
	}
	run(pkts, 30000);
	for (unsigned i = 0; i < 2; i++) {
		atomic_store(&floods[i].end, true);
		pthread_join(threads[i], NULL);
		close(floods[i].fd);
	}
	run(UINT64_MAX, 100);
	for (unsigned v = 0; v < VERDICT_COUNT; v++)
		seen += gate.verdicts[v];
	EXPECT_INT(seen, gate.gathered);
	EXPECT(gate.gathered >= pkts);
	/* Full rings drop some packets, but not all. */
	EXPECT(gate.verdicts[VERDICT_FORWARDED] > pkts / 10);
	EXPECT_INT(pool_free_pkts(gate.pool[0]), 2048);
	printf("%llu packets gathered, %llu forwarded\n", (unsigned long long)gate.gathered,
	       (unsigned long long)gate.verdicts[VERDICT_FORWARDED]);
	gate_close();
}

/* --- probe, privileges, end ------------------------------------------------- */

static void probe_says_why(void)
{
	struct relay_interface f = {.name = "default",
	                            .bind = ip("127.0.0.%u", 1, 0),
	                            .port_min = PORT_MIN,
	                            .port_max = PORT_MAX};
	struct why why = {{0}};

	if (!gate_open(1, 1))
		return;
	EXPECT_ERR(io_xdp.probe(&f, &why), ERR_UNSUPPORTED);
	EXPECT_TEXT(why.text, "lo is loopback; xdp needs an Ethernet device");
	f.bind = ip("192.0.2.%u", 1, 0);
	EXPECT_ERR(io_xdp.probe(&f, &why), ERR_NOT_FOUND);
	EXPECT_TEXT(why.text, "no network device has the address 192.0.2.1");
	EXPECT_ERR(io_xdp.probe(&gate.interfaces[0], &why), ERR_BUSY);
	EXPECT_TEXT(why.text, "another XDP program is already attached to here0");
	gate_close();
}

static void ends_without_traces(void)
{
	if (!gate_open(1, 1))
		return;
	EXPECT(netns_run(NULL, "ip link show here0 | grep -q xdp"));
	io_xdp.close(gate.io[0]);
	gate.io[0] = NULL;
	io_xdp.unshare(gate.shared);
	EXPECT(netns_run(NULL, "! ip link show here0 | grep -q xdp"));
	pool_free(gate.pool[0]);
	netns_end(gate.peers, PEERS);
}

/* After the privileges for the set-up are dropped, packets still pass. */
static void settled(void)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		uint8_t got[64];
		struct addr from;
		int fds[2], bad = 0, spare;

		if (!gate_open(1, 1))
			_exit(77);
		join(0, 0, 20000);
		fds[0] = peer_udp(0, 20000);
		fds[1] = peer_udp(1, 20000);
		io_xdp.settled(gate.io[0]);
		spare = socket(AF_PACKET, SOCK_RAW, 0);
		bad |= spare >= 0;
		for (int i = 0; i < 5; i++) {
			peer_send(fds[0], 0, 20000, "x", 1);
			run(gate.gathered + 1, 2000);
			bad |= peer_receive(fds[1], got, sizeof(got), &from) != 1;
		}
		gate_close();
		_exit(bad);
	}
	REQUIRE(child > 0 && waitpid(child, &status, 0) == child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		test_skip("this process has no privileges that it could drop");
	else
		EXPECT_INT(status, 0);
}

TEST_MAIN("xdp", {"forwards", forwards}, {"ports", ports}, {"foreign_port", foreign_port},
          {"catch_all", catch_all}, {"vlan_tags", vlan_tags}, {"martians", martians},
          {"kernel_drops_are_counted", kernel_drops_are_counted},
          {"hostile_frames", hostile_frames}, {"two_workers_one_queue", two_workers_one_queue},
          {"two_workers_two_queues", two_workers_two_queues}, {"many_packets", many_packets},
          {"probe_says_why", probe_says_why}, {"ends_without_traces", ends_without_traces},
          {"settled", settled})
