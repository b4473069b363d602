/* SPDX-License-Identifier: MIT */
/* The state files of sluice-ue, which hold keys: offers, calls and tickets. */
#ifndef CMD_SLUICE_UE_STATE_H
#define CMD_SLUICE_UE_STATE_H

#include "cmd/sluice-ue/files.h"
#include "keyctx/ue/session.h"
#include "keyctx/ue/ue_offer.h"
#include "keyctx/ue/ue_ticket.h"

struct kept_ticket {
	const struct ticket_grant *grant;
	/* true: the ticket was used for a call; without flag J it may serve only one call */
	bool is_used;
};

/* These functions add a state file to `f`, which files_commit puts in place. A session is a new
 * file if `is_new`; a ticket is a new file until it is used; an offer is always a new file. */
enum err state_add_session(struct files *f, const char *path, const struct ue_session *session,
                           bool is_new, struct why *why) MUST_USE;
enum err state_add_ticket(struct files *f, const char *path, struct kept_ticket t,
                          const struct mikey_env *env, struct why *why) MUST_USE;
enum err state_add_offer(struct files *f, const char *path, const struct ue_offer *offer,
                         const struct mikey_env *env, struct why *why) MUST_USE;

/* These functions read a state file; the caller owns the result. ERR_IO, ERR_DENIED (other users
 * have access to the file), ERR_SYNTAX. */
enum err state_read_session(struct ue_session **out, const char *path, struct why *why) MUST_USE;
enum err state_read_ticket(struct ticket_grant **out, bool *is_used, const char *path,
                           struct why *why) MUST_USE;
enum err state_read_offer(struct ue_offer **out, const char *path, struct why *why) MUST_USE;

#endif
