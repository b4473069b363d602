/* SPDX-License-Identifier: MIT */
/* UMEM frames, rings and frame owners. */
#include "relay/io/xdp_umem.h"

#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/mem.h"

#if defined(SLUICE_TEST_BUILD) || defined(__SANITIZE_ADDRESS__)
#define ALWAYS_CHECK true
#else
#define ALWAYS_CHECK false
#endif

#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#endif
#ifndef SO_BUSY_POLL_BUDGET
#define SO_BUSY_POLL_BUDGET 70
#endif

enum {
	PATH_FRAMES = 1024, /* frames for packets in processing, and for copies */
	/* maximum number of syscalls of a kick; in copy mode each sends at most 32 packets */
	KICKS_MAX = 64,
	BUSY_POLL_BUDGET = 64,
};

/* --- owners ----------------------------------------------------------------- */

static uint32_t frame_index(const struct xdp_umem *u, const uint8_t *frame)
{
	return (uint32_t)((size_t)(frame - u->area) / XDP_FRAME);
}

static void move_owner(struct xdp_umem *u, uint32_t index, enum xdp_owner from, enum xdp_owner to)
{
	if (__builtin_expect(!u->owners, 1))
		return;
	CHECK(index < u->n_frames);
	CHECK(u->owners[index] == from);
	u->owners[index] = (uint8_t)to;
}

uint32_t xdp_umem_count(const struct xdp_umem *u, enum xdp_owner owner)
{
	uint32_t n = 0;

	for (uint32_t i = 0; u->owners && i < u->n_frames; i++)
		n += u->owners[i] == owner;
	return n;
}

static void free_push(struct xdp_umem *u, uint32_t index, enum xdp_owner from)
{
	move_owner(u, index, from, XDP_FREE);
	u->free[u->n_free++] = index;
}

static uint32_t free_pop(struct xdp_umem *u, enum xdp_owner to)
{
	uint32_t index = u->free[--u->n_free];

	move_owner(u, index, XDP_FREE, to);
	return index;
}

uint8_t *xdp_frame_take(struct xdp_umem *u)
{
	return u->n_free ? u->area + (size_t)free_pop(u, XDP_PATH) * XDP_FRAME : NULL;
}

void xdp_frame_give(struct xdp_umem *u, uint8_t *frame)
{
	free_push(u, frame_index(u, frame), XDP_PATH);
}

/* --- receiving -------------------------------------------------------------- */

void xdp_queue_fill(struct xdp_umem *u, struct xdp_queue *q)
{
	uint32_t want = XDP_RING - q->filling, at;

	if (want > u->n_free)
		want = u->n_free;
	if (!want || !xsk_ring_prod__reserve(&q->fill, want, &at))
		return;
	for (uint32_t i = 0; i < want; i++)
		*xsk_ring_prod__fill_addr(&q->fill, at + i) =
			(uint64_t)free_pop(u, XDP_FILLING) * XDP_FRAME;
	xsk_ring_prod__submit(&q->fill, want);
	q->filling += want;
}

unsigned xdp_queue_receive(struct xdp_umem *u, struct xdp_queue *q, struct xdp_desc *out,
                           unsigned room)
{
	uint32_t at, n = xsk_ring_cons__peek(&q->rx, room, &at);

	for (uint32_t i = 0; i < n; i++) {
		out[i] = *xsk_ring_cons__rx_desc(&q->rx, at + i);
		move_owner(u, (uint32_t)(out[i].addr / XDP_FRAME), XDP_FILLING, XDP_PATH);
	}
	if (n) {
		xsk_ring_cons__release(&q->rx, n);
		q->filling -= n;
	}
	return n;
}

/* --- sending ---------------------------------------------------------------- */

