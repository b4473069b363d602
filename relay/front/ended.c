/* SPDX-License-Identifier: MIT */
/* Counters of ended legs: one entry for each media and leg index of a session. */
#include "relay/front/ended.h"

#include <string.h>

#include "base/mem.h"

static struct relay_stream_stats *find_stream(struct relay_leg_stats *s, uint32_t ssrc)
{
	for (unsigned i = 0; i < s->n_streams; i++)
		if (s->streams[i].ssrc == ssrc)
			return &s->streams[i];
	return NULL;
}

/* Adds up counters by SSRC and keeps the most recent streams; the list begins with the one received
 * last. */
static void merge_streams(struct relay_leg_stats *to, const struct relay_leg_stats *from)
{
	for (unsigned i = from->n_streams; i-- > 0;) {
		const struct relay_stream_stats *s = &from->streams[i];
		struct relay_stream_stats *old = find_stream(to, s->ssrc), sum = *s;

		if (old) {
			sum.pkts += old->pkts;
			sum.bytes += old->bytes;
			sum.lost += old->lost;
		} else {
			to->n_streams += to->n_streams < RELAY_STREAM_STATS_MAX;
			old = &to->streams[to->n_streams - 1];
		}
		memmove(&to->streams[1], &to->streams[0],
		        (size_t)(old - to->streams) * sizeof(*old));
		to->streams[0] = sum;
	}
}

static void merge(struct relay_leg_stats *to, const struct relay_leg_stats *from)
{
	to->rx_pkts += from->rx_pkts;
	to->rx_bytes += from->rx_bytes;
	to->tx_pkts += from->tx_pkts;
	to->tx_bytes += from->tx_bytes;
	to->rtcp_pkts += from->rtcp_pkts;
	to->rtcp_bytes += from->rtcp_bytes;
	to->rtcp_errors += from->rtcp_errors;
	to->rekeys += from->rekeys;
	to->ssrc_changes += from->ssrc_changes;
	to->last_rx_ns = from->last_rx_ns ? from->last_rx_ns : to->last_rx_ns;
	for (unsigned v = 0; v < VERDICT_COUNT; v++)
		to->verdicts[v] += from->verdicts[v];
	merge_streams(to, from);
}

void ended_add(struct ended *e, uint8_t media, uint8_t leg, const struct relay_leg_stats *s)
{
	struct relay_gone_leg *legs;

	for (unsigned i = 0; i < e->n; i++)
		if (e->legs[i].media == media && e->legs[i].leg == leg) {
			merge(&e->legs[i].stats, s);
			return;
		}
	legs = mem_array(e->n + 1u, sizeof(*legs));
	if (!legs)
		return;
	if (e->n)
		memcpy(legs, e->legs, e->n * sizeof(*legs));
	mem_free(e->legs);
	e->legs = legs;
	e->legs[e->n++] = (struct relay_gone_leg){.media = media, .leg = leg, .stats = *s};
}

void ended_fini(struct ended *e)
{
	mem_free(e->legs);
	*e = (struct ended){0};
}
