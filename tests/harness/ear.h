/* SPDX-License-Identifier: MIT */
/* A terminal that is not ours: libsrtp as it comes decides what it hears, and every keystream it
 * meets is remembered. */
#ifndef TESTS_EAR_H
#define TESTS_EAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keyctx/keyctx.h"

struct ear {
	void *srtp; /* libsrtp's session */
	struct map *used;
	uint32_t ssrcs[64]; /* met so far */
	unsigned n_ssrcs;
	unsigned heard, refused, reused; /* packets opened, not opened, covered by a keystream that
	                                    covered another one */
	uint32_t rtcp_index;             /* of the last SRTCP packet it opened */
};

/* AES_CM_128_HMAC_SHA1_80, _32 or AEAD_AES_128_GCM; windows of 128 packets as terminals have them.
 */
bool ear_open(struct ear *e, const struct keyctx *k);
void ear_close(struct ear *e);
/* A new key as a re-keying terminal takes it: ROC, replay windows and SRTCP indices stay
 * (srtp_update_stream; RFC 3711 8.1, 3.4). */
bool ear_rekey(struct ear *e, const struct keyctx *k);
/* Opens an SRTP or SRTCP packet in place; its new length, 0 when refused. */
size_t ear_hears(struct ear *e, uint8_t *data, size_t n);

#endif
