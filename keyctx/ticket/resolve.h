/* SPDX-License-Identifier: MIT */
/* Ticket Resolve, the asking side (RFC 6043 4.2.3): a responder, or a KMS that asks the KMS of
 * another domain (RFC 6043 9). */
#ifndef KEYCTX_TICKET_RESOLVE_H
#define KEYCTX_TICKET_RESOLVE_H

#include "keyctx/ticket/rules.h"
#include "keyctx/ticket/ticket.h"

/*   SENT --response--> RESOLVED
 *   SENT --error-----> REFUSED
 */
enum resolve_state { RESOLVE_SENT, RESOLVE_RESOLVED, RESOLVE_REFUSED, RESOLVE_STATES };
enum resolve_event { RESOLVE_ON_RESPONSE, RESOLVE_ON_ERROR, RESOLVE_EVENTS };

struct ticket_resolve_params {
	const struct ticket_rules *rules;
	const struct mikey_cred *cred;      /* credentials for the KMS */
	struct mikey_id me, kms;            /* sent as IDRr and IDRkms */
	const struct mikey_payload *ticket; /* as received, with Initiator Data */
};

struct ticket_resolve;

/* The result of Ticket Resolve: the keys of the ticket, forked if the ticket has flag I. A
 * responder keeps it while the ticket may be reused. */
struct ticket_resolution {
	struct ticket_keys *keys; /* owned; `mpkr` holds MPKr' if the ticket has flag I */
	/* IDRr of RESOLVE_RESP; unset if the message had none; a view on `octets` */
	struct mikey_id idr;
	struct view rand_kms; /* empty without forking; a view on `octets` */
	uint8_t *octets;      /* owned */
};

/* Makes a resolution from copies of keys and octets. ERR_NOMEM. The caller owns the result. */
enum err ticket_resolution_new(struct ticket_resolution **out, const struct ticket_keys *keys,
                               struct mikey_id idr, struct view rand_kms) MUST_USE;
void ticket_resolution_free(struct ticket_resolution *r);

enum err ticket_resolve_new(struct ticket_resolve **out, const struct ticket_resolve_params *params,
                            const struct mikey_env *env, struct mikey_fault *fault) MUST_USE;
void ticket_resolve_free(struct ticket_resolve *r);
/* Returns RESOLVE_INIT, which lives as long as `r`. */
struct view ticket_resolve_octets(const struct ticket_resolve *r);
/* Receives RESOLVE_RESP or an Error. Returns the same errors as ticket_request_receive. */
enum err ticket_resolve_receive(struct ticket_resolve *r, struct view octets,
                                struct ticket_resolution **out, struct mikey_fault *fault) MUST_USE;

#endif
