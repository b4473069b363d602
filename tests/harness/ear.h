/* SPDX-License-Identifier: MIT */
/* A foreign terminal: unmodified libsrtp decides what it accepts, and every
 * keystream is recorded. */
#ifndef TESTS_EAR_H
#define TESTS_EAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keyctx/keyctx.h"

struct ear {
	void *srtp; /* libsrtp's session */
	struct map *used;
	uint32_t ssrcs[64]; /* SSRCs seen so far */
	unsigned n_ssrcs;
	/* packets decrypted; refused; with a keystream that an earlier packet had */
	unsigned heard, refused, reused;
	uint32_t rtcp_index; /* of the last SRTCP packet decrypted */
};

/* AES_CM_128_HMAC_SHA1_80, _32 or AEAD_AES_128_GCM; with a window of 128 packets,
 * as terminals have. */
bool ear_open(struct ear *e, const struct keyctx *k);
void ear_close(struct ear *e);
/* Changes the key as a terminal does: ROC, replay windows and SRTCP indices stay
 * (srtp_update_stream; RFC 3711 8.1, 3.4). */
bool ear_rekey(struct ear *e, const struct keyctx *k);
/* Decrypts an SRTP or SRTCP packet in place; returns the new length, 0 if it is refused. */
size_t ear_hears(struct ear *e, uint8_t *data, size_t n);

#endif