bool xdp_queue_send(struct xdp_umem *u, struct xdp_queue *q, const uint8_t *start, uint32_t len)
{
	uint64_t offset = (uint64_t)(start - u->area);
	struct xdp_desc *desc;
	uint32_t at;

	if (!xsk_ring_prod__reserve(&q->tx, 1, &at)) {
		xdp_queue_kick(u, q);
		if (!xsk_ring_prod__reserve(&q->tx, 1, &at))
			return false;
	}
	move_owner(u, (uint32_t)(offset / XDP_FRAME), XDP_PATH, XDP_SENDING);
	desc = xsk_ring_prod__tx_desc(&q->tx, at);
	desc->addr = offset;
	desc->len = len;
	desc->options = 0;
	q->unsent++;
	return true;
}

/* Frees the frames that the kernel has sent. */
static void reap(struct xdp_umem *u, struct xdp_queue *q)
{
	uint32_t at, n = xsk_ring_cons__peek(&q->completion, XDP_RING, &at);

	for (uint32_t i = 0; i < n; i++)
		free_push(u,
		          (uint32_t)(*xsk_ring_cons__comp_addr(&q->completion, at + i) / XDP_FRAME),
		          XDP_SENDING);
	if (n)
		xsk_ring_cons__release(&q->completion, n);
}

/* Slots of the tx ring that the kernel has not consumed. */
static uint32_t waiting(const struct xdp_queue *q)
{
	return *q->tx.producer - __atomic_load_n(q->tx.consumer, __ATOMIC_ACQUIRE);
}

unsigned xdp_queue_kick(struct xdp_umem *u, struct xdp_queue *q)
{
	unsigned calls = 0;

	if (!q->unsent)
		return 0;
	xsk_ring_prod__submit(&q->tx, q->tx.cached_prod - *q->tx.producer);
	while (calls < KICKS_MAX && waiting(q)) {
		uint32_t before = waiting(q);

		if (q->is_zero_copy && !xsk_ring_prod__needs_wakeup(&q->tx))
			break;
		calls++;
		if (sendto(q->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && errno != EAGAIN &&
		    errno != EBUSY && errno != ENOBUFS)
			break;
		if (q->is_zero_copy)
			break;
		reap(u, q);
		/* The device queue is full: the remaining packets are sent in the next turn. */
		if (waiting(q) == before)
			break;
	}
	q->unsent = waiting(q);
	reap(u, q);
	return calls;
}

/* --- life ------------------------------------------------------------------- */

static enum err map_frames(struct xdp_umem *u, struct why *why)
{
	size_t bytes = (size_t)u->n_frames * XDP_FRAME;
	struct xsk_umem_config config = {
		.fill_size = XDP_RING,
		.comp_size = XDP_RING,
		.frame_size = XDP_FRAME,
	};
	int failed;

	u->area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (u->area == MAP_FAILED) {
		u->area = NULL;
		return why_fail(why, ERR_NOMEM, "no memory for %zu octets of frames", bytes);
	}
	/* A core file must not contain decrypted media. Huge pages save TLB misses. */
	madvise(u->area, bytes, MADV_DONTDUMP);
	madvise(u->area, bytes, MADV_HUGEPAGE);
	failed = xsk_umem__create(&u->umem, u->area, bytes, &u->first_fill, &u->first_completion,
	                          &config);
	if (failed == -ENOBUFS)
		return why_fail(why, ERR_LIMIT,
		                "%zu octets of frames exceed the limit on locked memory "
		                "(RLIMIT_MEMLOCK); raise the limit (LimitMEMLOCK=infinity)",
		                bytes);
	if (failed)
		return why_fail(why, ERR_IO,
		                "cannot create the AF_XDP packet memory (UMEM) of %zu octets: %s",
		                bytes, strerror(-failed));
	return ERR_OK;
}

enum err xdp_umem_new(struct xdp_umem **out, unsigned n_queues, bool check_owners, struct why *why)
{
	struct xdp_umem *u = mem_alloc(sizeof(*u));
	enum err e = ERR_NOMEM;

	if (!u)
		return why_fail(why, e, "out of memory");
	u->n_frames = n_queues * 2 * XDP_RING + PATH_FRAMES;
	u->room_queues = n_queues;
	u->free = mem_array(u->n_frames, sizeof(u->free[0]));
	u->queues = mem_array(n_queues ? n_queues : 1, sizeof(u->queues[0]));
	if (check_owners || ALWAYS_CHECK)
		u->owners = mem_array(u->n_frames, 1);
	if (!u->free || !u->queues || ((check_owners || ALWAYS_CHECK) && !u->owners))
		goto failed;
	for (uint32_t i = u->n_frames; i > 0; i--)
		u->free[u->n_free++] = i - 1;
	e = map_frames(u, why);
	if (e)
		goto out;
	*out = u;
	return ERR_OK;
failed:
	why_fail(why, e, "out of memory");
out:
	xdp_umem_free(u);
	return e;
}

void xdp_umem_free(struct xdp_umem *u)
{
	if (!u)
		return;
	for (unsigned i = 0; i < u->n_queues; i++)
		xsk_socket__delete(u->queues[i].socket);
	if (u->umem)
		xsk_umem__delete(u->umem);
	if (u->area)
		munmap(u->area, (size_t)u->n_frames * XDP_FRAME);
	mem_free(u->owners);
	mem_free(u->queues);
	mem_free(u->free);
	mem_free(u);
}

/* With busy polling the worker's own thread runs the driver's receive function. If the kernel or
 * driver cannot do it, interrupts are used. */
static void set_busy_poll(int fd, unsigned us)
{
	int prefer = 1, time_us = (int)us, budget = BUSY_POLL_BUDGET;

	if (!us)
		return;
	setsockopt(fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &prefer, sizeof(prefer));
	setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &time_us, sizeof(time_us));
	setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, &budget, sizeof(budget));
}

