/* SPDX-License-Identifier: MIT */
/* What a crypto engine is: it protects and unprotects batches, and owns the cryptographic state of streams. */
#ifndef RELAY_ENGINE_ENGINE_H
#define RELAY_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "keyctx/keyctx.h"
#include "relay/pkt.h"

/* One per worker: managers and scratch of a back end. Worker only. */
struct engine;
/* Session keys of one keyctx in one direction, expanded once (RFC 3711 4.3, KDR 0), with its MKI. Immutable, shared by all SSRCs of the key. */
struct engine_key;
/* One SSRC under one key: highest index with ROC, replay windows of SRTP and SRTCP, SRTCP send index. `engine_ops.stream_bytes` octets, no pointers owned
 * except where the engine's stream_fini says so. Worker only. */
struct engine_stream;

enum engine_direction { ENGINE_RECEIVE, ENGINE_SEND };

/* State of a stream in a form all engines share: what survives a restart or a hand-over, and where a re-keyed stream starts. */
struct engine_stream_state {
	uint64_t rtp_index;      /* highest authenticated (receive) or used (send) 48-bit index; meaningless unless has_rtp */
	uint64_t rtp_window[16]; /* bit i of word i/64: index rtp_index - i was seen; 1,024 at most */
	uint64_t rtcp_window[2];
	uint64_t rtp_pkts, rtcp_pkts; /* counted against the lifetime of the key */
	uint32_t rtcp_index;     /* highest seen, or last sent; 31 bits */
	uint32_t roc;            /* where a stream without has_rtp starts (RFC 3711 3.3.1) */
	bool has_rtp, has_rtcp;
};

/*
 * Filled by name in each engine's file. Contracts common to all:
 *
 * unprotect: for every packet with verdict NONE, `key`, `crypto`, `kind` RTP or RTCP, and `header_len` set, in order of arrival:
 *   estimates one index from the last authenticated one (RFC 3711 3.3.1; within a batch: from the state before the batch, re-checked at
 *   commit), checks the window, verifies the tag over the MKI-less packet, decrypts in place, shortens `len` by tag, MKI and SRTCP index, commits
 *   window and index, sets `index`. A packet that fails gets its verdict (CLEAR, AUTH_FAILED, REPLAYED, TOO_OLD, KEY_EXPIRED, CRYPTO_FAILED) and has moved
 *   no state; its octets are then undefined, its `len` unchanged. Nothing moves before a tag verifies. An SRTCP packet whose E bit is 0 is accepted
 *   authenticated but unencrypted only if the key allows it; by default it is AUTH_FAILED.
 * protect: RTP is protected under exactly `pkt.index` (the path chose it and keeps it unique: R-G7); the engine refuses an index used before
 *   under the same stream as far back as its window reaches (DUPLICATE). RTCP takes the stream's next SRTCP index, E = 1. Grows `len` by index, MKI
 *   and tag; TOO_BIG when `tailroom` is short; KEY_EXPIRED at the end of the key's life.
 * Packets of many streams and keys are mixed in one batch; n is at most PKT_BATCH. No allocation, except libsrtp's own for a new SSRC. Packets whose
 *   verdict is not NONE are skipped.
 */
struct engine_ops {
	const char *name;
	/* Can it work on this machine? Runs the known-answer self-test of every suite; a broken engine is refused here. Says why not. */
	enum err (*probe)(struct why *why);
	/* One line for the start-up log and `stats`: library version, CPU flags that matter. */
	const char *(*describe)(char *out, size_t room);

	enum err (*open)(struct engine **out, struct why *why);
	void (*close)(struct engine *e);

	/* Control thread. `key` is borrowed for the call. The result lives in secret memory. `window` is the receive replay window in packets, 64 to 1024. */
	enum err (*key_new)(struct engine_key **out, const struct keyctx *key, enum engine_direction direction,
	                    unsigned window, struct why *why);
	void (*key_free)(struct engine_key *key);

	size_t stream_bytes;
	/* Starts a stream in memory of stream_bytes octets, zeroed. `start` NULL: ROC 0, nothing seen. ERR_UNSUPPORTED when a start that was
	 * not NULL can't be taken on (libsrtp takes the ROC and the highest index, not the windows). */
	enum err (*stream_init)(struct engine_stream *s, const struct engine_key *key, uint32_t ssrc,
	                        const struct engine_stream_state *start);
	void (*stream_fini)(struct engine_stream *s);
	/* ERR_UNSUPPORTED: libsrtp. Otherwise complete enough that stream_init with it goes on without reuse of an index. */
	enum err (*stream_export)(const struct engine_stream *s, struct engine_stream_state *out);

	void (*unprotect)(struct engine *e, struct pkt **batch, unsigned n);
	void (*protect)(struct engine *e, struct pkt **batch, unsigned n);
};

extern const struct engine_ops engine_libsrtp;
extern const struct engine_ops engine_evp;
extern const struct engine_ops engine_mb;

/* Every engine built in, in the order `auto` tries them; NULL at the end. */
const struct engine_ops *const *engine_list(void);
/* `name` "auto" takes the first that probes well and logs nothing; `why` tells what was chosen against. ERR_NOT_FOUND lists the names. */
enum err engine_choose(const struct engine_ops **out, struct str name, struct why *why) MUST_USE;

#endif
