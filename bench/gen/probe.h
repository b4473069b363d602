/* SPDX-License-Identifier: MIT */
/* What a packet's payload carries so that its fate can be measured: who, which one, when, and a sum
 * over all of it. */
#ifndef BENCH_GEN_PROBE_H
#define BENCH_GEN_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROBE_LEN = 20, PROBE_LATE_UNIT_NS = 2048 };

/*
 *  0      4         8                  14       16       20 ...
 *  | flow | counter | sent, ns (48 b)  | late    | sum    | filling, a function of flow and counter
 */
struct probe {
	uint32_t flow;
	uint32_t counter; /* of the flow's packets, from 0 */
	uint64_t sent_ns; /* since the run began, 48 bits: when it was handed to the kernel */
	uint64_t late_ns; /* how much later than its schedule that was; up to 134 ms, in steps of
	                     2,048 ns */
};

/* Fills `n` octets, at least PROBE_LEN. */
void probe_write(const struct probe *p, uint8_t *out, size_t n);
/* False when it is not ours or not what was sent. */
bool probe_read(struct probe *p, const uint8_t *in, size_t n);

#endif
