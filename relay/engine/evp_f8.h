/* SPDX-License-Identifier: MIT */
/* AES in f8 mode (RFC 3711 4.1.2), for evp and mb alike. */
#ifndef RELAY_ENGINE_EVP_F8_H
#define RELAY_ENGINE_EVP_F8_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "relay/engine/batch.h"

enum { F8_BLOCK = 16, F8_SALT_LEN = 14 };

/* A session key, expanded: one context of k_e, one of k_e XOR m. OpenSSL keeps the schedules in
 * memory of its own. */
struct f8 {
	void *stream, *mask;
};

/* `f` is zeroed; `key` has 16 octets; m is `salt`, at most 16 octets, with 0x55 behind. On failure
 * f8_wipe is still due. Control thread. */
enum err f8_init(struct f8 *f, const uint8_t *key, struct view salt) MUST_USE;
void f8_wipe(struct f8 *f);

/* The packet in its cipher's direction, which is one for both. The IV is of what stands in the
 * header now. Allocates nothing; worker. */
void f8_op(const struct op *op);
/* `n` octets in place, under that IV. Outside evp_f8.c for tests. */
void f8_crypt(const struct f8 *f, const uint8_t iv[F8_BLOCK], uint8_t *data, size_t n);

#endif
