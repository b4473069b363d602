/* SPDX-License-Identifier: MIT */
/* The offer of a call. The offerer keeps it until the answer arrives, and can save it and load it
 * again. */
#ifndef KEYCTX_UE_UE_OFFER_H
#define KEYCTX_UE_UE_OFFER_H

#include "keyctx/ue/desc.h"
#include "keyctx/ue/session.h"
#include "keyctx/ue/ue_ticket.h"

/* The call that a terminal wants to make. All pointers are borrowed. */
struct ue_wish {
	const struct ue_identity *id; /* the calling terminal */
	struct mikey_id peer;
	enum ue_protection protection;
	const struct suite *suite;
	enum ue_level level;
	/* used with e2e-kms; its member `r` is ignored, `peer` is used instead */
	struct ue_ticket_wish ticket;
	const struct ticket_grant *grant; /* an existing ticket; NULL: get a new one */
	bool is_reuse;                    /* true: `grant` was already used for an earlier call */
};

struct ue_offer;

/*
 * Makes the offer and writes it into `s`, which is the description without keys. With e2e-kms each
 * part gets a message with a new ticket, or with `grant`. The caller owns the offer. ERR_DENIED:
 * `grant` has no flag J, but is used for several parts or was used before.
 */
enum err ue_offer_new(struct ue_offer **out, const struct ue_wish *wish, struct sdp *s,
                      struct ue_env *env, struct why *why) MUST_USE;
void ue_offer_free(struct ue_offer *o);

/* Processes an answer and makes a session, which the caller owns. Each branch of a forked call
 * gives a session of its own. ERR_AUTH, ERR_DENIED, ERR_NOT_FOUND, ERR_INVALID. */
enum err ue_offer_answered(const struct ue_offer *o, const struct sdp *answer,
                           struct ue_session **out, struct why *why) MUST_USE;

/* Save an offer as octets, and load it; `w` must write into secret memory. ERR_TOO_BIG, ERR_SYNTAX,
 * ERR_NOMEM. */
enum err ue_offer_save(const struct ue_offer *o, const struct mikey_env *env,
                       struct wr *w) MUST_USE;
enum err ue_offer_load(struct ue_offer **out, struct rd *r) MUST_USE;

#endif
