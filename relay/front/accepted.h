/* SPDX-License-Identifier: MIT */
/* What control wants of a session, checked and copied, keys included. Control only. */
#ifndef RELAY_FRONT_ACCEPTED_H
#define RELAY_FRONT_ACCEPTED_H

#include "relay/relay.h"

/* No larger than it must be. */
struct accepted_media {
	enum relay_mode mode;
	bool is_video;
	uint8_t n_legs, active;
	struct relay_leg_spec legs[]; /* keys are owned */
};

struct accepted {
	void *owner;
	uint32_t setup_timeout_ms;
	uint8_t n_media;
	struct accepted_media *media[];
};

/*
 * Checks the spec and copies it. ERR_INVALID, ERR_RANGE: `why` names media, leg and field;
 * ERR_NOMEM.
 */
enum err accepted_new(struct accepted **out, const struct relay_config *config,
                      const struct relay_session_spec *spec, struct why *why) MUST_USE;
/* Wipes the keys. Takes NULL. */
void accepted_free(struct accepted *a);

/* NULL where no leg exists; takes NULL. */
const struct relay_leg_spec *accepted_leg(const struct accepted *a, unsigned media, unsigned leg);

#endif
