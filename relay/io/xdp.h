/* SPDX-License-Identifier: MIT */
/* The internals of the xdp back end of one worker, shared by its receiving and sending halves. */
#ifndef RELAY_IO_XDP_H
#define RELAY_IO_XDP_H

#include <stdint.h>

#include "relay/io/io.h"
#include "relay/io/own.h"
#include "relay/io/route.h"
#include "relay/io/xdp_share.h"
#include "relay/io/xdp_umem.h"

/* What a worker knows of a port number: the open port, or NULL; and the route of its last packet.
 * Check the route with route_is before use. */
struct xdp_slot {
	struct io_port *port;
	struct route *route;
};

/* The xdp back end of one worker. Starts with struct io. Worker only, except open, counters and
 * close. */
struct xdp {
	struct io base;
	unsigned worker;
	unsigned busy_poll_us;
	struct io_shared *shared;
	struct pool *pool;
	struct xdp_umem *umem;
	struct route_nl *nl;
	struct route_table *routes;
	struct own own; /* addresses that no packet from outside may have as its source */
	struct {
		/* MAC address of the link that has the interface's address. Frames for other MAC
		 * addresses, which a flooding switch also delivers, are dropped. */
		uint8_t mac[6];
		bool is_known;
	} links[XDP_INTERFACES_MAX];
	struct xdp_slot *slots[XDP_INTERFACES_MAX]; /* index: interface, then port - port_min */
	struct {
		/* this worker's queues of the device: n entries of umem->queues from `first` */
		unsigned first, n;
		int packet_fd; /* used if n is 0: frames leave through this packet socket */
	} devices[XDP_DEVICES_MAX];
	/* epoll set of the rarely used descriptors: catch-all socket, netlink, wake-ups */
	int slow;
	unsigned turn;
	bool was_empty; /* the last gather found nothing */
	struct io_counters counters;
};

static inline struct xdp *xdp_of(struct io *io)
{
	return (struct xdp *)io;
}

/* The interface whose address and port range contain the destination; -1: none. */
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

/* Asks the kernel again for the IP and link addresses of this machine. */
void xdp_learn_own(struct xdp *x);

/* These functions implement io_ops.gather, send and release. */
unsigned xdp_gather(struct io *io, struct pkt **batch, unsigned room);
void xdp_send(struct io *io, struct pkt **batch, unsigned n);
void xdp_release(struct io *io, struct pkt **batch, unsigned n);

#endif
