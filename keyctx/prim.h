/* SPDX-License-Identifier: MIT */
/* The doorway to OpenSSL's ciphers, MACs and random numbers. Everything above speaks octets. */
#ifndef KEYCTX_PRIM_H
#define KEYCTX_PRIM_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

enum { PRIM_SHA1_LEN = 20, PRIM_SHA256_LEN = 32, PRIM_HASH_MAX = 32 };
enum prim_hash { PRIM_SHA1, PRIM_SHA256 };

/* From the operating system's generator by way of OpenSSL. ERR_CRYPTO. Any thread. */
enum err prim_random(void *out, size_t n) MUST_USE;

/* HMAC over the concatenation of `parts`; `out` takes 20 or 32 octets. ERR_CRYPTO. */
enum err prim_hmac(enum prim_hash hash, struct view key, const struct view *parts, size_t n_parts,
                   uint8_t *out) MUST_USE;
enum err prim_digest(enum prim_hash hash, struct view data, uint8_t *out) MUST_USE;
size_t prim_hash_len(enum prim_hash hash);

/*
 * The two halves of HMAC-SHA-1 under a key of at most 64 octets, each one block on: what an engine
 * keeps of a key (RFC 2104 4). Five words of the machine's order each.
 */
void prim_sha1_pads(struct view key, uint32_t inner[5], uint32_t outer[5]);

/* AES in counter mode from a whole 16-octet counter block; in place allowed; key of 16, 24 or 32
 * octets. ERR_INVALID, ERR_CRYPTO. */
enum err prim_aes_ctr(struct view key, const uint8_t iv[16], const uint8_t *in, uint8_t *out,
                      size_t n) MUST_USE;

/* AES of `n` blocks of 16 octets, each by itself; in place allowed; key of 16, 24 or 32 octets.
 * ERR_INVALID, ERR_CRYPTO. */
enum err prim_aes_blocks(struct view key, const uint8_t *in, uint8_t *out, size_t n) MUST_USE;

/*
 * AES key wrap (RFC 3394) under a 16-octet key with an initial value of the caller's; `n` is a
 * multiple of 8, at least 16. Wrapping writes n + 8 octets. Unwrapping writes n - 8, and ERR_AUTH
 * when the value that comes out is not `iv`.
 */
enum err prim_aes_wrap(struct view key, const uint8_t iv[8], const uint8_t *in, size_t n,
                       uint8_t *out) MUST_USE;
enum err prim_aes_unwrap(struct view key, const uint8_t iv[8], const uint8_t *in, size_t n,
                         uint8_t *out) MUST_USE;

#endif
