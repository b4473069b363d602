/* SPDX-License-Identifier: MIT */
/* The packets that contenders work on: many streams, visited in a shuffled order. */
#ifndef BENCH_CRYPTO_PACKETS_H
#define BENCH_CRYPTO_PACKETS_H

#include "bench/crypto/work.h"

/* Zeroed before the first use; `suite`, `streams` and `payload` are set by the caller. */
struct packets {
	const struct suite *suite;
	unsigned streams, payload;
	size_t packet_bytes; /* of a protected packet; set by the caller with `payload` */
	uint32_t *order;     /* the shuffle in which streams are visited */
	uint64_t visits;     /* packets of one repetition, a multiple of the chunk */
	uint64_t warm;       /* the first of them are not timed */
	uint8_t *store;      /* protected packets in the order of visits; NULL: packets in clear */
	struct work_chunk chunk;
};

/* Allocates at least `pkts_min` packets over `streams` and shuffles their order. ERR_NOMEM. */
enum err packets_open(struct packets *p, unsigned pkts_min) MUST_USE;
void packets_close(struct packets *p);

/* The key of a stream; the caller frees it. */
struct keyctx *packets_key(const struct suite *suite, unsigned stream);
/* Fills the chunk with the packets of a repetition from number `visit` on. */
void packets_fill(struct packets *p, uint64_t visit);
/* Protects all packets with the first engine that has the suite, for packets_fill. */
enum err packets_protect(struct packets *p) MUST_USE;
/* packets_fill gives packets in clear again. */
void packets_forget(struct packets *p);

#endif
