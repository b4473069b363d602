/* SPDX-License-Identifier: MIT */
/* Protects the BSF: limits the questions that forged B-TIDs cause, and remembers B-TIDs that the
 * BSF does not know. */
#ifndef KEYCTX_KMS_ASKS_H
#define KEYCTX_KMS_ASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "keyctx/kms/rate.h"

/* At most this many unknown B-TIDs are remembered. If more come, the older ones stay, so that
 * nobody can push them out with forged ones. */
enum { ASKS_UNKNOWN_MAX = 1 << 14 };

struct asks;

struct asks_limits {
	unsigned at_once;         /* questions under way */
	struct rate_limit source; /* questions about unknown B-TIDs from one address */
};

/* Why a question was refused. */
struct asks_refusal {
	unsigned wait_s; /* seconds until the next question is allowed */
	bool by_source;  /* true: the address is over its limit; false: too many are under way */
};

enum err asks_new(struct asks **out) MUST_USE;
void asks_free(struct asks *a);

/* Begins a question on behalf of the address `source` (empty: not limited by address). ERR_LIMIT:
 * too many questions are under way, or this address caused too many questions about unknown B-TIDs.
 * ERR_NOMEM. */
enum err asks_begin(struct asks *a, struct view source, const struct asks_limits *limits,
                    uint64_t now_ns, struct asks_refusal *why) MUST_USE;
/* Ends a question. `is_known`: the BSF knows the B-TID, so the question does not count against the
 * address. */
void asks_end(struct asks *a, struct view source, bool is_known);

/* Remembers for `keep_ns` that the BSF does not know `btid`. Remembers nothing if the memory is
 * full. */
void asks_note_unknown(struct asks *a, struct str btid, uint64_t now_ns, uint64_t keep_ns);
bool asks_is_unknown(const struct asks *a, struct str btid, uint64_t now_ns);
/* Removes at most `max` entries that have expired. */
void asks_expire(struct asks *a, uint64_t now_ns, size_t max);
size_t asks_unknown_count(const struct asks *a);

#endif
