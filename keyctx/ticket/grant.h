/* SPDX-License-Identifier: MIT */
/* The part of the asking side that Ticket Request and Ticket Resolve share: an INIT to a KMS, its
 * authentication, and the keys of the answer. */
#ifndef KEYCTX_TICKET_GRANT_H
#define KEYCTX_TICKET_GRANT_H

#include "base/secret.h"
#include "keyctx/ticket/rules.h"
#include "keyctx/ticket/ticket.h"

struct grant_params {
	const struct ticket_rules *rules;
	const struct mikey_cred *cred;
	struct mikey_id me, kms;
	bool is_resolve;
	unsigned carry_type; /* payload to send: MIKEY_TP or MIKEY_TICKET */
	struct view carry;   /* octets of that payload without the next-payload octet */
	size_t longest;      /* octets of the longest key expected in the answer */
};

/* Part of a ticket_request or ticket_resolve. Must be zero before grant_exchange_init. */
struct grant_exchange {
	struct ticket_rules rules;
	uint8_t *octets;
	size_t len;
	struct secret key; /* PSK or envelope key */
	struct pki_cert *kms_cert;
	struct mikey_id kms; /* identity of the KMS, a view on `names` */
	uint8_t *names;
	bool is_resolve;
	uint8_t prf;
	uint32_t csb_id;
	struct view rand; /* RANDRi or RANDRr of the request, a view on `octets` */
};

/* A decoded answer; in secret memory. */
struct grant_response {
	struct mikey_msg msg;
	struct mikey_msg_keys keys;
	struct mikey_keys plain;
};

enum err grant_exchange_init(struct grant_exchange *x, const struct grant_params *params,
                             const struct mikey_env *env, struct mikey_fault *fault) MUST_USE;
void grant_exchange_fini(struct grant_exchange *x);

/* Authenticates a response of that data type and decrypts its KEMAC. An authenticated Error gives
 * ERR_DENIED, any other Error gives ERR_AUTH; fault->no is then the number in the Error. */
enum err grant_exchange_open(const struct grant_exchange *x, struct view octets, unsigned data_type,
                             struct grant_response *out, struct mikey_fault *fault) MUST_USE;

#endif
