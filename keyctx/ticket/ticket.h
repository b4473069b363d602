/* SPDX-License-Identifier: MIT */
/* Making and opening tickets (RFC 6043 A): by a KMS, by an initiator (modes 3 and 4) or by a
 * responder (modes 2 and 4). */
#ifndef KEYCTX_TICKET_TICKET_H
#define KEYCTX_TICKET_TICKET_H

#include "keyctx/mikey/modes.h"
#include "keyctx/ticket/policy.h"

/* A ticket protection key and its name. */
struct ticket_tpk {
	struct view key;
	struct mikey_id id; /* IDRpsk of the ticket; not sent when unset */
};

/* What a ticket gives to one who holds its keys; in secret memory. */
struct ticket_keys {
	uint8_t mpk_len;
	bool has_mpkr; /* without forking nobody needs MPKr */
	uint8_t mpki[MIKEY_KEY_MAX], mpkr[MIKEY_KEY_MAX];
	struct mikey_keys session;
};

struct ticket_keys *ticket_keys_new(void);
void ticket_keys_free(struct ticket_keys *k);

/*
 * A granted ticket with its keys: what the initiator keeps between Ticket Request and Ticket
 * Transfer, and as long as the ticket may be reused. Immutable.
 */
struct ticket_grant {
	struct view
		body; /* ticket_body_bare(): from Ticket Type to the end of Ticket Data; owned */
	struct ticket_policy policy; /* views on `body` */
	struct ticket_keys *keys;    /* owned */
};

/* Copies `body` and `keys`: also how a stored ticket comes back. MIKEY_E_TICKET, MIKEY_E_TPPAR,
 * ERR_NOMEM. */
enum err ticket_grant_new(struct ticket_grant **out, struct view body,
                          const struct ticket_keys *keys, struct mikey_fault *fault) MUST_USE;
void ticket_grant_free(struct ticket_grant *g);

/*
 * Makes MPK, session keys, RAND and the ticket (RFC 6043 A). `spec` as granted. The algorithms must
 * suit spec->prf. In modes 3 and 4 this is all there is between an initiator and its keys.
 */
enum err ticket_create(struct ticket_grant **out, const struct ticket_policy_spec *spec,
                       const struct ticket_tpk *tpk, struct mikey_algs algs,
                       const struct mikey_env *env, struct mikey_fault *fault) MUST_USE;

/*
 * Checks the ticket's MAC with the TPK and decrypts it: MPKi, MPKr and session keys, not forked.
 * `ticket`: a TICKET payload, `policy`: its own. Everything wrong inside is MIKEY_E_TICKET
 * (decision 0010.20). ERR_AUTH for a MAC that does not fit.
 */
enum err ticket_open(struct ticket_keys *out, const struct mikey_payload *ticket,
                     const struct ticket_policy *policy, struct view tpk,
                     struct mikey_fault *fault) MUST_USE;

/* Turns MPKr and every TGK into MPKr' and TGK' for one responder (RFC 6043 5.1.1), in place. */
enum err ticket_fork(struct ticket_keys *k, unsigned prf, struct view id_data,
                     struct view rand_kms) MUST_USE;

/* The key data a KMS sends in REQUEST_RESP and RESOLVE_RESP, and back: MPKi, MPKr iff forking,
 * session keys. */
enum err ticket_keys_pack(struct mikey_keys *out, const struct ticket_keys *k, bool forking,
                          const struct mikey_env *env) MUST_USE;
enum err ticket_keys_unpack(struct ticket_keys *out, const struct mikey_keys *packed, bool forking,
                            struct mikey_fault *fault) MUST_USE;

#endif
