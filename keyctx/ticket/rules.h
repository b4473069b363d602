/* SPDX-License-Identifier: MIT */
/* Settings that every party of an exchange has: what it accepts, and how it makes its messages. */
#ifndef KEYCTX_TICKET_RULES_H
#define KEYCTX_TICKET_RULES_H

#include "keyctx/mikey/modes.h"
#include "keyctx/ticket/policy.h"

/* What one party demands of messages; what no text available decides is a setting here. */
struct ticket_rules {
	struct mikey_algs algs;  /* of messages made here */
	unsigned accept_types;   /* bit i: ticket type i is taken */
	uint16_t ticket_type;    /* of tickets made here */
	uint32_t skew_s;         /* how far a T of an INIT may be from now */
	bool enforce_rand_len;   /* RFC 6043 12.1 on receipt (decision 0010.34) */
	bool v_flag_in_requests; /* REQUEST_INIT and RESOLVE_INIT carry V=1 (decision 0010.17) */
	bool accept_null_encr;   /* KEMACs in clear, for laboratories; off */
	bool accept_pk;          /* the public-key variants; else MIKEY_E_DT */
	bool accept_sha1_signatures; /* decision 0010.44 */
};

/* 128-bit algorithms, types 1 and 2, 300 s, all checks on, public keys accepted. */
void ticket_rules_init(struct ticket_rules *r);

/* T of an INIT within the skew of now; a counter passes, ordering it is the replay cache's.
 * MIKEY_E_TS, ERR_EXPIRED. */
enum err ticket_rules_check_time(const struct ticket_rules *r, struct mikey_ts t, uint64_t now_ntp,
                                 struct mikey_fault *fault) MUST_USE;

#endif
