/* SPDX-License-Identifier: MIT */
/* Settings of each party of an exchange: what it accepts, and how it builds its messages. */
#ifndef KEYCTX_TICKET_RULES_H
#define KEYCTX_TICKET_RULES_H

#include "keyctx/mikey/modes.h"
#include "keyctx/ticket/policy.h"

/* Settings of one party. Where the RFC leaves a choice, it is a setting here. */
struct ticket_rules {
	struct mikey_algs algs; /* of messages built here */
	unsigned accept_types;  /* bit i: ticket type i is accepted */
	uint16_t ticket_type;   /* of tickets requested here */
	uint32_t skew_s;        /* largest accepted distance between T of an INIT and now */
	/* check the lengths of RFC 6043 12.1 on receipt (decision 0010.34) */
	bool enforce_rand_len;
	bool v_flag_in_requests; /* REQUEST_INIT and RESOLVE_INIT carry V=1 (decision 0010.17) */
	bool accept_null_encr;   /* accept unencrypted KEMACs, for laboratories; off by default */
	bool accept_pk;          /* accept the public-key variants; otherwise MIKEY_E_DT */
	bool accept_sha1_signatures; /* accept signatures with SHA-1 (decision 0010.44) */
};

/* Sets the defaults: 128-bit algorithms, ticket types 1 and 2, 300 s, all checks
 * on, public keys accepted. */
void ticket_rules_init(struct ticket_rules *r);

/* Is T of an INIT within the skew of now? A counter always passes; the replay cache checks its
 * order. MIKEY_E_TS, ERR_EXPIRED. */
enum err ticket_rules_check_time(const struct ticket_rules *r, struct mikey_ts t, uint64_t now_ntp,
                                 struct mikey_fault *fault) MUST_USE;

#endif
