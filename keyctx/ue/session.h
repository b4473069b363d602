/* SPDX-License-Identifier: MIT */
/* A protected call at one terminal: the keys of every m-line, and updates during
 * the call (TS 33.328 7.4). */
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

/* SDES of an m-line: the own line and the peer's. */
struct ue_session_line {
	struct sdes_line own, peer;
	uint32_t ssrc; /* of the own stream; the peer's is learned from its packets */
};

/* Written by ue_offer.c, answer.c and update.c. */
struct ue_session {
	enum ue_protection protection;
	/* this terminal made the first offer of the call: it is the MIKEY initiator */
	bool is_offerer;
	unsigned n_media;
	unsigned n_parts; /* used with UE_E2E_KMS */
	struct ue_session_part parts[SDP_MEDIA_MAX + 1];
	struct ue_session_line lines[SDP_MEDIA_MAX]; /* used with UE_E2E_SDES and UE_E2AE */
};

struct ue_session *ue_session_new(enum ue_protection protection, bool is_offerer,
                                  unsigned n_media); /* NULL: out of memory */
void ue_session_free(struct ue_session *s);

/* The key of one direction of an m-line. */
struct ue_stream_key {
	struct keyctx *key; /* the caller frees it with keyctx_free */
	uint32_t ssrc;      /* SSRC of the stream; 0: not known */
};

enum err ue_session_key(const struct ue_session *s, unsigned media, bool sending,
                        struct ue_stream_key *out, struct why *why) MUST_USE;

enum ue_update {
	/* hold, resume, a new address: the same messages and lines again, octet for octet */
	UE_UPDATE_SAME,
	UE_UPDATE_REKEY, /* new keys under the same ticket (RFC 6043 5.2) */
};

/*
 * Writes the offer of an update into `sdp`, the new description without keys. ERR_DENIED: the
 * ticket does not let this side supply keys; make a new first offer instead. After a REKEY the old
 * keys are used until the answer is taken.
 */
enum err ue_session_update(struct ue_session *s, enum ue_update kind, struct sdp *sdp,
                           struct ue_env *env, struct why *why) MUST_USE;
/* Takes the answer to ue_session_update. `*changed`: the call has new keys. */
enum err ue_session_answered(struct ue_session *s, const struct sdp *answer, struct ue_env *env,
                             bool *changed, struct why *why) MUST_USE;
/* Gives up an update (491, or refused): the old keys stay. */
void ue_session_cancel(struct ue_session *s);
/* Is the offer an update of this session? False: it has a ticket of its own and is answered like
 * the first offer of a call (ue_answer_new). */
bool ue_session_knows(const struct ue_session *s, const struct sdp *offer);
/* A description of the peer, and the own one that answers it. */
struct ue_exchange {
	const struct sdp *theirs;
	struct sdp *ours; /* without keys; NULL: `theirs` is an answer, and nothing is written */
};

/* Takes the peer's update and writes the answer into x->ours. `*changed`: the call has new keys;
 * repeated messages change nothing. ERR_AUTH, ERR_REPLAY, ERR_DENIED. */
enum err ue_session_take(struct ue_session *s, const struct ue_exchange *x, struct ue_env *env,
                         bool *changed, struct why *why) MUST_USE;

/* Saves a session as octets, and loads it; `w` must write into secret memory.
 * ERR_TOO_BIG, ERR_SYNTAX, ERR_NOMEM. */
enum err ue_session_save(const struct ue_session *s, struct wr *w) MUST_USE;
enum err ue_session_load(struct ue_session **out, struct rd *r) MUST_USE;

/* The policy of a terminal for a=crypto (RFC 4568): the defaults without MKI. */
void ue_sdes_policy(struct sdes_policy *p);
/* Saves tag, suite and key of an a=crypto line, and loads them. */
void ue_sdes_put(struct wr *w, const struct sdes_line *l);
enum err ue_sdes_get(struct rd *r, struct sdes_line *out) MUST_USE;

#endif
