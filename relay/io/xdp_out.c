/* SPDX-License-Identifier: MIT */
/* Sending: frames with headers go into the rings; packets that only the kernel can route go through
 * a raw socket. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "relay/io/frame.h"
#include "relay/io/xdp.h"

enum { COPY_ROOM = 128 };

/* Frames for a device on which this worker has no queue; one syscall at the end sends them. */
struct by_packet {
	unsigned n;
	struct {
		uint8_t device;
		uint8_t *frame;
		struct iovec iov;
	} of[PKT_BATCH];
};

struct sending {
	struct xdp *x;
	struct by_packet by_packet;
	uint64_t bytes, n;
	uint64_t calls;
};

static struct route *route_of(struct xdp *x, struct io_port *out, const struct addr *from,
                              const struct addr *to)
{
	struct xdp_slot *slot = out->io_private;

	if (!slot->route || !route_is(slot->route, from, to))
		slot->route = route_find(x->routes, from, to);
	return slot->route;
}

/* The payload in a UMEM frame with headroom: the original one, or a copy if the buffer belongs to
 * another back end. NULL: no frame is free. */
static uint8_t *own_payload(struct xdp *x, struct pkt *p, uint8_t **frame)
{
	if (p->io == &x->base && p->frame) {
		*frame = p->frame;
		return p->data;
	}
	*frame = xdp_frame_take(x->umem);
	if (!*frame)
		return NULL;
	memcpy(*frame + COPY_ROOM, p->data, p->len);
	return *frame + COPY_ROOM;
}

/* A packet whose payload is in a UMEM frame of this worker. */
struct outgoing {
	struct pkt *pkt;
	uint8_t *payload, *frame;
	struct addr from;
};

static uint8_t *build(const struct outgoing *o, const struct frame_link *link)
{
	const struct frame_ends ends = {
		.from = &o->from, .to = &o->pkt->to, .dscp = o->pkt->out->dscp};

	return frame_build(o->payload, o->pkt->len, link, &ends);
}

static enum verdict by_kernel(struct sending *s, const struct outgoing *o)
{
	static const struct frame_link none = {.len = 0};
	const struct pkt *p = o->pkt;
	struct sockaddr_storage name;
	struct addr to = addr_with_port(&p->to, 0);
	socklen_t name_len = addr_to_sockaddr(&to, &name);
	uint8_t *start = build(o, &none);
	int fd = s->x->shared->raw[p->to.version == 6];

	s->calls++;
	if (sendto(fd, start, (size_t)(o->payload + p->len - start), MSG_DONTWAIT,
	           (struct sockaddr *)&name, name_len) >= 0)
		return VERDICT_FORWARDED;
	switch (errno) {
	case EMSGSIZE:
		return VERDICT_MTU;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
		return VERDICT_NO_ROUTE;
	default:
		return VERDICT_SEND_FAILED;
	}
}

static enum verdict by_frame(struct sending *s, const struct outgoing *o,
                             const struct route_hop *hop)
{
	struct xdp *x = s->x;
	const struct pkt *p = o->pkt;
	unsigned queues = x->devices[hop->device].n;
	uint8_t *start = build(o, &hop->link[p->to.version == 6]);
	uint32_t len = (uint32_t)(o->payload + p->len - start);

	if (queues) {
		/* All packets of a port use the same queue, which keeps the order within a
		 * stream. */
		struct xdp_queue *q = &x->umem->queues[x->devices[hop->device].first +
		                                       p->out->number / 2 % queues];

		return xdp_queue_send(x->umem, q, start, len) ? VERDICT_FORWARDED
		                                              : VERDICT_OVERLOAD;
	}
	s->by_packet.of[s->by_packet.n].device = (uint8_t)hop->device;
	s->by_packet.of[s->by_packet.n].frame = o->frame;
	s->by_packet.of[s->by_packet.n++].iov = (struct iovec){.iov_base = start, .iov_len = len};
	return VERDICT_FORWARDED;
}

