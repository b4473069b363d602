/* SPDX-License-Identifier: MIT */
/* The UMEM of a worker and the AF_XDP sockets that share it: frames, rings, owners, wake-ups. */
#ifndef RELAY_IO_XDP_UMEM_H
#define RELAY_IO_XDP_UMEM_H

#include <stdbool.h>
#include <stdint.h>
#include <xdp/xsk.h>

#include "base/err.h"

enum {
	XDP_FRAME = 2048, /* octets of a frame: half a page, which every driver supports */
	/* headroom that the kernel leaves in a received frame (XDP_PACKET_HEADROOM) */
	XDP_FRAME_ROOM = 256,
	/* maximum octets of a received frame; the remaining octets are tailroom */
	XDP_FRAME_MAX = 1600,
	XDP_QUEUES_MAX = 128, /* maximum number of queues of one worker, over all devices */
	XDP_RING = 2048,      /* slots of each ring */
};

/*
 * The owner of a frame. With `owners` (io_config.check_buffers; always on in test builds and with a
 * sanitizer) the owner of every frame is recorded, and the process aborts when code that does not
 * own a frame passes it on.
 *
 *     FREE ──> FILLING ──(kernel)──> PATH ──> SENDING ──(kernel)──> FREE
 *      └───────────────────────────^  └──────────────────────────────^
 */
enum xdp_owner { XDP_FREE, XDP_FILLING, XDP_PATH, XDP_SENDING };

/* One queue of one device. The ring structs must be zeroed first, because libxdp does not
 * initialise all of their members. */
struct xdp_queue {
	struct xsk_ring_cons rx, completion;
	struct xsk_ring_prod tx, fill;
	struct xsk_socket *socket;
	int fd;
	unsigned device; /* index into the devices of struct io_shared */
	uint32_t queue_id;
	/* frames in the tx ring that the kernel has not consumed */
	uint32_t unsent;
	uint32_t filling; /* frames the kernel holds for receiving */
	bool is_zero_copy;
};

/* Worker only, except new and free. */
struct xdp_umem {
	uint8_t *area;
	uint32_t n_frames, n_free;
	uint32_t *free;  /* a stack of free frames: the frame used last is still in the CPU cache */
	uint8_t *owners; /* enum xdp_owner of each frame; NULL: not recorded */
	struct xsk_umem *umem;
	/* libxdp needs rings when it creates the UMEM; the first socket takes these over */
	struct xsk_ring_prod first_fill;
	struct xsk_ring_cons first_completion;
	struct xdp_queue *queues;
	unsigned n_queues, room_queues;
};

/* Allocates memory for `n_queues` sockets with XDP_RING frames in each direction. ERR_NOMEM,
 * ERR_IO, ERR_LIMIT (locked memory). */
enum err xdp_umem_new(struct xdp_umem **out, unsigned n_queues, bool check_owners,
                      struct why *why) MUST_USE;
void xdp_umem_free(struct xdp_umem *u);

/* A queue of a device, and how to bind its socket. */
struct xdp_binding {
	const char *device_name;
	unsigned device;
	uint32_t queue_id;
	bool is_native;
	unsigned busy_poll_us;
};

/* Binds a socket to a queue of a device, with zero-copy if the driver supports it. ERR_BUSY:
 * another socket is bound to the queue. */
enum err xdp_umem_bind(struct xdp_umem *u, const struct xdp_binding *b, struct why *why) MUST_USE;

/* Takes a frame for the path; NULL: none is free. */
uint8_t *xdp_frame_take(struct xdp_umem *u);
/* Frees a frame of the path. */
void xdp_frame_give(struct xdp_umem *u, uint8_t *frame);

/* Puts free frames into the fill ring; the kernel receives packets into them. */
void xdp_queue_fill(struct xdp_umem *u, struct xdp_queue *q);
/* Returns up to `room` received packets; their frames then belong to the path. */
unsigned xdp_queue_receive(struct xdp_umem *u, struct xdp_queue *q, struct xdp_desc *out,
                           unsigned room);
/* Puts the path's frame that contains `start` into the tx ring. False: the ring is full and the
 * frame stays with the path. */
bool xdp_queue_send(struct xdp_umem *u, struct xdp_queue *q, const uint8_t *start, uint32_t len);
/* Makes the kernel send the packets in the tx ring. Returns the number of syscalls. */
unsigned xdp_queue_kick(struct xdp_umem *u, struct xdp_queue *q);

/* The start of the frame that contains this offset of the area. */
static inline uint8_t *xdp_frame_of(const struct xdp_umem *u, uint64_t offset)
{
	return u->area + (offset & ~(uint64_t)(XDP_FRAME - 1));
}

/* For tests: number of frames with this owner; 0 if owners are not recorded. */
uint32_t xdp_umem_count(const struct xdp_umem *u, enum xdp_owner owner);

#endif
