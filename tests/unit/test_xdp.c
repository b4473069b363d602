/* SPDX-License-Identifier: MIT */
/* relay/io/xdp in network namespaces: what peers send comes in, what goes out reaches them, and no frame is ever lost or doubled. */
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clk.h"
#include "relay/io/frame.h"
#include "relay/io/io.h"
#include "relay/io/xdp.h"
#include "relay/pool.h"
#include "tests/harness/harness.h"
#include "tests/harness/netns.h"

/*
 *   peer 0 (10.0.0.2, fd00:0::2) ── there0 ═ here0 ── [ io_xdp ] ── here1 ═ there1 ── peer 1 (10.1.0.2, fd00:1::2)
 *
 * A miniature of the worker: what comes in on port p of one side leaves from port p of the other, to the address in `to`.
 */
enum { PEERS = 2, WORKERS_MAX = 2, PORT_MIN = 20000, PORT_MAX = 20999, PORTS = PORT_MAX - PORT_MIN + 1, SIDES = 4 };

struct gate {
	struct netns_peer peers[PEERS];
	struct io_interface interfaces[SIDES]; /* IPv4 of both peers, then IPv6 of both */
	struct io_shared *shared;
	unsigned workers;
	struct io *io[WORKERS_MAX];
	struct pool *pool[WORKERS_MAX];
	struct io_port ports[SIDES][PORTS];
	struct addr to[SIDES][PORTS]; /* where packets go that leave from there */
	uint64_t verdicts[VERDICT_COUNT], gathered;
	struct pkt last; /* the last packet gathered, as it came */
	uint8_t last_data[PKT_PAYLOAD_MAX];
};

static struct gate gate; /* large; each case makes it anew */

static struct addr ip(const char *format, unsigned n, uint16_t port)
{
	char text[64];
	struct addr a = {0};

	snprintf(text, sizeof(text), format, n);
	CHECK(addr_parse_ip(str_of(text), &a) == ERR_OK);
	a.port = port;
	return a;
}

static struct addr peer_addr(unsigned side, uint16_t port)
{
	return ip(side < 2 ? "10.%u.0.2" : "fd00:%u::2", side % 2, port);
}

/* For the case that wants a port taken before the gateway starts. */
static bool holds_port;
static int foreign;

static int hold_port(uint16_t number)
{
	struct addr at = ip("10.%u.0.1", 0, number);
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(&at, &name);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&name, len) == 0);
	return fd;
}

static bool gate_open(unsigned workers, unsigned queues)
{
	struct io_config config = {.workers = workers, .interfaces = gate.interfaces, .n_interfaces = SIDES, .check_buffers = true};
	struct why why = {{0}};
	char reason[128];

	memset(&gate, 0, sizeof(gate));
	gate.workers = workers;
	if (!netns_make(gate.peers, PEERS, queues, reason)) {
		test_skip("%s", reason);
		return false;
	}
	for (unsigned i = 0; i < SIDES; i++) {
		struct io_interface *f = &gate.interfaces[i];

		snprintf(f->name, sizeof(f->name), i % 2 ? "core" : "access"); /* says nothing of devices */
		f->bind = f->advertised = ip(i < 2 ? "10.%u.0.1" : "fd00:%u::1", i % 2, 0);
		f->port_min = PORT_MIN;
		f->port_max = PORT_MAX;
	}
	if (holds_port)
		foreign = hold_port(20010);
	if (io_xdp.probe(&gate.interfaces[0], &why) || io_xdp.share(&gate.shared, &config, &why)) {
		test_skip("%s", why.text);
		netns_end(gate.peers, PEERS);
		return false;
	}
	config.shared = gate.shared;
	for (unsigned i = 0; i < workers; i++) {
		config.worker = i;
		CHECK(pool_new(&gate.pool[i], 2048) == ERR_OK);
		config.pool = gate.pool[i];
		if (!test_expect(io_xdp.open(&gate.io[i], &config, &why) == ERR_OK, __FILE__, __LINE__, "open: %s", why.text))
			return false;
	}
	return true;
}

static struct xdp_umem *umem(unsigned worker)
{
	return xdp_of(gate.io[worker])->umem;
}

