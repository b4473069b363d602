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

/* Reads and copies a REQUEST_INIT or RESOLVE_INIT. Checks structure, types, time and algorithms,
 * but looks up no keys: authority_psk_id and authority_tpk_id name the keys that the next steps
 * need. On failure fault->no is the number for authority_error. */
enum err authority_new(struct authority **out, const struct ticket_rules *rules, struct view octets,
                       uint64_t now_ntp, struct mikey_fault *fault) MUST_USE;
void authority_free(struct authority *a);
/* For tests: returns the current state. */
enum authority_state authority_get_state(const struct authority *a);
const struct mikey_msg *authority_msg(const struct authority *a);

bool authority_is_resolve(const struct authority *a);
bool authority_is_pk(const struct authority *a);
/* IDRi of a REQUEST_INIT, IDRr of a RESOLVE_INIT; unset if the request has none */
struct mikey_id authority_sender(const struct authority *a);
/* IDRkms of the request; unset if it has none */
struct mikey_id authority_kms(const struct authority *a);
/* IDRpsk of the request; unset: the sender's identity names the pre-shared key */
struct mikey_id authority_psk_id(const struct authority *a);
/* IDRpsk of the ticket in a RESOLVE_INIT; unset if there is none */
struct mikey_id authority_tpk_id(const struct authority *a);
/* the policy that a REQUEST_INIT asks for, or that of the ticket in a RESOLVE_INIT */
const struct ticket_policy *authority_policy(const struct authority *a);
/* the ticket in a RESOLVE_INIT, so that the caller can relay it to another KMS */
const struct mikey_payload *authority_ticket(const struct authority *a);
/* The CERT payloads of a public-key request, in order. Writes at most `room` and
 * returns the number written. */
size_t authority_certs(const struct authority *a, struct view *out, size_t room);
/* Writes the key under which a replay cache stores the request (decision 0010.38). The cache may
 * remove the entry when T is too old to be accepted again. */
enum err authority_replay_key(const struct authority *a, uint8_t out[32]) MUST_USE;

/* What the caller knows about the sender. Borrowed for the call, except own_key. */
struct authority_peer {
	struct view psk; /* the pre-shared key; empty: none */
	/* the owner of the key; the MAC covers this identity if the request has no IDRi or IDRr */
	struct mikey_id owner;
	/* true: the caller found that IDRi or IDRr belongs to `owner`; otherwise authority_verify
	 * fails with MIKEY_E_ID */
	bool owns_sender;
	/* certificates from a public-key request; the caller has verified that they lead to a
	 * trusted root */
	const struct pki_chain *chain;
	/* the KMS's private key: decrypts PKE, signs Error messages; must live until
	 * authority_free */
	const struct pki_key *own_key;
	/* the KMS's certificate; CHASH, if present, must be its hash */
	const struct pki_cert *own_cert;
	struct mikey_id kms; /* identity of this KMS */
};

/* Authenticates the request: checks MAC or signature, envelope key, RAND lengths, and the identity
 * in the certificate. ERR_AUTH with MIKEY_E_AUTH or MIKEY_E_CERT; ERR_DENIED with MIKEY_E_ID;
 * ERR_INVALID. */
enum err authority_verify(struct authority *a, const struct authority_peer *peer,
                          struct mikey_fault *fault) MUST_USE;

/* Returns true if the sender is authenticated, so that an Error message has a MAC or signature. */
bool authority_is_verified(const struct authority *a);

/* Grants a ticket: makes the keys, the ticket and REQUEST_RESP in `*octets`, which lives as long as
 * `a`. `spec` is the granted policy; NULL: the policy asked for. Sets flag K if the granted policy
 * or SPIs differ from those asked for (decision 0010.24), and always flag D (decision 0010.26). */
enum err authority_grant(struct authority *a, const struct ticket_policy_spec *spec,
                         const struct ticket_tpk *tpk, const struct mikey_env *env,
                         struct view *octets, struct mikey_fault *fault) MUST_USE;

/* Which key opens the ticket, and who the responder is. Borrowed for the call. */
struct authority_resolution {
	struct view tpk;
	/* true: only the KMS knows the TPK, so flag D must be 1; false: a user shares the TPK */
	bool tpk_is_kms;
	/* the user that shares the TPK with the KMS: flag D must be 0 and IDRi must be this user
	 * (decision 0010.28) */
	struct mikey_id tpk_owner;
	/* true: the caller found the sender, or a group of the sender, in an IDRr of the policy */
	bool may_resolve;
	/* IDRr to send in RESOLVE_RESP and to fork keys with. Unset: with forking the sender's
	 * identity is used, or that of the key's owner if the request has no IDRr; without forking
	 * no IDRr is sent */
	struct mikey_id idr;
};

/* Checks policy, validity, maker, responder and Initiator Data of the ticket. Opens the ticket,
 * forks its keys and builds RESOLVE_RESP. */
enum err authority_resolve(struct authority *a, const struct authority_resolution *how,
                           const struct mikey_env *env, struct view *octets,
                           struct mikey_fault *fault) MUST_USE;
/* Builds RESOLVE_RESP from the answer of another KMS (RFC 6043 9). */
enum err authority_relay(struct authority *a, const struct ticket_resolution *r,
                         const struct mikey_env *env, struct view *octets,
                         struct mikey_fault *fault) MUST_USE;

/* For tests: returns true if an IDRr of the policy is this identity. Does not expand groups. */
bool authority_policy_lists(const struct ticket_policy *p, struct mikey_id who);

/*
 * Builds an Error message. If `a` is verified, the message has a MAC, or for public keys a
 * signature of the KMS. `a` may be NULL if the request could not be read; the header is then copied
 * from `request`. ERR_SYNTAX: there is no header to copy, or the request is itself an Error, which
 * is never answered.
 */
enum err authority_error(struct authority *a, struct view request, enum mikey_error no,
                         const struct mikey_env *env, struct wr room, struct view *octets) MUST_USE;

#endif
