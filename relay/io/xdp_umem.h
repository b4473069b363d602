/* SPDX-License-Identifier: MIT */
/* A worker's frames and the AF_XDP sockets that share them: rings, owners, wake-ups. */
#ifndef RELAY_IO_XDP_UMEM_H
#define RELAY_IO_XDP_UMEM_H

#include <stdbool.h>
#include <stdint.h>
#include <xdp/xsk.h>

#include "base/err.h"

enum {
	XDP_FRAME = 2048,     /* octets of a frame: half a page, which every driver can do */
	XDP_FRAME_ROOM = 256, /* what the kernel leaves free at its start (XDP_PACKET_HEADROOM) */
	XDP_FRAME_MAX = 1600, /* octets of a frame received: the rest is tailroom */
	XDP_QUEUES_MAX = 128, /* of a worker, over all devices */
	XDP_RING = 2048,      /* slots of each ring */
};

/*
 * Every frame has one owner at any time. With `owners` (asked for by io_config, and always in test
 * builds and under a sanitizer) it is written down, and the process ends at the first frame that
 * somebody gives who does not have it.
 *
 *   FREE ──> FILLING ──(kernel)──> PATH ──> SENDING ──(kernel)──> FREE
 *     └───────────────────────────^ └──────────────────────────────^
 */
enum xdp_owner { XDP_FREE, XDP_FILLING, XDP_PATH, XDP_SENDING };

/* One queue of one device. The library's ring structs must start as zeros: it leaves parts of them
 * alone. */
struct xdp_queue {
	struct xsk_ring_cons rx, completion;
	struct xsk_ring_prod tx, fill;
	struct xsk_socket *socket;
	int fd;
	unsigned device; /* index into the devices of struct io_shared */
	uint32_t queue_id;
	uint32_t unsent;  /* put in tx, not yet told to the kernel or not yet taken by it */
	uint32_t filling; /* frames the kernel holds for receiving */
	bool is_zero_copy;
};

/* Worker only, but for new and free. */
struct xdp_umem {
	uint8_t *area;
	uint32_t n_frames, n_free;
	uint32_t *free;  /* last in, first out: still in the cache */
	uint8_t *owners; /* enum xdp_owner for each frame; NULL: no books are kept */
	struct xsk_umem *umem;
	struct xsk_ring_prod first_fill; /* the library wants rings to begin with; the first socket
	                                    takes them over */
	struct xsk_ring_cons first_completion;
	struct xdp_queue *queues;
	unsigned n_queues, room_queues;
};

/* Room for `n_queues` sockets of XDP_RING frames each way. ERR_NOMEM, ERR_LIMIT (locked memory),
 * ERR_IO. */
enum err xdp_umem_new(struct xdp_umem **out, unsigned n_queues, bool check_owners,
                      struct why *why) MUST_USE;
void xdp_umem_free(struct xdp_umem *u);

/* A queue of a device, and how its socket is to be bound. */
struct xdp_binding {
	const char *device_name;
	unsigned device;
	uint32_t queue_id;
	bool is_native;
	unsigned busy_poll_us;
};

/* Binds a socket to a queue of a device, zero-copy where the driver can. ERR_BUSY when another
 * socket has the queue. */
enum err xdp_umem_bind(struct xdp_umem *u, const struct xdp_binding *b, struct why *why) MUST_USE;

/* A frame for the path, or NULL. */
uint8_t *xdp_frame_take(struct xdp_umem *u);
/* Back from the path. */
void xdp_frame_give(struct xdp_umem *u, uint8_t *frame);

/* Tops up the fill ring, so that the kernel has frames to receive into. */
void xdp_queue_fill(struct xdp_umem *u, struct xdp_queue *q);
/* Up to `room` received packets; their frames are the path's now. */
unsigned xdp_queue_receive(struct xdp_umem *u, struct xdp_queue *q, struct xdp_desc *out,
                           unsigned room);
/* The frame that holds `start` is handed to the kernel for sending, from the path; false: no slot,
 * it stays the path's. */
bool xdp_queue_send(struct xdp_umem *u, struct xdp_queue *q, const uint8_t *start, uint32_t len);
/* Tells the kernel to send what waits; returns the number of system calls it took. */
unsigned xdp_queue_kick(struct xdp_umem *u, struct xdp_queue *q);

/* The start of the frame in which an address of the area lies. */
static inline uint8_t *xdp_frame_of(const struct xdp_umem *u, uint64_t offset)
{
	return u->area + (offset & ~(uint64_t)(XDP_FRAME - 1));
}

/* For tests: how many frames have that owner, by the books; 0 without. */
uint32_t xdp_umem_count(const struct xdp_umem *u, enum xdp_owner owner);

#endif
