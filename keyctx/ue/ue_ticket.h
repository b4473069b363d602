/* SPDX-License-Identifier: MIT */
/* Gets a ticket for a terminal: the KMS makes it (modes 1 and 2), or the terminal makes it itself
 * (modes 3 and 4; TS 33.328 7.2.3). */
#ifndef KEYCTX_UE_UE_TICKET_H
#define KEYCTX_UE_UE_TICKET_H

#include "keyctx/ue/ue.h"

enum { UE_TICKET_LIFETIME_S = 3600, UE_TICKET_LIFETIME_MAX_S = 86400 };

struct ue_ticket_wish {
	unsigned mode; /* mode of the ticket (RFC 6043 4.1.1), 1 to 4 */
	/* TICKET_TYPE_MIKEY or TICKET_TYPE_3GPP; 0: rules.ticket_type of the terminal */
	uint16_t ticket_type;
	const struct mikey_id *r; /* the identities that may resolve the ticket */
	size_t n_r;
	/* lifetime; in mode 3 shortened to that of the key that protects the ticket */
	uint32_t lifetime_s;
	/* flag F is not set: the called side sends no TRANSFER_RESP. Then the ticket has no flag G
	 * and I either, and the offer chooses all SSRCs */
	bool no_response;
	bool reuse; /* flag J: the ticket may serve several calls */
	/* flags L, M: the initiator, the responder may supply keys during a call; in modes 3 and 4
	 * the initiator always may */
	bool initiator_rekeys, responder_rekeys;
};

/*
 * Requests or makes a ticket; the caller owns it. ERR_INVALID (mode, flags), ERR_UNSUPPORTED (a
 * ticket type that the terminal itself does not accept), ERR_EXPIRED (PSK), ERR_NOT_FOUND (mode 4:
 * no key is shared with the peer), ERR_AUTH, ERR_DENIED, or an error of `ask`.
 */
enum err ue_ticket_get(struct ticket_grant **out, const struct ue_identity *id,
                       const struct ue_ticket_wish *wish, struct ue_env *env,
                       struct why *why) MUST_USE;

/* Save a ticket with its keys as octets, and load it; `w` must write into secret memory.
 * ERR_TOO_BIG, ERR_SYNTAX, ERR_NOMEM. */
enum err ue_ticket_save(const struct ticket_grant *g, const struct mikey_env *env,
                        struct wr *w) MUST_USE;
enum err ue_ticket_load(struct ticket_grant **out, struct rd *r) MUST_USE;

#endif
