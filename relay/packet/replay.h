/* SPDX-License-Identifier: MIT */
/* The replay window of RFC 3711 3.3.2: which of the latest packet indices were seen
 * (receive) or used (send). */
#ifndef RELAY_PACKET_REPLAY_H
#define RELAY_PACKET_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

enum { REPLAY_PKTS_MIN = 64, REPLAY_PKTS_MAX = 1024, REPLAY_WORDS_MAX = REPLAY_PKTS_MAX / 64 };

/* The window covers 2^log2_pkts indices up to `highest`. Its bits are a separate array of
 * 2^log2_pkts / 64 words that the owner places: index i is bit i mod 2^log2_pkts. In an empty
 * window everything except log2_pkts is zero. */
struct replay {
	uint64_t highest; /* valid if `any` is true */
	uint8_t log2_pkts;
	bool any;
};

enum replay_answer { REPLAY_NEW, REPLAY_SEEN, REPLAY_OLD };

/* The log2 of the smallest window for `pkts` packets, within the limits above. */
static inline uint8_t replay_log2(unsigned pkts)
{
	uint8_t log2 = 6;

	while (log2 < 10 && 1u << log2 < pkts)
		log2++;
	return log2;
}

/* Checks an index without changing the window. */
static inline enum replay_answer replay_check(const struct replay *r, const uint64_t *bits,
                                              uint64_t index)
{
	uint64_t slot = index & ((1u << r->log2_pkts) - 1);

	if (!r->any || index > r->highest)
		return REPLAY_NEW;
	if ((r->highest - index) >> r->log2_pkts)
		return REPLAY_OLD;
	return bits[slot >> 6] >> (slot & 63) & 1 ? REPLAY_SEEN : REPLAY_NEW;
}

/* Moves the upper edge to `index` and clears the bits of all indices that enter the window. */
static inline void replay_advance(struct replay *r, uint64_t *bits, uint64_t index)
{
	uint64_t mask = (1u << r->log2_pkts) - 1;

	if (!r->any || index - r->highest > mask) {
		for (uint64_t w = 0; w <= mask >> 6; w++)
			bits[w] = 0;
	} else {
		for (uint64_t i = r->highest + 1; i <= index; i++)
			bits[(i & mask) >> 6] &= ~(1ull << (i & 63));
	}
	r->highest = index;
	r->any = true;
}

/* Checks an index as replay_check does, and marks a new one as seen. Receiving: call it after the
 * tag has verified. Sending: call it before the index is used. */
static inline enum replay_answer replay_take(struct replay *r, uint64_t *bits, uint64_t index)
{
	uint64_t slot = index & ((1u << r->log2_pkts) - 1), *word = &bits[slot >> 6],
		 bit = 1ull << (slot & 63);

	if (__builtin_expect(r->any && index <= r->highest, 0)) {
		if ((r->highest - index) >> r->log2_pkts)
			return REPLAY_OLD;
		if (*word & bit)
			return REPLAY_SEEN;
	} else if (__builtin_expect(r->any && index == r->highest + 1, 1)) {
		r->highest = index; /* only the bit of `index` itself enters the window */
	} else {
		replay_advance(r, bits, index);
	}
	*word |= bit;
	return REPLAY_NEW;
}

/* Marks an index for which replay_check returned REPLAY_NEW. */
static inline void replay_commit(struct replay *r, uint64_t *bits, uint64_t index)
{
	(void)replay_take(r, bits, index);
}

#endif
