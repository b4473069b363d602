/* SPDX-License-Identifier: MIT */
/* The offer of a call, which its maker keeps until the answer: made, written into
 * an SDP, saved, answered. */
#ifndef KEYCTX_UE_UE_OFFER_H
#define KEYCTX_UE_UE_OFFER_H

#include "keyctx/ue/desc.h"
#include "keyctx/ue/session.h"
#include "keyctx/ue/ue_ticket.h"

/* The call that a terminal wants to make. Borrowed. */
struct ue_wish {
	const struct ue_identity *id; /* the caller */
	struct mikey_id peer;
	enum ue_protection protection;
	const struct suite *suite;
	enum ue_level level;
	struct ue_ticket_wish ticket;     /* used with e2e-kms; `r` is ignored, `peer` is used */
	const struct ticket_grant *grant; /* an existing ticket, or NULL: get one */
	bool is_reuse;                    /* `grant` was used for an earlier call */
};

struct ue_offer;

/*
 * Makes the offer and writes it into `s`, the description without keys. For e2e-kms each part gets
 * a message with a ticket of its own, or with `grant`. The caller owns the offer. ERR_DENIED:
 * `grant` is used for several parts, or again, without its flag J.
 */
enum err ue_offer_new(struct ue_offer **out, const struct ue_wish *wish, struct sdp *s,
                      struct ue_env *env, struct why *why) MUST_USE;
void ue_offer_free(struct ue_offer *o);

/* Takes an answer and makes a session, which the caller owns. Each branch of a forked call gives
 * its own session. ERR_AUTH, ERR_DENIED, ERR_NOT_FOUND, ERR_INVALID. */
enum err ue_offer_answered(const struct ue_offer *o, const struct sdp *answer,
                           struct ue_session **out, struct why *why) MUST_USE;

/* Saves an offer as octets, and loads it; `w` must write into secret memory.
 * ERR_TOO_BIG, ERR_SYNTAX, ERR_NOMEM. */
enum err ue_offer_save(const struct ue_offer *o, const struct mikey_env *env,
                       struct wr *w) MUST_USE;
enum err ue_offer_load(struct ue_offer **out, struct rd *r) MUST_USE;

#endif
