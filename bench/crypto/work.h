/* SPDX-License-Identifier: MIT */
/* The contenders that sluice-bench crypto measures on the same packets: engines, and floors, which
 * do only the cipher and MAC work of an engine. */
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

/* Packets; they are prepared outside the measured time. */
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
	/* NULL: a floor, which does the cipher and MAC work without packet index, replay window,
	 * counters, header or verdict. */
	const struct engine_ops *engine;
	enum err (*make)(struct work_contexts **out, const struct work_contender *w,
	                 const struct suite *suite, enum engine_direction direction, unsigned n);
	enum err (*set_key)(struct work_contexts *c, unsigned stream, const struct keyctx *key,
	                    struct why *why);
	void (*free)(struct work_contexts *c);
	/* Resets all streams to their start; may be NULL. */
	void (*restart)(struct work_contexts *c);
	/* Sets key and stream state of each packet of the chunk; not timed; may be NULL. */
	void (*aim)(struct work_contexts *c, struct work_chunk *chunk);
	/* Protects or unprotects packets `from` to `from + n - 1`; timed. */
	void (*run)(struct work_contexts *c, struct work_chunk *chunk, unsigned from, unsigned n);
};

enum { WORK_CONTENDERS_MAX = 8 };

/* Writes the engines that pass their self-test, then the floors, to `out`; returns their number. */
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
