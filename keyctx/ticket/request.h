/* SPDX-License-Identifier: MIT */
/* Ticket Request, the initiator's side (RFC 6043 4.2.1): builds REQUEST_INIT, and takes
 * the ticket from REQUEST_RESP. */
#ifndef KEYCTX_TICKET_REQUEST_H
#define KEYCTX_TICKET_REQUEST_H

#include "keyctx/ticket/rules.h"
#include "keyctx/ticket/ticket.h"

/*   SENT --response--> GRANTED   a message that fails the checks changes nothing
 *   SENT --error-----> REFUSED   only by an authenticated Error
 */
enum request_state { REQUEST_SENT, REQUEST_GRANTED, REQUEST_REFUSED, REQUEST_STATES };
enum request_event { REQUEST_ON_RESPONSE, REQUEST_ON_ERROR, REQUEST_EVENTS };

struct ticket_request_params {
	const struct ticket_rules *rules;
	const struct mikey_cred *cred; /* credentials for the KMS */
	struct mikey_id me, kms;
	const struct ticket_policy_spec *policy; /* the policy to ask for */
};

struct ticket_request;

/* Builds REQUEST_INIT. Copies what it needs of `params`. The caller owns the result. */
enum err ticket_request_new(struct ticket_request **out, const struct ticket_request_params *params,
                            const struct mikey_env *env, struct mikey_fault *fault) MUST_USE;
void ticket_request_free(struct ticket_request *r);
/* Returns REQUEST_INIT, which lives as long as `r`. */
struct view ticket_request_octets(const struct ticket_request *r);
/* For tests: returns the current state. */
enum request_state ticket_request_state(const struct ticket_request *r);

/*
 * Receives REQUEST_RESP or an Error. ERR_OK: the caller owns `*grant`; its flag K says that the
 * granted policy differs from the requested one. ERR_AUTH: the message is not from this KMS, or is
 * an Error without authentication, whose name is in the text; nothing changed. ERR_DENIED: an
 * authenticated Error with the number fault->no.
 */
enum err ticket_request_receive(struct ticket_request *r, struct view octets,
                                struct ticket_grant **grant, struct mikey_fault *fault) MUST_USE;

#endif
