/* SPDX-License-Identifier: MIT */
/* One question to a KMS over HTTP or HTTPS: a MIKEY message there, a MIKEY message back. */
#ifndef CMD_SLUICE_UE_ASK_H
#define CMD_SLUICE_UE_ASK_H

#include "base/buf.h"
#include "cmd/sluice-ue/account.h"

enum kms_question { ASK_TICKET_REQUEST, ASK_TICKET_RESOLVE, ASK_COUNT };

/*
 * Sends `octets` and waits for the answer, at most 30 s. ERR_OK whatever MIKEY says: an Error is an answer. ERR_DENIED: the
 * answer holds no message; `why` has the status. ERR_INVALID (no URL), ERR_IO, ERR_TIMEOUT, ERR_CLOSED, ERR_AUTH (TLS).
 */
enum err ask_kms(struct buf *answer, const struct account *a, enum kms_question question, struct view octets, struct why *why) MUST_USE;

#endif
