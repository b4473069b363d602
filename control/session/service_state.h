/* SPDX-License-Identifier: MIT */
/* State that the service_*.c files share. Private to this folder. */
#ifndef CONTROL_SESSION_SERVICE_STATE_H
#define CONTROL_SESSION_SERVICE_STATE_H

#include "base/list.h"
#include "control/session/local.h"
#include "control/session/service.h"
#include "control/session/targets.h"

struct service {
	struct service_config config;
	struct registry *registry;
	struct local *local;
	struct targets *targets;
	char instance[17];
	struct service_counts counts;
	bool draining, closed;
	service_reclaim_fn *reclaim;
	void *reclaim_arg;
	struct link awaiting_ports;        /* requests that wait for ports of an ending session */
	struct relay_session_spec scratch; /* spec of one request for the relay, which copies it */
	struct relay_media_spec scratch_media[RELAY_MEDIA_MAX];
};

/* The number of sessions that count against sessions_max. Ending sessions do not count. */
size_t service_count_sessions(const struct service *sv);

#endif
