/* SPDX-License-Identifier: MIT */
/* State shared by wire*.c. */
#ifndef BENCH_GEN_WIRE_STATE_H
#define BENCH_GEN_WIRE_STATE_H

#include <sys/socket.h>

#include "bench/gen/wire.h"
#include "relay/io/frame.h"

enum { WIRE_SOCKET_BYTES = 64 << 20 };

/* A ring to which the kernel writes received frames, and a socket that sends whole frames. */
struct wire_tap {
	int in, out; /* packet sockets for receiving and sending; -1: none */
	struct frame_link link;
	uint8_t *ring;
	unsigned block, left; /* index of the block to read; its frames not read yet */
	uint8_t *next;        /* the next of these; NULL: the kernel still owns the block */
	uint64_t drops;
};

struct wire {
	int fd; /* the UDP socket; with a tap it only reserves the port */
	struct addr local;
	struct wire_tap tap;
	struct mmsghdr msg[WIRE_BATCH];
	struct iovec iov[WIRE_BATCH];
	struct sockaddr_storage name[WIRE_BATCH];
	uint8_t control[WIRE_BATCH][64];
	uint8_t room[WIRE_BATCH][PKT_ROOM];
};

/* Opens the tap of a side that has a device. */
enum err wire_tap_open(struct wire *w, const struct netns_place *place, enum bench_side side,
                       struct why *why) MUST_USE;
void wire_tap_close(struct wire_tap *t);
/* Builds the headers in front of each packet; fills iov and msg. */
void wire_tap_frame(struct wire *w, struct pkt *const *batch, unsigned n);
unsigned wire_tap_take(struct wire *w, struct pkt *out, uint64_t *stamps_ns, unsigned n);
uint64_t wire_tap_drops(struct wire_tap *t);

static inline bool wire_has_tap(const struct wire *w)
{
	return w->tap.in >= 0;
}

#endif
