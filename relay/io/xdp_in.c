/* SPDX-License-Identifier: MIT */
/* Receiving: AF_XDP rings, the catch-all socket, and packets passed on by other workers. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clk.h"
#include "relay/io/frame.h"
#include "relay/io/xdp.h"
#include "relay/packet/pool.h"

enum {
	/* the slow descriptors are read at least once in this many turns, however full
	 * the rings are */
	SLOW_TURNS = 16,
	PREFETCH_AHEAD = 4,
	COPY_ROOM = 128, /* octets in front of a payload that did not arrive as a frame */
};

/* The packets of one gather. */
struct harvest {
	struct xdp *x;
	struct pkt **batch;
	unsigned n, room;
	uint64_t bytes, wake; /* wake: one bit for each worker that was given a packet */
};

static void drop(struct xdp *x, enum verdict v)
{
	counter_inc(&x->counters.dropped[v]);
}

/* A received payload, and the UMEM frame that holds it. */
struct arrival {
	const struct addr *from;
	uint8_t *frame, *data;
	uint16_t len;
	bool is_cut;
};

/* Puts a received payload into the batch. If no descriptor is free, drops the packet and frees the
 * frame. */
static void keep(struct harvest *h, struct io_port *port, const struct arrival *a)
{
	struct pkt *p = pool_take(h->x->pool);

	if (!p) {
		drop(h->x, VERDICT_OVERLOAD);
		xdp_frame_give(h->x->umem, a->frame);
		return;
	}
	p->data = a->data;
	p->len = a->len;
	p->tailroom = (uint16_t)(a->frame + XDP_FRAME - (a->data + a->len));
	p->verdict = a->is_cut ? VERDICT_TOO_BIG : VERDICT_NONE;
	p->port = port;
	p->io = &h->x->base;
	p->frame = a->frame;
	p->from = *a->from;
	h->batch[h->n++] = p;
	h->bytes += a->len;
}

/* --- packets of other workers ----------------------------------------------- */

/* Passes a packet to the worker that has its port open; drops it if no worker has. */
static void hand_over(struct harvest *h, int interface, uint16_t port, const struct arrival *a)
{
	struct io_shared *s = h->x->shared;
	const struct xdp_owners *o = &s->owners[interface];
	uint64_t owner = counter_get(&o->worker[port - o->port_min]);
	struct xdp_strayed strayed __attribute__((uninitialized));

	if (!owner || owner > s->workers || owner - 1 == h->x->worker) {
		drop(h->x, VERDICT_NO_PORT);
		return;
	}
	if (a->len > sizeof(strayed.payload)) {
		drop(h->x, VERDICT_TOO_BIG);
		return;
	}
	strayed.interface = (uint16_t)interface;
	strayed.port = port;
	strayed.len = a->len;
	strayed.from = *a->from;
	memcpy(strayed.payload, a->data, a->len);
	if (!ring_push(&s->strayed[h->x->worker * s->workers + (owner - 1)], &strayed)) {
		drop(h->x, VERDICT_OVERLOAD);
		return;
	}
	h->wake |= 1ull << (owner - 1);
}

static void wake_workers(struct harvest *h)
{
	const uint64_t one = 1;

	for (; h->wake; h->wake &= h->wake - 1) {
		int fd = h->x->shared->wake[__builtin_ctzll(h->wake)];

		/* A failed write means that the counter is full, and then the worker
		 * is awake anyway. */
		if (write(fd, &one, sizeof(one)) == sizeof(one))
			counter_inc(&h->x->counters.rx_calls);
	}
}

static void take_strayed(struct harvest *h, const struct xdp_strayed *strayed)
{
	struct xdp *x = h->x;
	const struct relay_interface *f = &x->shared->interfaces[strayed->interface];
	struct io_port *port = x->slots[strayed->interface][strayed->port - f->port_min].port;
	uint8_t *frame = port ? xdp_frame_take(x->umem) : NULL;

	if (!frame) {
		drop(x, port ? VERDICT_OVERLOAD : VERDICT_NO_PORT);
		return;
	}
	memcpy(frame + COPY_ROOM, strayed->payload, strayed->len);
	keep(h, port,
	     &(struct arrival){
		     .from = &strayed->from,
		     .frame = frame,
		     .data = frame + COPY_ROOM,
		     .len = strayed->len,
	     });
}

