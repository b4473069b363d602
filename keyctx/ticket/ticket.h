/* SPDX-License-Identifier: MIT */
/* Makes and opens tickets (RFC 6043 A). A KMS, an initiator (modes 3 and 4) or a
 * responder (modes 2 and 4) uses it. */
#ifndef KEYCTX_TICKET_TICKET_H
#define KEYCTX_TICKET_TICKET_H

#include "keyctx/mikey/modes.h"
#include "keyctx/ticket/policy.h"

/* A ticket protection key and its name. */
struct ticket_tpk {
	struct view key;
	struct mikey_id id; /* written as IDRpsk of the ticket; not written if unset */
};

/* The keys of a ticket; in secret memory. */
struct ticket_keys {
	uint8_t mpk_len;
	bool has_mpkr; /* false: `mpkr` is not known; only forking needs it */
	uint8_t mpki[MIKEY_KEY_MAX], mpkr[MIKEY_KEY_MAX];
	struct mikey_keys session;
};

struct ticket_keys *ticket_keys_new(void);
void ticket_keys_free(struct ticket_keys *k);

/* A granted ticket with its keys. The initiator keeps it from Ticket Request to Ticket Transfer,
 * and as long as the ticket may be reused. Never changes. */
struct ticket_grant {
	/* the ticket from Ticket Type to the end of Ticket Data (ticket_body_bare); owned */
	struct view body;
	struct ticket_policy policy; /* views on `body` */
	struct ticket_keys *keys;    /* owned */
};

/* Makes a grant from copies of `body` and `keys`; `body` may be that of a stored ticket.
 * MIKEY_E_TICKET, MIKEY_E_TPPAR, ERR_NOMEM. The caller owns it. */
enum err ticket_grant_new(struct ticket_grant **out, struct view body,
                          const struct ticket_keys *keys, struct mikey_fault *fault) MUST_USE;
void ticket_grant_free(struct ticket_grant *g);

/* Returns true if a requested key leaves the choice of its SPI to the KMS: it has none, or one of
 * zeros. */
bool ticket_wish_leaves_spi(const struct ticket_wish *wish);

/*
 * Makes MPK, session keys, RAND and the ticket (RFC 6043 A). `spec` is the granted policy.
 * The algorithms must have the strength of spec->prf. In modes 3 and 4 the initiator calls
 * this itself, without a KMS.
 */
enum err ticket_create(struct ticket_grant **out, const struct ticket_policy_spec *spec,
                       const struct ticket_tpk *tpk, struct mikey_algs algs,
                       const struct mikey_env *env, struct mikey_fault *fault) MUST_USE;

/*
 * Checks the ticket's MAC with the TPK and decrypts MPKi, MPKr and the session keys, not forked.
 * `ticket` is a TICKET payload, `policy` its policy. A fault inside the ticket gives MIKEY_E_TICKET
 * (decision 0010.20), or MIKEY_E_TPPAR if its flags contradict each other or its keys. ERR_AUTH:
 * the MAC is wrong.
 */
enum err ticket_open(struct ticket_keys *out, const struct mikey_payload *ticket,
                     const struct ticket_policy *policy, struct view tpk,
                     struct mikey_fault *fault) MUST_USE;

/* Turns MPKr and every TGK into MPKr' and TGK' for one responder (RFC 6043 5.1.1), in place. */
enum err ticket_fork(struct ticket_keys *k, unsigned prf, struct view id_data,
                     struct view rand_kms) MUST_USE;

/* Convert keys to and from the key data of REQUEST_RESP and RESOLVE_RESP: MPKi, then MPKr only with
 * forking, then the session keys. `out` is in secret memory. */
enum err ticket_keys_pack(struct mikey_keys *out, const struct ticket_keys *k, bool forking,
                          const struct mikey_env *env) MUST_USE;
enum err ticket_keys_unpack(struct ticket_keys *out, const struct mikey_keys *packed, bool forking,
                            struct mikey_fault *fault) MUST_USE;

#endif
