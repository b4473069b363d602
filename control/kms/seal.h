/* SPDX-License-Identifier: MIT */
/* Encrypts and authenticates the values that a KMS stores, under a key derived from the master
 * key. */
#ifndef CONTROL_KMS_SEAL_H
#define CONTROL_KMS_SEAL_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/secret.h"

enum {
	SEAL_KEY_LEN = 64, /* 32 octets to encrypt, 32 to authenticate */
	SEAL_TAG_LEN = 16, /* octets that a sealed value is longer */
	SEAL_VALUE_MAX = 8192,
};

/* Writes SEAL_TAG_LEN + plain.n octets to `out`. The MAC also covers `bucket` and `key`, so a value
 * can't be moved to another entry. ERR_CRYPTO. */
enum err seal(const uint8_t wrap[SEAL_KEY_LEN], unsigned bucket, struct view key, struct view plain,
              uint8_t *out) MUST_USE;
/* Replaces `out` by the decrypted value. ERR_AUTH: other key, or the value was altered. */
enum err unseal(const uint8_t wrap[SEAL_KEY_LEN], unsigned bucket, struct view key,
                struct view sealed, struct secret *out) MUST_USE;

#endif
