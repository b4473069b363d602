/* SPDX-License-Identifier: MIT */
/* A terminal that requests tickets from a KMS as initiator, and resolves them as responder. */
#ifndef BENCH_KMS_CALLER_H
#define BENCH_KMS_CALLER_H

#include "keyctx/kms/directory.h"
#include "keyctx/mikey/env.h"
#include "keyctx/ticket/initiator.h"
#include "keyctx/ticket/request.h"
#include "keyctx/ticket/resolve.h"

enum caller_ask { CALLER_REQUEST, CALLER_RESOLVE, CALLER_ASKS };
extern const char *const caller_ask_names[CALLER_ASKS]; /* "request", "resolve" */

/* The caller sets the first group of members and zeroes the others. About 10 kB. */
struct caller {
	const struct kms_user *from, *to; /* initiator and responder; both have a key */
	struct mikey_id kms;
	struct ticket_rules rules;
	bool no_offer; /* true: no resolve requests follow, so make no offers */

	uint64_t last_ntp;
	struct ticket_request *request;
	struct ticket_resolve *resolve;
	struct ticket_grant *grant;     /* granted to the last request */
	struct ticket_initiator *offer; /* made with `grant` */
	struct mikey_msg msg;           /* the parsed offer; points into `offer` */
};

/* Makes the next request; `octets` is valid until the next caller_make. CALLER_RESOLVE needs a
 * granted ticket. */
enum err caller_make(struct caller *c, enum caller_ask ask, uint64_t wall_ns, struct view *octets,
                     struct why *why) MUST_USE;
/* Verifies and decrypts the KMS's answer and checks its keys. ERR_AUTH; ERR_DENIED: the KMS
 * refused, and `why` has its reason. */
enum err caller_take(struct caller *c, enum caller_ask ask, struct view octets, uint64_t wall_ns,
                     struct why *why) MUST_USE;
void caller_fini(struct caller *c);

#endif