/* Whatever happened, every frame is in exactly one place, and none is with the path between turns. */
static void expect_frames_accounted(void)
{
	for (unsigned w = 0; w < gate.workers; w++) {
		struct xdp_umem *u = umem(w);

		EXPECT_INT(xdp_umem_count(u, XDP_PATH), 0);
		EXPECT_INT(xdp_umem_count(u, XDP_FREE), u->n_free);
		EXPECT_INT(xdp_umem_count(u, XDP_FREE) + xdp_umem_count(u, XDP_FILLING) + xdp_umem_count(u, XDP_SENDING), u->n_frames);
	}
}

static void gate_close(void)
{
	expect_frames_accounted();
	for (unsigned i = 0; i < gate.workers; i++) {
		if (gate.io[i])
			io_xdp.close(gate.io[i]);
		pool_free(gate.pool[i]);
	}
	io_xdp.unshare(gate.shared);
	netns_end(gate.peers, PEERS);
}

static struct io_port *open_port(unsigned worker, unsigned side, uint16_t number)
{
	struct io_port *p = &gate.ports[side][number - PORT_MIN];
	struct why why = {{0}};

	p->interface = &gate.interfaces[side];
	p->number = number;
	p->dscp = 46;
	test_expect(io_xdp.open_port(gate.io[worker], p, &why) == ERR_OK, __FILE__, __LINE__, "open_port: %s", why.text);
	return p;
}

/* One call: port `number` of one side is joined to the same of the other; peers listen at `number` too. */
static void join(unsigned worker, unsigned side, uint16_t number)
{
	for (unsigned i = 0; i < 2; i++) {
		open_port(worker, side ^ i, number);
		gate.to[side ^ i][number - PORT_MIN] = peer_addr(side ^ i, number);
	}
}

/* One turn of a worker: packets cross to the other peer. */
static unsigned turn(unsigned worker)
{
	struct pkt *batch[PKT_BATCH];
	struct io *io = gate.io[worker];
	unsigned n = io_xdp.gather(io, batch, PKT_BATCH);

	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = batch[i];
		unsigned side = (unsigned)(p->port->interface - gate.interfaces) ^ 1u;

		gate.last = *p;
		if (p->verdict == VERDICT_NONE)
			memcpy(gate.last_data, p->data, p->len);
		p->out = &gate.ports[side][p->port->number - PORT_MIN];
		p->to = gate.to[side][p->port->number - PORT_MIN];
		if (p->verdict == VERDICT_NONE && !p->out->is_open)
			p->verdict = VERDICT_NO_PEER;
	}
	io_xdp.send(io, batch, n);
	io_xdp.release(io, batch, n);
	for (unsigned i = 0; i < n; i++) {
		gate.verdicts[batch[i]->verdict]++;
		pool_give(gate.pool[worker], batch[i]);
	}
	gate.gathered += n;
	return n;
}

/* Runs the workers until `done` packets were gathered, or nothing came for `ms`. */
static void run(uint64_t done, int ms)
{
	struct pollfd fds[WORKERS_MAX];

	for (unsigned w = 0; w < gate.workers; w++)
		fds[w] = (struct pollfd){.fd = io_xdp.wait_fd(gate.io[w]), .events = POLLIN};
	while (gate.gathered < done) {
		if (poll(fds, gate.workers, ms) <= 0)
			break;
		for (unsigned w = 0; w < gate.workers; w++)
			turn(w);
	}
}

/* --- peers --- */

static int peer_udp(unsigned side, uint16_t port)
{
	struct addr at = peer_addr(side, port);
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(&at, &name);
	int fd = netns_socket(&gate.peers[side % 2], side < 2 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);

	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&name, len) == 0);
	return fd;
}

static bool peer_send(int fd, unsigned side, uint16_t port, const void *data, size_t n)
{
	struct addr to = addr_with_port(&gate.interfaces[side].bind, port);
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(&to, &name);

	return sendto(fd, data, n, 0, (struct sockaddr *)&name, len) == (ssize_t)n;
}

static ssize_t peer_receive(int fd, void *data, size_t room, struct addr *from)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);
	ssize_t n;

	if (poll(&p, 1, 2000) <= 0)
		return -1;
	n = recvfrom(fd, data, room, 0, (struct sockaddr *)&name, &len);
	if (n >= 0)
		CHECK(addr_from_sockaddr((struct sockaddr *)&name, from) == ERR_OK);
	return n;
}

