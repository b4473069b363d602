/* SPDX-License-Identifier: MIT */
/* Source latching: how a leg learns the real address of its peer, and who may take it over
 * (docs/decisions/0052-latch.md). */
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
 * OPEN and WAITING last until the first packet, whenever it comes. Evidence has ranks: a packet
 * that proves (it authenticates and is newer than all before) decides in every state but FIXED; the
 * signalled address wins back a leg that somebody else has; who lost a leg by silence wins it back,
 * until the other one has had it for longer; a newcomer must wait until the present address has
 * been silent. In CHOOSING, where one packet from elsewhere is heard at once, a better one still
 * replaces it: RTP before RTCP, then the signalled IP, then the signalled port. Signalling another
 * address starts over.
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

/* The first that applies, of a packet; EXPIRE: of the clock. */
enum latch_event {
	LATCH_SAME,      /* from the present address */
	LATCH_PROOF,     /* proven, from another */
	LATCH_SIGNALLED, /* from the signalled address, which is not the present one */
	LATCH_BEFORE,    /* OPEN, WAITING: from who was there before signalling moved the leg; else:
	                    from who lost the leg by silence and has the older claim */
	LATCH_BETTER,    /* better evidence than the present address has */
	LATCH_QUIET,  /* from a newcomer, and the present address has been silent for long enough */
	LATCH_OTHER,  /* from a newcomer otherwise */
	LATCH_EXPIRE, /* the window of the choice is over */
	LATCH_EVENTS
};
enum latch_answer { LATCH_REFUSE, LATCH_ACCEPT, LATCH_LEARN };

/* What a packet is worth. */
enum latch_evidence {
	LATCH_BARE,   /* can be what this latch is for; nothing else is known of it */
	LATCH_HINT,   /* RTCP on a latch for RTP */
	LATCH_BESIDE, /* RTCP from the IP address that RTP is heard from, while the present address
	                 is at another */
	LATCH_PROVEN, /* authenticated, and newer than all before */
};

/* How a leg learns; the names are those of enum relay_latch. */
enum latch_policy {
	LATCH_BY_SIGNALLING,
	LATCH_BY_FIRST,
	LATCH_BY_FOLLOWING,
	LATCH_ASYMMETRIC,
	LATCH_BY_CHOICE,
	LATCH_POLICIES
};

enum {
	LATCH_WINDOW_MS = 3000, /* of a choice, from the first packet, where the terms don't say */
	LATCH_PATIENCE_MS = 1000, /* silence after which the same IP address may speak from another
	                             port, and after REOPENED anybody */
	LATCH_SILENCE_MS = 15000, /* silence after which anybody may: what keeps a NAT binding alive
	                             is sent as often (RFC 6263 7) */
	LATCH_FOLLOW_MS = 100,    /* FOLLOWING: silence after which anybody may */
	LATCH_STRAGGLERS_MS =
		1000, /* who was there before signalling moved the leg is not learnt for so long */
};

struct latch_terms {
	enum latch_policy policy;
	bool is_strict;     /* silence hands the leg to nobody: only signalling and proof do */
	uint32_t window_ms; /* CHOICE; 0: LATCH_WINDOW_MS */
};

/* The first half is what every packet touches. */
struct latch {
	struct addr address; /* who is heard: the signalled address until somebody was; version 0:
	                        none yet */
	uint64_t heard_ns;   /* when it spoke last; 0: never */
	uint64_t
		until_ns; /* CHOOSING: end of the window; else until then `before` counts as that */
	uint32_t ssrc;    /* of what it spoke last, where packets authenticate */
	uint8_t state, policy;
	bool is_strict;
	bool is_hinted; /* only RTCP was heard of it, on a latch for RTP */
	bool is_apart;  /* packets go to `signalled`, whoever is heard: ASYMMETRIC, and 0.0.0.0,
	                   which says hold */
	uint32_t window_ms;
	struct addr signalled;
	struct addr before;
	uint64_t since_ns; /* `address` was first heard */
};

/*
 * Signalling said this. What is said once more changes nothing. Another policy keeps what was
 * learnt, unless it is SIGNALLED. Another address starts over, and who was there before is let in,
 * but not learnt, for LATCH_STRAGGLERS_MS, or until somebody else comes; an address where none was
 * known, or instead of 0.0.0.0, leaves what was learnt and outranks it.
 */
void latch_signal(struct latch *l, const struct latch_terms *t, const struct addr *signalled,
                  uint64_t now_ns);

/* What proves from now on was made after signalling moved the leg, under a key it brought: who was
 * there before is nobody's fear. */
void latch_forget_before(struct latch *l);

/* Signalling spoke, or packets are let in again: who was learnt must speak within
 * LATCH_PATIENCE_MS, or a newcomer may be learnt. */
void latch_reopen(struct latch *l);

/* May a packet from there be looked at? Changes nothing: asked before it is accepted. */
bool latch_may(const struct latch *l, const struct addr *from, enum latch_evidence evidence,
               uint64_t now_ns);

/* A packet that is to be accepted came from there. LEARN: `address` moved. */
enum latch_answer latch_step(struct latch *l, const struct addr *from, enum latch_evidence evidence,
                             uint64_t now_ns);

/* Nothing came from the present address for so long. */
static inline bool latch_is_silent(const struct latch *l, uint64_t ms, uint64_t now_ns)
{
	return now_ns - l->heard_ns >= ms * 1000000u;
}

/* Somebody was heard since signalling started it. */
static inline bool latch_has_heard(const struct latch *l)
{
	return l->state >= LATCH_CHOOSING;
}

/* Packets go elsewhere than signalled. */
static inline bool latch_has_learnt(const struct latch *l)
{
	return latch_has_heard(l) && !l->is_apart && !addr_eq(&l->address, &l->signalled);
}

/* Where packets go. */
static inline const struct addr *latch_to(const struct latch *l)
{
	return l->is_apart ? &l->signalled : &l->address;
}

#endif
