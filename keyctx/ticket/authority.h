/* SPDX-License-Identifier: MIT */
/* The KMS's side of Ticket Request and Ticket Resolve (RFC 6043 4.2.1, 4.2.3). One object serves
 * one request: octets in, octets out. */
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
 * Reads and copies a REQUEST_INIT or RESOLVE_INIT; checks structure, types, time and algorithms. It
 * looks up no keys: authority_psk_id and authority_tpk_id say which ones the next steps need. On
 * failure fault->no is the number for authority_error.
 */
enum err authority_new(struct authority **out, const struct ticket_rules *rules, struct view octets,
                       uint64_t now_ntp, struct mikey_fault *fault) MUST_USE;
void authority_free(struct authority *a);
/* For tests: the state after each call. */
enum authority_state authority_get_state(const struct authority *a);
const struct mikey_msg *authority_msg(const struct authority *a);

bool authority_is_resolve(const struct authority *a);
bool authority_is_pk(const struct authority *a);
/* IDRi or IDRr; unset if the request has none */
struct mikey_id authority_sender(const struct authority *a);
/* IDRkms of the request; unset if it has none */
struct mikey_id authority_kms(const struct authority *a);
/* IDRpsk; unset: the sender's identity names the key */
struct mikey_id authority_psk_id(const struct authority *a);
/* of a resolve request: IDRpsk of the ticket */
struct mikey_id authority_tpk_id(const struct authority *a);
/* the policy asked for, or the ticket's */
const struct ticket_policy *authority_policy(const struct authority *a);
/* of a resolve request: the ticket, to relay it to another KMS */
const struct mikey_payload *authority_ticket(const struct authority *a);
/* The CERT payloads of a public-key request, in order. Writes at most `room` and
 * returns the number written. */
size_t authority_certs(const struct authority *a, struct view *out, size_t room);
/* The key under which a replay cache stores the request (decision 0010.38). The seconds of T say
 * when an entry may be removed. */
enum err authority_replay_key(const struct authority *a, uint8_t out[32]) MUST_USE;

/* What the caller knows about the sender. Borrowed for the call; own_key until authority_free. */
struct authority_peer {
	struct view psk; /* the pre-shared key; empty: none */
	/* the owner of the key; enters the MAC if IDRi or IDRr is left out */
	struct mikey_id owner;
	/* the caller found that IDRi or IDRr belongs to that owner; otherwise
	 * authority_verify fails with MIKEY_E_ID */
	bool owns_sender;
	/* certificates of a public-key request; the caller has verified them
	 * up to a trusted root */
	const struct pki_chain *chain;
	/* the KMS's private key: opens PKE, signs errors; must outlive the authority */
	const struct pki_key *own_key;
	/* the KMS's certificate; CHASH, if present, must be its hash */
	const struct pki_cert *own_cert;
	struct mikey_id kms; /* identity of this KMS */
};

/* Checks MAC or signature, envelope key, RAND lengths, and the identity in the certificate.
 * ERR_AUTH with MIKEY_E_AUTH or MIKEY_E_CERT; ERR_DENIED with MIKEY_E_ID; ERR_INVALID. */
enum err authority_verify(struct authority *a, const struct authority_peer *peer,
                          struct mikey_fault *fault) MUST_USE;

/*
 * Grants a ticket: makes keys and the ticket. `*octets` is REQUEST_RESP and lives as long as `a`.
 * `spec` NULL: grants what was asked for. Sets K if the granted policy differs (decision 0010.24),
 * and D always (decision 0010.26).
 */
enum err authority_grant(struct authority *a, const struct ticket_policy_spec *spec,
                         const struct ticket_tpk *tpk, const struct mikey_env *env,
                         struct view *octets, struct mikey_fault *fault) MUST_USE;

/* Which key opens the ticket, and who the responder is. Borrowed. */
struct authority_resolution {
	struct view tpk;
	bool tpk_is_kms; /* only the KMS knows the TPK: D must be 1; false: a user shares it */
	/* the user that shares the TPK: D must be 0 and IDRi must be this
	 * user (decision 0010.28) */
	struct mikey_id tpk_owner;
	/* the caller found the sender, or a group of the sender, in an IDRr of the policy */
	bool may_resolve;
	/* IDRr of RESOLVE_RESP, with which keys are forked. Unset: the sender's
	 * identity, sent only with forking */
	struct mikey_id idr;
};

/* Checks policy, validity, maker, responder and Initiator Data. Opens the ticket, forks its
 * keys and builds RESOLVE_RESP. */
enum err authority_resolve(struct authority *a, const struct authority_resolution *how,
                           const struct mikey_env *env, struct view *octets,
                           struct mikey_fault *fault) MUST_USE;
/* Builds RESOLVE_RESP from the answer of another KMS (RFC 6043 9). */
enum err authority_relay(struct authority *a, const struct ticket_resolution *r,
                         const struct mikey_env *env, struct view *octets,
                         struct mikey_fault *fault) MUST_USE;

/* For tests: does the policy list this identity itself in an IDRr? Groups are not expanded. */
bool authority_policy_lists(const struct ticket_policy *p, struct mikey_id who);

/*
 * Builds an Error message. It is authenticated if `a` is verified (with a MAC, or SIGNkms
 * for public keys). `a` may be NULL if the request could not be read; the header is then
 * copied from `request`. ERR_SYNTAX: there is no header to copy, or the request is an
 * Error, which is never answered.
 */
enum err authority_error(struct authority *a, struct view request, enum mikey_error no,
                         const struct mikey_env *env, struct wr room, struct view *octets) MUST_USE;

#endif
