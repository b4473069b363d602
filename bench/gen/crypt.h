/* SPDX-License-Identifier: MIT */
/* The endpoints' own SRTP: streams over one of the gateway's engines, driven in batches. */
#ifndef BENCH_GEN_CRYPT_H
#define BENCH_GEN_CRYPT_H

#include "base/err.h"
#include "keyctx/keyctx.h"
#include "relay/engine/engine.h"

/* One per generator thread. */
struct crypt;
/* One SSRC under one key in one direction. */
struct crypt_stream {
	struct engine_key *key;
	struct engine_stream *state;
	uint32_t ssrc;
};

/* `engine`: auto, mb, evp, libsrtp. */
enum err crypt_open(struct crypt **out, const char *engine, struct why *why) MUST_USE;
void crypt_close(struct crypt *c);
const char *crypt_engine(const struct crypt *c);

/* `roc` is where the stream starts; `key` is borrowed for the call. */
enum err crypt_stream_new(struct crypt *c, struct crypt_stream **out, const struct keyctx *key,
                          enum engine_direction direction, uint32_t ssrc, uint32_t roc) MUST_USE;
void crypt_stream_free(struct crypt *c, struct crypt_stream *s);

/* As engine.h has it; at most PKT_BATCH packets, whose `key` and `crypto` come from a stream. */
void crypt_protect(struct crypt *c, struct pkt **batch, unsigned n);
void crypt_unprotect(struct crypt *c, struct pkt **batch, unsigned n);

#endif
