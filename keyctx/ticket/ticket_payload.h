/* SPDX-License-Identifier: MIT */
/* What stands inside TP and TICKET payloads: TP Data, MIKEY base ticket data, Initiator Data (RFC
 * 6043 6.10, A). */
#ifndef KEYCTX_TICKET_TICKET_PAYLOAD_H
#define KEYCTX_TICKET_TICKET_PAYLOAD_H

#include "base/str.h"
#include "keyctx/mikey/msg.h"

/* The flags of a ticket policy as bits of mikey_tp.flags. */
enum ticket_flag {
	TICKET_D = 1 << 11, /* made by the KMS */
	TICKET_E = 1 << 10, /* Ticket Resolve is mandatory */
	TICKET_F = 1 << 9,  /* TRANSFER_RESP shall be sent */
	TICKET_G = 1 << 8,  /* the responder makes RANDRr */
	TICKET_H = 1 << 7,  /* RANDRi goes into the keys */
	TICKET_I = 1 << 6,  /* key forking */
	TICKET_J = 1 << 5,  /* may be reused */
	TICKET_K = 1 << 4,  /* the KMS changed what was asked for */
	TICKET_L = 1 << 3,  /* the initiator may supply session keys */
	TICKET_M = 1 << 2,  /* the responder may supply session keys */
	TICKET_N = 1 << 1,  /* standard initiator processing is enough */
	TICKET_O = 1 << 0,  /* standard responder processing is enough */
};

enum { TICKET_WHO_MAX = 16 }; /* IDRr and IDRapp of one policy */

/* TP Data, decoded; views on the octets of the payload. */
struct ticket_policy {
	struct mikey_tp tp;
	struct mikey_id idr_kms, idr_i;
	bool has_start, has_end, has_rekey;
	struct mikey_ts start, end, rekey;
	bool has_kemac;
	struct mikey_payload kemac; /* asked keys */
	struct mikey_id app[TICKET_WHO_MAX], r[TICKET_WHO_MAX];
	size_t n_app, n_r;
};

/* `p`: a TP or a TICKET payload. MIKEY_E_TPPAR for contents that are not those of a policy. */
enum err ticket_policy_read(struct ticket_policy *out, const struct mikey_payload *p,
                            struct mikey_fault *fault) MUST_USE;

/* Ticket Data of the MIKEY base ticket and of the 3GPP base ticket. */
struct ticket_data {
	struct mikey_ts t;
	struct view rand;
	struct mikey_payload kemac, v;
	struct mikey_id tpk_id; /* IDRpsk; empty when left out */
};

/* `ticket`: a TICKET payload. MIKEY_E_TICKET. */
enum err ticket_data_read(struct ticket_data *out, const struct mikey_payload *ticket,
                          struct mikey_fault *fault) MUST_USE;

/* Initiator Data: Vi, Vr, and what Vr covers. */
struct ticket_init_data {
	struct mikey_payload vi, vr;
	struct view covered; /* by Vr: the field up to Vr's own MAC */
};

enum err ticket_init_data_read(struct ticket_init_data *out, const struct mikey_payload *ticket,
                               struct mikey_fault *fault) MUST_USE;

/* TICKET's octets from Ticket Type to Initiator Data: what is stored, sent on and never written
 * anew. `p` of type TICKET. */
struct view ticket_body(const struct mikey_payload *p);
/* The same without Initiator Data and its length: what the initiator keeps. */
struct view ticket_body_bare(const struct mikey_payload *p);

/* "DEFGHINO"; Returns `out`. */
const char *ticket_flags_text(unsigned flags, char out[16]);
/* For tests: letters to bits; ERR_SYNTAX for another letter. */
enum err ticket_flags_parse(struct str text, uint16_t *out) MUST_USE;

#endif
