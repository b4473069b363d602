/* SPDX-License-Identifier: MIT */
/* A key of the reference engine. Only libsrtp.c and libsrtp_key.c include this. */
#ifndef RELAY_ENGINE_LIBSRTP_KEY_H
#define RELAY_ENGINE_LIBSRTP_KEY_H

#include <srtp2/srtp.h>

#include "relay/engine/engine.h"
#include "relay/engine/state.h"

/*
 * One libsrtp session for a key. Its SSRCs are cloned by libsrtp from a template once a packet of
 * theirs is authenticated, so a flood of forged SSRCs costs no derivation. libsrtp keeps key
 * schedules in memory of its own.
 */
struct engine_key {
	struct state_life rtp, rtcp;
	srtp_t srtp;
	struct engine_stream *attached; /* states for whose SSRC libsrtp has a stream */
	struct keyctx *ctx;
	struct engine_key *twin; /* sending: evp's key of the same octets, without MKI */
	enum engine_direction direction;
	uint8_t log2_pkts;
};

/* Those of engine_ops. */
enum err libsrtp_key_new(struct engine_key **out, const struct keyctx *ctx,
                         enum engine_direction direction, unsigned window,
                         struct why *why) MUST_USE;
void libsrtp_key_free(struct engine_key *k);
void libsrtp_key_use(const struct engine_key *k, struct engine_key_use *out);

/* Makes libsrtp's stream of an SSRC, before a packet of it has verified. */
srtp_err_status_t libsrtp_key_add_stream(struct engine_key *k, uint32_t ssrc) MUST_USE;

#endif
