/* SPDX-License-Identifier: MIT */
/* Session keys from a keying context: the key derivation of RFC 3711 4.3, RFC 6188 and RFC 7714 11,
 * with a derivation rate of 0. */
#ifndef KEYCTX_KDF_H
#define KEYCTX_KDF_H

#include <stdint.h>

#include "base/err.h"
#include "keyctx/keyctx.h"

/* Session keys of RTP or of RTCP. Lengths are the suite's; the rest of each array is zero. AEAD
 * suites have no authentication key. */
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
 * wipes it. On failure it holds no key octets. ERR_INVALID, ERR_CRYPTO. Control thread. */
enum err kdf_derive(struct kdf_session *out, const struct keyctx *k) MUST_USE;

#endif
