/* SPDX-License-Identifier: MIT */
/* Ticket Transfer, the responder's side (RFC 6043 4.2.2): TRANSFER_INIT in, keys from a KMS or the
 * ticket, TRANSFER_RESP out. */
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
	const struct mikey_id
		*me; /* own identities, groups included; me[0] is sent when no other is given */
	size_t n_me;
	struct mikey_id peer; /* the caller as the signalling names it, for an offer without IDRi;
	                         unset: IDRi must be there */
	struct mikey_id app;  /* own application for IDRapp; unset: IDRapp is not looked at */
	uint64_t now_ntp;
};

struct ticket_responder;

/*
 * Reads an offer and refuses early what a KMS need not be asked about (RFC 6043 4.2.2.2): type,
 * flags, validity, identity, policies. It is not authenticated yet. Copies `octets`. On failure
 * fault->no is the number for an Error message.
 */
enum err ticket_responder_new(struct ticket_responder **out,
                              const struct ticket_responder_params *params, struct view octets,
                              struct mikey_fault *fault) MUST_USE;
void ticket_responder_free(struct ticket_responder *a);
const struct mikey_msg *ticket_responder_msg(const struct ticket_responder *a);
/* E flag: only a KMS may open this ticket. */
bool ticket_responder_must_resolve(const struct ticket_responder *a);
/* IDRpsk of the ticket: which TPK would open it (modes 2 and 4). */
struct mikey_id ticket_responder_tpk_id(const struct ticket_responder *a);
/* For ticket_resolve_params.ticket. */
const struct mikey_payload *ticket_responder_ticket(const struct ticket_responder *a);

/*
 * Three ways to the keys; each then authenticates TRANSFER_INIT with MPKi (ERR_AUTH), and compares
 * Vi under forking. open: with a TPK of our own; `owner` is whom we share it with (decision
 * 0010.28). resolved: from the KMS. reuse: an earlier resolution of the same ticket (J flag, RFC
 * 6043 5.3).
 */
enum err ticket_responder_open(struct ticket_responder *a, struct view tpk, struct mikey_id owner,
                               struct mikey_fault *fault) MUST_USE;
enum err ticket_responder_resolved(struct ticket_responder *a, const struct ticket_resolution *r,
                                   struct mikey_fault *fault) MUST_USE;
/* For tests: an earlier resolution serves a ticket again (J flag); sluice-ue asks the KMS each
 * time. */
enum err ticket_responder_reuse(struct ticket_responder *a, const struct ticket_resolution *r,
                                struct mikey_fault *fault) MUST_USE;
/* For tests: after open, what reuse may be given later. ERR_WRONG_STATE before. The caller's. */
enum err ticket_responder_resolution(const struct ticket_responder *a,
                                     struct ticket_resolution **out) MUST_USE;

struct ticket_responder_choice {
	const struct ticket_cs *cs; /* what is to differ from the offer or the default, by cs_id;
	                               sessions not offered are added */
	size_t n_cs;
	const struct csmap_policy *policies; /* new ones, with numbers the offer does not use */
	size_t n_policies;
	const struct mikey_keys
		*keys; /* own session keys (M flag: pre-encrypted content), or NULL */
};

/*
 * Chooses a policy, SSRC and SPI for each crypto session (the first usable of each unless `choice`
 * says), builds TRANSFER_RESP.
 * `*octets` is empty when the policy wants none; else it lives as long as the bundle. The bundle is
 * the caller's.
 */
enum err ticket_responder_finish(struct ticket_responder *a,
                                 const struct ticket_responder_choice *choice,
                                 const struct mikey_env *env, struct ticket_csb **csb,
                                 struct view *octets, struct mikey_fault *fault) MUST_USE;

/* What an Error message says. */
struct ticket_responder_refusal {
	enum mikey_error no;
	const struct csmap_policy
		*policies; /* own SPs to try next, with MIKEY_E_SP, MIKEY_E_SPPAR */
	size_t n_policies;
};

/*
 * For tests: an Error message for the initiator, with a MAC once there are keys. sluice-ue does not
 * send one, it refuses a call by its SIP status; but it reads those of other terminals.
 */
enum err ticket_responder_error(struct ticket_responder *a,
                                const struct ticket_responder_refusal *refusal,
                                const struct mikey_env *env, struct wr room,
                                struct view *octets) MUST_USE;

#endif
