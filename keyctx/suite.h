/* SPDX-License-Identifier: MIT */
/* The table of SRTP crypto suites: names, lengths, limits, and the RFC each comes from. */
#ifndef KEYCTX_SUITE_H
#define KEYCTX_SUITE_H

#include <stdint.h>

#include "base/str.h"

enum suite_id {
	SUITE_AES_CM_128_HMAC_SHA1_80,
	SUITE_AES_CM_128_HMAC_SHA1_32,
	SUITE_AES_192_CM_HMAC_SHA1_80,
	SUITE_AES_192_CM_HMAC_SHA1_32,
	SUITE_AES_256_CM_HMAC_SHA1_80,
	SUITE_AES_256_CM_HMAC_SHA1_32,
	SUITE_AEAD_AES_128_GCM,
	SUITE_AEAD_AES_256_GCM,
	SUITE_F8_128_HMAC_SHA1_80,
	SUITE_COUNT
};

enum suite_cipher { SUITE_CIPHER_AES_CM, SUITE_CIPHER_AES_GCM, SUITE_CIPHER_AES_F8 };

enum {
	SUITE_KEY_MAX = 32,
	SUITE_SALT_MAX = 14,
	SUITE_MASTER_MAX = SUITE_KEY_MAX + SUITE_SALT_MAX,
	SUITE_AUTH_KEY_LEN = 20, /* octets of the HMAC-SHA-1 session key, RFC 3711 5.2 */
	SUITE_TAG_MAX = 16,
};

/* A crypto suite. Lengths are in octets, lifetimes in packets. Each suite exists once, in a
 * constant table: compare suites by pointer or id. */
struct suite {
	enum suite_id id;
	/* as the gateway writes it in a=crypto; suite_find ignores case and knows older names */
	const char *name;
	enum suite_cipher cipher;
	/* lengths of master key and master salt, and of session key and session salt */
	uint8_t key_len, salt_len;
	uint8_t srtp_tag_len, srtcp_tag_len;
	uint64_t srtp_lifetime_pkts, srtcp_lifetime_pkts; /* most packets under one master key */
	uint64_t srtp_default_lifetime_pkts;              /* used if signalling gives no lifetime */
	const char *rfc;
};

/* All suites in the default order of an offer. */
extern const enum suite_id suite_best_first[SUITE_COUNT];

const struct suite *suite_get(enum suite_id id);
/* Finds a suite by its name or older name; ignores case. Returns NULL for an unknown name. */
const struct suite *suite_find(struct str name);

/* Bits that say how a peer spells the name of a suite. A terminal that uses an older name or small
 * letters expects the same spelling in the answer. */
enum suite_spelling { SUITE_OLD_NAME = 1, SUITE_SMALL_LETTERS = 2 };
/* Like suite_find. If the suite is known, sets `*spelling` to bits of enum suite_spelling. */
const struct suite *suite_find_spelt(struct str name, uint8_t *spelling);
enum { SUITE_NAME_MAX = 32 };
/* Writes the suite's name in that spelling, and a NUL, to `out`. Returns `out`. */
const char *suite_spell(const struct suite *s, uint8_t spelling, char out[SUITE_NAME_MAX]);

#endif
