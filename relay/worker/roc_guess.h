/* SPDX-License-Identifier: MIT */
/* Which rollover counters (ROCs) are tried for a stream's first packet, and how often more than the
 * likeliest one is tried (docs/decisions/0054-roc.md). */
#ifndef RELAY_WORKER_ROC_GUESS_H
#define RELAY_WORKER_ROC_GUESS_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/relay.h"

/* A guess where a packet's index is. */
struct roc_guess {
	/* true: the nearest index to `index` (relay/packet/roc.h); false: exactly `roc` */
	bool goes_on;
	uint32_t roc;
	uint64_t index; /* used if goes_on is true */
};

enum { ROC_GUESSES_MAX = 9 };

/* What is known of a stream under a key before its first SRTP packet has verified. */
struct roc_known {
	enum relay_rekey_roc rule; /* used only if has_kept is true */
	bool has_hint, has_kept, has_other;
	uint32_t hint;  /* ROC that was given with the key */
	uint32_t other; /* ROC of the leg's most recent other stream under this key */
	uint64_t kept;  /* highest index under the previous key */
};

/*
 * The guesses for a packet with this sequence number, likeliest first, without repetition. Nothing
 * known: ROC 0 and 1, because a stream starts anywhere from 0 to 65535 and its first packets may be
 * lost around the wrap (RFC 3711 3.3.1). A hint comes first, then the ROCs next to it. With a kept
 * index, rules `either` and `keep` try its continuation and the two ROCs ahead; `keep` tries
 * nothing else; `zero` tries no continuation. Returns the number of guesses, at least 1.
 */
unsigned roc_guesses(struct roc_guess out[ROC_GUESSES_MAX], const struct roc_known *known,
                     uint16_t seq);

/* The guesses for a stream that has lost its sender: the two ROCs ahead of the estimate. Lower ones
 * are never tried: below the window a replayed packet cannot be told from a new one. Returns the
 * number of guesses, 0 to 2. */
unsigned roc_guesses_ahead(struct roc_guess out[2], uint64_t highest, uint16_t seq);

/*
 * Limits how often a worker tries more than the likeliest state. Each packet has a slot, chosen by
 * leg, source, SSRC and the upper bits of the sequence number, so a flood of forgeries shares a
 * slot with the true stream for only a few packets. Each slot allows a burst and then a rate. In
 * total a worker makes at most ROC_GATE_PLACES * NS_PER_S / interval further tries a second.
 */
enum { ROC_GATE_PLACES = 1024 };

struct roc_gate {
	uint64_t full_ns[ROC_GATE_PLACES]; /* when the slot will have its full burst again */
};

struct roc_rate {
	uint64_t interval_ns;
	unsigned burst;
};

/* The rate before a stream's first packet under a key: 10 a second, burst 32. */
extern const struct roc_rate roc_rate_first;
/* The rate after a run of failures: 5 a second, burst 1. */
extern const struct roc_rate roc_rate_lost;

/* True: further states may be tried for the packet, and this try is counted. `hash` chooses the
 * slot. */
bool roc_gate_pass(struct roc_gate *g, const struct roc_rate *rate, uint64_t hash, uint64_t now_ns);

#endif
