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

enum { KEYCTX_MKI_MAX = 128 }; /* RFC 4568 6.1 */

/* What a context is made from. All pointers are borrowed for the call. */
struct keyctx_spec {
	const struct suite *suite;
	struct view master; /* key, then salt: exactly suite->key_len + suite->salt_len octets */
	struct view mki;    /* octets, not a number; empty: packets carry no MKI */
	/* counts SRTP packets of all SSRCs under the key; 0: the suite's default */
	uint64_t lifetime_pkts;
	bool has_roc; /* receiving: `roc` is the ROC of the first stream under the key */
	uint32_t roc;
};

/*
 * Lives in secret memory (base/secret.h). Engines read it; only keyctx_new writes it. Because it
 * never changes, its holders share one: keyctx_take adds a holder, keyctx_free removes one, and the
 * last one wipes it. The control thread counts the holders. A worker may read a context while
 * control holds it, but never calls keyctx_take or keyctx_free
 * (docs/decisions/0072-shared-keys.md).
 */
struct keyctx {
	const struct suite *suite;
	uint64_t lifetime_pkts; /* 1 to suite->srtp_lifetime_pkts */
	bool has_lifetime;      /* the lifetime was signalled; false: it is the suite's default */
	/* `roc` is set: the ROC to try first for the first stream; keyctx_eq ignores it */
	bool has_roc;
	uint32_t roc;
	unsigned holders; /* control only */
	uint8_t key[SUITE_KEY_MAX];
	uint8_t salt[SUITE_SALT_MAX];
	uint8_t mki_len;
	uint8_t mki[];
};

/*
 * Makes a context with one holder, the caller. ERR_INVALID (key length), ERR_RANGE (lifetime, MKI
 * length), ERR_NOMEM. `why` names the field, its length or value and what is allowed, never key
 * octets. Control thread, like all functions here that take, copy or free.
 */
enum err keyctx_new(struct keyctx **out, const struct keyctx_spec *spec, struct why *why) MUST_USE;
/* Adds a holder, who frees it with keyctx_free. NULL gives NULL. */
struct keyctx *keyctx_take(const struct keyctx *k);
/* Copies the content into a new context with one holder, for an engine that alters
 * it before use. ERR_NOMEM. */
enum err keyctx_copy(struct keyctx **out, const struct keyctx *k) MUST_USE;
/* Random key and salt from the operating system's generator, no MKI, the suite's default
 * lifetime. ERR_CRYPTO, ERR_NOMEM. */
enum err keyctx_generate(struct keyctx **out, const struct suite *suite) MUST_USE;
/* Like keyctx_generate, with a lifetime to signal and enforce; 0: the suite's default.
 * ERR_RANGE above the suite's limit. */
enum err keyctx_generate_for(struct keyctx **out, const struct suite *suite,
                             uint64_t lifetime_pkts) MUST_USE;
/* Removes a holder; the last one wipes and releases the context. Takes NULL. */
void keyctx_free(const struct keyctx *k);

/*
 * Are both the same context in the sense of TS 33.328 7.4? Suite, key, salt, MKI and
 * lifetime are equal; the ROC is ignored. Runs in a time that does not depend on key
 * octets. Two NULLs are equal.
 */
bool keyctx_eq(const struct keyctx *a, const struct keyctx *b);
/*
 * Do both have the same master key and salt, whatever their suite, MKI and lifetime? A key must
 * never be used in two places. Session keys follow from these octets alone (RFC 3711 4.3.1), so _80
 * and _32 share one keystream. A shorter salt is compared as if zeros followed it.
 */
bool keyctx_same_key(const struct keyctx *a, const struct keyctx *b);

static inline struct view keyctx_mki(const struct keyctx *k)
{
	return (struct view){.p = k->mki, .n = k->mki_len};
}

#endif
