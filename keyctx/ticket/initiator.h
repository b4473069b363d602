/* SPDX-License-Identifier: MIT */
/* Ticket Transfer, the initiator's side (RFC 6043 4.2.2): builds TRANSFER_INIT, and makes a
 * bundle from each TRANSFER_RESP. */
#ifndef KEYCTX_TICKET_INITIATOR_H
#define KEYCTX_TICKET_INITIATOR_H

#include "keyctx/ticket/csb.h"

/*   OPEN --response--> OPEN    each branch of a forked call answers with its own keys
 *   OPEN --error-----> OPEN    other branches may still answer
 *   OPEN --close-----> CLOSED  the caller chose a branch
 *   A policy without F starts in DONE: the bundle exists at once.
 */
enum initiator_state { INITIATOR_OPEN, INITIATOR_DONE, INITIATOR_CLOSED, INITIATOR_STATES };
enum initiator_event {
	INITIATOR_ON_RESPONSE,
	INITIATOR_ON_ERROR,
	INITIATOR_ON_CLOSE,
	INITIATOR_EVENTS
};

struct ticket_initiator_params {
	const struct ticket_rules *rules;
	const struct ticket_grant *grant;
	struct mikey_id me, peer; /* sent as IDRi and IDRr */
	const struct ticket_cs *cs;
	size_t n_cs;
	const struct csmap_policy *policies;
	size_t n_policies;
	const struct mikey_keys *keys; /* own session keys, which need flag L; NULL: none */
	struct view sdp_ids;           /* sent as a General Extension of type 1; empty: not sent */
	bool is_reuse; /* the ticket was used for an earlier offer, which needs flag J */
};

struct ticket_initiator;

/* Builds TRANSFER_INIT. Copies what it needs of `params`. */
enum err ticket_initiator_new(struct ticket_initiator **out,
                              const struct ticket_initiator_params *params,
                              const struct mikey_env *env, struct mikey_fault *fault) MUST_USE;
void ticket_initiator_free(struct ticket_initiator *o);
struct view ticket_initiator_octets(const struct ticket_initiator *o);
/* For tests: returns the current state. */
enum initiator_state ticket_initiator_state(const struct ticket_initiator *o);
/* Gives the CSB of a ticket whose policy has no TRANSFER_RESP (F=0), once. ERR_WRONG_STATE: there
 * is no CSB, or it was given before. */
enum err ticket_initiator_take_csb(struct ticket_initiator *o, struct ticket_csb **out) MUST_USE;

/*
 * Receives a TRANSFER_RESP or an Error. Each ERR_OK gives a new bundle, which the caller owns.
 * ERR_AUTH: the message does not answer this offer, or is an Error without authentication (a
 * responder may have no key yet), and then the number in fault->no is only a hint. ERR_DENIED: an
 * authenticated Error with the number fault->no.
 */
enum err ticket_initiator_receive(struct ticket_initiator *o, struct view octets,
                                  struct ticket_csb **out, struct mikey_fault *fault) MUST_USE;
/* For tests: refuses all further responses. sluice-ue frees the initiator instead. */
enum err ticket_initiator_close(struct ticket_initiator *o) MUST_USE;

#endif
