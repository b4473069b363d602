/* SPDX-License-Identifier: MIT */
/* The state of a stream and the packet count of a key, shared by the engines: index, ROC, windows,
 * export and import. */
#ifndef RELAY_ENGINE_STATE_H
#define RELAY_ENGINE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "relay/engine/engine.h"
#include "relay/packet/replay.h"
#include "relay/packet/roc.h"

enum { STATE_RTCP_LOG2 = 7, STATE_RTCP_WORDS = 2 };
#define STATE_RTCP_INDEX_MAX ((1ull << 31) - 1)

/* Number of packets processed under a key, and the limit. */
struct state_life {
	uint64_t used_pkts, limit_pkts;
};

/* The state of a stream, common to all engines. With a window of up to 128 packets a receiver
 * touches one cache line of it. Until rtp.any is set, rtp.highest holds the start index or the
 * start ROC. */
struct state {
	struct replay rtp;
	/* within a batch: the highest index of the stream if all packets without a verdict are
	 * accepted */
	uint64_t pending_index;
	uint64_t rtp_pkts;
	bool in_flight; /* within a batch: some SRTP packet has no verdict yet */
	/* rtp.highest is a known index, but no packet was authenticated under this state */
	bool has_start;
	uint64_t rtp_bits[REPLAY_WORDS_MAX];
	/* send: `highest` is the last index sent; `any` is true once a packet was sent */
	struct replay rtcp;
	uint64_t rtcp_bits[STATE_RTCP_WORDS];
	uint64_t rtcp_pkts;
} __attribute__((aligned(64)));

/* Every engine's stream struct starts with its struct state. */
static inline struct state *state_of(struct engine_stream *s)
{
	return (struct state *)(void *)s;
}

/* `s` must be zeroed. ERR_RANGE: an index in `start` is impossible. */
enum err state_init(struct state *s, uint8_t log2_pkts,
                    const struct engine_stream_state *start) MUST_USE;
void state_export(const struct state *s, struct engine_stream_state *out);

/* Estimates the index of a sequence number (RFC 3711 3.3.1). A result above ROC_INDEX_MAX means
 * that the index space is used up. */
static inline uint64_t state_estimate(const struct state *s, uint16_t seq)
{
	if (s->rtp.any || s->has_start)
		return roc_estimate(s->rtp.highest, seq);
	return s->rtp.highest | seq;
}

static inline enum verdict state_verdict(enum replay_answer answer)
{
	return answer == REPLAY_NEW    ? VERDICT_NONE
	       : answer == REPLAY_SEEN ? VERDICT_REPLAYED
	                               : VERDICT_TOO_OLD;
}

static inline bool state_is_used_up(const struct state_life *life, uint64_t index,
                                    uint64_t index_max)
{
	return __builtin_expect(life->used_pkts >= life->limit_pkts || index > index_max, 0);
}

/* Returns the first reason to refuse the index, or NONE. */
static inline enum verdict state_check_rtp(const struct state *s, const struct state_life *life,
                                           uint64_t index)
{
	if (state_is_used_up(life, index, ROC_INDEX_MAX))
		return VERDICT_KEY_EXPIRED;
	return state_verdict(replay_check(&s->rtp, s->rtp_bits, index));
}

static inline enum verdict state_check_rtcp(const struct state *s, const struct state_life *life,
                                            uint64_t index)
{
	if (state_is_used_up(life, index, STATE_RTCP_INDEX_MAX))
		return VERDICT_KEY_EXPIRED;
	return state_verdict(replay_check(&s->rtcp, s->rtcp_bits, index));
}

/* Makes the check of state_check_rtp. If it yields NONE, marks the index as used and counts the
 * packet. Sending: call it before the packet is encrypted. Receiving: call it after the tag has
 * verified. */
static inline enum verdict state_take_rtp(struct state *s, struct state_life *life, uint64_t index)
{
	enum verdict v;

	if (state_is_used_up(life, index, ROC_INDEX_MAX))
		return VERDICT_KEY_EXPIRED;
	v = state_verdict(replay_take(&s->rtp, s->rtp_bits, index));
	s->rtp_pkts += v == VERDICT_NONE;
	life->used_pkts += v == VERDICT_NONE;
	return v;
}

static inline enum verdict state_take_rtcp(struct state *s, struct state_life *life, uint64_t index)
{
	enum verdict v;

	if (state_is_used_up(life, index, STATE_RTCP_INDEX_MAX))
		return VERDICT_KEY_EXPIRED;
	v = state_verdict(replay_take(&s->rtcp, s->rtcp_bits, index));
	s->rtcp_pkts += v == VERDICT_NONE;
	life->used_pkts += v == VERDICT_NONE;
	return v;
}

/* The next SRTCP index to send; above STATE_RTCP_INDEX_MAX if no index is left. */
static inline uint64_t state_next_rtcp(const struct state *s)
{
	return s->rtcp.any ? s->rtcp.highest + 1 : 1;
}

/* Sets the packet limits of a key. SRTCP has 2^31 indices, and the lifetime limits it too (RFC 3711
 * 9.2, RFC 4568 6.1). */
void state_lives(struct state_life *rtp, struct state_life *rtcp, const struct suite *suite,
                 uint64_t lifetime_pkts);

#endif