/* A packet socket of the peer on its end of the veth: frames as they shall be. */
static int peer_raw(unsigned i)
{
	struct sockaddr_ll name = {.sll_family = AF_PACKET};
	int fd = netns_socket(&gate.peers[i], AF_PACKET, SOCK_RAW, 0);

	CHECK(fd >= 0);
	name.sll_ifindex = 0;
	for (int index = 1; index < 64 && !name.sll_ifindex; index++) {
		name.sll_ifindex = index;
		if (bind(fd, (struct sockaddr *)&name, sizeof(name)) || index == 1)
			name.sll_ifindex = 0; /* 1 is loopback */
	}
	CHECK(name.sll_ifindex);
	return fd;
}

static size_t raw_frame(uint8_t *room, uint8_t **start, unsigned side, uint16_t port, size_t len)
{
	static const uint8_t to_mac[6] = {2, 0, 0, 0, 0, 1}, from_mac[6] = {2, 0, 0, 0, 0, 2};
	struct addr from = peer_addr(side, port), to = addr_with_port(&gate.interfaces[side].bind, port);
	struct frame_link link;

	frame_link_make(&link, to_mac, from_mac, 0, to.version);
	memset(room + 128, 0x5a, len);
	*start = frame_build(room + 128, (uint16_t)len, &link, &from, &to, 0);
	return (size_t)(room + 128 + len - *start);
}

/* --- cases --- */

/* Four ways: IPv4 and IPv6, each in both directions; octets, addresses and the kernel's own check of our checksums. */
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
			struct addr from = {0}, want = addr_with_port(&gate.interfaces[out].bind, 20000);
			size_t n = 1 + i * 7;

			test_context("side %u, %zu octets", in, n);
			memset(sent, (int)i + 1, sizeof(sent));
			REQUIRE(peer_send(fds[in % 2], in, 20000, sent, n));
			run(gate.gathered + 1, 2000);
			EXPECT_OCTETS(got, (size_t)peer_receive(fds[out % 2], got, sizeof(got), &from), sent, n);
			EXPECT(addr_eq(&from, &want));
			EXPECT_INT(gate.last.tailroom >= PKT_TAILROOM, true);
		}
		close(fds[0]);
		close(fds[1]);
	}
	EXPECT_INT(gate.verdicts[VERDICT_FORWARDED], 80);
	/* The first packets towards a neighbour go by the kernel, the rest as frames. */
	EXPECT(counter_get(&io_xdp.counters(gate.io[0])->tx_pkts) == 80);
	EXPECT(xdp_of(gate.io[0])->umem->queues[0].tx.cached_prod > 20);
	gate_close();
}

/* A port that another program had first is refused for as long as it has it. */
static void foreign_port(void)
{
	struct why why;
	struct io_port port = {.interface = &gate.interfaces[0], .number = 20010};
	bool is_open;

	holds_port = true;
	is_open = gate_open(1, 1);
	holds_port = false;
	if (!is_open)
		return;
	EXPECT_ERR(io_xdp.open_port(gate.io[0], &port, &why), ERR_EXISTS);
	EXPECT_TEXT(why.text, "10.0.0.1:20010 is taken");
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

/* What XDP leaves to the kernel meets the catch-all socket: fragments, options, loopback. */
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
	/* More than a buffer holds: known, and said so. */
	REQUIRE(peer_send(fd, 0, 20000, big, 3000));
	run(2, 2000);
	EXPECT_INT(gate.verdicts[VERDICT_TOO_BIG], 1);
	REQUIRE(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, options, sizeof(options)) == 0);
	REQUIRE(peer_send(fd, 0, 20000, "options", 7));
	run(3, 2000);
	EXPECT_OCTETS(gate.last_data, gate.last.len, "options", 7);
	close(fd);
	/* From this machine itself, both versions. */
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

/* Larger than the way out allows: a verdict, never fragments. A route's own MTU counts too. */
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
	for (int i = 0; i < 3; i++) { /* resolve the neighbour */
		peer_send(fds[0], 0, 20000, "x", 1);
		run(gate.gathered + 1, 2000);
		EXPECT_INT(peer_receive(fds[1], big, sizeof(big), &from), 1);
	}
	REQUIRE(netns_run(NULL, "ip link set here1 mtu 1300"));
	gate.verdicts[VERDICT_FORWARDED] = 0;
	/* The first packets after a link changed go by the kernel, which knows the MTU as well. */
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

