/* SPDX-License-Identifier: MIT */
/* On which worker a new session goes: the one with the least to do. Control only. */
#ifndef RELAY_FRONT_BALANCE_H
#define RELAY_FRONT_BALANCE_H

#include <stdint.h>

#include "relay/relay.h"

struct balance_worker {
	uint64_t pkts;     /* handled up to the last measurement */
	uint64_t pps;      /* in the time before it */
	unsigned sessions; /* now */
	unsigned measured; /* then */
};

/*
 * Load is packets a second, measured every second at most; what came since counts as much as a
 * session did on average. Where nothing flows, and between equals, the number of sessions decides.
 */
struct balance {
	unsigned n;
	uint64_t measured_ns;
	uint64_t session_mpps; /* of an average session, in thousandths of a packet a second */
	struct balance_worker of[RELAY_WORKERS_MAX];
};

/* Is it time to measure? */
bool balance_is_due(const struct balance *b, uint64_t now_ns);
/* `pkts`: handled by each worker since the start. */
void balance_measure(struct balance *b, const uint64_t *pkts, uint64_t now_ns);

/* The worker for one more session, which is counted; and one that is gone. */
unsigned balance_take(struct balance *b);
void balance_give(struct balance *b, unsigned worker);

#endif
