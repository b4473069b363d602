/* SPDX-License-Identifier: MIT */
/* What the files of service share. */
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
	struct link starved; /* requests that wait for the ports of a session that is being
	                        reclaimed */
	struct relay_session_spec scratch; /* what is handed to the relay; copied there */
	struct relay_media_spec scratch_media[RELAY_MEDIA_MAX];
};

/* Sessions that count against sessions_max: those that are ending do not. */
size_t service_count_sessions(const struct service *sv);

#endif
