/* SPDX-License-Identifier: MIT */
/* Decodes the contents of TP and TICKET payloads: TP Data, Ticket Data of the MIKEY base ticket,
 * Initiator Data (RFC 6043 6.10, A). */
#ifndef KEYCTX_TICKET_TICKET_PAYLOAD_H
#define KEYCTX_TICKET_TICKET_PAYLOAD_H

#include "base/str.h"
#include "keyctx/mikey/msg.h"

/* The flags of a ticket policy as bits of mikey_tp.flags. */
enum ticket_flag {
	TICKET_D = 1 << 11, /* a KMS made the ticket */
	TICKET_E = 1 << 10, /* Ticket Resolve is mandatory */
	TICKET_F = 1 << 9,  /* the responder must send TRANSFER_RESP */
	TICKET_G = 1 << 8,  /* the responder makes RANDRr */
	TICKET_H = 1 << 7,  /* RANDRi is an input of the keys */
	TICKET_I = 1 << 6,  /* the KMS forks the keys for each responder */
	TICKET_J = 1 << 5,  /* the ticket may be reused */
	TICKET_K = 1 << 4,  /* the KMS changed the requested policy */
	TICKET_L = 1 << 3,  /* the initiator may supply session keys */
	TICKET_M = 1 << 2,  /* the responder may supply session keys */
	TICKET_N = 1 << 1,  /* standard initiator processing is enough */
	TICKET_O = 1 << 0,  /* standard responder processing is enough */
};

enum { TICKET_WHO_MAX = 16 }; /* most IDRr, and most IDRapp, of one policy */

/* TP Data, decoded: views on the octets of the payload. */
struct ticket_policy {
	struct mikey_tp tp;
	struct mikey_id idr_kms, idr_i;
	bool has_start, has_end, has_rekey;
	struct mikey_ts start, end, rekey;
	bool has_kemac;
	struct mikey_payload kemac; /* the requested keys, if has_kemac */
	struct mikey_id app[TICKET_WHO_MAX], r[TICKET_WHO_MAX];
	size_t n_app, n_r;
};

/* Decodes the policy of a TP or TICKET payload. MIKEY_E_TPPAR. */
enum err ticket_policy_read(struct ticket_policy *out, const struct mikey_payload *p,
                            struct mikey_fault *fault) MUST_USE;

/* Ticket Data of the MIKEY base ticket and of the 3GPP base ticket. */
struct ticket_data {
	struct mikey_ts t;
	struct view rand;
	struct mikey_payload kemac, v;
	struct mikey_id tpk_id; /* IDRpsk; unset if the ticket has none */
};

/* Decodes Ticket Data of a TICKET payload. MIKEY_E_TICKET. */
enum err ticket_data_read(struct ticket_data *out, const struct mikey_payload *ticket,
                          struct mikey_fault *fault) MUST_USE;

/* Initiator Data: Vi, Vr, and the octets that Vr covers. */
struct ticket_init_data {
	struct mikey_payload vi, vr;
	struct view covered; /* covered by Vr: Initiator Data up to Vr's own MAC */
};

enum err ticket_init_data_read(struct ticket_init_data *out, const struct mikey_payload *ticket,
                               struct mikey_fault *fault) MUST_USE;

/* Returns the octets of a TICKET payload from Ticket Type to the end of Initiator Data. They are
 * stored and forwarded unchanged. */
struct view ticket_body(const struct mikey_payload *p);
/* Like ticket_body, but without Initiator Data and its length, as an initiator keeps a ticket. */
struct view ticket_body_bare(const struct mikey_payload *p);

/* Writes the flags as letters, such as "DEFGHINO". Returns `out`. */
const char *ticket_flags_text(unsigned flags, char out[16]);
enum { TICKET_FLAGS_WORDS_MAX = 192 };
/* Writes the flags as words, such as "made-by-kms,resolve,answer"; "none" for 0. `room` is at least
 * TICKET_FLAGS_WORDS_MAX. */
const char *ticket_flags_words(unsigned flags, char *out, size_t room);
/* For tests: converts letters to flags. ERR_SYNTAX: a letter is not a flag. */
enum err ticket_flags_parse(struct str text, uint16_t *out) MUST_USE;

#endif
