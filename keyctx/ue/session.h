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

/* The a=crypto lines of an m-line: this terminal's line and the peer's. */
struct ue_session_line {
	struct sdes_line own, peer;
	/* SSRC of this terminal's stream; the peer's SSRC is learned from its packets */
	uint32_t ssrc;
};

/* A session. ue_offer.c, answer.c and update.c write its members. */
struct ue_session {
	enum ue_protection protection;
	/* true: this terminal made the first offer of the call, so it is the MIKEY initiator */
	bool is_offerer;
	unsigned n_media;
	unsigned n_parts; /* number of `parts`; 0 without UE_E2E_KMS */
	struct ue_session_part parts[SDP_MEDIA_MAX + 1];
	struct ue_session_line lines[SDP_MEDIA_MAX]; /* used with UE_E2E_SDES and UE_E2AE */
};

struct ue_session *ue_session_new(enum ue_protection protection, bool is_offerer,
                                  unsigned n_media); /* returns NULL if out of memory */
void ue_session_free(struct ue_session *s);
/* Makes a copy, which the caller owns. ERR_NOMEM, ERR_TOO_BIG. */
enum err ue_session_copy(struct ue_session **out, const struct ue_session *s,
                         struct why *why) MUST_USE;

/* The key of one direction of an m-line. */
struct ue_stream_key {
	struct keyctx *key; /* the caller frees it with keyctx_free */
	uint32_t ssrc;      /* SSRC of the stream; 0: not known */
};

/* Checks that every m-line has a key in both directions. ERR_NOT_FOUND, or an error of the key. */
enum err ue_session_check(const struct ue_session *s, struct why *why) MUST_USE;
enum err ue_session_key(const struct ue_session *s, unsigned media, bool sending,
                        struct ue_stream_key *out, struct why *why) MUST_USE;

enum ue_update {
	/* for hold, resume or a new address: the same messages and lines again, octet for octet */
	UE_UPDATE_SAME,
	UE_UPDATE_REKEY, /* new keys under the same ticket (RFC 6043 5.2) */
};

/*
 * These functions leave the session unchanged on failure, but may have written into the
 * description.
 *
 * Writes the keys of an update offer into `sdp`, which is the new description without keys.
 * ERR_DENIED: the ticket does not let this side supply keys; make a new first offer instead. After
 * UE_UPDATE_REKEY the old keys stay in use until ue_session_answered.
 */
enum err ue_session_update(struct ue_session *s, enum ue_update kind, struct sdp *sdp,
                           struct ue_env *env, struct why *why) MUST_USE;
/* Processes the answer to ue_session_update. Sets `*changed` to true if the call has new keys. */
enum err ue_session_answered(struct ue_session *s, const struct sdp *answer, struct ue_env *env,
                             bool *changed, struct why *why) MUST_USE;
/* Abandons an update that the peer refused or answered with 491: the old keys stay in use. */
void ue_session_cancel(struct ue_session *s);
/* Returns true if the offer is an update of this session. False: the offer has a ticket of its own;
 * answer it like the first offer of a call (ue_answer_new). */
bool ue_session_knows(const struct ue_session *s, const struct sdp *offer);
/* A description of the peer, and this terminal's description that answers it. */
struct ue_exchange {
	const struct sdp *theirs;
	/* our description without keys; NULL: `theirs` is an answer, so nothing is written */
	struct sdp *ours;
};

/* Processes the peer's update and writes the answer into x->ours. Sets `*changed` to true if the
 * call has new keys; a repeated message changes nothing. ERR_AUTH, ERR_REPLAY, ERR_DENIED. */
enum err ue_session_take(struct ue_session *s, const struct ue_exchange *x, struct ue_env *env,
                         bool *changed, struct why *why) MUST_USE;

/* Save a session as octets, and load it; `w` must write into secret memory. ERR_TOO_BIG,
 * ERR_SYNTAX, ERR_NOMEM. */
enum err ue_session_save(const struct ue_session *s, struct wr *w) MUST_USE;
enum err ue_session_load(struct ue_session **out, struct rd *r) MUST_USE;

/* Sets the policy of a terminal for a=crypto (RFC 4568): the defaults, but without MKI. */
void ue_sdes_policy(struct sdes_policy *p);
/* Save and load the tag, suite and key of an a=crypto line. */
void ue_sdes_put(struct wr *w, const struct sdes_line *l);
enum err ue_sdes_get(struct rd *r, struct sdes_line *out) MUST_USE;

#endif
