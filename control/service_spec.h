/* SPDX-License-Identifier: MIT */
/* From what a session shall be to what the relay is told, and what the change from one to the other may not do. */
#ifndef CONTROL_SERVICE_SPEC_H
#define CONTROL_SERVICE_SPEC_H

#include "base/err.h"
#include "control/spec.h"
#include "relay/relay.h"

/* The leg at that place if it exists, else NULL. */
const struct spec_leg *service_spec_leg(const struct spec_session *s, unsigned media, unsigned leg);

/* Fills `out`, whose media has room for RELAY_MEDIA_MAX. Keys are borrowed from the spec. */
void service_spec_fill(struct relay_session_spec *out, const struct spec_session *spec, void *owner);

/* ERR_REKEY when an e2ae access leg that stays where it is gets a new key, or loses the one it has, and e2ae_rekey rejects that (TS 33.328 7.4). */
enum err service_spec_check_rekey(const struct spec_session *now, const struct spec_session *next, struct why *why)
	MUST_USE;

#endif
