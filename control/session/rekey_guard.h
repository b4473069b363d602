/* SPDX-License-Identifier: MIT */
/* Remembers the address and keys of an e2ae access leg that changes its mode or goes on hold. When
 * it returns, a new key is judged as if it had not left (TS 33.328 7.4). Control thread only. */
#ifndef CONTROL_SESSION_REKEY_GUARD_H
#define CONTROL_SESSION_REKEY_GUARD_H

#include "base/err.h"
#include "control/session/spec.h"

/*
 * One for each media whose access leg has left e2ae, or has no address for a while (hold as
 * 0.0.0.0): the address and keys it had. It is dropped when the leg is e2ae at an address again, or
 * deleted: a new leg has a new port, which signalling must tell its peer.
 */
struct past;

/* Frees the list and its references to keys. Takes NULL. */
void past_free(struct past *p);

/* Makes the list for a session that changes from `now` to `next`; `before`: the present list. *out
 * is the caller's. ERR_NOMEM. */
enum err past_new(struct past **out, const struct past *before, const struct spec_session *now,
                  const struct spec_session *next) MUST_USE;

/*
 * ERR_REKEY when an e2ae access leg that stays where it is, or comes back to where it was, gets a
 * new key or loses the one it had, and e2ae_rekey of `next` rejects that.
 */
enum err past_check_rekey(const struct past *before, const struct spec_session *now,
                          const struct spec_session *next, struct why *why) MUST_USE;

#endif
