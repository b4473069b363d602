/* SPDX-License-Identifier: MIT */
/* The packets that contenders work on: packets of many streams, visited in a shuffled order. */
#ifndef BENCH_CRYPTO_PACKETS_H
#define BENCH_CRYPTO_PACKETS_H

#include "bench/crypto/work.h"

/* The caller zeroes this before the first use, and sets `suite`, `streams` and `payload`. */
struct packets {
	const struct suite *suite;
	unsigned streams, payload;
	size_t packet_bytes; /* size of a protected packet; the caller sets it with `payload` */
	uint32_t *order;     /* stream numbers in the order of visits, shuffled */
	uint64_t visits;     /* packets of one repetition; a multiple of WORK_CHUNK */
	uint64_t warm;       /* number of packets at the start that are not timed */
	uint8_t *store; /* protected packets in the order of visits; NULL: unencrypted packets */
	struct work_chunk chunk;
};

/* Prepares repetitions of at least `pkts_min` packets over `streams`, and shuffles the order of the
 * streams. ERR_NOMEM. */
enum err packets_open(struct packets *p, unsigned pkts_min) MUST_USE;
void packets_close(struct packets *p);

/* Makes the key of a stream; the caller frees it. */
struct keyctx *packets_key(const struct suite *suite, unsigned stream);
/* Fills the chunk with the WORK_CHUNK packets of a repetition from number `visit` on. */
void packets_fill(struct packets *p, uint64_t visit);
/* Protects all packets with the first engine and stores them; packets_fill then gives these. */
enum err packets_protect(struct packets *p) MUST_USE;
/* Frees the protected packets; packets_fill then gives unencrypted packets again. */
void packets_forget(struct packets *p);

#endif
