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
	struct ue_session *session; /* keys of the call; NULL before the first answer */
	struct ue_offer *offer;     /* an offer that waits for its answer; NULL: none */
	bool updates;               /* true: an update waits for its answer */
	bool on_hold, peer_on_hold; /* on_hold: we hold the call; peer_on_hold: the peer holds it */
	uint64_t sdp_id, sdp_version;
	uint32_t ssrc;    /* SSRC of our stream during the whole call */
	const char *keys; /* effect of the last exchange on the keys: "new", "unchanged" */
	uint8_t peer_room[KMS_NAME_MAX];
	struct mikey_id peer; /* identity of the peer; its octets are in peer_room */
};

enum err terminal_open(struct terminal *t, const struct ue_options *o, const char *credentials,
                       struct why *why) MUST_USE;
void terminal_close(struct terminal *t);

/* Makes the first offer of the call. The user's choice or else the policy decides its
 * protection. */
enum err terminal_offer(struct terminal *t, struct buf *sdp, struct why *why) MUST_USE;
/* Makes the offer of an update. UE_UPDATE_REKEY uses a new ticket if the present one does not let
 * us supply keys. */
enum err terminal_update(struct terminal *t, enum ue_update kind, bool hold, struct buf *sdp,
                         struct why *why) MUST_USE;
/* Processes the answer to an offer or update: its keys are in force from now on, and media goes to
 * its address. */
enum err terminal_answered(struct terminal *t, struct str answer, struct why *why) MUST_USE;
/* Reads the description in a refusal of our first offer. If it holds a MIKEY Error, replaces the
 * text of `why` by what the Error says. */
void terminal_refused(const struct terminal *t, struct str answer, struct why *why);
/* Call it when an offer was refused or abandoned: the previous keys stay in force. */
void terminal_cancel(struct terminal *t);
/* Answers an offer of the peer: the first offer of the call, or an update. If it is refused, `sdp`
 * may get a description with a MIKEY Error for the peer. */
enum err terminal_answer(struct terminal *t, struct str offer, struct buf *sdp,
                         struct why *why) MUST_USE;
/* Call it when the offerer has our answer (ACK): from now on we send with the new keys to the new
 * address. */
void terminal_confirmed(struct terminal *t);

/* Resumes sending after a pause, unless we or the peer hold the call. */
void terminal_resume(struct terminal *t);
enum ue_protection terminal_protection(const struct terminal *t);

#endif