static int create_socket(struct xdp_umem *u, struct xdp_queue *q, const char *device_name,
                         uint16_t bind_flags, bool is_native)
{
	struct xsk_socket_config config = {
		.rx_size = XDP_RING,
		.tx_size = XDP_RING,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.xdp_flags = is_native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE,
		.bind_flags = bind_flags,
	};

	return xsk_socket__create_shared(&q->socket, device_name, q->queue_id, u->umem, &q->rx,
	                                 &q->tx, &q->fill, &q->completion, &config);
}

static bool asks_zero_copy(int fd)
{
	struct xdp_options options = {0};
	socklen_t len = sizeof(options);

	return !getsockopt(fd, SOL_XDP, XDP_OPTIONS, &options, &len) &&
	       (options.flags & XDP_OPTIONS_ZEROCOPY);
}

enum err xdp_umem_bind(struct xdp_umem *u, const struct xdp_binding *b, struct why *why)
{
	struct xdp_queue *q = &u->queues[u->n_queues];
	int failed;

	if (u->n_queues == u->room_queues)
		return why_fail(
			why, ERR_LIMIT,
			"AF_XDP socket on %s queue %u: the worker counted only %u receive "
			"queues at its start; restart after changing the queues of a device",
			b->device_name, b->queue_id, u->room_queues);
	memset(q, 0, sizeof(*q));
	q->device = b->device;
	q->queue_id = b->queue_id;
	/* Without a mode flag the kernel uses zero-copy if the driver supports it,
	 * and otherwise copies. */
	failed = create_socket(u, q, b->device_name, XDP_USE_NEED_WAKEUP, b->is_native);
	if (failed)
		return why_fail(why, failed == -EBUSY ? ERR_BUSY : ERR_IO,
		                "AF_XDP socket on %s queue %u: %s", b->device_name, b->queue_id,
		                strerror(-failed));
	q->fd = xsk_socket__fd(q->socket);
	q->is_zero_copy = asks_zero_copy(q->fd);
	set_busy_poll(q->fd, b->busy_poll_us);
	u->n_queues++;
	xdp_queue_fill(u, q);
	return ERR_OK;
}
