/* SPDX-License-Identifier: MIT */
/* The called terminal: an offer in, its ticket resolved, an answer and the keys out
 * (TS 33.328 7.3.3). */
#ifndef KEYCTX_UE_ANSWER_H
#define KEYCTX_UE_ANSWER_H

#include "keyctx/ue/session.h"

/*
 * Answers `offer` with `local`, the own description without keys, under that protection
 * (ue_choose_answer). Messages come back at the level they were offered at (RFC 4567 4.1).
 * ERR_AUTH: not authentic, or the list of protocols was changed on the way; ERR_DENIED,
 * ERR_UNSUPPORTED, what `ask` says. On failure `local` may be half written: it is of no use then.
 */
enum err ue_answer_new(struct ue_session **out, const struct ue_identity *id,
                       enum ue_protection protection, const struct sdp *offer, struct sdp *local,
                       struct ue_env *env, struct why *why) MUST_USE;

/* The caller of an offer under e2e-kms as its message names it, not authenticated: for the choice
 * of a policy. Unset without one. */
struct mikey_id ue_answer_caller(const struct sdp *offer, uint8_t *room, size_t room_n);

#endif
