/* SPDX-License-Identifier: MIT */
/* The estimate of a packet's 48-bit index from its sequence number (RFC 3711 3.3.1, appendix A). */
#ifndef RELAY_PACKET_ROC_H
#define RELAY_PACKET_ROC_H

#include <stdint.h>

#define ROC_INDEX_MAX ((1ull << 48) - 1)

static inline uint64_t roc_index(uint32_t roc, uint16_t seq)
{
	return (uint64_t)roc << 16 | seq;
}

/*
 * The index nearest to `highest` (the highest authenticated one) that ends in `seq`. Before ROC 0
 * there is nothing, so there the estimate stays at ROC 0 instead of RFC 3711's 2^32 - 1. May lie
 * above ROC_INDEX_MAX: then the key is used up. Never falls when `highest` rises, which the engines
 * build on.
 */
static inline uint64_t roc_estimate(uint64_t highest, uint16_t seq)
{
	uint64_t v = highest >> 16;
	int32_t ahead = (int32_t)seq - (int32_t)(highest & 0xffff);

	if (ahead > 32768 && v > 0)
		v--;
	else if (ahead < -32768)
		v++;
	return v << 16 | seq;
}

#endif
