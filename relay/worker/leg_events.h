/* SPDX-License-Identifier: MIT */
/* Sends events of legs to control. An event waits while the ring to control is full. Worker
 * only. */
#ifndef RELAY_WORKER_LEG_EVENTS_H
#define RELAY_WORKER_LEG_EVENTS_H

#include <stdint.h>

#include "base/list.h"
#include "relay/relay.h"

struct leg;
struct worker;

/* Events that are waiting because the ring to control was full. */
struct leg_events {
	struct link link; /* in worker.waiting_events while any are waiting */
	uint32_t kinds;   /* one bit for each kind and direction of waiting events */
	uint32_t failures, limit_ssrc, ssrc, ssrc_out;
};

/* Sends an event to control. While the ring is full, the last event of each kind and direction
 * waits with the leg. */
void leg_events_tell(struct worker *w, struct leg *leg, const struct relay_event *event);
/* Sends waiting events until the ring is full. */
void leg_events_flush(struct worker *w);
/* Drops waiting events. Call it before a leg ends. */
void leg_events_drop(struct leg *leg);

#endif
