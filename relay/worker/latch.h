/* SPDX-License-Identifier: MIT */
/* Latching: how a leg learns its peer's source address, and which source may
 * replace it (docs/decisions/0052-latch.md). */
#ifndef RELAY_WORKER_LATCH_H
#define RELAY_WORKER_LATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

/*
 *   signalled    first, follow, asymmetric              heuristic
 *     FIXED          OPEN ─────────────┐         WAITING ──from signalled─────┐
 *                      │ any packet    │            │ from elsewhere          │
 *                      ▼               │            ▼                         │
 *                    LEARNT <──────────┴──────── CHOOSING ──end of window──┐  │
 *                     ▲  │  <────────────────────────┴ from signalled ─────┴──┘
 *        any accepted │  │ answer, hold, resume, re-INVITE
 *                     │  ▼
 *                   REOPENED
 *
 * OPEN and WAITING last until the first packet. Evidence is ranked. A packet that proves the
 * address (it authenticates and is newer than all before) moves the latch in every state but FIXED.
 * A packet from the signalled address moves the latch back to that address. A source that was
 * replaced because it was silent may return, until its successor has been in use for longer than
 * the source was. A new source must wait until the present address is silent. In CHOOSING the first
 * source is used at once, but a better one replaces it: RTP before RTCP, then the signalled IP
 * address, then the signalled port. When signalling names another address, the latch starts over.
 */
enum latch_state {
	LATCH_FIXED,
	LATCH_OPEN,
	LATCH_WAITING,
	LATCH_CHOOSING,
	LATCH_LEARNT,
	LATCH_REOPENED,
	LATCH_STATES
};

/* What a packet is to the latch: the first event that applies. EXPIRE comes from the clock. */
enum latch_event {
	LATCH_SAME, /* from the present address */
	/* authenticated, newer than all before, and from another address than the present one */
	LATCH_PROOF,
	LATCH_SIGNALLED, /* from the signalled address, which is not the present one */
	/* OPEN, WAITING: from the address before signalling moved the leg; other states: from a
	 * source that lost the leg by silence and may reclaim it */
	LATCH_BEFORE,
	LATCH_BETTER, /* has better evidence than the present address */
	/* from a newcomer, after the present address was silent for long enough */
	LATCH_QUIET,
	LATCH_OTHER,  /* from any other newcomer */
	LATCH_EXPIRE, /* the window of the choice has ended */
	LATCH_EVENTS
};
enum latch_answer { LATCH_REFUSE, LATCH_ACCEPT, LATCH_LEARN };

/* The evidence that a packet gives for its source address. */
enum latch_evidence {
	LATCH_BARE, /* a packet of the kind the latch is for, not authenticated */
	LATCH_HINT, /* an RTCP packet, on a latch for RTP */
	/* RTCP from the IP address of RTP, while the latch of RTCP is at another address */
	LATCH_BESIDE,
	LATCH_PROVEN, /* authenticated and newer than all before */
};

/* The policies of enum relay_latch, in the same order. */
enum latch_policy {
	LATCH_BY_SIGNALLING,
	LATCH_BY_FIRST,
	LATCH_BY_FOLLOWING,
	LATCH_ASYMMETRIC,
	LATCH_BY_CHOICE,
	LATCH_POLICIES
};

enum {
	/* length of state CHOOSING, from the first packet, if latch_terms.window_ms is 0 */
	LATCH_WINDOW_MS = 3000,
	/* after this silence another port of the present IP address may take over; REOPENED: any
	 * source */
	LATCH_PATIENCE_MS = 1000,
	/* after this silence any source may take over (NAT keep-alive interval, RFC 6263 7) */
	LATCH_SILENCE_MS = 15000,
	/* policy FOLLOWING: after this silence any source may take over */
	LATCH_FOLLOW_MS = 100,
	/* after signalling moved the leg, the previous address is not learned for this long */
	LATCH_STRAGGLERS_MS = 1000,
};

struct latch_terms {
	enum latch_policy policy;
	/* the peer's silence never lets another source take over; only signalling or an authentic
	 * packet moves the latch */
	bool is_strict;
	uint32_t window_ms; /* policy CHOICE; 0: LATCH_WINDOW_MS */
};

/* The path touches the first half for every packet. */
struct latch {
	/* accepted source: the signalled address until a packet has arrived; version 0: none */
	struct addr address;
	uint64_t heard_ns; /* time of the last packet from `address`; 0: none */
	/* CHOOSING: end of the window; other states: until then event LATCH_BEFORE applies */
	uint64_t until_ns;
	uint32_t ssrc; /* SSRC of the last packet from `address`, on legs with keys */
	uint8_t state, policy;
	bool is_strict;
	bool is_hinted; /* only RTCP has arrived from `address`, on a latch for RTP */
	/* packets are sent to `signalled`, not `address`: policy ASYMMETRIC, hold by 0.0.0.0 */
	bool is_apart;
	uint32_t window_ms;
	struct addr signalled;
	struct addr before; /* source of event LATCH_BEFORE; version 0: none */
	uint64_t since_ns;  /* time of the first packet from `address` */
};

/*
 * Applies what signalling says. A repeated call changes nothing. A change of policy keeps the
 * learned address, unless the new policy is SIGNALLED. Another address starts over: for
 * LATCH_STRAGGLERS_MS, or until another source appears, packets from the previous address are
 * accepted but not learned. If no address was known before, or 0.0.0.0, the latch keeps the learned
 * address; a packet from the signalled address then replaces it.
 */
void latch_signal(struct latch *l, const struct latch_terms *t, const struct addr *signalled,
                  uint64_t now_ns);

/* Call it when signalling brings a new receive key: packets under that key were sent after the
 * signalling, so those from the previous address may be learned at once. */
void latch_forget_before(struct latch *l);

/* Call it after signalling, and when a gate opens: if the learned address stays silent for
 * LATCH_PATIENCE_MS, any source may replace it. */
void latch_reopen(struct latch *l);

/* Whether a packet from this source is accepted. Changes nothing. */
bool latch_may(const struct latch *l, const struct addr *from, enum latch_evidence evidence,
               uint64_t now_ns);

/* Handles an accepted packet. LEARN: `address` has changed. */
enum latch_answer latch_step(struct latch *l, const struct addr *from, enum latch_evidence evidence,
                             uint64_t now_ns);

/* Whether no packet came from the present address for `ms`. */
static inline bool latch_is_silent(const struct latch *l, uint64_t ms, uint64_t now_ns)
{
	return now_ns - l->heard_ns >= ms * 1000000u;
}

/* Whether a packet has arrived since the latch started. */
static inline bool latch_has_heard(const struct latch *l)
{
	return l->state >= LATCH_CHOOSING;
}

/* Whether packets are sent to another address than the signalled one. */
static inline bool latch_has_learnt(const struct latch *l)
{
	return latch_has_heard(l) && !l->is_apart && !addr_eq(&l->address, &l->signalled);
}

/* The address that packets are sent to. */
static inline const struct addr *latch_to(const struct latch *l)
{
	return l->is_apart ? &l->signalled : &l->address;
}

#endif
