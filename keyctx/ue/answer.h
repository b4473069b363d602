/* SPDX-License-Identifier: MIT */
/* The called terminal: reads an offer, gets the keys of its ticket, and makes the answer (TS 33.328
 * 7.3.3). */
#ifndef KEYCTX_UE_ANSWER_H
#define KEYCTX_UE_ANSWER_H

#include "keyctx/ue/session.h"

/* The MIKEY Error for the caller of a refused offer. */
struct ue_refusal {
	bool is_written;     /* true: the description holds an Error */
	enum mikey_error no; /* its number */
};

/* What a terminal needs to answer the first offer of a call. All pointers are borrowed. */
struct ue_answering {
	const struct ue_identity *id;
	enum ue_protection protection; /* from ue_choose_answer() */
	const struct sdp *offer;
	/* this terminal's description without keys; ue_answer_new writes the answer into it */
	struct sdp *local;
	/* set if the offer is refused; NULL: make no Error */
	struct ue_refusal *refusal;
};

/*
 * Answers the offer. Each MIKEY message is answered at its own level of the description (RFC 4567
 * 4.1). The offer enters the replay cache (env->remember) after everything else has succeeded. The
 * caller owns the session. ERR_AUTH: the offer is not authentic, or its list of protocols was
 * changed on the way. ERR_REPLAY: it was answered before. ERR_DENIED, ERR_UNSUPPORTED, or an error
 * of env->ask. After a failure discard `local`, which may be partly written.
 */
enum err ue_answer_new(struct ue_session **out, const struct ue_answering *x, struct ue_env *env,
                       struct why *why) MUST_USE;

/* Returns the caller (IDRi) that an e2e-kms offer names; unset if it names none. It is not
 * authenticated: use it only to choose a rule of the policy. The octets are copied to `room`. */
struct mikey_id ue_answer_caller(const struct sdp *offer, uint8_t *room, size_t room_n);

#endif
