/* SPDX-License-Identifier: MIT */
/* The final counters of ended legs, so that a call's statistics include them. Control only. */
#ifndef RELAY_FRONT_ENDED_H
#define RELAY_FRONT_ENDED_H

#include "relay/relay.h"

struct ended {
	uint16_t n;
	struct relay_gone_leg *legs;
};

/* Adds the counters to the entry of that media and leg. Out of memory: the counters of this leg are
 * lost. */
void ended_add(struct ended *e, uint8_t media, uint8_t leg, const struct relay_leg_stats *s);
void ended_fini(struct ended *e);

#endif
