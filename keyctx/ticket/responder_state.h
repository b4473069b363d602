/* SPDX-License-Identifier: MIT */
/* struct ticket_responder, shared by responder.c, which reads offers, and responder_reply.c, which
 * builds answers. Private to these two files. */
#ifndef KEYCTX_TICKET_RESPONDER_STATE_H
#define KEYCTX_TICKET_RESPONDER_STATE_H

#include "keyctx/ticket/csb_make.h"
#include "keyctx/ticket/responder.h"

struct ticket_responder {
	struct ticket_rules rules;
	uint8_t state;
	uint8_t *octets;
	struct mikey_msg msg;
	const struct mikey_payload *ticket; /* TICKET payload in `msg` */
	struct ticket_policy policy;
	struct ticket_data data;
	struct csb_policies policies;
	uint8_t *names;
	struct mikey_id me; /* own identity for the answer; a view on `names` */
	/* the caller's identity if the offer has no IDRi; a view on `names` */
	struct mikey_id peer;
	struct ticket_resolution *resolution;
	struct mikey_keys *keys; /* session keys of the ticket and of the offer */
};

/* Returns the identity of that role (MIKEY_ROLE_I or MIKEY_ROLE_R), from the offer or else from
 * signalling. */
struct mikey_id responder_id_of(const struct ticket_responder *a, unsigned role);
/* Derives the keys of TRANSFER_INIT from MPKi. */
enum err responder_offer_keys(const struct ticket_responder *a, const struct ticket_keys *k,
                              struct mikey_msg_keys *out) MUST_USE;
/* Returns the algorithms of TRANSFER_RESP, which are those of the offer. */
struct mikey_algs responder_algs_of(const struct ticket_responder *a);

static inline enum err responder_no_memory(struct mikey_fault *fault)
{
	return mikey_fail(fault, ERR_NOMEM, MIKEY_E_UNSPECIFIED, "out of memory");
}

#endif
