/* SPDX-License-Identifier: MIT */
/* struct authority, shared by authority.c, which reads requests, and authority_reply.c, which
 * builds answers. */
#ifndef KEYCTX_TICKET_AUTHORITY_STATE_H
#define KEYCTX_TICKET_AUTHORITY_STATE_H

#include "keyctx/ticket/authority.h"

struct authority {
	struct ticket_rules rules;
	uint8_t state;
	uint8_t *octets; /* the request; owned */
	uint64_t now_ntp;
	struct mikey_msg msg;
	struct ticket_policy policy;
	struct secret key; /* PSK or envelope key; set by authority_verify */
	bool is_verified;
	uint8_t mac_alg; /* MAC algorithm of the messages built here */
	/* own identity, and the owner of the sender's key; views on `names` */
	struct mikey_id kms, owner;
	uint8_t *names;
	const struct pki_key *own_key; /* borrowed; see struct authority_peer */
	uint8_t reply[MIKEY_MESSAGE_MAX];
};

unsigned authority_sender_role(const struct authority *a); /* MIKEY_ROLE_I or MIKEY_ROLE_R */
/* Derives the keys that protect INIT (`phase` 1) or RESP (`phase` 2) of this exchange. */
enum err authority_phase_keys(const struct authority *a, unsigned phase,
                              struct mikey_msg_keys *out) MUST_USE;

static inline enum err authority_no_memory(struct mikey_fault *fault)
{
	return mikey_fail(fault, ERR_NOMEM, MIKEY_E_UNSPECIFIED, "out of memory");
}

#endif
