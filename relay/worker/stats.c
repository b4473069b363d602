/* SPDX-License-Identifier: MIT */
/* Copies the counters of a session into statistics for control. */
#include <string.h>

#include "relay/worker/session.h"

/* The outbound SSRC of a source on the joined leg. */
static uint32_t ssrc_out(const struct leg *leg, uint32_t ssrc)
{
	const struct leg *peer = leg_peer(leg);

	for (const struct stream *s = peer ? peer->out_streams : NULL; s; s = s->next)
		if (s->source == leg && s->source_ssrc == ssrc)
			return s->ssrc;
	return ssrc;
}

static void read_stream(const struct leg *leg, const struct stream *s,
                        struct relay_stream_stats *out)
{
	/* RFC 3550 A.3. The unsigned difference is right even if a new key set the ROC back. */
	uint64_t expected = s->has_index ? s->index - s->first_index + 1 : 0;

	*out = (struct relay_stream_stats){
		.ssrc = s->ssrc,
		.ssrc_out = ssrc_out(leg, s->ssrc),
		.roc = (uint32_t)(s->index >> 16),
		.highest_seq = (uint16_t)s->index,
		.pkts = s->pkts,
		.bytes = s->bytes,
		.jitter = s->jitter_x16 >> 4,
		.lost = (int64_t)(expected - s->pkts) > 0 ? expected - s->pkts : 0,
	};
}

void leg_read(const struct leg *leg, struct relay_leg_stats *out)
{
	*out = (struct relay_leg_stats){
		.remote = *latch_to(&leg->latches[LEG_RTP]),
		.remote_rtcp = *latch_to(&leg->latches[LEG_RTCP]),
		.latched = latch_has_learnt(&leg->latches[LEG_RTP]),
		.rx_pkts = leg->rx_pkts,
		.rx_bytes = leg->rx_bytes,
		.tx_pkts = leg->tx_pkts,
		.tx_bytes = leg->tx_bytes,
		.receive_key_pkts = leg->receive ? leg->receive->pkts : 0,
		.send_key_pkts = leg->send ? leg->send->pkts : 0,
		.receive_key_lifetime = leg->receive ? leg->receive->limit : 0,
		.send_key_lifetime = leg->send ? leg->send->limit : 0,
		.finding = leg->receive && !leg->receive->has_opened
	                           ? (enum relay_finding)leg->unheard.finding
	                           : RELAY_FINDING_NONE,
		.rtcp_pkts = leg->rtcp_pkts,
		.rtcp_bytes = leg->rtcp_bytes,
		.rtcp_errors = leg->rtcp_errors,
		.rekeys = leg->rekeys,
		.ssrc_changes = leg->ssrc_changes,
		.last_rx_ns = leg->has_media ? leg->last_rx_ns : 0,
	};
	if (leg->ports[LEG_RTP])
		out->local = addr_with_port(&leg->ports[LEG_RTP]->interface->bind,
		                            leg->ports[LEG_RTP]->number);
	if (leg->ports[LEG_RTCP])
		out->local_rtcp = addr_with_port(&leg->ports[LEG_RTCP]->interface->bind,
		                                 leg->ports[LEG_RTCP]->number);
	for (unsigned v = 0; v < VERDICT_COUNT; v++)
		out->verdicts[v] = leg->verdicts[v];
	out->verdicts[VERDICT_FORWARDED] = leg->forwarded;
	for (const struct stream *s = leg->in_streams; s && out->n_streams < RELAY_STREAM_STATS_MAX;
	     s = s->next)
		read_stream(leg, s, &out->streams[out->n_streams++]);
}

void session_read(const struct session *s, struct relay_session_stats *out)
{
	const struct media *m = s->media;

	for (unsigned i = 0; m && i < out->n_media; i++, m = m->next)
		for (unsigned k = 0; k < m->n_legs && k < out->media[i].n_legs; k++)
			if (m->legs[k])
				leg_read(m->legs[k], &out->media[i].legs[k]);
}
