/* SPDX-License-Identifier: MIT */
/*
 * Sends and receives the packets of one side: through a UDP socket or, if bench/net has set up a
 * tap, through packet sockets. Packet sockets bypass the kernel's IP stack, so that a generator on
 * one core can load a relay on another.
 */
#ifndef BENCH_GEN_WIRE_H
#define BENCH_GEN_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "bench/target/netns.h"
#include "relay/packet/pkt.h"

struct wire;

/* Opens the wire of one side. ERR_IO, ERR_DENIED, ERR_NOMEM; `why` names the step that failed. */
enum err wire_open(struct wire **out, const struct netns_place *place, enum bench_side side,
                   struct why *why) MUST_USE;
void wire_close(struct wire *w);
/* Returns the endpoint's address; the kernel has chosen its port. */
struct addr wire_local(const struct wire *w);

/* Sends at most WIRE_BATCH packets. Of each packet, len and to are set, and data has PKT_HEADROOM
 * octets before it. Returns how often it had to wait. */
enum { WIRE_BATCH = 64 };
unsigned wire_send(struct wire *w, struct pkt *const *batch, unsigned n);

/*
 * Receives up to `n` packets; sets data, len, tailroom and from of each, and its receive timestamp
 * (the kernel's, wall clock). The packets may be changed in place; they are valid until the next
 * wire_take.
 */
unsigned wire_take(struct wire *w, struct pkt *out, uint64_t *stamps_ns, unsigned n);
/* Returns the number of packets that the kernel dropped because they were not taken in time. */
uint64_t wire_drops(struct wire *w);

#endif
