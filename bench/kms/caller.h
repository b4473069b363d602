/* SPDX-License-Identifier: MIT */
/* One terminal that asks a KMS: for tickets as an initiator, and about them as the responder they
 * are for. */
#ifndef BENCH_KMS_CALLER_H
#define BENCH_KMS_CALLER_H

#include "keyctx/kms/directory.h"
#include "keyctx/mikey/env.h"
#include "keyctx/ticket/initiator.h"
#include "keyctx/ticket/request.h"
#include "keyctx/ticket/resolve.h"

enum caller_ask { CALLER_REQUEST, CALLER_RESOLVE, CALLER_ASKS };
extern const char *const caller_ask_names[CALLER_ASKS]; /* "request", "resolve" */

/* Starts zeroed but for the first group. About 10 kB. */
struct caller {
	const struct kms_user *from, *to; /* a call of one to the other; both with a key */
	struct mikey_id kms;
	struct ticket_rules rules;
	bool no_offer; /* grants are not made into offers: nothing will be resolved */

	uint64_t last_ntp;
	struct ticket_request *request;
	struct ticket_resolve *resolve;
	struct ticket_grant *grant;     /* of the last request */
	struct ticket_initiator *offer; /* made with it */
	struct mikey_msg msg;           /* the offer's; views it */
};

/* The next message; it lives until the next call. CALLER_RESOLVE needs a request that was granted
 * before. */
enum err caller_make(struct caller *c, enum caller_ask ask, uint64_t wall_ns, struct view *octets,
                     struct why *why) MUST_USE;
/* The answer: authenticated, opened, its keys looked at. ERR_AUTH, ERR_DENIED with the KMS's
 * reason. */
enum err caller_take(struct caller *c, enum caller_ask ask, struct view octets, uint64_t wall_ns,
                     struct why *why) MUST_USE;
void caller_fini(struct caller *c);

#endif
