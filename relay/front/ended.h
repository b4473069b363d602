/* SPDX-License-Identifier: MIT */
/* What legs that are gone had counted, so that a call's statistics cover all of it. Control only.
 */
#ifndef RELAY_FRONT_ENDED_H
#define RELAY_FRONT_ENDED_H

#include "relay/relay.h"

struct ended {
	uint16_t n;
	struct relay_gone_leg *legs;
};

/* Adds to what the same place had before. Without memory that leg's counts are lost, the call goes
 * on. */
void ended_add(struct ended *e, uint8_t media, uint8_t leg, const struct relay_leg_stats *s);
void ended_fini(struct ended *e);

#endif
