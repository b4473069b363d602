/* SPDX-License-Identifier: MIT */
/* The KMS's side of Ticket Request and Ticket Resolve (RFC 6043 4.2.1, 4.2.3): one request served,
 * from octets to octets. */
#ifndef KEYCTX_TICKET_AUTHORITY_H
#define KEYCTX_TICKET_AUTHORITY_H

#include "keyctx/ticket/resolve.h"
#include "keyctx/ticket/rules.h"
#include "keyctx/ticket/ticket.h"

/*   READ --verify--> VERIFIED --grant/resolve/relay--> ANSWERED
 *   READ, VERIFIED --refuse--> REFUSED
 */
enum authority_state {
	AUTHORITY_READ,
	AUTHORITY_VERIFIED,
	AUTHORITY_ANSWERED,
	AUTHORITY_REFUSED,
	AUTHORITY_STATES
};
enum authority_event {
	AUTHORITY_ON_VERIFY,
	AUTHORITY_ON_GRANT,
	AUTHORITY_ON_RESOLVE,
	AUTHORITY_ON_RELAY,
	AUTHORITY_ON_REFUSE,
	AUTHORITY_EVENTS
};

struct authority;

/*
 * Reads a REQUEST_INIT or RESOLVE_INIT (structure, types, time, algorithms) and copies it. Nothing
 * is looked up here: ask authority_psk_id and authority_tpk_id what the next steps need. Any
 * failure: fault->no goes into authority_error.
 */
enum err authority_new(struct authority **out, const struct ticket_rules *rules, struct view octets,
                       uint64_t now_ntp, struct mikey_fault *fault) MUST_USE;
void authority_free(struct authority *a);
/* For tests: the state after each call. */
enum authority_state authority_get_state(const struct authority *a);
const struct mikey_msg *authority_msg(const struct authority *a);

bool authority_is_resolve(const struct authority *a);
bool authority_is_pk(const struct authority *a);
struct mikey_id authority_sender(const struct authority *a); /* IDRi or IDRr; unset when left out */
struct mikey_id
authority_kms(const struct authority *a); /* IDRkms of the request; unset when left out */
struct mikey_id
authority_psk_id(const struct authority *a); /* IDRpsk; unset: look the key up by the sender */
struct mikey_id authority_tpk_id(const struct authority *a); /* resolve: IDRpsk of the ticket */
const struct ticket_policy *
authority_policy(const struct authority *a); /* wanted, or the ticket's */
const struct mikey_payload *authority_ticket(const struct authority *a); /* resolve, for relaying */
/* CERT payloads of a public-key request, in order; at most `room`. */
size_t authority_certs(const struct authority *a, struct view *out, size_t room);
/* What a replay cache asks by (decision 0010.38); the T's seconds tell when an entry may go. */
enum err authority_replay_key(const struct authority *a, uint8_t out[32]) MUST_USE;

/* How the sender is known. Borrowed for the call, but for own_key. */
struct authority_peer {
	struct view psk;       /* pre-shared */
	struct mikey_id owner; /* whom the key belongs to; stands in the MAC when IDRi or IDRr is
	                          left out */
	bool owns_sender;      /* the caller found that IDRi or IDRr belongs to that owner; else
	                          MIKEY_E_ID */
	const struct pki_chain *chain; /* public key: already led to a trusted root by the caller */
	const struct pki_key *own_key; /* the KMS's private key: opens PKE, signs errors; must
	                                  outlive the authority */
	const struct pki_cert *own_cert; /* CHASH must name it */
	struct mikey_id kms;             /* own name */
};

/* MAC or signature, envelope key, RAND lengths, identity of the certificate. ERR_AUTH with
 * MIKEY_E_AUTH. */
enum err authority_verify(struct authority *a, const struct authority_peer *peer,
                          struct mikey_fault *fault) MUST_USE;

/*
 * Grants: makes keys and a ticket, REQUEST_RESP in `*octets`, alive with `a`. `spec` NULL: as
 * asked. K is set when it differs from what was asked (decision 0010.24); D is set always (decision
 * 0010.26).
 */
enum err authority_grant(struct authority *a, const struct ticket_policy_spec *spec,
                         const struct ticket_tpk *tpk, const struct mikey_env *env,
                         struct view *octets, struct mikey_fault *fault) MUST_USE;

/* Whose key opens the ticket, and who the responder is. */
struct authority_resolution {
	struct view tpk;
	bool tpk_is_kms; /* known to the KMS alone, or shared with the responder: D must be 1 */
	struct mikey_id tpk_owner; /* else the user it is shared with: D must be 0 and IDRi this
	                              user (decision 0010.28) */
	bool may_resolve; /* the sender is in an IDRr of the policy, or a member of a group there:
	                     the caller decides */
	struct mikey_id idr; /* IDRr of RESOLVE_RESP: what keys are forked with; unset: the
	                        sender's, sent when forking */
};

/* Checks policy, validity, maker, responder and Initiator Data; opens the ticket, forks, answers.
 */
enum err authority_resolve(struct authority *a, const struct authority_resolution *how,
                           const struct mikey_env *env, struct view *octets,
                           struct mikey_fault *fault) MUST_USE;
/* The same from another KMS's answer (RFC 6043 9). */
enum err authority_relay(struct authority *a, const struct ticket_resolution *r,
                         const struct mikey_env *env, struct view *octets,
                         struct mikey_fault *fault) MUST_USE;

/* For tests: does IDRr of the policy list this identity itself, groups apart? */
bool authority_policy_lists(const struct ticket_policy *p, struct mikey_id who);

/*
 * An Error message: authenticated when `a` is verified (MAC, or SIGNkms for public keys), else
 * without MAC. `a` may be NULL when not even a request could be read; then `request` must hold a
 * header to copy from: ERR_SYNTAX otherwise (nothing can be answered), and an Error is never
 * answered.
 */
enum err authority_error(struct authority *a, struct view request, enum mikey_error no,
                         const struct mikey_env *env, struct wr room, struct view *octets) MUST_USE;

#endif
