/* SPDX-License-Identifier: MIT */
/* Wraps OpenSSL's ciphers, hashes and random generator in functions on octets. The functions keep
 * no state, so any thread may call them. */
#ifndef KEYCTX_PRIM_H
#define KEYCTX_PRIM_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

enum { PRIM_SHA1_LEN = 20, PRIM_SHA256_LEN = 32, PRIM_HASH_MAX = 32 };
enum prim_hash { PRIM_SHA1, PRIM_SHA256 };

/* Fills `out` with `n` octets from OpenSSL's random generator. ERR_CRYPTO. */
enum err prim_random(void *out, size_t n) MUST_USE;

/* Writes the HMAC of the concatenation of `parts` to `out`, which must have room for
 * prim_hash_len(hash) octets. */
enum err prim_hmac(enum prim_hash hash, struct view key, const struct view *parts, size_t n_parts,
                   uint8_t *out) MUST_USE;
enum err prim_digest(enum prim_hash hash, struct view data, uint8_t *out) MUST_USE;
size_t prim_hash_len(enum prim_hash hash);

/* Precomputes HMAC-SHA-1 for one key of at most 64 octets (RFC 2104 4). `inner` and `outer` get the
 * SHA-1 states after the inner and the outer pad block: five words each, in host byte order. An
 * engine keeps these states for each key. */
void prim_sha1_pads(struct view key, uint32_t inner[5], uint32_t outer[5]);

/* Encrypts or decrypts `n` octets with AES in counter mode. `iv` is the first counter block; `in`
 * and `out` may be the same; the key has 16, 24 or 32 octets. ERR_INVALID (key length),
 * ERR_CRYPTO. */
enum err prim_aes_ctr(struct view key, const uint8_t iv[16], const uint8_t *in, uint8_t *out,
                      size_t n) MUST_USE;

/* Encrypts `n` blocks of 16 octets, each by itself (ECB). `in` and `out` may be the same; the key
 * has 16, 24 or 32 octets. ERR_INVALID (key length), ERR_CRYPTO. */
enum err prim_aes_blocks(struct view key, const uint8_t *in, uint8_t *out, size_t n) MUST_USE;

/*
 * Wrap or unwrap keys with AES key wrap (RFC 3394) under a 16-octet key and the caller's initial
 * value. `n` is a multiple of 8, at least 16 to wrap and 24 to unwrap. Wrapping writes n + 8
 * octets, unwrapping n - 8. ERR_INVALID (lengths); ERR_AUTH if unwrapping does not yield `iv`;
 * ERR_CRYPTO.
 */
enum err prim_aes_wrap(struct view key, const uint8_t iv[8], const uint8_t *in, size_t n,
                       uint8_t *out) MUST_USE;
enum err prim_aes_unwrap(struct view key, const uint8_t iv[8], const uint8_t *in, size_t n,
                         uint8_t *out) MUST_USE;

#endif
