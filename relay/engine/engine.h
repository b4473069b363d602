/* SPDX-License-Identifier: MIT */
/* What a crypto engine is: it protects and unprotects batches, and owns the cryptographic state of
 * streams. */
#ifndef RELAY_ENGINE_ENGINE_H
#define RELAY_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "keyctx/kdf.h"
#include "keyctx/keyctx.h"
#include "relay/packet/pkt.h"

/* One per worker: managers and scratch of a back end. Worker only. */
struct engine;
/*
 * Session keys of one keyctx in one direction, expanded once (RFC 3711 4.3, KDR 0), with its MKI
 * and the count of packets it was used for. Shared by all SSRCs of the key. Made and freed by
 * control; used by one worker in between.
 */
struct engine_key;
/* One SSRC under one key: highest index with ROC, replay windows of SRTP and SRTCP, SRTCP send
 * index. `engine_ops.stream_bytes` octets, no pointers owned except where the engine's stream_fini
 * says so. Worker only. */
struct engine_stream;

enum engine_direction { ENGINE_RECEIVE, ENGINE_SEND };

/* State of a stream in a form all engines share: what survives a restart or a hand-over, and where
 * a re-keyed stream starts. */
struct engine_stream_state {
	uint64_t rtp_index;      /* highest authenticated (receive) or used (send) 48-bit index;
	                            meaningless unless has_rtp */
	uint64_t rtp_window[16]; /* bit i % 64 of word i / 64: index rtp_index - i was seen; 1,024
	                            at most */
	uint64_t rtcp_window[2]; /* the same below rtcp_index */
	uint64_t rtp_pkts, rtcp_pkts; /* counted against the lifetime of the key */
	uint32_t rtcp_index; /* highest seen, or last sent; 31 bits; meaningless unless has_rtcp */
	uint32_t roc;        /* where a stream without has_rtp starts (RFC 3711 3.3.1) */
	bool has_rtp, has_rtcp;
};

/* Packets over all SSRCs of a key. `rtp_limit` is the lifetime of the keyctx. */
struct engine_key_use {
	uint64_t rtp_pkts, rtp_limit;
	uint64_t rtcp_pkts, rtcp_limit;
};

/*
 * Filled by name in each engine's file. Contracts common to all:
 *
 * unprotect: for every packet with verdict NONE, `key`, `crypto`, `kind` RTP or RTCP, and
 * `header_len` set, in order of arrival: estimates one index from the last authenticated one
 * (relay/packet/roc.h), checks the window, verifies the tag over the MKI-less packet, decrypts in
 * place, shortens `len` by tag, MKI and SRTCP index, commits window and index, sets `index`. The
 * outcome is that of one packet after the other, whatever the batch. A packet that fails gets the
 * first of these verdicts that applies, and has moved no state: CLEAR         shorter than header,
 * tag, MKI and SRTCP index together KEY_EXPIRED   the key's lifetime or the index space is used up
 *     TOO_OLD, REPLAYED
 *     NO_KEY        its MKI is not the key's
 *     AUTH_FAILED   the tag does not verify, or the E bit of an SRTCP packet is 0
 *     CRYPTO_FAILED the library refused
 *   Its `len` is unchanged; its octets are as they came with AES-CM, and undefined behind the
 * header with AEAD. protect: RTP is protected under exactly `pkt.index` (the path chose it and
 * keeps it unique: RFC 3711 9.1); the engine refuses an index used before under the same stream as
 * far back as its window reaches, or older (DUPLICATE). RTCP takes the stream's next SRTCP index, E
 * = 1; the first is 1, as libsrtp has it (RFC 3711 3.4 would have 0; a receiver takes any). Grows
 * `len` by index, MKI and tag; TOO_BIG when `tailroom` is short; KEY_EXPIRED at the end of the
 * key's life. Sets `index` of RTCP too. Both keep `tailroom` true: what `len` loses it gains.
 * Packets of many streams and keys are mixed in one batch; n is at most PKT_BATCH. No allocation,
 * except libsrtp's own for a new SSRC. Packets whose verdict is not NONE are skipped.
 */
struct engine_ops {
	const char *name;
	/* Can it work on this machine? Runs the known-answer self-test of every suite; a broken
	 * engine is refused here. Says why not. Called once, before any thread uses the engine. */
	enum err (*probe)(struct why *why);
	/* One line for the start-up log and `stats`: library version, CPU flags that matter. */
	const char *(*describe)(char *out, size_t room);

	enum err (*open)(struct engine **out, struct why *why);
	void (*close)(struct engine *e);

	/* Control thread. `key` is borrowed for the call. The result lives in secret memory.
	 * `window` is the window in packets, 64 to 1024, taken up to the next power of two: the
	 * replay window of a receive key, the send window of a send key. */
	enum err (*key_new)(struct engine_key **out, const struct keyctx *key,
	                    enum engine_direction direction, unsigned window, struct why *why);
	/* The same from session keys that were derived elsewhere, without MKI: known answers. NULL:
	 * libsrtp, which derives by itself. */
	enum err (*key_from_session)(struct engine_key **out, const struct kdf_session *keys,
	                             enum engine_direction direction, unsigned window,
	                             struct why *why);
	void (*key_free)(struct engine_key *key);
	/* Worker only. */
	void (*key_use)(const struct engine_key *key, struct engine_key_use *out);

	size_t stream_bytes; /* a multiple of 64 */
	/* Starts a stream in memory of stream_bytes octets, zeroed, on a boundary of 64. `start`
	 * NULL: ROC 0, nothing seen. Its packet counts are added to those of the key. ERR_RANGE;
	 * ERR_UNSUPPORTED when a start can't be taken on: libsrtp takes, for sending, the ROC or an
	 * index with an empty window. Sending, an SRTCP index goes on whatever key was before (RFC
	 * 3711 3.4). */
	enum err (*stream_init)(struct engine_stream *s, struct engine_key *key, uint32_t ssrc,
	                        const struct engine_stream_state *start);
	void (*stream_fini)(struct engine_stream *s);
	/* ERR_UNSUPPORTED: libsrtp, sending. Otherwise complete enough that stream_init with it
	 * goes on without reuse of an index. */
	enum err (*stream_export)(const struct engine_stream *s, struct engine_stream_state *out);

	/* Tags of SRTP under a receive key with HMAC are so long from now on, for a trial. Worker
	 * only. NULL: libsrtp. */
	void (*retag)(struct engine_key *key, unsigned tag_len);

	void (*unprotect)(struct engine *e, struct pkt **batch, unsigned n);
	void (*protect)(struct engine *e, struct pkt **batch, unsigned n);
};

extern const struct engine_ops engine_libsrtp;
extern const struct engine_ops engine_evp;
extern const struct engine_ops engine_mb;

/* Every engine built in, in the order `auto` tries them; NULL at the end. */
const struct engine_ops *const *engine_list(void);
/* `name` "auto" takes the first that probes well and logs nothing; `why` tells what was chosen
 * against. ERR_NOT_FOUND lists the names. */
enum err engine_choose(const struct engine_ops **out, struct str name, struct why *why) MUST_USE;

#endif
