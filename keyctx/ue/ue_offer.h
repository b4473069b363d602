/* SPDX-License-Identifier: MIT */
/* A call's offer as its maker keeps it until the answer is there: made, written into an SDP, saved,
 * and answered. */
#ifndef KEYCTX_UE_UE_OFFER_H
#define KEYCTX_UE_UE_OFFER_H

#include "keyctx/ue/desc.h"
#include "keyctx/ue/session.h"
#include "keyctx/ue/ue_ticket.h"

/* The call a terminal wants to make. */
struct ue_wish {
	const struct ue_identity *id; /* who calls */
	struct mikey_id peer;
	enum ue_protection protection;
	const struct suite *suite;
	enum ue_level level;
	struct ue_ticket_wish ticket;     /* e2e-kms; `r` is not read: the peer */
	const struct ticket_grant *grant; /* a ticket there already, or NULL */
	bool is_reuse;                    /* of that ticket: it served before */
};

struct ue_offer;

/*
 * Makes what the wish says and writes it into `s`, the description without keys: for e2e-kms a
 * message for each part, each of a ticket of its own unless `grant` is given. ERR_DENIED: one
 * ticket for several parts without its J flag.
 */
enum err ue_offer_new(struct ue_offer **out, const struct ue_wish *wish, struct sdp *s,
                      struct ue_env *env, struct why *why) MUST_USE;
void ue_offer_free(struct ue_offer *o);

/* Takes the answer. Each branch of a forked call gives a session of its own. ERR_AUTH, ERR_DENIED,
 * ERR_NOT_FOUND, ERR_INVALID. */
enum err ue_offer_answered(const struct ue_offer *o, const struct sdp *answer,
                           struct ue_session **out, struct why *why) MUST_USE;

/* As octets and back: `w` writes into secret memory. */
enum err ue_offer_save(const struct ue_offer *o, const struct mikey_env *env,
                       struct wr *w) MUST_USE;
enum err ue_offer_load(struct ue_offer **out, struct rd *r) MUST_USE;

#endif
