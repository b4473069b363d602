/* SPDX-License-Identifier: MIT */
/* Streams (one SSRC in one direction of a leg) and their pool. Worker only, except chunks. */
#ifndef RELAY_WORKER_STREAM_H
#define RELAY_WORKER_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "relay/worker/key.h"
#include "relay/packet/replay.h"
#include "relay/worker/roc_guess.h"

struct leg;

/* Why other ROCs than the state's own are tried. OPEN: only RTCP has verified so far, which does
 * not settle the ROC. LOST: packets fail in a row since a gap, so the ROC may be ahead. */
enum crypto_doubt { DOUBT_NONE, DOUBT_OPEN, DOUBT_LOST };

/* The engine's state of one SSRC under one key. A block of the pool. */
struct crypto {
	struct crypto *next; /* next free block in the pool */
	struct key *key;
	bool is_provisional; /* no packet has verified yet; the state ends with the batch */
	/* another state of the stream took over its RTCP window; this state ends with the batch */
	bool is_superseded;
	/* the state started with the replay window of an evicted stream */
	bool has_seen;
	/* provisional state at a higher ROC, tried because packets in a row fail (DOUBT_LOST) */
	bool is_ahead;
	uint8_t doubt; /* enum crypto_doubt */
	/* failures in a row of SRTP packets from the latched source */
	uint8_t failures;
	uint32_t rtcp_index;    /* receiving: highest SRTCP index that verified */
	uint64_t failed_at;     /* the stream's `pkts` at the first of these failures */
	struct roc_guess start; /* the guess that the state started from */
	uint8_t state[] __attribute__((aligned(64))); /* struct engine_stream */
};

static inline struct engine_stream *crypto_state(struct crypto *c)
{
	return (struct engine_stream *)(void *)c->state;
}

/* A block of the pool. Members for one direction are marked "in" or "out". An inbound stream ends
 * after the second cache line. */
struct stream {
	struct stream *next;
	uint32_t ssrc;        /* SSRC in the packets of its leg */
	uint32_t source_ssrc; /* out: the SSRC that the source uses */
	/* out: the leg of the source; NULL: that leg has ended, and this SSRC is not used again */
	struct leg *source;
	/* crypto: under the leg's present key; previous (in): under the key before it */
	struct crypto *crypto, *previous;
	uint64_t index; /* highest index: authenticated (in) or used (out) */
	bool has_index;
	bool is_out;         /* kind of the block: BLOCK_OUT or BLOCK_IN */
	uint32_t rtcp_index; /* out: last SRTCP index used */
	uint64_t last_ns;    /* time of the last packet */
	/* ---- second cache line */
	uint64_t pkts, bytes;
	/* out: the send window (RFC 3711 9.1); a packet touches one line of window_bits */
	struct replay window;
	union {
		struct { /* in: loss and jitter (RFC 3550 A.3, 6.4.1) */
			uint64_t first_index;
			uint32_t jitter_x16, transit;
		};
		struct { /* out: which packets belong to this SSRC (relay/path/name.h) */
			/* timestamps of the packet at `index` and of the first packet under this
			 * SSRC */
			uint32_t timestamp, first_timestamp;
			/* the sequence number that was expected next before the last wide gap */
			uint16_t jump_next;
			/* the next sequence number in the present run of packets far behind */
			uint16_t run_next;
			uint8_t run; /* the length of the present run of packets far behind */
		};
	};
	uint8_t payload_type;
	bool has_transit;
	/* out: the source leg's place in the media. is_orphan: that leg has ended and may appear
	 * again with the same sources. */
	uint8_t source_place;
	bool is_orphan;
	uint64_t window_bits[]; /* out: REPLAY_WORDS_MAX words */
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct stream) == 128,
               "a stream is two cache lines, and two more for a send window");

/* Blocks for inbound streams, for outbound streams, and for the engine's state of either. */
enum block_kind { BLOCK_IN, BLOCK_OUT, BLOCK_CRYPTO, BLOCK_KINDS };

/* A number of blocks of each kind. */
struct blocks {
	unsigned n[BLOCK_KINDS];
};

/* Memory for blocks. Control allocates it and hands it to a worker, which keeps it; control frees
 * it when the relay ends. */
struct chunk {
	struct chunk *next, *next_waiting; /* lists that control keeps */
	struct blocks blocks;
	uint8_t *of[BLOCK_KINDS];
};

/* The size of crypto blocks follows from `stream_bytes` of the engine. Control only. ERR_NOMEM. */
enum err chunk_new(struct chunk **out, const struct blocks *blocks, size_t stream_bytes) MUST_USE;
void chunk_free(struct chunk *c);

struct stream_pool {
	const struct engine_ops *ops;
	struct stream *streams[2]; /* free blocks: BLOCK_IN, BLOCK_OUT */
	struct crypto *crypto;
	struct blocks unused;
};

void stream_pool_add(struct stream_pool *p, struct chunk *c);

/* A zeroed block of BLOCK_IN or BLOCK_OUT, window included; NULL: the pool is empty. */
struct stream *stream_take(struct stream_pool *p, enum block_kind kind);
/* Returns a stream and its crypto states to the pool. */
void stream_give(struct stream_pool *p, struct stream *s);
/* A state that starts at `start` under `key` (engine_ops.stream_init). NULL: the pool is empty or
 * the engine refuses. */
struct crypto *crypto_take(struct stream_pool *p, struct key *key, uint32_t ssrc,
                           const struct engine_stream_state *start);
/* Restarts the state at `start`; the packet counts stay. False: the engine refuses and the
 * state is unchanged. */
bool crypto_restart(struct stream_pool *p, struct crypto *c, uint32_t ssrc,
                    const struct engine_stream_state *start);
/* Returns a crypto state to the pool. NULL is allowed. */
void crypto_give(struct stream_pool *p, struct crypto *c);

/* Finds a stream by SSRC in a leg's list and moves it to the front; NULL: none. */
struct stream *stream_find(struct stream **list, uint32_t ssrc);
/* Finds an outbound stream by its source leg and SSRC and moves it to the front; NULL: none. */
struct stream *stream_find_source(struct stream **list, const struct leg *source, uint32_t ssrc);
/* Removes the least recently used stream if it was idle for `idle_ns`; NULL: none was. */
struct stream *stream_remove_idle(struct stream **list, uint64_t now_ns, uint64_t idle_ns);

/* The stream's state under `key`; NULL: none. */
static inline struct crypto *stream_crypto(const struct stream *s, const struct key *key)
{
	if (s->crypto && s->crypto->key == key)
		return s->crypto;
	return s->previous && s->previous->key == key ? s->previous : NULL;
}

/* For a new key of the leg: the present state becomes the previous one. */
void stream_shift(struct stream_pool *p, struct stream *s);
/* The previous state becomes the present one again. */
void stream_shift_back(struct stream *s);

#endif
