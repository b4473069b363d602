/* SPDX-License-Identifier: MIT */
/* One terminal of a call: its credentials, descriptions, session and media. */
#ifndef CMD_SLUICE_UE_TERMINAL_H
#define CMD_SLUICE_UE_TERMINAL_H

#include "cmd/sluice-ue/media.h"
#include "cmd/sluice-ue/options.h"
#include "cmd/sluice-ue/outside.h"

struct terminal {
	const struct ue_options *options; /* borrowed */
	struct account account;
	struct outside outside;
	struct terminal_media *media;
	struct ue_session *session; /* NULL before the first answer */
	struct ue_offer *offer;     /* waits for its answer */
	bool updates;               /* an update waits for its answer */
	bool on_hold, peer_on_hold; /* who holds the call */
	uint64_t sdp_id, sdp_version;
	uint32_t ssrc;    /* of our stream, for the whole call */
	const char *keys; /* effect of the last exchange: "new", "unchanged" */
	uint8_t peer_room[KMS_NAME_MAX];
	struct mikey_id peer; /* the called party */
};

enum err terminal_open(struct terminal *t, const struct ue_options *o, const char *credentials,
                       struct why *why) MUST_USE;
void terminal_close(struct terminal *t);

/* Makes the call's first offer, by the user's choice or the policy. */
enum err terminal_offer(struct terminal *t, struct buf *sdp, struct why *why) MUST_USE;
/* An update: REKEY uses a new ticket where the present one does not let us bring keys. */
enum err terminal_update(struct terminal *t, enum ue_update kind, bool hold, struct buf *sdp,
                         struct why *why) MUST_USE;
/* Takes the answer to either: its keys are in force from now on, media goes to its address. */
enum err terminal_answered(struct terminal *t, struct str answer, struct why *why) MUST_USE;
/* An offer was refused or abandoned: the previous keys stay in force. */
void terminal_cancel(struct terminal *t);
/* Answers any offer of the peer. */
enum err terminal_answer(struct terminal *t, struct str offer, struct buf *sdp,
                         struct why *why) MUST_USE;
/* The offerer has our answer (ACK): from now on we send with the new keys, to the new address. */
void terminal_confirmed(struct terminal *t);

/* Resumes sending after our own pause, unless one side holds. */
void terminal_resume(struct terminal *t);
enum ue_protection terminal_protection(const struct terminal *t);

#endif
