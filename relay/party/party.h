/* SPDX-License-Identifier: MIT */
/*
 * SRTP of a call's party: what a terminal, a load generator or a test protects and opens packets
 * with, over one of the gateway's engines. The gateway's own packet path does not use it.
 */
#ifndef RELAY_PARTY_PARTY_H
#define RELAY_PARTY_PARTY_H

#include "base/err.h"
#include "keyctx/keyctx.h"
#include "relay/engine/engine.h"

/* New SSRCs of one key above this many are refused: forged packets must not fill the memory. */
enum { PARTY_STREAMS_MAX = 128 };

/* An open engine and the window of the keys made with it. Of one thread. */
struct party_engine {
	const struct engine_ops *ops;
	struct engine *engine;
	unsigned window; /* packets */
};

struct party_stream {
	uint32_t ssrc;
	struct engine_stream *state; /* ROC, index, replay windows; NULL: not begun */
	struct party_stream *next;
};

/* One key in one direction, and the SSRCs under it. Fields are read by senders of batches, which
 * aim packets themselves (party_aim) and call the engine for all of them at once. */
struct party {
	const struct party_engine *engine;
	struct engine_key *key;
	enum engine_direction direction;
	uint32_t roc; /* where a stream that a received packet begins starts */
	unsigned n_streams;
	struct party_stream first; /* most parties have one SSRC: it is here, the others follow */
};

/* `ops` must have passed its self-test (engine_ops.probe, engine_choose). */
enum err party_engine_open(struct party_engine *out, const struct engine_ops *ops, unsigned window,
                           struct why *why) MUST_USE;
void party_engine_close(struct party_engine *e);

/* `key` is borrowed for the call, the engine for the party's life. */
enum err party_new(struct party **out, const struct party_engine *engine, const struct keyctx *key,
                   enum engine_direction direction, struct why *why) MUST_USE;
/* Takes NULL. */
void party_free(struct party *p);

/* Begins the stream of an SSRC at a ROC. ERR_EXISTS, ERR_LIMIT, ERR_NOMEM, or what the engine
 * says. */
enum err party_begin(struct party *p, uint32_t ssrc, uint32_t roc) MUST_USE;

/* Makes a packet of octets in a buffer of `room`. False: neither RTP nor RTCP, or cut short. */
bool party_packet(struct pkt *out, uint8_t *data, size_t n, size_t room);
uint32_t party_ssrc(const struct pkt *p);

/* Points the packet at the party's key and its first stream, for an engine call over a batch. */
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
