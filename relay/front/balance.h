/* SPDX-License-Identifier: MIT */
/* Chooses the worker of a new session: the one with the least load. Control only. */
#ifndef RELAY_FRONT_BALANCE_H
#define RELAY_FRONT_BALANCE_H

#include <stdint.h>

#include "relay/relay.h"

struct balance_worker {
	uint64_t pkts;     /* number of packets handled up to the last measurement */
	uint64_t pps;      /* packets a second between the last two measurements */
	unsigned sessions; /* present number of sessions */
	unsigned measured; /* number of sessions at the last measurement */
};

/* Load is in packets a second, measured at most once a second. A session that was placed after the
 * measurement counts as an average session. Between workers of equal load the one with fewer
 * sessions is chosen. */
struct balance {
	unsigned n;
	uint64_t measured_ns;
	/* load of an average session, in thousandths of a packet a second */
	uint64_t session_mpps;
	struct balance_worker of[RELAY_WORKERS_MAX];
};

/* Whether a second has passed since the last measurement. */
bool balance_is_due(const struct balance *b, uint64_t now_ns);
/* `pkts`: the number of packets each worker has handled since the start. */
void balance_measure(struct balance *b, const uint64_t *pkts, uint64_t now_ns);

/* balance_take chooses the worker of a new session and counts the session there. Call balance_give
 * when the session has ended. */
unsigned balance_take(struct balance *b);
void balance_give(struct balance *b, unsigned worker);

#endif
