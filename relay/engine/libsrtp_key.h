/* SPDX-License-Identifier: MIT */
/* A key of the reference engine. Only libsrtp.c and libsrtp_key.c include this. */
#ifndef RELAY_ENGINE_LIBSRTP_KEY_H
#define RELAY_ENGINE_LIBSRTP_KEY_H

#include <srtp2/srtp.h>

#include "relay/engine/engine.h"
#include "relay/engine/state.h"

/* One libsrtp session for a key. libsrtp adds an SSRC from a template when the first packet of
 * the SSRC is authenticated, so a flood of forged SSRCs costs no key derivation. libsrtp
 * allocates the key schedules. */
struct engine_key {
	struct state_life rtp, rtcp;
	srtp_t srtp;
	struct engine_stream *attached; /* streams whose SSRC has a libsrtp stream */
	struct keyctx *ctx;
	struct engine_key *twin; /* send keys: the same key for engine evp, without MKI */
	enum engine_direction direction;
	uint8_t log2_pkts;
};

/* These functions implement engine_ops.key_new, key_free and key_use of libsrtp. */
enum err libsrtp_key_new(struct engine_key **out, const struct keyctx *ctx,
                         enum engine_direction direction, unsigned window,
                         struct why *why) MUST_USE;
void libsrtp_key_free(struct engine_key *k);
void libsrtp_key_use(const struct engine_key *k, struct engine_key_use *out);

/* Creates the libsrtp stream of an SSRC, before a packet of it has verified. */
srtp_err_status_t libsrtp_key_add_stream(struct engine_key *k, uint32_t ssrc) MUST_USE;

#endif
