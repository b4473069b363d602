/* SPDX-License-Identifier: MIT */
/* Settings of each party of an exchange: what it accepts, and how it builds its messages. */
#ifndef KEYCTX_TICKET_RULES_H
#define KEYCTX_TICKET_RULES_H

#include "keyctx/mikey/modes.h"
#include "keyctx/ticket/policy.h"

/* Settings of one party. Where the RFC leaves a choice, it is a setting here. */
struct ticket_rules {
	struct mikey_algs algs; /* algorithms of the messages that this party builds */
	unsigned accept_types;  /* bit i: ticket type i is accepted */
	uint16_t ticket_type;   /* ticket type that this party requests */
	uint32_t skew_s;        /* seconds; T of an INIT may differ from now by at most this much */
	/* refuse random values that are shorter than RFC 6043 12.1 requires (decision 0010.34) */
	bool enforce_rand_len;
	bool v_flag_in_requests; /* REQUEST_INIT and RESOLVE_INIT carry V=1 (decision 0010.17) */
	bool accept_null_encr; /* accept unencrypted KEMACs, for laboratory tests; off by default */
	bool accept_counter;   /* accept a T that is a counter, for laboratory tests; off by default
	                        */
	bool accept_pk; /* accept the public-key variants; false: refuse them with MIKEY_E_DT */
	bool accept_sha1_signatures; /* accept signatures with SHA-1 (decision 0010.44) */
};

/* Sets the defaults: 128-bit algorithms, ticket types 1 and 2, skew 300 s, length checks on, V=1 in
 * requests, public keys and SHA-1 signatures accepted. */
void ticket_rules_init(struct ticket_rules *r);

/* Checks that T of an INIT is within skew_s of now (ERR_EXPIRED), and that it is not a counter,
 * which tells no time (ERR_UNSUPPORTED), unless accept_counter. MIKEY_E_TS. */
enum err ticket_rules_check_time(const struct ticket_rules *r, struct mikey_ts t, uint64_t now_ntp,
                                 struct mikey_fault *fault) MUST_USE;

#endif