/* Takes the packets that other workers passed on. False: a ring may still hold packets. */
static bool drain_rings(struct harvest *h)
{
	struct io_shared *s = h->x->shared;
	struct xdp_strayed strayed __attribute__((uninitialized));

	for (unsigned from = 0; from < s->workers; from++) {
		if (from == h->x->worker)
			continue;
		while (h->n < h->room &&
		       ring_pop(&s->strayed[from * s->workers + h->x->worker], &strayed))
			take_strayed(h, &strayed);
	}
	return h->n < h->room;
}

/* Clears the eventfd when all rings are empty, checks the rings again, and sets the eventfd again
 * if they still hold packets. */
static void hear_wake(struct harvest *h)
{
	uint64_t count;

	if (!drain_rings(h))
		return;
	if (read(h->x->shared->wake[h->x->worker], &count, sizeof(count)) == sizeof(count))
		counter_inc(&h->x->counters.rx_calls);
	if (!drain_rings(h)) {
		const uint64_t one = 1;

		if (write(h->x->shared->wake[h->x->worker], &one, sizeof(one)) == sizeof(one))
			counter_inc(&h->x->counters.rx_calls);
	}
}

/* --- the catch-all socket --------------------------------------------------- */

/* The destination of the packet, which the kernel delivers as control data. */
static bool original_destination(struct msghdr *m, struct addr *out)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		bool is_it = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_ORIGDSTADDR) ||
		             (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_ORIGDSTADDR);

		if (is_it && !addr_from_sockaddr((const struct sockaddr *)CMSG_DATA(c), out))
			return true;
	}
	return false;
}

static void take_caught(struct harvest *h, const struct addr *to, const struct arrival *a)
{
	struct xdp *x = h->x;
	int interface = xdp_interface_of(x->shared, to);
	struct xdp_slot *slot;

	if (interface < 0) {
		drop(x, VERDICT_NO_PORT);
		xdp_frame_give(x->umem, a->frame);
		return;
	}
	slot = &x->slots[interface][to->port - x->shared->interfaces[interface].port_min];
	if (slot->port) {
		keep(h, slot->port, a);
		return;
	}
	hand_over(h, interface, to->port, a);
	xdp_frame_give(x->umem, a->frame);
}

static void hear_catch_all(struct harvest *h)
{
	struct xdp *x = h->x;

	while (h->n < h->room) {
		char control[128] __attribute__((aligned(16)));
		struct sockaddr_storage name;
		uint8_t *frame = xdp_frame_take(x->umem);
		struct iovec iov = {.iov_base = frame + COPY_ROOM, .iov_len = PKT_PAYLOAD_MAX};
		struct msghdr m = {.msg_name = &name,
		                   .msg_namelen = sizeof(name),
		                   .msg_iov = &iov,
		                   .msg_iovlen = 1,
		                   .msg_control = control,
		                   .msg_controllen = sizeof(control)};
		struct addr from, to;
		ssize_t n;

		if (!frame)
			return;
		n = recvmsg(x->shared->catch_all, &m, MSG_DONTWAIT);
		counter_inc(&x->counters.rx_calls);
		if (n < 0) {
			xdp_frame_give(x->umem, frame);
			/* The kernel reports a pending ICMP error once, instead of a packet. */
			if (errno == ECONNREFUSED || errno == EHOSTUNREACH ||
			    errno == ENETUNREACH || errno == EMSGSIZE)
				continue;
			return;
		}
		if (addr_from_sockaddr((const struct sockaddr *)&name, &from) ||
		    !original_destination(&m, &to)) {
			xdp_frame_give(x->umem, frame);
			continue;
		}
		take_caught(h, &to,
		            &(struct arrival){
				    .from = &from,
				    .frame = frame,
				    .data = frame + COPY_ROOM,
				    .len = (uint16_t)n,
				    .is_cut = m.msg_flags & MSG_TRUNC,
			    });
	}
}

/* --- frames ----------------------------------------------------------------- */

/* Whether the kernel would refuse the packet on this link; docs/packet-io.md lists these
 * packets. */
static bool is_martian(const struct xdp *x, int interface, const uint8_t *link,
                       const struct addr *from)
{
	if (x->links[interface].is_known &&
	    memcmp(link, x->links[interface].mac, sizeof(x->links[interface].mac)) != 0)
		return true;
	return own_has(&x->own, from);
}

