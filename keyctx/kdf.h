/* SPDX-License-Identifier: MIT */
/* Derives session keys from a keying context (RFC 3711 4.3, RFC 6188, RFC 7714 11). The key
 * derivation rate is always 0. */
#ifndef KEYCTX_KDF_H
#define KEYCTX_KDF_H

#include <stdint.h>

#include "base/err.h"
#include "keyctx/keyctx.h"

/* The session keys for RTP, or those for RTCP. The suite gives the length of each key; the rest of
 * each array is zero. An AEAD suite has no authentication key: `auth` is all zero. */
struct kdf_keys {
	uint8_t key[SUITE_KEY_MAX];
	uint8_t salt[SUITE_SALT_MAX];
	uint8_t auth[SUITE_AUTH_KEY_LEN];
};

struct kdf_session {
	const struct suite *suite;
	struct kdf_keys rtp, rtcp;
};

/* Derives the session keys of `k`. The caller provides `out` in secret memory (base/secret.h) and
 * wipes it. On failure `out` holds no key octets. ERR_INVALID, ERR_CRYPTO. Only the control thread
 * and tools call it. */
enum err kdf_derive(struct kdf_session *out, const struct keyctx *k) MUST_USE;

#endif
