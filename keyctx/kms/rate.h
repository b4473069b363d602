/* SPDX-License-Identifier: MIT */
/* Limits the requests of each user with a token bucket. It counts at most RATE_USERS_MAX users. */
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
struct rate_limit {
	uint32_t per_minute; /* 0: no limit */
	uint32_t burst;
};

/* Counts one request of the user `who` at `now_ns`. ERR_LIMIT: the user is over the limit;
 * `*wait_s` is the number of seconds until the next request is allowed. ERR_NOMEM. */
enum err rate_take(struct rate *r, struct view who, struct rate_limit limit, uint64_t now_ns,
                   unsigned *wait_s) MUST_USE;
/* Removes users that sent no request for `idle_ns`, at most `max` of them in one call. */
void rate_expire(struct rate *r, uint64_t now_ns, uint64_t idle_ns, size_t max);
size_t rate_count(const struct rate *r);

#endif
