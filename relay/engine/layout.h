/* SPDX-License-Identifier: MIT */
/* The layout of a protected packet and its initialisation vector. */
#ifndef RELAY_ENGINE_LAYOUT_H
#define RELAY_ENGINE_LAYOUT_H

#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "relay/engine/side.h"

/*
 *               clear   |  encrypted
 *   SRTP,  CM   header  |  payload  | MKI | tag          tag over: header payload ROC
 *   SRTP,  GCM  header  |  payload  | tag | MKI          AAD: header
 *   SRTCP, CM   8       |  rest     | E+index | MKI | tag     tag over: all before the MKI
 *   SRTCP, GCM  8       |  rest     | tag | E+index | MKI     AAD: the 8 octets, E+index
 *
 * RFC 3711 3.1 and 3.4; RFC 7714 8.2 and 9.2, where the tag is the end of the cipher text.
 */
enum { LAYOUT_RTCP_CLEAR = 8, LAYOUT_ESRTCP_LEN = 4, LAYOUT_ROC_LEN = 4, LAYOUT_IV_LEN = 16 };
#define LAYOUT_E_BIT 0x80000000u

/* Offsets of tag, MKI and E+index from the end of the encrypted part. */
static inline unsigned layout_tag_at(const struct engine_side *s)
{
	return s->is_aead ? 0 : (unsigned)s->added - s->tag_len;
}

static inline unsigned layout_mki_at(const struct engine_side *s, bool is_rtcp)
{
	return (s->is_aead ? s->tag_len : 0u) + (is_rtcp ? LAYOUT_ESRTCP_LEN : 0);
}

static inline unsigned layout_esrtcp_at(const struct engine_side *s)
{
	return s->is_aead ? s->tag_len : 0;
}

static inline void layout_be64_xor(uint8_t *out, const uint8_t *a, uint64_t b)
{
	uint64_t v;

	memcpy(&v, a, sizeof(v));
	v ^= __builtin_bswap64(b);
	memcpy(out, &v, sizeof(v));
}

/* Forms the IV. RFC 3711 4.1.1: (salt * 2^16) XOR (SSRC * 2^64) XOR (index * 2^16). RFC 7714 8.1
 * and 9.1: 12 octets, everything two octets further left. `ssrc` is in network order; `index` is
 * the 48-bit packet index or the 31-bit SRTCP index. */
static inline void layout_iv(uint8_t iv[LAYOUT_IV_LEN], const struct engine_side *s,
                             const uint8_t ssrc[4], uint64_t index)
{
	uint64_t high = be32_get(ssrc), low = index << 16;

	if (__builtin_expect(s->is_aead, 0)) {
		high = high << 16 | index >> 32;
		low = index << 32;
	}
	layout_be64_xor(iv, s->salt, high);
	layout_be64_xor(iv + 8, s->salt + 8, low);
}

#endif
