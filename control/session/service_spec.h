/* SPDX-License-Identifier: MIT */
/* Makes the relay's spec from the content of a session. */
#ifndef CONTROL_SESSION_SERVICE_SPEC_H
#define CONTROL_SESSION_SERVICE_SPEC_H

#include "base/err.h"
#include "control/session/spec.h"
#include "relay/relay.h"

/* The leg with these indexes if it exists, else NULL. */
const struct spec_leg *service_spec_leg(const struct spec_session *s, unsigned media, unsigned leg);
/* Does the leg have the port pair `p`? False if `leg` is NULL or `p` has port 0. */
bool service_spec_has_place(const struct spec_leg *leg, const struct spec_place *p);

struct port_book;

/*
 * Fills `out`, whose media has room for RELAY_MEDIA_MAX. The spec still owns the keys. Targets that
 * are advertised addresses of this gateway become the local addresses behind them.
 */
void service_spec_fill(struct relay_session_spec *out, const struct spec_session *spec, void *owner,
                       const struct port_book *book);

/*
 * Finds the legs of `s` for which the patch names the peer's address, changed or not. Bit i of
 * legs[k] is leg i of media k. Leaves out legs with a closed receive gate, because the relay learns
 * their sources again when the gate opens. False: there are no such legs.
 */
bool service_spec_signalled(const struct spec_session *patch, const struct spec_session *s,
                            uint16_t legs[RELAY_MEDIA_MAX]);

#endif
