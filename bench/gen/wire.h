/* SPDX-License-Identifier: MIT */
/*
 * One side's packets out and in: by a UDP socket or, if bench/net set up a tap, by packet sockets.
 * These bypass the kernel's IP stack, so that a generator on one core can load a relay on another.
 */
#ifndef BENCH_GEN_WIRE_H
#define BENCH_GEN_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "bench/target/netns.h"
#include "relay/packet/pkt.h"

struct wire;

/* ERR_IO, ERR_DENIED, ERR_NOMEM; `why` names what failed. */
enum err wire_open(struct wire **out, const struct netns_place *place, enum bench_side side,
                   struct why *why) MUST_USE;
void wire_close(struct wire *w);
/* The endpoint's address, its port chosen by the kernel. */
struct addr wire_local(const struct wire *w);

/* Sends packets (data with PKT_HEADROOM octets before it, len, to); returns how often it had to
 * wait. At most WIRE_BATCH. */
enum { WIRE_BATCH = 64 };
unsigned wire_send(struct wire *w, struct pkt *const *batch, unsigned n);

/*
 * Receives up to `n` packets: data, len, tailroom and from of each are set, and the kernel's
 * receive stamp (wall clock). They may be changed in place and are valid until the next call.
 */
unsigned wire_take(struct wire *w, struct pkt *out, uint64_t *stamps_ns, unsigned n);
/* Packets that the kernel dropped because they were not received in time. */
uint64_t wire_drops(struct wire *w);

#endif
