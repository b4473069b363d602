/* SPDX-License-Identifier: MIT */
/* The xdp back end: AF_XDP sockets on the devices of every interface, one UMEM for each worker. */
#include "relay/io/xdp.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

static void xdp_close(struct io *io)
{
	struct xdp *x = xdp_of(io);

	if (!x)
		return;
	xdp_umem_free(x->umem);
	route_table_free(x->routes);
	route_nl_close(x->nl);
	for (unsigned i = 0; i < ARRAY_LEN(x->slots); i++)
		mem_free(x->slots[i]);
	for (unsigned i = 0; i < ARRAY_LEN(x->devices); i++)
		if (x->devices[i].packet_fd >= 0)
			close(x->devices[i].packet_fd);
	if (x->slow >= 0)
		close(x->slow);
	mem_free(x);
}

static bool is_queue_ours(const struct xdp *x, uint32_t queue)
{
	return queue % x->shared->workers == x->worker;
}

static enum err bind_queues(struct xdp *x, bool check_owners, struct why *why)
{
	struct io_shared *s = x->shared;
	unsigned n = 0;
	enum err e;

	for (unsigned d = 0; d < s->n_devices; d++)
		for (uint32_t q = 0; q < s->devices[d].queues; q++)
			n += is_queue_ours(x, q);
	if (n > XDP_QUEUES_MAX)
		return why_fail(why, ERR_LIMIT,
		                "AF_XDP: a worker would serve %u receive queues, the maximum is "
		                "%d; use more workers or fewer queues (ethtool -L)",
		                n, XDP_QUEUES_MAX);
	e = xdp_umem_new(&x->umem, n, check_owners, why);
	for (unsigned d = 0; !e && d < s->n_devices; d++) {
		x->devices[d].first = x->umem->n_queues;
		for (uint32_t q = 0; !e && q < s->devices[d].queues; q++) {
			if (!is_queue_ours(x, q))
				continue;
			const struct xdp_binding b = {.device_name = s->devices[d].name,
			                              .device = d,
			                              .queue_id = q,
			                              .is_native = s->devices[d].is_native,
			                              .busy_poll_us = x->busy_poll_us};

			e = xdp_umem_bind(x->umem, &b, why);
			if (!e)
				e = xdp_share_steer(s, d, q,
				                    x->umem->queues[x->umem->n_queues - 1].fd, why);
		}
		x->devices[d].n = x->umem->n_queues - x->devices[d].first;
	}
	return e;
}

/* Opens a packet socket for each device on which this worker has no queue (more workers than
 * queues). The worker sends through it; other workers pass on the packets received for it. */
static enum err open_packet_sockets(struct xdp *x, struct why *why)
{
	for (unsigned d = 0; d < x->shared->n_devices; d++) {
		struct sockaddr_ll name = {.sll_family = AF_PACKET,
		                           .sll_ifindex = (int)x->shared->devices[d].ifindex};
		int fd, one = 1;

		if (x->devices[d].n)
			continue;
		fd = x->devices[d].packet_fd =
			socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof(name)))
			return why_fail(why, ERR_IO, "cannot open a packet socket on %s: %s",
			                x->shared->devices[d].name, strerror(errno));
		setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	}
	return ERR_OK;
}

static enum err open_routes(struct xdp *x, struct why *why)
{
	uint32_t ifindexes[XDP_DEVICES_MAX];
	struct route_config config = {.source = &route_nl_source,
	                              .devices = ifindexes,
	                              .n_devices = x->shared->n_devices};
	enum err e = route_nl_open(&x->nl, why);

	if (e)
		return e;
	for (unsigned d = 0; d < x->shared->n_devices; d++)
		ifindexes[d] = x->shared->devices[d].ifindex;
	config.source_arg = x->nl;
	e = route_table_new(&x->routes, &config);
	return e ? why_fail(why, e, "cannot create the table of next hops: %s", err_meaning(e))
	         : ERR_OK;
}

/* --- own addresses ---------------------------------------------------------- */

struct learning {
	struct xdp *x;
	uint32_t ifindexes[XDP_INTERFACES_MAX];
};

static void learn_address(void *arg, const struct route_address *a)
{
	struct learning *l = arg;

	own_add(&l->x->own, &a->ip);
	if (!addr_is_none(&a->broadcast))
		own_add(&l->x->own, &a->broadcast);
	for (unsigned i = 0; i < l->x->shared->n_interfaces; i++)
		if (addr_is_same_host(&l->x->shared->interfaces[i].bind, &a->ip))
			l->ifindexes[i] = a->ifindex;
}

void xdp_learn_own(struct xdp *x)
{
	struct learning l = {.x = x};

	own_clear(&x->own);
	/* If the question fails, packets from this machine's own addresses pass until the next
	 * notification. */
	(void)!route_nl_source.ask_addresses(x->nl, learn_address, &l);
	for (unsigned i = 0; i < x->shared->n_interfaces; i++) {
		struct route_link link;

		x->links[i].is_known = l.ifindexes[i] &&
		                       !route_nl_source.ask_link(x->nl, l.ifindexes[i], &link) &&
		                       link.is_ethernet;
		if (x->links[i].is_known)
			memcpy(x->links[i].mac, link.mac, sizeof(link.mac));
	}
}

static enum err make_slots(struct xdp *x, struct why *why)
{
	for (unsigned i = 0; i < x->shared->n_interfaces; i++) {
		const struct relay_interface *f = &x->shared->interfaces[i];

		x->slots[i] =
			mem_array((size_t)(f->port_max - f->port_min) + 1, sizeof(x->slots[i][0]));
		if (!x->slots[i])
			return why_fail(why, ERR_NOMEM, "out of memory");
	}
	return ERR_OK;
}

