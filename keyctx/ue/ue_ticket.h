/* SPDX-License-Identifier: MIT */
/* How a terminal comes by a ticket: asked for at the KMS (modes 1 and 2) or made by itself (modes 3
 * and 4; TS 33.328 7.2.3). */
#ifndef KEYCTX_UE_UE_TICKET_H
#define KEYCTX_UE_UE_TICKET_H

#include "keyctx/ue/ue.h"

enum { UE_TICKET_LIFETIME_S = 3600, UE_TICKET_LIFETIME_MAX_S = 86400 };

struct ue_ticket_wish {
	unsigned mode;            /* 1 to 4 */
	const struct mikey_id *r; /* who may resolve it */
	size_t n_r;
	uint32_t lifetime_s; /* cut to the end of the key that protects it (mode 3) */
	bool reuse;          /* J: for more calls than one */
	bool initiator_rekeys, responder_rekeys; /* L, M: who may supply keys in a call; without D
	                                            the initiator always may */
};

/* ERR_INVALID (mode), ERR_EXPIRED (own key), ERR_NOT_FOUND (mode 4 without a key shared with the
 * peer), what `ask` says, ERR_AUTH, ERR_DENIED. */
enum err ue_ticket_get(struct ticket_grant **out, const struct ue_identity *id,
                       const struct ue_ticket_wish *wish, struct ue_env *env,
                       struct why *why) MUST_USE;

/* A granted ticket with its keys as octets: `w` writes into secret memory. */
enum err ue_ticket_save(const struct ticket_grant *g, const struct mikey_env *env,
                        struct wr *w) MUST_USE;
enum err ue_ticket_load(struct ticket_grant **out, struct rd *r) MUST_USE;

#endif
