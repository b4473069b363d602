/* SPDX-License-Identifier: MIT */
/* Estimates the 48-bit index of a packet from its sequence number (RFC 3711 3.3.1, appendix A). */
#ifndef RELAY_PACKET_ROC_H
#define RELAY_PACKET_ROC_H

#include <stdint.h>

#define ROC_INDEX_MAX ((1ull << 48) - 1)

static inline uint64_t roc_index(uint32_t roc, uint16_t seq)
{
	return (uint64_t)roc << 16 | seq;
}

/*
 * The index nearest to `highest` (the highest authenticated one) that ends in `seq`. Near the start
 * of ROC 0 it deviates from RFC 3711: it returns ROC 0 where the RFC has ROC 2^32 - 1. A result
 * above ROC_INDEX_MAX means that the key is used up. The estimate never falls when `highest` rises;
 * the engines rely on this.
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
