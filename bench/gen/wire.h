/* SPDX-License-Identifier: MIT */
/*
 * One side's packets out and in: by a UDP socket, or, where bench/net has laid a tap, by packet
 * sockets that leave the kernel's IP stack out, so that a generator on one core can load a relay on
 * another.
 */
#ifndef BENCH_GEN_WIRE_H
#define BENCH_GEN_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "bench/target/netns.h"
#include "relay/packet/pkt.h"

struct wire;

/* ERR_IO, ERR_DENIED, ERR_NOMEM; what could not be had is named. */
enum err wire_open(struct wire **out, const struct netns_place *place, enum bench_side side,
                   struct why *why) MUST_USE;
void wire_close(struct wire *w);
/* The endpoint's address, its port chosen by the kernel. */
struct addr wire_local(const struct wire *w);

/* Hands packets (data with PKT_HEADROOM octets before it, len, to) to the kernel; returns how often
 * it had to wait. At most WIRE_BATCH. */
enum { WIRE_BATCH = 64 };
unsigned wire_send(struct wire *w, struct pkt *const *batch, unsigned n);

/*
 * Up to `n` packets that wait: data, len, tailroom and from of each are set, and the kernel's
 * receive stamp (wall clock). They may be written to in place, and stay until the next call.
 */
unsigned wire_take(struct wire *w, struct pkt *out, uint64_t *stamps_ns, unsigned n);
/* Packets the kernel threw away because they were not taken in time. */
uint64_t wire_drops(struct wire *w);

#endif
