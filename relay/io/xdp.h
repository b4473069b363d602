/* SPDX-License-Identifier: MIT */
/* The inside of the xdp back end of one worker: what its receiving and sending halves share. */
#ifndef RELAY_IO_XDP_H
#define RELAY_IO_XDP_H

#include <stdint.h>

#include "relay/io/io.h"
#include "relay/io/own.h"
#include "relay/io/route.h"
#include "relay/io/xdp_share.h"
#include "relay/io/xdp_umem.h"

/* What a port leads to. `route` is the one its last packet took: compared before use. */
struct xdp_slot {
	struct io_port *port;
	struct route *route;
};

/* One worker's. Begins with struct io; worker only, but for open and close. */
struct xdp {
	struct io base;
	unsigned worker;
	unsigned busy_poll_us;
	struct io_shared *shared;
	struct pool *pool;
	struct xdp_umem *umem;
	struct route_nl *nl;
	struct route_table *routes;
	struct own own; /* what no packet from outside has as its source */
	struct {
		uint8_t mac[6]; /* of the link that has the address: frames for others are not ours
		                   (a flooding switch) */
		bool is_known;
	} links[XDP_INTERFACES_MAX];
	struct xdp_slot *slots[XDP_INTERFACES_MAX]; /* by interface, then port - port_min */
	struct {
		unsigned first, n; /* this worker's queues of the device in umem->queues */
		int packet_fd;     /* where it has none: frames leave by a packet socket */
	} devices[XDP_DEVICES_MAX];
	int slow; /* epoll set of what is looked at now and then: catch-all, netlink, wake-ups */
	unsigned turn;
	bool was_empty; /* of the last gather: nothing came */
	struct io_counters counters;
};

static inline struct xdp *xdp_of(struct io *io)
{
	return (struct xdp *)io;
}

/* The interface whose address and range a packet's destination falls in; -1: none. */
static inline int xdp_interface_of(const struct io_shared *s, const struct addr *to)
{
	for (unsigned i = 0; i < s->n_interfaces; i++) {
		const struct relay_interface *f = &s->interfaces[i];

		if (f->bind.version == to->version && to->port >= f->port_min &&
		    to->port <= f->port_max && memcmp(f->bind.ip, to->ip, sizeof(to->ip)) == 0)
			return (int)i;
	}
	return -1;
}

/* Asks the kernel again which addresses and link addresses this machine has. */
void xdp_learn_own(struct xdp *x);

/* io_ops.gather, send and release. */
unsigned xdp_gather(struct io *io, struct pkt **batch, unsigned room);
void xdp_send(struct io *io, struct pkt **batch, unsigned n);
void xdp_release(struct io *io, struct pkt **batch, unsigned n);

#endif
