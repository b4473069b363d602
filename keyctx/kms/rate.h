/* SPDX-License-Identifier: MIT */
/* How often one user may ask: a token bucket for each, bounded in number. */
#ifndef KEYCTX_KMS_RATE_H
#define KEYCTX_KMS_RATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

enum { RATE_USERS_MAX = 1 << 20 };

struct rate;

enum err rate_new(struct rate **out) MUST_USE;
void rate_free(struct rate *r);
/* One request of `who` now. ERR_LIMIT: too many, `*wait_s` says for how long. `per_minute` 0: no
 * limit. ERR_NOMEM. */
enum err rate_take(struct rate *r, struct view who, uint32_t per_minute, uint32_t burst,
                   uint64_t now_ns, unsigned *wait_s) MUST_USE;
/* Forgets who has not asked for `idle_ns`, looking at `max` entries at most. */
void rate_expire(struct rate *r, uint64_t now_ns, uint64_t idle_ns, size_t max);
size_t rate_count(const struct rate *r);

#endif
