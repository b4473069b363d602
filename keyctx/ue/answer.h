/* SPDX-License-Identifier: MIT */
/* The called terminal: an offer in, its ticket resolved, an answer and the keys out
 * (TS 33.328 7.3.3). */
#ifndef KEYCTX_UE_ANSWER_H
#define KEYCTX_UE_ANSWER_H

#include "keyctx/ue/session.h"

/* One answer to a first offer of a call. */
struct ue_answering {
	const struct ue_identity *id;
	enum ue_protection protection; /* ue_choose_answer() */
	const struct sdp *offer;
	struct sdp *local; /* the own description, without keys; the answer is written into it */
};

/*
 * Answers the offer. A message is answered at the level of the description where it stands
 * (RFC 4567 4.1). ERR_AUTH: the offer is not authentic, or its list of protocols was changed on the
 * way. ERR_DENIED, ERR_UNSUPPORTED, and the errors of env->ask. After a failure discard `local`: it
 * may be half written.
 */
enum err ue_answer_new(struct ue_session **out, const struct ue_answering *x, struct ue_env *env,
                       struct why *why) MUST_USE;

/* The caller of an offer under e2e-kms as its message names it, not authenticated: for the choice
 * of a policy. Unset without one. */
struct mikey_id ue_answer_caller(const struct sdp *offer, uint8_t *room, size_t room_n);

#endif
