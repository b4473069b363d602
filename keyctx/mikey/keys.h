/* SPDX-License-Identifier: MIT */
/* Keys that MIKEY messages carry: the key data sub-payloads of a KEMAC, decoded into secret
 * memory. */
#ifndef KEYCTX_MIKEY_KEYS_H
#define KEYCTX_MIKEY_KEYS_H

#include "keyctx/mikey/msg.h"

enum {
	MIKEY_KEY_MAX = 64,
	MIKEY_SALT_MAX = 32,
	MIKEY_SPI_MAX = 128, /* an SPI may become an MKI, so it is as long as KEYCTX_MKI_MAX */
	/* most keys in one KEMAC; a full set with its SPIs fits one block of secret memory */
	MIKEY_KEYS_MAX = 12,
};

struct mikey_key {
	uint8_t type; /* enum mikey_key_type */
	uint8_t key_len, salt_len, spi_len;
	uint8_t key[MIKEY_KEY_MAX], salt[MIKEY_SALT_MAX], spi[MIKEY_SPI_MAX];
};

/* A set of keys in secret memory: made by mikey_keys_new, or part of a larger block of secret
 * memory. */
struct mikey_keys {
	size_t n;
	struct mikey_key k[MIKEY_KEYS_MAX];
};

struct mikey_keys *mikey_keys_new(void); /* NULL: out of memory */
void mikey_keys_free(struct mikey_keys *k);

/*
 * Reads the sub-payloads of a decrypted KEMAC. Refuses unknown types, a session key without an SPI
 * or with an interval, a second key with the same SPI, and keys under 128 bits (RFC 6043 12.1,
 * 6.2.1; decision 0010.9). Up to `pad_max` octets of zero may follow the last key (padding of key
 * wrap).
 */
enum err mikey_keys_read(struct mikey_keys *out, struct view plain, size_t pad_max,
                         struct mikey_fault *fault) MUST_USE;
void mikey_keys_write(struct wr *w, const struct mikey_keys *k);
/* Adds a key. ERR_TOO_BIG: the set is full, or key, salt or SPI is too long. ERR_EXISTS: another
 * session key has this SPI. */
enum err mikey_keys_add(struct mikey_keys *k, unsigned type, struct view key, struct view salt,
                        struct view spi) MUST_USE;

/* Returns the session key with that SPI, or NULL. Ignores MPKs. */
const struct mikey_key *mikey_keys_find(const struct mikey_keys *k, struct view spi);
/* Returns the first key that is not an MPK, or NULL. */
const struct mikey_key *mikey_keys_first(const struct mikey_keys *k);
bool mikey_key_has_salt(unsigned type);
/* Returns the length in octets of the longest key that is not a TEK; random values must be as long
 * (RFC 6043 12.1). */
size_t mikey_keys_longest(const struct mikey_keys *k);

static inline struct view mikey_key_octets(const struct mikey_key *k)
{
	return (struct view){.p = k->key, .n = k->key_len};
}

static inline struct view mikey_key_salt(const struct mikey_key *k)
{
	return (struct view){.p = k->salt, .n = k->salt_len};
}

static inline struct view mikey_key_spi(const struct mikey_key *k)
{
	return (struct view){.p = k->spi, .n = k->spi_len};
}

#endif