static void send_one(struct sending *s, struct pkt *p)
{
	struct xdp *x = s->x;
	struct outgoing o = {.pkt = p,
	                     .from = addr_with_port(&p->out->interface->bind, p->out->number)};
	struct route *r = NULL;
	enum route_way way = ROUTE_BY_NONE;
	bool is_copy, is_sent;

	if (p->to.version == o.from.version) {
		r = route_of(x, p->out, &o.from, &p->to);
		way = route_choose(x->routes, r);
	}
	if (way == ROUTE_BY_NONE) {
		p->verdict = VERDICT_NO_ROUTE;
		return;
	}
	if ((unsigned)p->len + frame_ip_overhead(p->to.version) > r->mtu && way == ROUTE_BY_FRAME) {
		p->verdict = VERDICT_MTU;
		return;
	}
	o.payload = own_payload(x, p, &o.frame);
	if (!o.payload) {
		p->verdict = VERDICT_OVERLOAD;
		return;
	}
	is_copy = o.frame != p->frame;
	p->verdict = (uint8_t)(way == ROUTE_BY_FRAME ? by_frame(s, &o, r->hop) : by_kernel(s, &o));
	is_sent = p->verdict == VERDICT_FORWARDED;
	if (is_sent) {
		s->n++;
		s->bytes += p->len;
	}
	/* A frame in a ring belongs to the kernel, and a frame for a packet socket to the list in
	 * by_packet. Any other frame still belongs to its previous owner. */
	if (is_sent && way == ROUTE_BY_FRAME) {
		if (!is_copy)
			p->frame = NULL;
	} else if (is_copy) {
		xdp_frame_give(x->umem, o.frame);
	}
}

/* Sends consecutive frames of one device with one syscall. The kernel copies them, so the frames
 * are free at once. Frames that the kernel refuses are lost. */
static void send_by_packet(struct sending *s)
{
	struct by_packet *b = &s->by_packet;
	struct mmsghdr messages[PKT_BATCH] __attribute__((uninitialized));

	for (unsigned at = 0; at < b->n;) {
		unsigned n = 0;

		for (; at + n < b->n && b->of[at + n].device == b->of[at].device; n++)
			messages[n] = (struct mmsghdr){
				.msg_hdr = {.msg_iov = &b->of[at + n].iov, .msg_iovlen = 1},
			};
		s->calls++;
		if (sendmmsg(s->x->devices[b->of[at].device].packet_fd, messages, n, MSG_DONTWAIT) <
		    (int)n)
			counter_inc(&s->x->counters.dropped[VERDICT_SEND_FAILED]);
		at += n;
	}
	for (unsigned i = 0; i < b->n; i++)
		xdp_frame_give(s->x->umem, b->of[i].frame);
	b->n = 0;
}

void xdp_send(struct io *io, struct pkt **batch, unsigned n)
{
	struct sending s
		/* the list in it is long and mostly unused, so it is not zeroed */
		__attribute__((uninitialized));

	s.x = xdp_of(io);
	s.by_packet.n = 0;
	s.bytes = s.n = s.calls = 0;
	for (unsigned i = 0; i < n; i++) {
		if (batch[i]->verdict != VERDICT_NONE)
			continue;
		if (s.by_packet.n == PKT_BATCH)
			send_by_packet(&s);
		send_one(&s, batch[i]);
	}
	if (s.by_packet.n)
		send_by_packet(&s);
	for (unsigned i = 0; i < s.x->umem->n_queues; i++)
		s.calls += xdp_queue_kick(s.x->umem, &s.x->umem->queues[i]);
	if (s.n) {
		counter_add(&s.x->counters.tx_pkts, s.n);
		counter_add(&s.x->counters.tx_bytes, s.bytes);
	}
	counter_add(&s.x->counters.tx_calls, s.calls);
}
