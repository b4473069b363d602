/* SPDX-License-Identifier: MIT */
/* State shared by wire*.c. */
#ifndef BENCH_GEN_WIRE_STATE_H
#define BENCH_GEN_WIRE_STATE_H

#include <sys/socket.h>

#include "bench/gen/wire.h"
#include "relay/io/frame.h"

enum { WIRE_SOCKET_BYTES = 64 << 20 };

/* Frames in a ring the kernel writes to, and a socket that sends whole frames. */
struct wire_tap {
	int in, out; /* -1: none */
	struct frame_link link;
	uint8_t *ring;
	unsigned block, left; /* the block being read or waited for; its frames not yet read, ... */
	uint8_t *next;        /* ... the first of them; NULL: the block is still the kernel's */
	uint64_t drops;
};

struct wire {
	int fd; /* the UDP socket; beside a tap it only holds the port */
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
/* Headers before each packet; fills iov and msg. */
void wire_tap_frame(struct wire *w, struct pkt *const *batch, unsigned n);
unsigned wire_tap_take(struct wire *w, struct pkt *out, uint64_t *stamps_ns, unsigned n);
uint64_t wire_tap_drops(struct wire_tap *t);

static inline bool wire_has_tap(const struct wire *w)
{
	return w->tap.in >= 0;
}

#endif
