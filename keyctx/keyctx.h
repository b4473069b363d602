/* SPDX-License-Identifier: MIT */
/* The keying context: suite, master key and salt, MKI, lifetime. It never
 * changes after it is made. */
#ifndef KEYCTX_KEYCTX_H
#define KEYCTX_KEYCTX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "keyctx/suite.h"

enum { KEYCTX_MKI_MAX = 128 }; /* octets, RFC 4568 6.1 */

/* Input of keyctx_new. All pointers are borrowed for the call. */
struct keyctx_spec {
	const struct suite *suite;
	/* master key, then master salt: suite->key_len + suite->salt_len octets */
	struct view master;
	struct view mki; /* the octets sent in packets; empty: packets carry no MKI */
	/* the most SRTP packets under the key, of all SSRCs together; 0: the suite's default */
	uint64_t lifetime_pkts;
	/* `roc` is set, for a receive key only: the ROC of the first stream under the key */
	bool has_roc;
	uint32_t roc;
};

/*
 * A keying context in secret memory (base/secret.h). Only keyctx_new writes the content; engines
 * read it. Because the content never changes, several holders share one context: keyctx_take adds a
 * holder, keyctx_free removes one, and the context is wiped when the last holder is removed. The
 * control thread counts the holders. A worker may read a context while the control thread holds it,
 * but never calls keyctx_take or keyctx_free (docs/decisions/0072-shared-keys.md).
 */
struct keyctx {
	const struct suite *suite;
	uint64_t lifetime_pkts; /* SRTP packets, 1 to suite->srtp_lifetime_pkts */
	bool has_lifetime; /* true: lifetime_pkts was given; false: it is the suite's default */
	/* `roc` is set: the ROC that a receiver tries first; keyctx_eq ignores it */
	bool has_roc;
	uint32_t roc;
	unsigned holders; /* number of holders; only the control thread reads and writes it */
	uint8_t key[SUITE_KEY_MAX];
	uint8_t salt[SUITE_SALT_MAX];
	uint8_t mki_len;
	uint8_t mki[];
};

/*
 * Makes a context with one holder, the caller. ERR_INVALID (key length), ERR_RANGE (lifetime, MKI
 * length), ERR_NOMEM. `why` names the field, its length or value and what is allowed, never key
 * octets. Only the control thread may call this and the functions below that make, share or free a
 * context.
 */
enum err keyctx_new(struct keyctx **out, const struct keyctx_spec *spec, struct why *why) MUST_USE;
/* Adds a holder and returns `k`. The new holder calls keyctx_free. Returns NULL for NULL. */
struct keyctx *keyctx_take(const struct keyctx *k);
/* Copies the content into a new context with one holder, for an engine that changes its copy before
 * it uses the keys. ERR_NOMEM. */
enum err keyctx_copy(struct keyctx **out, const struct keyctx *k) MUST_USE;
/* Makes a context with random key and salt from OpenSSL's random generator, without MKI, with the
 * suite's default lifetime. ERR_CRYPTO, ERR_NOMEM. */
enum err keyctx_generate(struct keyctx **out, const struct suite *suite) MUST_USE;
/* Like keyctx_generate. `lifetime_pkts` is the lifetime to signal and enforce; 0: the suite's
 * default. ERR_RANGE: it is above the suite's limit. */
enum err keyctx_generate_for(struct keyctx **out, const struct suite *suite,
                             uint64_t lifetime_pkts) MUST_USE;
/* Removes a holder. Wipes and frees the context when no holder is left. Does nothing for NULL. */
void keyctx_free(const struct keyctx *k);

/* Returns true if both are the same context in the sense of TS 33.328 7.4: suite, key, salt, MKI
 * and lifetime are equal. Ignores the ROC. Compares key octets in constant time. Two NULLs are
 * equal. */
bool keyctx_eq(const struct keyctx *a, const struct keyctx *b);
/*
 * Returns true if both have the same master key and salt, even if suite, MKI or lifetime differ. A
 * key must never be used in two places. Session keys follow from these octets alone (RFC 3711
 * 4.3.1), so suites that differ only in the tag (_80, _32) would produce the same keystream. A salt
 * of 12 octets is compared as if two zeros followed it.
 */
bool keyctx_same_key(const struct keyctx *a, const struct keyctx *b);

static inline struct view keyctx_mki(const struct keyctx *k)
{
	return (struct view){.p = k->mki, .n = k->mki_len};
}

#endif
