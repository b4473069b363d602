/* SPDX-License-Identifier: MIT */
/* Remembers the address and keys of an e2ae access leg that changes its mode or goes on hold. When
 * the leg returns to e2ae, a new key is judged as if the leg had never left (TS 33.328 7.4).
 * Control thread only. */
#ifndef CONTROL_SESSION_REKEY_GUARD_H
#define CONTROL_SESSION_REKEY_GUARD_H

#include "base/err.h"
#include "control/session/spec.h"

/*
 * A list with an entry for each media whose access leg has left e2ae or has no address (hold by
 * 0.0.0.0): the address and keys that the leg had. The entry is dropped when the leg is in e2ae
 * with an address again, or when the leg is deleted: a new leg has a new port, so its peer must get
 * new signalling anyway.
 */
struct past;

/* Frees the list and its references to keys. `p` may be NULL. */
void past_free(struct past *p);

/* Makes the list for a session that changes from `now` to `next`; `before`: the present list. The
 * caller owns *out. ERR_NOMEM. */
enum err past_new(struct past **out, const struct past *before, const struct spec_session *now,
                  const struct spec_session *next) MUST_USE;

/*
 * Checks the keys of e2ae access legs whose peer address is the same as before, also after the leg
 * had left e2ae. ERR_REKEY: a key is new or removed, and e2ae_rekey of `next` rejects that.
 */
enum err past_check_rekey(const struct past *before, const struct spec_session *now,
                          const struct spec_session *next, struct why *why) MUST_USE;

#endif
