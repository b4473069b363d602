/* SPDX-License-Identifier: MIT */
/* The keying context: suite, master key and salt, MKI, lifetime. It never changes once made. */
#ifndef KEYCTX_KEYCTX_H
#define KEYCTX_KEYCTX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "keyctx/suite.h"

enum { KEYCTX_MKI_MAX = 128 }; /* RFC 4568 6.1 */

/* What a context is made from; everything is borrowed for the call. */
struct keyctx_spec {
	const struct suite *suite;
	struct view master; /* key, then salt: exactly suite->key_len + suite->salt_len octets */
	struct view mki;    /* empty: packets carry none. Octets, not a number. */
	uint64_t lifetime_pkts; /* SRTP packets over all SSRCs of the key; 0: the suite's */
	bool has_roc; /* receiving: where the first stream under the key stands is known */
	uint32_t roc;
};

/*
 * Lives in secret memory (base/secret.h). Readable by engines; written only by keyctx_new. Because
 * it never changes, its holders share one: keyctx_take adds a holder, keyctx_free removes one, and
 * the last one wipes it. The count is the control thread's; a worker may read a context that
 * control holds for it, and neither takes nor frees one (docs/decisions/0072-shared-keys.md).
 */
struct keyctx {
	const struct suite *suite;
	uint64_t lifetime_pkts; /* 1 to suite->srtp_lifetime_pkts */
	bool has_lifetime;      /* it was given, not the suite's default */
	bool has_roc; /* of the first stream under it: a hint where to begin, no part of what the
	                 context is */
	uint32_t roc;
	unsigned holders; /* control only */
	uint8_t key[SUITE_KEY_MAX];
	uint8_t salt[SUITE_SALT_MAX];
	uint8_t mki_len;
	uint8_t mki[];
};

/*
 * ERR_INVALID (wrong key length), ERR_RANGE (lifetime, MKI length), ERR_NOMEM. `why` names the
 * field, its length or value and what is allowed, never key octets. The caller owns the result.
 */
enum err keyctx_new(struct keyctx **out, const struct keyctx_spec *spec, struct why *why) MUST_USE;
/* The same context for one more holder, who frees it with keyctx_free. NULL gives NULL. */
struct keyctx *keyctx_take(const struct keyctx *k);
/* A context of its own with the same content, for an engine that alters it before use. ERR_NOMEM.
 */
enum err keyctx_copy(struct keyctx **out, const struct keyctx *k) MUST_USE;
/* Fresh random key and salt from the system's generator, no MKI, the suite's lifetime. ERR_CRYPTO,
 * ERR_NOMEM. */
enum err keyctx_generate(struct keyctx **out, const struct suite *suite) MUST_USE;
/* The same, with a lifetime that is told to the peer and kept; 0: the suite's own. ERR_RANGE beyond
 * that. */
enum err keyctx_generate_for(struct keyctx **out, const struct suite *suite,
                             uint64_t lifetime_pkts) MUST_USE;
/* One holder less; without any it is wiped and released. Takes NULL. */
void keyctx_free(const struct keyctx *k);

/*
 * The same context in the sense of TS 33.328 7.4: suite, key, salt, MKI and lifetime equal,
 * whatever the ROC. Time does not depend on key octets. Two NULLs are the same.
 */
bool keyctx_eq(const struct keyctx *a, const struct keyctx *b);
/*
 * The same master key and salt, whatever the suite, MKI and lifetime: a key must never be used in
 * two places. Session keys follow from these octets alone (RFC 3711 4.3.1), so _80 and _32 have one
 * keystream; a shorter salt counts as one with zeros behind it.
 */
bool keyctx_same_key(const struct keyctx *a, const struct keyctx *b);

static inline struct view keyctx_mki(const struct keyctx *k)
{
	return (struct view){.p = k->mki, .n = k->mki_len};
}

#endif
