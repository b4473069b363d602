/* SPDX-License-Identifier: MIT */
/* A small worker over relay/io/xdp in network namespaces, for the tests of that back end. */
#ifndef TESTS_UNIT_XDP_GATE_H
#define TESTS_UNIT_XDP_GATE_H

#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clk.h"
#include "relay/io/frame.h"
#include "relay/io/io.h"
#include "relay/io/xdp.h"
#include "relay/packet/pool.h"
#include "tests/harness/harness.h"
#include "tests/harness/netns.h"

/*
 *   peer 0 (10.0.0.2, fd00:0::2) ── there0 ═ here0 ── [ io_xdp ]
 *   peer 1 (10.1.0.2, fd00:1::2) ── there1 ═ here1 ── [ io_xdp ]
 *
 * A packet that arrives on port p of one side leaves from port p of the other side, to the address
 * in `to`.
 */
enum {
	PEERS = 2,
	WORKERS_MAX = 2,
	PORT_MIN = 20000,
	PORT_MAX = 20999,
	PORTS = PORT_MAX - PORT_MIN + 1,
	SIDES = 4
};

struct gate {
	struct netns_peer peers[PEERS];
	struct relay_interface interfaces[SIDES]; /* IPv4 towards peer 0 and 1, then IPv6 */
	struct io_shared *shared;
	unsigned workers;
	struct io *io[WORKERS_MAX];
	struct pool *pool[WORKERS_MAX];
	struct io_port ports[SIDES][PORTS];
	struct addr to[SIDES][PORTS]; /* where packets from this port go */
	uint64_t verdicts[VERDICT_COUNT], gathered;
	struct pkt last; /* copy of the last packet gathered */
	uint8_t last_data[PKT_PAYLOAD_MAX];
};

static struct gate gate; /* static because it is large; each case initialises it */

static inline struct addr ip(const char *format, unsigned n, uint16_t port)
{
	char text[64];
	struct addr a = {0};

	snprintf(text, sizeof(text), format, n);
	CHECK(addr_parse_ip(str_of(text), &a) == ERR_OK);
	a.port = port;
	return a;
}

static inline struct addr peer_addr(unsigned side, uint16_t port)
{
	return ip(side < 2 ? "10.%u.0.2" : "fd00:%u::2", side % 2, port);
}

/* Starts the gateway. `prepare` runs after the namespaces are made and before the gateway starts;
 * may be NULL. False: the test was skipped or has failed. */
static inline bool gate_open_after(unsigned workers, unsigned queues, void (*prepare)(void))
{
	struct io_config config = {.workers = workers,
	                           .interfaces = gate.interfaces,
	                           .n_interfaces = SIDES,
	                           .check_buffers = true};
	struct why why = {{0}};
	char reason[128];

	memset(&gate, 0, sizeof(gate));
	gate.workers = workers;
	if (!netns_make(gate.peers, PEERS, queues, reason)) {
		test_skip("%s", reason);
		return false;
	}
	for (unsigned i = 0; i < SIDES; i++) {
		struct relay_interface *f = &gate.interfaces[i];

		snprintf(f->name, sizeof(f->name),
		         i % 2 ? "core" : "access"); /* the name is independent of devices */
		f->bind = f->advertised = ip(i < 2 ? "10.%u.0.1" : "fd00:%u::1", i % 2, 0);
		f->port_min = PORT_MIN;
		f->port_max = PORT_MAX;
	}
	if (prepare)
		prepare();
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
		if (!test_expect(io_xdp.open(&gate.io[i], &config, &why) == ERR_OK, __FILE__,
		                 __LINE__, "open to succeed, got: %s", why.text))
			return false;
	}
	return true;
}

static inline bool gate_open(unsigned workers, unsigned queues)
{
	return gate_open_after(workers, queues, NULL);
}

static inline struct xdp_umem *umem(unsigned worker)
{
	return xdp_of(gate.io[worker])->umem;
}

/* Each frame must be free, waiting to be filled, or being sent; between turns the path has none. */
static inline void expect_frames_accounted(void)
{
	for (unsigned w = 0; w < gate.workers; w++) {
		struct xdp_umem *u = umem(w);

		EXPECT_INT(xdp_umem_count(u, XDP_PATH), 0);
		EXPECT_INT(xdp_umem_count(u, XDP_FREE), u->n_free);
		EXPECT_INT(xdp_umem_count(u, XDP_FREE) + xdp_umem_count(u, XDP_FILLING) +
		                   xdp_umem_count(u, XDP_SENDING),
		           u->n_frames);
	}
}

