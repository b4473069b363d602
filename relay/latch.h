/* SPDX-License-Identifier: MIT */
/* Source latching: how a leg learns the real address of its peer. */
#ifndef RELAY_LATCH_H
#define RELAY_LATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

/*
 * Policy:  signalled        first                                    follow        asymmetric
 *            FIXED           OPEN ──packet── LEARNT                  FOLLOWING       APART ──packet── HEARD
 *                              └────window over── CLOSED
 * FIXED and CLOSED take the signalled address only, LEARNT the learnt one, FOLLOWING every one. Signalling a new address starts over.
 * OPEN does not learn the address before at once: who left goes on sending for a moment, and would be taken for who came.
 * APART and HEARD send to the signalled address, whatever comes; HEARD takes packets from where the first one came from.
 */
enum latch_state {
	LATCH_FIXED, LATCH_OPEN, LATCH_LEARNT, LATCH_CLOSED, LATCH_FOLLOWING, LATCH_APART, LATCH_HEARD, LATCH_STATES
};
/* A packet from the present address (HEARD: from the one heard), one from another, the end of the window. */
enum latch_event { LATCH_SAME, LATCH_OTHER, LATCH_EXPIRE, LATCH_EVENTS };
enum latch_answer { LATCH_REFUSE, LATCH_ACCEPT, LATCH_LEARN };

struct latch {
	struct addr address; /* packets go there: signalled, or learnt; version 0: none yet */
	struct addr heard;   /* HEARD: packets come from there; OPEN: they came from there before */
	uint64_t until_ns;   /* OPEN: end of the window */
	uint64_t past_until_ns; /* OPEN: until then `heard` is not learnt */
	uint8_t state;
	bool has_learnt;     /* `address` came from a packet */
};

/* Starts over. `state` is FIXED, OPEN, FOLLOWING or APART: the policy's first. */
void latch_start(struct latch *l, enum latch_state state, const struct addr *signalled, uint64_t until_ns);

/* After latch_start of OPEN: another peer was at `past` until now, and is not learnt before that time, unless it is what was signalled. */
void latch_pass_over(struct latch *l, const struct addr *past, uint64_t until_ns);

/* From now on packets are awaited: a window in which nothing was learnt runs until then. */
void latch_await(struct latch *l, uint64_t until_ns);

/* May a packet from there be looked at? Changes nothing: asked before it is authenticated. */
bool latch_may(const struct latch *l, const struct addr *from, uint64_t now_ns);

/* An authenticated packet (or, on a leg without keys, an accepted one) came from there. LEARN: the address moved. */
enum latch_answer latch_step(struct latch *l, const struct addr *from, uint64_t now_ns);

#endif
