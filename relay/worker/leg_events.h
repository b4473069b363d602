/* SPDX-License-Identifier: MIT */
/* The events of a leg on their way to control: an event that finds the ring full waits with its
 * leg. Worker only. */
#ifndef RELAY_WORKER_LEG_EVENTS_H
#define RELAY_WORKER_LEG_EVENTS_H

#include <stdint.h>

#include "base/list.h"
#include "relay/relay.h"

struct leg;
struct worker;

/* Events that found the ring to control full. */
struct leg_events {
	struct link link; /* in worker.waiting_events while there are any */
	uint32_t kinds;   /* a bit for each kind and direction */
	uint32_t failures, limit_ssrc, ssrc, ssrc_out;
};

/* Sends an event to control. While the ring is full it waits with the leg: of each kind and
 * direction the last one. */
void leg_events_tell(struct worker *w, struct leg *leg, const struct relay_event *event);
/* Sends events that wait, as far as the ring has room. */
void leg_events_flush(struct worker *w);
/* Before a leg ends: drops its events that wait. */
void leg_events_drop(struct leg *leg);

#endif
