/* SPDX-License-Identifier: MIT */
/* Limits the requests of each user with a token bucket, and counts the messages of each user that
 * the store remembers. It counts at most RATE_USERS_MAX users. */
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
/* Gives back what rate_take took: the request was a replay, which must not use up the tokens of the
 * user whom it repeats. */
void rate_give(struct rate *r, struct view who);
/* Counts a message of `who` that the store remembers. `keep_ns` is how long the store keeps it; the
 * count may include older messages, up to a third longer. ERR_NOMEM. */
enum err rate_remember(struct rate *r, struct view who, uint64_t now_ns, uint64_t keep_ns) MUST_USE;
/* Returns how many messages of `who` the store remembers. */
size_t rate_remembered(struct rate *r, struct view who, uint64_t now_ns, uint64_t keep_ns);
/* Removes users that sent no request for `idle_ns`, at most `max` of them in one call. */
void rate_expire(struct rate *r, uint64_t now_ns, uint64_t idle_ns, size_t max);
size_t rate_count(const struct rate *r);

#endif