static inline void gate_close(void)
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

static inline struct io_port *open_port(unsigned worker, unsigned side, uint16_t number)
{
	struct io_port *p = &gate.ports[side][number - PORT_MIN];
	struct why why = {{0}};

	p->interface = &gate.interfaces[side];
	p->number = number;
	p->dscp = 46;
	test_expect(io_xdp.open_port(gate.io[worker], p, &why) == ERR_OK, __FILE__, __LINE__,
	            "open_port to succeed, got: %s", why.text);
	return p;
}

/* Connects port `number` of a side with the same port of the other side; the peers use port
 * `number`, too. */
static inline void join(unsigned worker, unsigned side, uint16_t number)
{
	for (unsigned i = 0; i < 2; i++) {
		open_port(worker, side ^ i, number);
		gate.to[side ^ i][number - PORT_MIN] = peer_addr(side ^ i, number);
	}
}

/* Runs one turn of a worker, which sends the packets of each peer to the other peer. */
static inline unsigned turn(unsigned worker)
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

/* Waits until a worker has something to do; false if none has within `ms` milliseconds. */
static inline bool wait_workers(int ms)
{
	struct pollfd fds[WORKERS_MAX * 16];
	unsigned n = 0;

	for (unsigned w = 0; w < gate.workers; w++) {
		int fd;

		for (unsigned i = 0;
		     n < ARRAY_LEN(fds) && (fd = io_xdp.wait_fd(gate.io[w], i)) >= 0; i++)
			fds[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	return poll(fds, n, ms) > 0;
}

/* Runs the workers until `done` packets were gathered, or none has come for `ms` milliseconds. */
static inline void run(uint64_t done, int ms)
{
	while (gate.gathered < done) {
		if (!wait_workers(ms))
			break;
		for (unsigned w = 0; w < gate.workers; w++)
			turn(w);
	}
}

/* --- peers ------------------------------------------------------------------ */

static inline int peer_udp(unsigned side, uint16_t port)
{
	struct addr at = peer_addr(side, port);
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(&at, &name);
	int fd = netns_socket(&gate.peers[side % 2], side < 2 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);

	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&name, len) == 0);
	return fd;
}

static inline bool peer_send(int fd, unsigned side, uint16_t port, const void *data, size_t n)
{
	struct addr to = addr_with_port(&gate.interfaces[side].bind, port);
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(&to, &name);

	return sendto(fd, data, n, 0, (struct sockaddr *)&name, len) == (ssize_t)n;
}

static inline ssize_t peer_receive(int fd, void *data, size_t room, struct addr *from)
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

/* Opens a packet socket on the peer's end of the veth, for frames of any content. */
static inline int peer_raw(unsigned i)
{
	struct sockaddr_ll name = {.sll_family = AF_PACKET};
	int fd = netns_socket(&gate.peers[i], AF_PACKET, SOCK_RAW, 0);

	CHECK(fd >= 0);
	name.sll_ifindex = 0;
	for (int index = 1; index < 64 && !name.sll_ifindex; index++) {
		name.sll_ifindex = index;
		if (bind(fd, (struct sockaddr *)&name, sizeof(name)) || index == 1)
			name.sll_ifindex = 0; /* index 1 is loopback */
	}
	CHECK(name.sll_ifindex);
	return fd;
}

/* Reads the link address of our device towards peer `side` % 2. */
static inline void here_mac(unsigned side, uint8_t mac[6])
{
	struct ifreq r = {.ifr_name = "here0"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	r.ifr_name[4] = (char)('0' + side % 2);
	CHECK(fd >= 0 && ioctl(fd, SIOCGIFHWADDR, &r) == 0);
	memcpy(mac, r.ifr_hwaddr.sa_data, 6);
	close(fd);
}

static inline size_t raw_frame(uint8_t *room, uint8_t **start, unsigned side, uint16_t port,
                               size_t len)
{
	static const uint8_t from_mac[6] = {2, 0, 0, 0, 0, 2};
	uint8_t to_mac[6];
	struct addr from = peer_addr(side, port),
		    to = addr_with_port(&gate.interfaces[side].bind, port);
	struct frame_link link;

	here_mac(side, to_mac);
	frame_link_make(&link, to_mac, from_mac, 0, to.version);
	memset(room + 128, 0x5a, len);
	*start = frame_build(room + 128, (uint16_t)len, &link,
	                     &(struct frame_ends){.from = &from, .to = &to});
	return (size_t)(room + 128 + len - *start);
}

#endif
