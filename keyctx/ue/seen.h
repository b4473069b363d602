/* SPDX-License-Identifier: MIT */
/* The replay cache of a called terminal as octets: the offers that it answered, and the tickets
 * that may be used only once. The caller stores the octets (RFC 3830 5.4, RFC 6043 5.3). */
#ifndef KEYCTX_UE_SEEN_H
#define KEYCTX_UE_SEEN_H

#include "base/bytes.h"
#include "base/err.h"
#include "keyctx/ticket/responder.h"

enum { UE_SEEN_RECORD = 56, UE_MARKS_MAX = 2 * 17 /* two for each message of an offer */ };

enum ue_mark_kind {
	UE_MARK_TIME,    /* no offer: keeps the latest time of the clock */
	UE_MARK_MESSAGE, /* a TRANSFER_INIT */
	UE_MARK_TICKET,  /* a ticket without flag J */
};

/* What must not appear a second time. */
struct ue_mark {
	uint8_t kind;       /* enum ue_mark_kind */
	uint64_t until_ntp; /* after this time its own timestamp refuses it; 0: never */
	uint8_t key[32];    /* hash */
};

/* Makes the marks of an offer that is authenticated: one, or two if its ticket has no flag J. Adds
 * them to `out` and `*n`. ERR_INVALID: the offer has no T; ERR_LIMIT; ERR_CRYPTO. */
enum err ue_seen_marks(const struct ticket_responder *a, uint32_t skew_s,
                       struct ue_mark out[UE_MARKS_MAX], size_t *n) MUST_USE;

/*
 * Compares marks with the records, and with each other. An unfinished record at the end is ignored.
 * ERR_REPLAY: a message is known. ERR_DENIED: a ticket is known. ERR_EXPIRED: the clock was later
 * than now before, and a message or ticket had ended then. ERR_SYNTAX: a record is unreadable.
 */
enum err ue_seen_check(struct view records, const struct ue_mark *marks, size_t n, uint64_t now_ntp,
                       struct why *why) MUST_USE;
void ue_seen_write(struct wr *w, const struct ue_mark *mark, uint64_t now_ntp);
/* Writes the records that still refuse something, and one with the latest time, to `w`, which must
 * have room for `records` and one record more. */
void ue_seen_shrink(struct wr *w, struct view records, uint64_t now_ntp);

#endif
