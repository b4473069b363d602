/* SPDX-License-Identifier: MIT */
/* What Ticket Request and Ticket Resolve have in common for the one who asks: an INIT to a KMS,
 * proof, the answer's keys. */
#ifndef KEYCTX_TICKET_GRANT_H
#define KEYCTX_TICKET_GRANT_H

#include "base/secret.h"
#include "keyctx/ticket/rules.h"
#include "keyctx/ticket/ticket.h"

struct ask_params {
	const struct ticket_rules *rules;
	const struct mikey_cred *cred;
	struct mikey_id me, kms;
	bool is_resolve;
	unsigned carry_type; /* MIKEY_TP or MIKEY_TICKET */
	struct view carry;   /* its octets without the next-payload one */
	size_t longest;      /* the longest key the answer is expected to hold */
};

/* Part of a request or a resolve; zeroed before ask_init. */
struct ask {
	struct ticket_rules rules;
	uint8_t *octets;
	size_t len;
	struct secret key; /* PSK or envelope key */
	struct pki_cert *kms_cert;
	struct mikey_id kms; /* views `names` */
	uint8_t *names;
	bool is_resolve;
	uint8_t prf;
	uint32_t csb_id;
	struct view rand; /* views `octets` */
};

/* What an answer brought; in secret memory. */
struct ask_answer {
	struct mikey_msg msg;
	struct mikey_msg_keys keys;
	struct mikey_keys plain;
};

enum err ask_init(struct ask *a, const struct ask_params *params, const struct mikey_env *env,
                  struct mikey_fault *fault) MUST_USE;
void ask_fini(struct ask *a);

/*
 * Authenticates a response of that data type and opens its KEMAC. An Error gives ERR_DENIED and its
 * number when it is authentic, else ERR_AUTH.
 */
enum err ask_open(const struct ask *a, struct view octets, unsigned data_type,
                  struct ask_answer *out, struct mikey_fault *fault) MUST_USE;

#endif
