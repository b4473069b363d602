/* SPDX-License-Identifier: MIT */
/* AES in f8 mode (RFC 3711 4.1.2), for evp and mb. */
#ifndef RELAY_ENGINE_EVP_F8_H
#define RELAY_ENGINE_EVP_F8_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "relay/engine/batch.h"

enum { F8_BLOCK = 16, F8_SALT_LEN = 14 };

/* An expanded session key: one context with k_e, one with k_e XOR m. OpenSSL allocates
 * the key schedules. */
struct f8 {
	void *stream, *mask;
};

/* `f` must be zeroed; `key` has 16 octets; m is `salt` (at most 16 octets) padded with 0x55. The
 * caller calls f8_wipe also after a failure. Control thread. */
enum err f8_init(struct f8 *f, const uint8_t *key, struct view salt) MUST_USE;
void f8_wipe(struct f8 *f);

/* Encrypts or decrypts the packet (f8 does the same for both). The IV is formed from the current
 * header. No allocation; worker only. */
void f8_op(const struct op *op);
/* Encrypts or decrypts `n` octets in place under the given IV. Public for tests. */
void f8_crypt(const struct f8 *f, const uint8_t iv[F8_BLOCK], uint8_t *data, size_t n);

#endif
