/* SPDX-License-Identifier: MIT */
/* Ticket Resolve, the asking side (RFC 6043 4.2.3): a responder, or a KMS that asks the KMS of
 * another domain (9). */
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
	const struct mikey_cred *cred;      /* towards the KMS */
	struct mikey_id me, kms;            /* IDRr, IDRkms */
	const struct mikey_payload *ticket; /* as received, Initiator Data included */
};

struct ticket_resolve;

/* What resolving gives: keys already forked when the ticket forks. Kept by a responder while the
 * ticket may be reused. */
struct ticket_resolution {
	struct ticket_keys *keys; /* owned; mpkr is MPKr' */
	struct mikey_id idr;      /* IDRr of RESOLVE_RESP; unset when it had none. Owned octets */
	struct view rand_kms;     /* empty without forking; owned octets */
	uint8_t *octets;          /* what idr and rand_kms point into */
};

/* Copies keys and octets. */
enum err ticket_resolution_new(struct ticket_resolution **out, const struct ticket_keys *keys,
                               struct mikey_id idr, struct view rand_kms) MUST_USE;
void ticket_resolution_free(struct ticket_resolution *r);

enum err ticket_resolve_new(struct ticket_resolve **out, const struct ticket_resolve_params *params,
                            const struct mikey_env *env, struct mikey_fault *fault) MUST_USE;
void ticket_resolve_free(struct ticket_resolve *r);
struct view ticket_resolve_octets(const struct ticket_resolve *r); /* RESOLVE_INIT */
/* Takes RESOLVE_RESP or an Error; results as ticket_request_receive. */
enum err ticket_resolve_receive(struct ticket_resolve *r, struct view octets,
                                struct ticket_resolution **out, struct mikey_fault *fault) MUST_USE;

#endif