static bool watch(int set, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0;
}

static enum err open_waits(struct xdp *x, struct why *why)
{
	bool ok;

	x->slow = epoll_create1(EPOLL_CLOEXEC);
	ok = x->slow >= 0 && watch(x->slow, route_nl_wait_fd(x->nl));
	if (ok && x->worker == 0)
		ok = watch(x->slow, x->shared->catch_all);
	if (ok && x->shared->workers > 1)
		ok = watch(x->slow, x->shared->wake[x->worker]);
	return ok ? ERR_OK
	          : why_fail(why, ERR_IO, "cannot set up an epoll set: %s", strerror(errno));
}

static enum err xdp_open(struct io **out, const struct io_config *config, struct why *why)
{
	struct xdp *x = mem_alloc(sizeof(*x));
	enum err e;

	if (!x)
		return why_fail(why, ERR_NOMEM, "out of memory");
	x->base.ops = &io_xdp;
	x->worker = config->worker;
	x->busy_poll_us = config->busy_poll_us;
	x->shared = config->shared;
	x->pool = config->pool;
	x->slow = -1;
	for (unsigned i = 0; i < ARRAY_LEN(x->devices); i++)
		x->devices[i].packet_fd = -1;
	e = make_slots(x, why);
	if (!e)
		e = bind_queues(x, config->check_buffers, why);
	if (!e)
		e = open_packet_sockets(x, why);
	if (!e)
		e = open_routes(x, why);
	if (!e)
		e = open_waits(x, why);
	if (!e)
		xdp_learn_own(x);
	if (e) {
		xdp_close(&x->base);
		return e;
	}
	*out = &x->base;
	return ERR_OK;
}

/* The AF_XDP sockets are in the worker's poll list and not in an epoll set: the kernel would notify
 * an epoll set of every packet received or sent. */
static int xdp_wait_fd(struct io *io, unsigned i)
{
	const struct xdp *x = xdp_of(io);

	if (i == 0)
		return x->slow;
	return i <= x->umem->n_queues ? x->umem->queues[i - 1].fd : -1;
}

/* Whether another program's socket still has the port. */
static bool is_held(const struct addr *at)
{
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(at, &name);
	int fd = socket(name.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool held = fd < 0 || bind(fd, (struct sockaddr *)&name, len);

	if (fd >= 0)
		close(fd);
	return held;
}

static enum err xdp_open_port(struct io *io, struct io_port *port, struct why *why)
{
	struct xdp *x = xdp_of(io);
	struct addr at = addr_with_port(&port->interface->bind, port->number);
	int i = xdp_interface_of(x->shared, &at);
	char text[ADDR_TEXT_MAX];
	struct xdp_slot *slot;
	struct counter *owner;

	if (i < 0)
		return why_fail(why, ERR_RANGE, "%s is outside the port range of every interface",
		                addr_print(&at, text));
	slot = &x->slots[i][port->number - x->shared->interfaces[i].port_min];
	owner = &x->shared->owners[i].worker[port->number - x->shared->owners[i].port_min];
	if (slot->port ||
	    (counter_get(owner) && (counter_get(owner) != XDP_FOREIGN || is_held(&at))))
		return why_fail(why, ERR_EXISTS, "%s is already in use", addr_print(&at, text));
	slot->port = port;
	slot->route = NULL;
	counter_set(owner, x->worker + 1);
	port->io = io;
	port->fd = -1;
	port->io_private = slot;
	port->is_open = true;
	return ERR_OK;
}

static void xdp_close_port(struct io *io, struct io_port *port)
{
	struct xdp *x = xdp_of(io);
	struct addr at = addr_with_port(&port->interface->bind, port->number);
	int i = xdp_interface_of(x->shared, &at);

	if (!port->is_open || i < 0)
		return;
	counter_set(&x->shared->owners[i].worker[port->number - x->shared->owners[i].port_min], 0);
	*(struct xdp_slot *)port->io_private = (struct xdp_slot){.port = NULL};
	port->is_open = false;
	port->io_private = NULL;
}

static void xdp_settled(struct io *io)
{
	(void)io;
	xdp_drop_capabilities();
}

/* Number of packets that a queue dropped because its receive ring was full, or because the fill
 * ring had no frame. */
static uint64_t ring_drops(int fd)
{
	struct xdp_statistics s = {0};
	socklen_t len = sizeof(s);

	return getsockopt(fd, SOL_XDP, XDP_STATISTICS, &s, &len) ? 0
	                                                         : s.rx_dropped + s.rx_ring_full;
}

static uint64_t socket_drops(int fd)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t len = sizeof(info);

	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) || len != sizeof(info)
	               ? 0
	               : info[SK_MEMINFO_DROPS];
}

/* The kernel counts the drops. They are read on request, not for each packet. */
static const struct io_counters *xdp_counters(const struct io *io)
{
	struct xdp *x = (struct xdp *)(uintptr_t)io;
	uint64_t drops = x->worker == 0 ? socket_drops(x->shared->catch_all) : 0;

	for (unsigned i = 0; i < x->umem->n_queues; i++)
		drops += ring_drops(x->umem->queues[i].fd);
	counter_set(&x->counters.kernel_drops, drops);
	return &x->counters;
}

const struct io_ops io_xdp = {
	.name = "xdp",
	.is_free_to_ask = true,
	.probe = xdp_probe,
	.share = xdp_share,
	.unshare = xdp_unshare,
	.open = xdp_open,
	.close = xdp_close,
	.wait_fd = xdp_wait_fd,
	.open_port = xdp_open_port,
	.close_port = xdp_close_port,
	.gather = xdp_gather,
	.send = xdp_send,
	.release = xdp_release,
	.settled = xdp_settled,
	.counters = xdp_counters,
};