static void take_frame(struct harvest *h, const struct xdp_desc *desc)
{
	struct xdp *x = h->x;
	uint8_t *start = x->umem->area + desc->addr, *frame = xdp_frame_of(x->umem, desc->addr);
	struct xdp_slot *slot = NULL;
	struct frame f;
	int interface = -1;
	enum err e = frame_parse(start, desc->len, &f);

	if (!e)
		interface = xdp_interface_of(x->shared, &f.to);
	if (interface >= 0 && is_martian(x, interface, start, &f.from)) {
		e = ERR_DENIED;
		interface = -1;
	}
	if (interface >= 0) {
		const struct relay_interface *at = &x->shared->interfaces[interface];

		slot = &x->slots[interface][f.to.port - at->port_min];
		if (f.from.version == 6 && addr_is_link_local(&f.from))
			f.from.scope = at->bind.scope;
	}
	if (slot) {
		const struct arrival a = {
			.from = &f.from, .frame = frame, .data = start + f.at, .len = f.len};

		if (slot->port) {
			keep(h, slot->port, &a);
			return;
		}
		hand_over(h, interface, f.to.port, &a);
	} else {
		drop(x, e == ERR_DENIED ? VERDICT_MARTIAN
		        : e             ? VERDICT_MALFORMED
		                        : VERDICT_NO_PORT);
	}
	xdp_frame_give(x->umem, frame);
}

static void hear_queue(struct harvest *h, struct xdp_queue *q)
{
	struct xdp *x = h->x;
	struct xdp_desc descs[PKT_BATCH] __attribute__((uninitialized));
	unsigned room = h->room - h->n, n;

	if (q->unsent)
		xdp_queue_kick(x->umem, q);
	n = xdp_queue_receive(x->umem, q, descs, room < PKT_BATCH ? room : PKT_BATCH);
	for (unsigned i = 0; i < n && i < PREFETCH_AHEAD; i++)
		__builtin_prefetch(x->umem->area + descs[i].addr);
	for (unsigned i = 0; i < n; i++) {
		if (i + PREFETCH_AHEAD < n)
			__builtin_prefetch(x->umem->area + descs[i + PREFETCH_AHEAD].addr);
		take_frame(h, &descs[i]);
	}
	if (n)
		xdp_queue_fill(x->umem, q);
	else if (x->busy_poll_us) {
		/* Busy polling: this syscall runs the driver's receive function, so the device
		 * need not interrupt. */
		recvfrom(q->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
		counter_inc(&x->counters.rx_calls);
	}
}

static void hear_changes(struct xdp *x)
{
	if (route_table_hear(x->routes))
		xdp_learn_own(x);
}

static void hear_slow(struct harvest *h)
{
	struct xdp *x = h->x;
	struct epoll_event events[4];
	int n = epoll_wait(x->slow, events, (int)ARRAY_LEN(events), 0);

	counter_inc(&x->counters.rx_calls);
	for (int i = 0; i < n; i++) {
		if (events[i].data.fd == x->shared->catch_all)
			hear_catch_all(h);
		else if (events[i].data.fd == route_nl_wait_fd(x->nl))
			hear_changes(x);
		else
			hear_wake(h);
	}
}

unsigned xdp_gather(struct io *io, struct pkt **batch, unsigned room)
{
	struct xdp *x = xdp_of(io);
	struct harvest h = {.x = x, .batch = batch, .room = room};
	unsigned queues = x->umem->n_queues;

	x->turn++;
	route_table_turn(x->routes, clk_mono_ns());
	if (x->shared->workers > 1)
		drain_rings(&h);
	/* Every SLOW_TURNS turns, reads the slow descriptors (route notifications, packets from the
	 * kernel) first: full batches would never leave room for them. */
	if (x->turn % SLOW_TURNS == 0)
		hear_slow(&h);
	/* The first queue changes every turn, so a queue that fills the batch does not
	 * starve the others. */
	for (unsigned i = 0; i < queues && h.n < room; i++)
		hear_queue(&h, &x->umem->queues[(x->turn + i) % queues]);
	/* Reads the slow descriptors if the rings were empty in two turns: one of these descriptors
	 * may have woken the worker. */
	if (h.n == 0 && x->was_empty)
		hear_slow(&h);
	x->was_empty = h.n == 0;
	wake_workers(&h);
	if (h.n) {
		counter_add(&x->counters.rx_pkts, h.n);
		counter_add(&x->counters.rx_bytes, h.bytes);
	}
	return h.n;
}

void xdp_release(struct io *io, struct pkt **batch, unsigned n)
{
	struct xdp *x = xdp_of(io);

	for (unsigned i = 0; i < n; i++) {
		if (batch[i]->io != io || !batch[i]->frame)
			continue;
		xdp_frame_give(x->umem, batch[i]->frame);
		batch[i]->frame = NULL;
	}
}
