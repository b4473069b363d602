/* SPDX-License-Identifier: MIT */
/* What sluice-bench crypto measures: contenders (engines, and the bare arithmetic under them) doing
 * the same work on the same packets. */
#ifndef BENCH_CRYPTO_WORK_H
#define BENCH_CRYPTO_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "keyctx/keyctx.h"
#include "relay/engine/engine.h"
#include "relay/packet/pkt.h"

enum { WORK_HEADER_LEN = 12, WORK_PAYLOAD_MAX = 1500, WORK_ROOM = 1600, WORK_CHUNK = PKT_BATCH };

/* Packets, prepared outside the measured time. */
struct work_chunk {
	struct pkt pkts[WORK_CHUNK];
	struct pkt *batch[WORK_CHUNK];
	uint32_t stream[WORK_CHUNK]; /* stream of each packet */
	uint8_t (*octets)[WORK_ROOM];
};

/* Contexts of one contender for a number of streams, each with a key of its own. */
struct work_contexts;

struct work_contender {
	const char *name;
	/* NULL: a floor, the arithmetic alone without index, window, counts, header or verdict. */
	const struct engine_ops *engine;
	enum err (*make)(struct work_contexts **out, const struct work_contender *w,
	                 const struct suite *suite, enum engine_direction direction, unsigned n);
	enum err (*set_key)(struct work_contexts *c, unsigned stream, const struct keyctx *key,
	                    struct why *why);
	void (*free)(struct work_contexts *c);
	/* Sets the streams back to their start; may be NULL. */
	void (*restart)(struct work_contexts *c);
	/* Points packets at their contexts, untimed; may be NULL. */
	void (*aim)(struct work_contexts *c, struct work_chunk *chunk);
	/* Works on packets from to from + n - 1. Timed. */
	void (*run)(struct work_contexts *c, struct work_chunk *chunk, unsigned from, unsigned n);
};

enum { WORK_CONTENDERS_MAX = 8 };

/* Writes the engines that pass their self-test, then the floors; returns their number. */
unsigned work_contenders(struct work_contender out[WORK_CONTENDERS_MAX]);

extern const struct work_contender work_floor_openssl;
#ifdef WITH_MB
extern const struct work_contender work_floor_mb;
#endif

/* The SSRC of a stream. */
static inline uint32_t work_ssrc(unsigned stream)
{
	return 0x10000000u + stream;
}

#endif
