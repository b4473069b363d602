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

/* An open engine with its scratch memory. Each worker has one; only that worker uses it. */
struct engine;
/* The session keys of one keyctx in one direction, expanded once (RFC 3711 4.3, KDR 0), with the
 * MKI and the number of packets already processed under them. Shared by all SSRCs of the key.
 * Control creates and frees it; in between one worker uses it. */
struct engine_key;
/* The state of one SSRC under one key: highest index with ROC, replay windows of SRTP and SRTCP,
 * SRTCP send index. It has `engine_ops.stream_bytes` octets and owns no memory, except in libsrtp,
 * where stream_fini frees it. Worker only. */
struct engine_stream;

enum engine_direction { ENGINE_RECEIVE, ENGINE_SEND };

/* The state of a stream in a form common to all engines: it survives a restart or a hand-over, and
 * a stream under a new key starts from it. */
struct engine_stream_state {
	/* highest authenticated (receive) or used (send) 48-bit index; valid if has_rtp */
	uint64_t rtp_index;
	/* bit i % 64 of word i / 64: index rtp_index - i was seen; at most 1,024 indices */
	uint64_t rtp_window[16];
	uint64_t rtcp_window[2];      /* as rtp_window, but for rtcp_index */
	uint64_t rtp_pkts, rtcp_pkts; /* packets counted against the lifetime of the key */
	/* highest received or last sent SRTCP index, 31 bits; valid if has_rtcp */
	uint32_t rtcp_index;
	uint32_t roc; /* start ROC; used if has_rtp is false (RFC 3711 3.3.1) */
	bool has_rtp, has_rtcp;
};

/* Number of packets of all SSRCs under a key, and their limits. `rtp_limit` is the lifetime of the
 * keyctx. */
struct engine_key_use {
	uint64_t rtp_pkts, rtp_limit;
	uint64_t rtcp_pkts, rtcp_limit;
};

/*
 * The operations of an engine. Each engine's file fills one by member names.
 *
 * unprotect: processes, in order of arrival, every packet with verdict NONE. The caller has set
 * `key`, `crypto`, `kind` (RTP or RTCP) and `header_len`. For each packet the engine estimates the
 * index from the last authenticated one (relay/packet/roc.h), checks the window, verifies the tag
 * over the packet without its MKI, decrypts in place, reduces `len` by tag, MKI and SRTCP index,
 * updates window and highest index, and sets `index`. The result does not depend on how packets are
 * grouped into batches.
 *
 * A packet that fails changes no state and gets the first of these verdicts that applies:
 *   CLEAR          shorter than header, tag, MKI and SRTCP index together
 *   KEY_EXPIRED    the lifetime of the key or the index space is used up
 *   TOO_OLD, REPLAYED
 *   NO_KEY         its MKI is not the MKI of the key
 *   AUTH_FAILED    the tag does not verify, or the E bit of an SRTCP packet is 0
 *   CRYPTO_FAILED  the library refused
 * Its `len` is unchanged. With AES-CM its octets are as received; with AEAD the octets after the
 * header are undefined.
 *
 * protect: encrypts RTP under exactly `pkt.index`. The caller chooses this index and keeps it
 * unique (RFC 3711 9.1); the engine refuses an index that the stream has used before, or that is
 * older than its window (DUPLICATE). RTCP gets the stream's next SRTCP index with E = 1; the first
 * one is 1, as in libsrtp (RFC 3711 3.4 says 0; receivers accept any). The engine increases `len`
 * by SRTCP index, MKI and tag, and sets `index` of RTCP. TOO_BIG: `tailroom` is too small.
 * KEY_EXPIRED: the key is at the end of its lifetime.
 *
 * Both: `tailroom` changes by the opposite of the change of `len`. A batch may mix streams and
 * keys; `n` is at most PKT_BATCH. Packets with another verdict than NONE are skipped. No
 * allocation, except inside libsrtp for a new SSRC.
 */
struct engine_ops {
	const char *name;
	/* Tests whether the engine works on this machine: runs the known-answer self-test of every
	 * suite. A failure says why. Called once, before any thread uses the engine. */
	enum err (*probe)(struct why *why);
	/* One line for the start-up log and `stats`: library version and the CPU
	 * features in use. */
	const char *(*describe)(char *out, size_t room);

	enum err (*open)(struct engine **out, struct why *why);
	void (*close)(struct engine *e);

	/* Control thread. `key` is only borrowed for the call. The result is in secret memory.
	 * `window` is the size in packets of the replay window (receive key) or of the window of
	 * used indices (send key): 64 to 1024, rounded up to a power of two. */
	enum err (*key_new)(struct engine_key **out, const struct keyctx *key,
	                    enum engine_direction direction, unsigned window, struct why *why);
	/* As key_new, but from given session keys and without MKI: for tests with known answers.
	 * NULL in libsrtp, which always derives the keys itself. */
	enum err (*key_from_session)(struct engine_key **out, const struct kdf_session *keys,
	                             enum engine_direction direction, unsigned window,
	                             struct why *why);
	void (*key_free)(struct engine_key *key);
	/* Reads the packet counts and limits of a key. Worker only. */
	void (*key_use)(const struct engine_key *key, struct engine_key_use *out);

	size_t stream_bytes; /* size of a struct engine_stream in octets; a multiple of 64 */
	/* Starts a stream in `stream_bytes` zeroed octets, aligned to 64. `start` NULL: ROC 0 and
	 * nothing seen. The packet counts in `start` are added to those of the key. A send stream
	 * continues the SRTCP index of `start` also under a new key (RFC 3711 3.4). ERR_RANGE: an
	 * index in `start` is impossible. ERR_UNSUPPORTED: libsrtp, a send stream
	 * whose `rtp_window` is not empty. */
	enum err (*stream_init)(struct engine_stream *s, struct engine_key *key, uint32_t ssrc,
	                        const struct engine_stream_state *start);
	void (*stream_fini)(struct engine_stream *s);
	/* ERR_UNSUPPORTED: libsrtp, send streams. Otherwise stream_init with the result continues
	 * without using an index twice. */
	enum err (*stream_export)(const struct engine_stream *s, struct engine_stream_state *out);

	/* From now on, SRTP tags under this HMAC receive key have `tag_len` octets. Used for a
	 * trial decryption. Worker only. NULL in libsrtp. */
	void (*retag)(struct engine_key *key, unsigned tag_len);

	void (*unprotect)(struct engine *e, struct pkt **batch, unsigned n);
	void (*protect)(struct engine *e, struct pkt **batch, unsigned n);
};

extern const struct engine_ops engine_libsrtp;
extern const struct engine_ops engine_evp;
extern const struct engine_ops engine_mb;

/* All built-in engines in the order `auto` tries them; ends with NULL. */
const struct engine_ops *const *engine_list(void);
/* Chooses an engine by name; "auto" takes the first whose probe succeeds, and `why`
 * then lists the engines before it with their reasons. Logs nothing. ERR_NOT_FOUND: no
 * such name; `why` lists the names. */
enum err engine_choose(const struct engine_ops **out, struct str name, struct why *why) MUST_USE;

#endif
