/* SPDX-License-Identifier: MIT */
/* Which rollover counters the first packet of a stream may have, and how often more than the
 * likeliest one is tried. */
#ifndef RELAY_WORKER_ROC_GUESS_H
#define RELAY_WORKER_ROC_GUESS_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/relay.h"

/* One place where the index may stand. */
struct roc_guess {
	bool goes_on; /* the nearest index to `index` (relay/packet/roc.h); else exactly this ROC */
	uint32_t roc;
	uint64_t index; /* goes_on */
};

enum { ROC_GUESSES_MAX = 9 };

/* What is known of a stream under a key before its first SRTP packet verified. */
struct roc_known {
	enum relay_rekey_roc rule; /* of a re-keying; means nothing without a kept index */
	bool has_hint, has_kept, has_other;
	uint32_t hint;  /* came with the key */
	uint32_t other; /* ROC of the leg's stream that spoke last under this key */
	uint64_t kept;  /* highest index under the key before */
};

/*
 * The guesses for a packet with that sequence number, likeliest first, none twice. Without
 * knowledge ROC 0 and 1: a stream begins anywhere between 0 and 65535, and its first packets may be
 * lost on both sides of the wrap (RFC 3711 3.3.1). Before them stands a hint, with the ROC on
 * either side of it, and under the rules `either` and `keep` the kept index, with the two ROCs
 * ahead of it; `keep` tries nothing else, and `zero` nothing that would be the kept index going on.
 * Returns how many, at least 1.
 */
unsigned roc_guesses(struct roc_guess out[ROC_GUESSES_MAX], const struct roc_known *known,
                     uint16_t seq);

/*
 * The ROCs ahead of a stream that authenticated packets before and has lost its sender: the two
 * behind the estimate. An index behind what was seen is never guessed, for the window could not
 * tell a repeated packet from a new one. Returns how many, 0 to 2.
 */
unsigned roc_guesses_ahead(struct roc_guess out[2], uint64_t highest, uint16_t seq);

/*
 * How often a worker tries more than the likeliest state. A packet falls into a place by leg,
 * source, SSRC and the upper bits of its sequence number, so that a flood of forgeries shares a
 * place with the true stream for a few packets at most. Each place has a burst and a rate of its
 * own; together they bound the worker: ROC_GATE_PLACES * NS_PER_S / interval tries a second.
 */
enum { ROC_GATE_PLACES = 1024 };

struct roc_gate {
	uint64_t full_ns[ROC_GATE_PLACES]; /* when the place would have its whole burst again */
};

struct roc_rate {
	uint64_t interval_ns;
	unsigned burst;
};

/* Until the first packet under a key: 10 a second, 32 at once. */
extern const struct roc_rate roc_rate_first;
/* After a run of failures: 5 a second, one at once. */
extern const struct roc_rate roc_rate_lost;

/* True: this packet may be tried further, and that is counted. `hash` of what names the place. */
bool roc_gate_pass(struct roc_gate *g, const struct roc_rate *rate, uint64_t hash, uint64_t now_ns);

#endif
