/* SPDX-License-Identifier: MIT */
/* Makes the relay's spec from the content of a session. */
#ifndef CONTROL_SESSION_SERVICE_SPEC_H
#define CONTROL_SESSION_SERVICE_SPEC_H

#include "base/err.h"
#include "control/session/spec.h"
#include "relay/relay.h"

/* The leg at that place if it exists, else NULL. */
const struct spec_leg *service_spec_leg(const struct spec_session *s, unsigned media, unsigned leg);
/* Has the leg (NULL: there is none) that pair of ports? False for none. */
bool service_spec_has_place(const struct spec_leg *leg, const struct spec_place *p);

struct port_book;

/*
 * Fills `out`, whose media has room for RELAY_MEDIA_MAX. Keys are borrowed from the spec. Targets
 * that are advertised addresses of this gateway become the local addresses behind them.
 */
void service_spec_fill(struct relay_session_spec *out, const struct spec_session *spec, void *owner,
                       const struct port_book *book);

/*
 * The legs of `s` for which the patch names the peer's address, a new one or the same. Bit i of
 * legs[k] is leg i of media k. Legs with a closed receive gate are left out: the relay learns anew
 * when the gate opens. False: there are none.
 */
bool service_spec_signalled(const struct spec_session *patch, const struct spec_session *s,
                            uint16_t legs[RELAY_MEDIA_MAX]);

#endif
