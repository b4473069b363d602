/* SPDX-License-Identifier: MIT */
/* Initialises and exports the state of a stream. */
#include "relay/engine/state.h"

#include <string.h>

/* Exports the window: bit i stands for index highest - i. */
static void bits_out(const struct replay *r, const uint64_t *bits, uint64_t *out, unsigned n_words)
{
	memset(out, 0, n_words * sizeof(*out));
	for (uint64_t i = 0; i < 1ull << r->log2_pkts && i <= r->highest; i++)
		if (replay_check(r, bits, r->highest - i) == REPLAY_SEEN)
			out[i >> 6] |= 1ull << (i & 63);
}

/* Imports the window. It may be smaller than the exported one: indices that do not fit are dropped,
 * because they count as TOO_OLD anyway. */
static void bits_in(struct replay *r, uint64_t *bits, uint64_t highest, const uint64_t *in)
{
	uint64_t mask = (1ull << r->log2_pkts) - 1;

	r->highest = highest;
	r->any = true;
	for (uint64_t i = 0; i <= mask && i <= highest; i++)
		if (in[i >> 6] >> (i & 63) & 1)
			bits[((highest - i) & mask) >> 6] |= 1ull << ((highest - i) & 63);
}

static bool is_empty(const uint64_t *words, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (words[i])
			return false;
	return true;
}

enum err state_init(struct state *s, uint8_t log2_pkts, const struct engine_stream_state *start)
{
	s->rtp.log2_pkts = log2_pkts;
	s->rtcp.log2_pkts = STATE_RTCP_LOG2;
	if (!start)
		return ERR_OK;
	if ((start->has_rtp && start->rtp_index > ROC_INDEX_MAX) ||
	    (start->has_rtcp && start->rtcp_index > STATE_RTCP_INDEX_MAX))
		return ERR_RANGE;
	s->rtp.highest = start->has_rtp ? start->rtp_index : roc_index(start->roc, 0);
	s->has_start = start->has_rtp;
	if (start->has_rtp && !is_empty(start->rtp_window, ARRAY_LEN(start->rtp_window)))
		bits_in(&s->rtp, s->rtp_bits, start->rtp_index, start->rtp_window);
	if (start->has_rtcp)
		bits_in(&s->rtcp, s->rtcp_bits, start->rtcp_index, start->rtcp_window);
	s->rtp_pkts = start->rtp_pkts;
	s->rtcp_pkts = start->rtcp_pkts;
	return ERR_OK;
}

void state_export(const struct state *s, struct engine_stream_state *out)
{
	*out = (struct engine_stream_state){
		.rtp_pkts = s->rtp_pkts,
		.rtcp_pkts = s->rtcp_pkts,
		.roc = (uint32_t)(s->rtp.highest >> 16),
		.has_rtp = s->rtp.any || s->has_start,
		.has_rtcp = s->rtcp.any,
	};
	if (out->has_rtp)
		out->rtp_index = s->rtp.highest;
	if (s->rtp.any)
		bits_out(&s->rtp, s->rtp_bits, out->rtp_window, ARRAY_LEN(out->rtp_window));
	if (s->rtcp.any) {
		out->rtcp_index = (uint32_t)s->rtcp.highest;
		bits_out(&s->rtcp, s->rtcp_bits, out->rtcp_window, ARRAY_LEN(out->rtcp_window));
	}
}

void state_lives(struct state_life *rtp, struct state_life *rtcp, const struct suite *suite,
                 uint64_t lifetime_pkts)
{
	uint64_t rtcp_limit = suite->srtcp_lifetime_pkts;

	*rtp = (struct state_life){.limit_pkts = lifetime_pkts};
	*rtcp = (struct state_life){
		.limit_pkts = lifetime_pkts < rtcp_limit ? lifetime_pkts : rtcp_limit,
	};
}
