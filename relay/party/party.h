/* SPDX-License-Identifier: MIT */
/*
 * The SRTP of one party of a call. Terminals, the load generator and tests protect and open packets
 * with it, over one of the gateway's engines. The gateway's own packet path does not use it.
 */
#ifndef RELAY_PARTY_PARTY_H
#define RELAY_PARTY_PARTY_H

#include "base/err.h"
#include "keyctx/keyctx.h"
#include "relay/engine/engine.h"

/* Maximum number of SSRCs of one key. Further ones are refused, because forged packets must not
 * fill the memory. */
enum { PARTY_STREAMS_MAX = 128 };

/* An open engine and the window of the keys made with it. Used by one thread. */
struct party_engine {
	const struct engine_ops *ops;
	struct engine *engine;
	unsigned window; /* size of the replay and send windows, in packets */
};

struct party_stream {
	uint32_t ssrc;
	/* ROC, index, replay windows; NULL: the stream has not begun */
	struct engine_stream *state;
	struct party_stream *next;
};

/* One key in one direction, and the SSRCs under it. A sender of batches calls party_aim for each
 * packet and then the engine once for all packets. */
struct party {
	const struct party_engine *engine;
	struct engine_key *key;
	enum engine_direction direction;
	uint32_t roc; /* ROC at which the stream of a new received SSRC starts */
	unsigned n_streams;
	/* the first SSRC; most parties have only one. `next` leads to the others */
	struct party_stream first;
};

/* `ops` must have passed its self-test (engine_ops.probe, engine_choose). */
enum err party_engine_open(struct party_engine *out, const struct engine_ops *ops, unsigned window,
                           struct why *why) MUST_USE;
void party_engine_close(struct party_engine *e);

/* `key` is borrowed for this call, `engine` for the life of the party. */
enum err party_new(struct party **out, const struct party_engine *engine, const struct keyctx *key,
                   enum engine_direction direction, struct why *why) MUST_USE;
/* NULL is allowed. */
void party_free(struct party *p);

/* Begins the stream of an SSRC at a ROC. ERR_EXISTS, ERR_LIMIT, ERR_NOMEM, or the engine's
 * error. */
enum err party_begin(struct party *p, uint32_t ssrc, uint32_t roc) MUST_USE;

/* Fills in a packet whose `n` octets are in a buffer of `room` octets. False: it is neither RTP nor
 * RTCP, its header is incomplete, or `n` is above `room`. */
bool party_packet(struct pkt *out, uint8_t *data, size_t n, size_t room);
uint32_t party_ssrc(const struct pkt *p);

/* Sets the packet's key and stream to the party's key and first stream, for an engine call over a
 * batch. */
static inline void party_aim(const struct party *p, struct pkt *pkt)
{
	pkt->key = p->key;
	pkt->crypto = p->first.state;
}

/* Protects one packet in place: RTP under pkt->index, RTCP under the next SRTCP index. A new SSRC
 * begins at the ROC of the index. */
enum verdict party_protect(struct party *p, struct pkt *pkt);
/* Verifies and opens one packet in place. The stream of a new SSRC is kept only if its first packet
 * is authentic. */
enum verdict party_unprotect(struct party *p, struct pkt *pkt);

#endif
