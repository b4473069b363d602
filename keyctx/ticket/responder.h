/* SPDX-License-Identifier: MIT */
/* Ticket Transfer, the responder's side (RFC 6043 4.2.2): reads TRANSFER_INIT, gets the keys from a
 * KMS or the ticket, builds TRANSFER_RESP. */
#ifndef KEYCTX_TICKET_RESPONDER_H
#define KEYCTX_TICKET_RESPONDER_H

#include "keyctx/ticket/csb.h"
#include "keyctx/ticket/resolve.h"

/*   READ --open/resolved/reuse--> KEYED --finish--> ANSWERED
 *   READ, KEYED --refuse--> REFUSED
 */
enum responder_state {
	RESPONDER_READ,
	RESPONDER_KEYED,
	RESPONDER_ANSWERED,
	RESPONDER_REFUSED,
	RESPONDER_STATES
};
enum responder_event {
	RESPONDER_ON_OPEN,
	RESPONDER_ON_RESOLVED,
	RESPONDER_ON_REUSE,
	RESPONDER_ON_FINISH,
	RESPONDER_ON_REFUSE,
	RESPONDER_EVENTS
};

struct ticket_responder_params {
	const struct ticket_rules *rules;
	/* own identities and own groups; me[0] is sent as IDRr if the KMS gives no other */
	const struct mikey_id *me;
	size_t n_me;
	/* the caller's identity from signalling, used if the offer has no IDRi; unset: IDRi is
	 * required */
	struct mikey_id peer;
	/* own application; unset: none, so a ticket with IDRapp is refused */
	struct mikey_id app;
	uint64_t now_ntp;
};

struct ticket_responder;

/*
 * Reads an offer and makes all checks that need no KMS (RFC 6043 4.2.2.2): type, flags, validity,
 * identity, policies. The offer is not authenticated yet. Copies `octets`. On failure fault->no is
 * the number for an Error message.
 */
enum err ticket_responder_new(struct ticket_responder **out,
                              const struct ticket_responder_params *params, struct view octets,
                              struct mikey_fault *fault) MUST_USE;
void ticket_responder_free(struct ticket_responder *a);
const struct mikey_msg *ticket_responder_msg(const struct ticket_responder *a);
/* Returns true if the ticket has flag E: only a KMS may open it. */
bool ticket_responder_must_resolve(const struct ticket_responder *a);
/* Returns IDRpsk of the ticket, which names the TPK that opens it (modes 2 and 4). */
struct mikey_id ticket_responder_tpk_id(const struct ticket_responder *a);
/* Returns the TICKET payload, to set ticket_resolve_params.ticket. */
const struct mikey_payload *ticket_responder_ticket(const struct ticket_responder *a);

/*
 * Three ways to get the keys. Each way then authenticates TRANSFER_INIT with MPKi (ERR_AUTH) and,
 * with forking, compares Vi with V. open: with a TPK that this terminal shares with `owner`
 * (decision 0010.28). resolved: with the KMS's answer. reuse: with an earlier resolution of the
 * same ticket (flag J, RFC 6043 5.3).
 */
enum err ticket_responder_open(struct ticket_responder *a, struct view tpk, struct mikey_id owner,
                               struct mikey_fault *fault) MUST_USE;
enum err ticket_responder_resolved(struct ticket_responder *a, const struct ticket_resolution *r,
                                   struct mikey_fault *fault) MUST_USE;
/* For tests: uses an earlier resolution of the ticket (flag J); sluice-ue
 * asks the KMS each time. */
enum err ticket_responder_reuse(struct ticket_responder *a, const struct ticket_resolution *r,
                                struct mikey_fault *fault) MUST_USE;
/* For tests: a copy of the resolution after open, for a later reuse. ERR_WRONG_STATE
 * before open. The caller owns it. */
enum err ticket_responder_resolution(const struct ticket_responder *a,
                                     struct ticket_resolution **out) MUST_USE;

struct ticket_responder_choice {
	/* sessions: each overrides the offered session with the same cs_id, or is added */
	const struct ticket_cs *cs;
	size_t n_cs;
	/* own SRTP policies, with numbers that the offer does not use */
	const struct csmap_policy *policies;
	size_t n_policies;
	/* own session keys for pre-encrypted content, which need flag M; NULL: none */
	const struct mikey_keys *keys;
};

/* Chooses policy, SSRC and SPI for each crypto session (the first supported policy unless `choice`
 * overrides it) and builds TRANSFER_RESP. `*octets` is empty if the policy has no TRANSFER_RESP;
 * otherwise `*octets` lives as long as the bundle. The caller owns the bundle. */
enum err ticket_responder_finish(struct ticket_responder *a,
                                 const struct ticket_responder_choice *choice,
                                 const struct mikey_env *env, struct ticket_csb **csb,
                                 struct view *octets, struct mikey_fault *fault) MUST_USE;

/* The contents of an Error message. */
struct ticket_responder_refusal {
	enum mikey_error no;
	/* own SRTP policies that the initiator may try next; only with MIKEY_E_SP or
	 * MIKEY_E_SPPAR */
	const struct csmap_policy *policies;
	size_t n_policies;
};

/* Builds an Error message for the initiator, with a MAC if the keys are known (RFC 6043 5.4). */
enum err ticket_responder_error(struct ticket_responder *a,
                                const struct ticket_responder_refusal *refusal,
                                const struct mikey_env *env, struct wr room,
                                struct view *octets) MUST_USE;
/* Builds an Error message without a MAC for an offer that ticket_responder_new refused.
 * ERR_INVALID: the offer has no header of MIKEY, or is an Error itself, so that there is nothing to
 * answer. */
enum err ticket_responder_error_to(struct view offer,
                                   const struct ticket_responder_refusal *refusal,
                                   const struct mikey_env *env, struct wr room,
                                   struct view *octets) MUST_USE;

#endif
