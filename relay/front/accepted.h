/* SPDX-License-Identifier: MIT */
/* A checked copy of the session that control wants. It holds its keys by count. Control only. */
#ifndef RELAY_FRONT_ACCEPTED_H
#define RELAY_FRONT_ACCEPTED_H

#include "relay/relay.h"

/* `legs` has exactly n_legs entries. */
struct accepted_media {
	enum relay_mode mode;
	bool is_video;
	uint8_t n_legs, active;
	struct relay_leg_spec legs[]; /* the copy holds their keys by count */
};

struct accepted {
	void *owner;
	uint32_t setup_timeout_ms;
	uint8_t n_media;
	struct accepted_media *media[];
};

/* Checks the spec and copies it. ERR_INVALID and ERR_RANGE: `why` names media, leg
 * and setting; ERR_NOMEM. */
enum err accepted_new(struct accepted **out, const struct relay_config *config,
                      const struct relay_session_spec *spec, struct why *why) MUST_USE;
/* Frees the copy and releases its keys. NULL is allowed. */
void accepted_free(struct accepted *a);

/* The settings of a leg; NULL if the leg does not exist. `a` may be NULL. */
const struct relay_leg_spec *accepted_leg(const struct accepted *a, unsigned media, unsigned leg);

#endif
