/* SPDX-License-Identifier: MIT */
/* Types that all parts of a terminal share: its identity, its access to the KMS, and the
 * protections of a call. */
#ifndef KEYCTX_UE_UE_H
#define KEYCTX_UE_UE_H

#include "base/buf.h"
#include "keyctx/ticket/rules.h"
#include "keyctx/ticket/ticket.h"

/* The four protections of a call (TS 33.328 4.1, 7.2), from none to end-to-end encryption with keys
 * that no SIP hop knows. */
enum ue_protection {
	UE_NONE,     /* RTP/AVP: plain RTP */
	UE_E2AE,     /* a=crypto and a=3ge2ae:requested: SRTP to the edge of the network */
	UE_E2E_SDES, /* a=crypto: end to end; every SIP hop can read the keys */
	UE_E2E_KMS,  /* a=key-mgmt: end to end; the keys come from a ticket */
	UE_PROTECTIONS
};

/* Returns the word for options and files, such as "e2e-kms". */
const char *ue_protection_name(enum ue_protection p);
enum err ue_protection_find(struct str name, enum ue_protection *out) MUST_USE;

/* A ticket key other than the key shared with the KMS. This terminal shares it with another
 * terminal (mode 4), or opens tickets with it (mode 2). */
struct ue_tpk {
	struct ticket_tpk tpk;
	struct mikey_id owner; /* the party with which the key is shared */
};

/* The identity of a terminal. All pointers are borrowed. */
struct ue_identity {
	struct mikey_id me, kms;
	const struct mikey_id *groups; /* groups for which the terminal may answer */
	size_t n_groups;
	/* this terminal's application. A ticket with IDRapp must name it (RFC 6043 6.10); unset:
	 * tickets with IDRapp are refused */
	struct mikey_id app;
	/* credentials for the KMS; the PSK also protects tickets of mode 3 */
	struct mikey_cred cred;
	/* end of the PSK's validity, seconds since 1970; 0: it never ends */
	uint64_t until_s;
	const struct ue_tpk *tpks;
	size_t n_tpks;
	struct ticket_rules rules;
};

enum ue_question { UE_TICKET_REQUEST, UE_TICKET_RESOLVE, UE_QUESTIONS };

struct ue_mark;

/* What the caller provides: time, random octets, access to the KMS, and the replay cache. `ask`
 * sends a request and returns when the answer has arrived. */
struct ue_env {
	struct mikey_env mikey;
	enum err (*ask)(void *ctx, enum ue_question question, struct view octets,
	                struct buf *answer, struct why *why);
	void *ask_ctx;
	/* what the KMS said in words with its last answer, set by `ask`; printable; empty: nothing
	 */
	char kms_reason[256];
	/* Checks the marks of an offer with ue_seen_check, and keeps them if the answer is used.
	 * Another program that uses the same cache must not come between. NULL: offers with
	 * tickets are refused. */
	enum err (*remember)(void *ctx, const struct ue_mark *marks, size_t n, struct why *why);
	void *remember_ctx;
};

/* Writes a MIKEY fault into `why` as "WHAT: text (name of the MIKEY error)". Returns `e`. */
enum err ue_tell(struct why *why, enum err e, const struct mikey_fault *fault, const char *what);
/* Like ue_tell, for an answer of the KMS: adds the reason that the KMS gave. Only TLS protects this
 * text, so it is a hint. */
enum err ue_tell_kms(struct why *why, enum err e, const struct mikey_fault *fault, const char *what,
                     const struct ue_env *env);
/* Returns ERR_EXPIRED if the PSK has expired. */
enum err ue_identity_check(const struct ue_identity *id, const struct ue_env *env,
                           struct why *why) MUST_USE;

#endif
