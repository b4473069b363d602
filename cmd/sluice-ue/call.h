/* SPDX-License-Identifier: MIT */
/* A call keyed by a ticket, as its two ends see it: descriptions in, descriptions and keys out (RFC 6043, RFC 4567). */
#ifndef CMD_SLUICE_UE_CALL_H
#define CMD_SLUICE_UE_CALL_H

#include "cmd/sluice-ue/account.h"
#include "keyctx/ticket/csb.h"

enum { CALL_LIFETIME_S = 3600, CALL_LIFETIME_MAX_S = 86400 };

struct call_wish {
	unsigned mode;       /* 1: the ticket is asked for at the KMS; 3: it is made here, under the key shared with the KMS */
	const char *peer;    /* identity, as in the credentials file */
	uint32_t lifetime_s; /* of the ticket */
	const struct suite *suite;
};

/*
 * Each takes files by name. offer: `local` is the description without keys, `out` what goes to the peer, `state` what call_finish
 * needs. answer: asks the KMS for the keys; `*csb` has the sessions. All write their files last: nothing is left of a failure.
 */
enum err call_offer(const struct account *a, const struct call_wish *wish, const char *local, const char *out, const char *state,
                    struct why *why) MUST_USE;
enum err call_answer(const struct account *a, const char *offer, const char *local, const char *out, struct ticket_csb **csb,
                     struct why *why) MUST_USE;
/* Every branch of a forked call may be finished with the same state; each has keys of its own. */
enum err call_finish(const char *state, const char *answer, struct ticket_csb **csb, struct why *why) MUST_USE;

/* One line for each crypto session; the keys only when asked for. */
void call_show(const struct ticket_csb *csb, bool show_keys);

#endif
