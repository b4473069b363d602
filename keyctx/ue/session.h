/* SPDX-License-Identifier: MIT */
/* A protected call at one of its terminals: the keys of every m-line, and the updates of a call
 * under way (TS 33.328 7.4). */
#ifndef KEYCTX_UE_SESSION_H
#define KEYCTX_UE_SESSION_H

#include "keyctx/keyctx.h"
#include "keyctx/sdp/sdes.h"
#include "keyctx/ticket/csb.h"
#include "keyctx/ue/desc.h"

struct ue_session_part {
	struct ue_part at;
	struct ticket_csb *csb; /* owned */
};

/* SDES of an m-line: what we send with and what the peer does. */
struct ue_session_line {
	struct sdes_line own, peer;
	uint32_t ssrc; /* of our own stream; the peer's is learned from its packets */
};

/* Filled by offer.c and answer.c, read by everybody. */
struct ue_session {
	enum ue_protection protection;
	bool is_offerer; /* of the call's first offer: the MIKEY initiator */
	unsigned n_media;
	unsigned n_parts; /* UE_E2E_KMS */
	struct ue_session_part parts[SDP_MEDIA_MAX + 1];
	struct ue_session_line lines[SDP_MEDIA_MAX]; /* UE_E2E_SDES, UE_E2AE */
};

struct ue_session *ue_session_new(enum ue_protection protection, bool is_offerer,
                                  unsigned n_media); /* NULL: out of memory */
void ue_session_free(struct ue_session *s);

/* What protects one direction of an m-line. */
struct ue_stream_key {
	struct keyctx *key; /* the caller frees it */
	uint32_t ssrc;      /* of the stream; 0: not known */
};

enum err ue_session_key(const struct ue_session *s, unsigned media, bool sending,
                        struct ue_stream_key *out, struct why *why) MUST_USE;

enum ue_update {
	UE_UPDATE_SAME,  /* hold, resume, an address: the context as it was, octet for octet */
	UE_UPDATE_REKEY, /* new keys under the same ticket (RFC 6043 5.2) */
};

/*
 * Writes an update's offer into `sdp`, the new description without keys. ERR_DENIED: the ticket
 * lets this side supply no keys: a new offer of a call is due instead. After an ERR_OK with REKEY
 * the old keys are in force until the answer is taken.
 */
enum err ue_session_update(struct ue_session *s, enum ue_update kind, struct sdp *sdp,
                           struct ue_env *env, struct why *why) MUST_USE;
/* Takes the answer to that. */
enum err ue_session_answered(struct ue_session *s, const struct sdp *answer, struct ue_env *env,
                             bool *changed, struct why *why) MUST_USE;
/* Gives an update up (491, or refused): the old keys stay. */
void ue_session_cancel(struct ue_session *s);
/* Does the offer update this session? False: it brings a ticket of its own and is answered as a
 * call's first (ue_answer_new). */
bool ue_session_knows(const struct ue_session *s, const struct sdp *offer);
/* A description of the peer, and our own that answers it. */
struct ue_exchange {
	const struct sdp *theirs;
	struct sdp *ours; /* without keys; NULL: theirs is an answer, and nothing is written */
};

/*
 * Takes the peer's update and writes the answer into x->ours. `*changed`: the call has new keys;
 * messages with the same octets as before change nothing. ERR_AUTH, ERR_REPLAY, ERR_DENIED.
 */
enum err ue_session_take(struct ue_session *s, const struct ue_exchange *x, struct ue_env *env,
                         bool *changed, struct why *why) MUST_USE;

/* As octets and back: `w` writes into secret memory. */
enum err ue_session_save(const struct ue_session *s, struct wr *w) MUST_USE;
enum err ue_session_load(struct ue_session **out, struct rd *r) MUST_USE;

/* RFC 4568 as a terminal of ours speaks it; for offer.c and answer.c, too. */
void ue_sdes_policy(struct sdes_policy *p);
/* "tag suite key" of a line, and back. */
void ue_sdes_put(struct wr *w, const struct sdes_line *l);
enum err ue_sdes_get(struct rd *r, struct sdes_line *out) MUST_USE;

#endif