/* A neighbour that moves to another link address is followed; one that is gone is not sent to. */
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
			REQUIRE(netns_run(&gate.peers[1], "ip link set there1 address 02:00:00:00:77:01"));
			REQUIRE(netns_run(NULL, "ip neigh replace 10.1.0.2 lladdr 02:00:00:00:77:01 dev here1 nud reachable"));
		}
		peer_send(fds[0], 0, 20000, "x", 1);
		run(gate.gathered + 1, 2000);
		EXPECT_INT(peer_receive(fds[1], got, sizeof(got), &from), 1);
	}
	close(fds[0]);
	close(fds[1]);
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
	{"three tags", "8100 0000 8100 0000 8100 0000", false},
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

/* Frames with octets changed and cut at random: nothing breaks, and good ones still come through afterwards. */
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
		size_t len = raw_frame(room, &start, i % 2 ? 0 : 2, 20000, test_random(&state) % 1400);

		for (uint64_t k = test_random(&state) % 4; k > 0; k--)
			start[12 + test_random(&state) % 40] ^= (uint8_t)(1u << (test_random(&state) & 7));
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

/* The port's worker gets the packet, whichever queue it came by and however many queues there are. */
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
			REQUIRE(peer_send(fds[in][i], in, (uint16_t)(20000 + i * 2), &k, sizeof(k)));
			run(gate.gathered + 1, 2000);
			EXPECT_OCTETS(got, (size_t)peer_receive(fds[!in][i], got, sizeof(got), &from), &k, sizeof(k));
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

/* --- many packets --- */

struct flood {
	int fd;
	unsigned side;
	atomic_bool end;
};

/* Each call of sendmsg hands the kernel 32 datagrams to cut apart (UDP_SEGMENT). */
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

/*
 * Both directions at once, faster than can be kept up with, so that rings run full and empty; with books on every frame, which end
 * the process at the first double owner. It lasts until as many packets as asked for (SLUICE_XDP_PKTS) came in, however long the machine takes.
 */
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
	EXPECT(gate.verdicts[VERDICT_FORWARDED] > pkts / 10); /* full rings drop some, never all */
	EXPECT_INT(pool_free_pkts(gate.pool[0]), 2048);
	printf("%llu packets gathered, %llu forwarded\n", (unsigned long long)gate.gathered, (unsigned long long)gate.verdicts[VERDICT_FORWARDED]);
	gate_close();
}

/* --- probe, privileges, end --- */

static void probe_says_why(void)
{
	struct io_interface f = {.name = "default", .bind = ip("127.0.0.%u", 1, 0), .port_min = PORT_MIN, .port_max = PORT_MAX};
	struct why why = {{0}};

	if (!gate_open(1, 1))
		return;
	EXPECT_ERR(io_xdp.probe(&f, &why), ERR_UNSUPPORTED);
	EXPECT_TEXT(why.text, "lo is loopback");
	f.bind = ip("192.0.2.%u", 1, 0);
	EXPECT_ERR(io_xdp.probe(&f, &why), ERR_NOT_FOUND);
	EXPECT_TEXT(why.text, "no network device has the address 192.0.2.1");
	EXPECT_ERR(io_xdp.probe(&gate.interfaces[0], &why), ERR_BUSY);
	EXPECT_TEXT(why.text, "here0 has an XDP program of somebody else");
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

/* Packets flow on without the privileges that set it up. */
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
		test_skip("no privilege to give up");
	else
		EXPECT_INT(status, 0);
}

TEST_MAIN("xdp", {"forwards", forwards}, {"ports", ports}, {"foreign_port", foreign_port}, {"catch_all", catch_all}, {"mtu_and_routes", mtu_and_routes},
          {"neighbour_moves", neighbour_moves}, {"vlan_tags", vlan_tags}, {"hostile_frames", hostile_frames},
          {"two_workers_one_queue", two_workers_one_queue}, {"two_workers_two_queues", two_workers_two_queues},
          {"many_packets", many_packets}, {"probe_says_why", probe_says_why}, {"ends_without_traces", ends_without_traces},
          {"settled", settled})
