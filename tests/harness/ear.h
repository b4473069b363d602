/* SPDX-License-Identifier: MIT */
/* A terminal that does not use our engines: unmodified libsrtp decides which packets it accepts. It
 * records every keystream. */
#ifndef TESTS_EAR_H
#define TESTS_EAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keyctx/keyctx.h"

struct ear {
	void *srtp;         /* libsrtp's session */
	struct map *used;   /* keystreams of all packets decrypted */
	uint32_t ssrcs[64]; /* SSRCs seen so far */
	unsigned n_ssrcs;
	/* Numbers of packets: decrypted; refused; decrypted with the keystream of an earlier
	 * packet. */
	unsigned heard, refused, reused;
	uint32_t rtcp_index; /* index of the last SRTCP packet decrypted */
};

/* Opens a receiver with key `k` of AES_CM_128_HMAC_SHA1_80, _32 or AEAD_AES_128_GCM. Its replay
 * window has 128 packets, as that of terminals. */
bool ear_open(struct ear *e, const struct keyctx *k);
void ear_close(struct ear *e);
/* Changes the key as a terminal does: ROC, replay windows and SRTCP indices are kept (srtp_update;
 * RFC 3711 8.1, 3.4). */
bool ear_rekey(struct ear *e, const struct keyctx *k);
/* Decrypts an SRTP or SRTCP packet in place; returns the new length; 0: libsrtp refused it. */
size_t ear_hears(struct ear *e, uint8_t *data, size_t n);

#endif
