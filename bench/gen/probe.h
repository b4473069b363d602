/* SPDX-License-Identifier: MIT */
/* The payload of measured packets: flow, counter, send time, and a checksum. */
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
	uint32_t counter; /* number of the packet in its flow, from 0 */
	uint64_t sent_ns; /* time of the send call since the start of the run, 48 bits */
	/* Delay of the send call against the schedule; up to 134 ms, in steps of 2,048 ns. */
	uint64_t late_ns;
};

/* Writes a payload of `n` octets, at least PROBE_LEN. */
void probe_write(const struct probe *p, uint8_t *out, size_t n);
/* False: the payload was not made by probe_write, or was altered. */
bool probe_read(struct probe *p, const uint8_t *in, size_t n);

#endif
