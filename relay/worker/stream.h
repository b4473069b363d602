/* SPDX-License-Identifier: MIT */
/* Streams: one SSRC in one direction of a leg, and the pool they come from. Worker only, but for
 * chunks. */
#ifndef RELAY_WORKER_STREAM_H
#define RELAY_WORKER_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "relay/worker/key.h"
#include "relay/packet/replay.h"
#include "relay/worker/roc_guess.h"

struct leg;

/* Other ROCs than the state's own are tried: as yet only RTCP has verified, which says nothing of
 * the ROC; or the sender is lost. */
enum crypto_doubt { DOUBT_NONE, DOUBT_OPEN, DOUBT_LOST };

/* The engine's state of one SSRC under one key. A block of the pool. */
struct crypto {
	struct crypto *next; /* in the pool */
	struct key *key;
	bool is_provisional; /* no packet has verified under it yet: it ends with the batch */
	bool is_superseded;  /* what it knew of RTCP went over to another state of its stream; it
	                        ends with the batch */
	bool has_seen; /* it began with a window of SRTP packets that were seen under its key */
	bool is_ahead; /* provisional: of a stream that has lost its sender, at a ROC ahead of it */
	uint8_t doubt; /* enum crypto_doubt */
	uint8_t failures;    /* SRTP packets of the learnt source that failed, and none verified in
	                        between */
	uint32_t rtcp_index; /* receiving: highest SRTCP index that verified */
	uint64_t failed_at;  /* the stream's `pkts` at the first of them */
	struct roc_guess start;                       /* where it began */
	uint8_t state[] __attribute__((aligned(64))); /* struct engine_stream */
};

static inline struct engine_stream *crypto_state(struct crypto *c)
{
	return (struct engine_stream *)(void *)c->state;
}

/* A block of the pool. What only one direction uses says so; one that goes in ends with its second
 * line. */
struct stream {
	struct stream *next;
	uint32_t ssrc;        /* on the wire of its leg */
	uint32_t source_ssrc; /* out: what the source calls itself */
	struct leg *source; /* out: the leg it comes from; NULL: that leg has ended, and its SSRC is
	                       never to be used again */
	struct crypto *crypto,
		*previous; /* under the leg's present key, and (in) under the one before it */
	uint64_t index;    /* highest authenticated (in) or used (out) */
	bool has_index;
	bool is_out;         /* which kind of block this is; the pool's */
	uint32_t rtcp_index; /* out: last SRTCP index used */
	uint64_t last_ns;
	/* ---- second line */
	uint64_t pkts, bytes;
	/* out: the send window (RFC 3711 9.1); its bits are two lines, of which a packet touches
	 * one */
	struct replay window;
	union {
		struct { /* in: RFC 3550 6.4.1, A.3 */
			uint64_t first_index;
			uint32_t jitter_x16, transit;
		};
		struct { /* out: which packets are this name's (relay/path/name.h) */
			uint32_t timestamp, first_timestamp; /* of the packet at `index`, and of the
			                                        name's first */
			uint16_t jump_next; /* the sequence number that would have gone on before
			                       the last wide gap */
			uint16_t run_next;  /* that would go on with a run far behind, */
			uint8_t run;        /* which has so many packets */
		};
	};
	uint8_t payload_type;
	bool has_transit;
	/* out: the source leg's place in the media; the leg is gone, and may come back with its
	 * sources */
	uint8_t source_place;
	bool is_orphan;
	uint64_t window_bits[]; /* out: REPLAY_WORDS_MAX */
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct stream) == 128,
               "a stream is two cache lines, and two more for a send window");

/* The kinds of blocks: for a stream that comes in, for one that goes out, for the engine's state of
 * either. */
enum block_kind { BLOCK_IN, BLOCK_OUT, BLOCK_CRYPTO, BLOCK_KINDS };

/* How many of each kind. */
struct blocks {
	unsigned n[BLOCK_KINDS];
};

/* Memory for blocks: made by control, handed to a worker for good, freed when the relay ends. */
struct chunk {
	struct chunk *next, *next_waiting; /* control's lists */
	struct blocks blocks;
	uint8_t *of[BLOCK_KINDS];
};

/* Crypto blocks for an engine whose streams take `stream_bytes`. Control only. ERR_NOMEM. */
enum err chunk_new(struct chunk **out, const struct blocks *blocks, size_t stream_bytes) MUST_USE;
void chunk_free(struct chunk *c);

struct stream_pool {
	const struct engine_ops *ops;
	struct stream *streams[2]; /* BLOCK_IN, BLOCK_OUT */
	struct crypto *crypto;
	struct blocks unused;
};

void stream_pool_add(struct stream_pool *p, struct chunk *c);

/* Zeroed, its window too; NULL when the pool is empty. BLOCK_IN or BLOCK_OUT. */
struct stream *stream_take(struct stream_pool *p, enum block_kind kind);
/* With its crypto. */
void stream_give(struct stream_pool *p, struct stream *s);
/* Started at `start` under `key`, as engine_ops.stream_init; NULL when the pool is empty or the
 * engine refuses. */
struct crypto *crypto_take(struct stream_pool *p, struct key *key, uint32_t ssrc,
                           const struct engine_stream_state *start);
/* Starts it anew at `start`; packets counted before are counted. False when the engine refuses:
 * then it is as it was. */
bool crypto_restart(struct stream_pool *p, struct crypto *c, uint32_t ssrc,
                    const struct engine_stream_state *start);
/* Takes NULL. */
void crypto_give(struct stream_pool *p, struct crypto *c);

/* The stream of that SSRC in a leg's list, which it moves to the front; NULL. */
struct stream *stream_find(struct stream **list, uint32_t ssrc);
/* The stream that carries what `source` calls `ssrc`. */
struct stream *stream_find_source(struct stream **list, const struct leg *source, uint32_t ssrc);
/* Takes out the one unused for longest and at least `idle_ns`; NULL when none is idle. */
struct stream *stream_remove_idle(struct stream **list, uint64_t now_ns, uint64_t idle_ns);

/* Its state under `key`; NULL. */
static inline struct crypto *stream_crypto(const struct stream *s, const struct key *key)
{
	if (s->crypto && s->crypto->key == key)
		return s->crypto;
	return s->previous && s->previous->key == key ? s->previous : NULL;
}

/* The leg got a new key, the present one becomes the previous. */
void stream_shift(struct stream_pool *p, struct stream *s);
/* The previous key is the present one again. */
void stream_shift_back(struct stream *s);

#endif
