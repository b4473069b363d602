/* SPDX-License-Identifier: MIT */
/* The outbound half of the path: from a packet of a known stream to a sent datagram. */
#include "base/clk.h"
#include "relay/path/hear.h"
#include "relay/path/name.h"
#include "relay/packet/rtcp.h"
#include "relay/packet/rtp.h"
#include "relay/worker/session.h"
#include "relay/worker/worker.h"

/* --- cross ------------------------------------------------------------------ */

static uint32_t name_of_source(void *arg, uint32_t ssrc)
{
	struct leg *const *legs = arg; /* the two legs: from, to */
	const struct stream *s = stream_find_source(&legs[1]->out_streams, legs[0], ssrc);

	return s ? s->ssrc : ssrc;
}

static uint32_t name_of_target(void *arg, uint32_t ssrc)
{
	struct leg *const *legs = arg;
	const struct stream *s = stream_find(&legs[0]->out_streams, ssrc);

	return s ? s->source_ssrc : ssrc;
}

/* SSRCs are rewritten only on protected legs; plain legs always see the original SSRC. */
static bool translates(const struct leg *leg)
{
	return leg->translates && leg->out == MODE_OUT_PROTECT;
}

/* Rewrites the SSRCs in an RTCP packet to those known on the other side. path_outbound then sets
 * the sender's SSRC. */
static void rename_rtcp(struct pkt *pkt, struct leg *from, struct leg *to)
{
	struct leg *legs[] = {from, to};
	struct rtcp_names names = {
		.source = translates(to) ? name_of_source : NULL,
		.target = translates(from) ? name_of_target : NULL,
		.arg = legs,
	};

	rtcp_rename(pkt->data, pkt->len, &names);
}

static enum verdict cross(struct pkt *pkt)
{
	struct leg *leg = pkt->port->owner;
	struct leg *peer = leg_peer(leg);
	bool is_rtcp = pkt->kind == PKT_RTCP && leg->in != MODE_IN_OPAQUE;
	unsigned way;

	if (!peer)
		return VERDICT_NO_PEER;
	/* On a leg with a port pair, opaque datagrams and packets that are neither RTP nor RTCP
	 * leave from the same kind of port (RTP or RTCP) as they arrived on. */
	if ((leg->in == MODE_IN_OPAQUE || !path_hear_is_media(pkt)) && leg->rtcp == RELAY_RTCP_PAIR)
		is_rtcp = pkt->port->is_rtcp;
	else if (leg->in == MODE_IN_OPAQUE)
		is_rtcp = pkt->kind == PKT_RTCP && leg->rtcp == RELAY_RTCP_MUX;
	if (is_rtcp && peer->rtcp == RELAY_RTCP_NONE)
		return VERDICT_NO_PEER;
	if (!is_rtcp && !peer->can_send)
		return VERDICT_GATE_CLOSED;
	way = is_rtcp && peer->rtcp == RELAY_RTCP_PAIR ? LEG_RTCP : LEG_RTP;
	pkt->out = peer->ports[way];
	pkt->to = *latch_to(&peer->latches[way]);
	/* The peer uses another IP family than signalled: send from the address of that family. */
	if (pkt->out && pkt->out->family != pkt->to.version && peer->others[way])
		pkt->out = peer->others[way];
	/* 0.0.0.0 means hold (RFC 3264 8.4). */
	if (!pkt->out || addr_is_none(&pkt->to) || addr_is_any(&pkt->to) || pkt->to.port == 0)
		return VERDICT_NO_PEER;
	if ((peer->loop_protect || leg->loop_protect) && addr_eq(&pkt->to, &pkt->from))
		return VERDICT_LOOP;
	if (peer->out == MODE_OUT_PROTECT && !peer->send)
		return VERDICT_NO_KEY;
	return VERDICT_NONE;
}

void path_cross(struct worker *w, struct batch *b, uint64_t now_ns)
{
	(void)w, (void)now_ns;
	for (unsigned i = 0; i < b->n; i++)
		if (b->pkts[i]->verdict == VERDICT_NONE)
			b->pkts[i]->verdict = (uint8_t)cross(b->pkts[i]);
}

/* --- outbound --------------------------------------------------------------- */

/* The engine's state of the stream under the leg's present key. A new state starts at the stream's
 * index: a re-key keeps the ROC, and the SRTCP index never restarts (RFC 3711 3.4). */
static struct crypto *out_crypto(struct worker *w, struct stream *s, struct key *key)
{
	if (s->crypto)
		return s->crypto;
	struct engine_stream_state start = {.has_rtcp = s->rtcp_index > 0,
	                                    .rtcp_index = s->rtcp_index};

	if (s->has_index) {
		start.has_rtp = true;
		start.rtp_index = s->index;
		start.roc = (uint32_t)(s->index >> 16);
	}
	s->crypto = crypto_take(&w->streams, key, s->ssrc, &start);
	return s->crypto;
}

static enum verdict outbound(struct worker *w, struct pkt *pkt, uint64_t now_ns)
{
	struct leg *leg = pkt->port->owner, *peer = pkt->out->owner;
	uint32_t ssrc = be32_get(pkt->data + (pkt->kind == PKT_RTCP ? RTCP_SSRC_AT : RTP_SSRC_AT));
	const struct name_owner owner = {.leg = peer, .source = leg, .ssrc = ssrc};
	struct name_choice c = {.stream = NULL};
	struct crypto *crypto;
	enum verdict v;

	if (pkt->kind == PKT_RTCP)
		c.stream = name_of_rtcp(w, &owner, now_ns);
	else if ((v = name_choose(w, &owner, pkt, now_ns, &c)))
		return v;
	if (!c.stream)
		return VERDICT_SSRC_LIMIT;
	/* This precedes name_take: a new state must start below the packet's index. */
	crypto = out_crypto(w, c.stream, peer->send);
	if (!crypto)
		return VERDICT_OVERLOAD;
	if (pkt->kind == PKT_RTP) {
		name_take(pkt, &c);
		if (c.stream->ssrc != ssrc)
			be32_put(pkt->data + RTP_SSRC_AT, c.stream->ssrc);
	}
	c.stream->last_ns = now_ns;
	c.stream->pkts++;
	c.stream->bytes += pkt->len;
	pkt->stream = c.stream;
	pkt->key = peer->send->engine;
	pkt->crypto = crypto_state(crypto);
	return VERDICT_NONE;
}

void path_outbound(struct worker *w, struct batch *b, uint64_t now_ns)
{
	for (unsigned i = 0; i < b->n; i++) {
		struct pkt *pkt = b->pkts[i];

		if (pkt->verdict != VERDICT_NONE)
			continue;
		struct leg *leg = pkt->port->owner, *peer = pkt->out->owner;
		if (peer->out == MODE_OUT_PROTECT)
			pkt->verdict = (uint8_t)outbound(w, pkt, now_ns);
		/* This follows outbound(), which may have given the sender a new SSRC. */
		bool is_read = leg->in == MODE_IN_PLAIN || leg->in == MODE_IN_UNPROTECT;
		if (pkt->kind == PKT_RTCP && is_read && (translates(leg) || translates(peer)))
			rename_rtcp(pkt, leg, peer);
		/* This holds for every RTCP packet type: the SRTCP index belongs to the stream, so
		 * the packet must carry the stream's SSRC (RFC 3711 9.1). */
		if (pkt->kind == PKT_RTCP && pkt->verdict == VERDICT_NONE &&
		    peer->out == MODE_OUT_PROTECT)
			be32_put(pkt->data + RTCP_SSRC_AT, pkt->stream->ssrc);
	}
}

/* --- protect ---------------------------------------------------------------- */

static void count_key(struct worker *w, struct pkt *pkt)
{
	struct leg *peer = pkt->out->owner;
	struct key *key = peer->send;

	if (pkt->kind == PKT_RTCP) {
		pkt->stream->rtcp_index = (uint32_t)pkt->index;
		return;
	}
	if (++key->pkts < key->limit - key->limit / 10 || key->reported_soft)
		return;
	key->reported_soft = true;
	leg_events_tell(w, peer,
	                &(struct relay_event){
				.kind = RELAY_EVENT_KEY_SOFT_LIMIT,
				.is_send = true,
				.count = key->pkts,
			});
}

void path_protect(struct worker *w, struct batch *b, uint64_t now_ns)
{
	struct pkt **work = b->work;
	unsigned n = 0;

	(void)now_ns;
	for (unsigned i = 0; i < b->n; i++) {
		struct pkt *pkt = b->pkts[i];

		if (pkt->verdict == VERDICT_NONE &&
		    ((struct leg *)pkt->out->owner)->out == MODE_OUT_PROTECT)
			work[n++] = pkt;
	}
	if (n == 0)
		return;
	w->engine_ops->protect(w->engine, work, n);
	for (unsigned i = 0; i < n; i++)
		if (work[i]->verdict == VERDICT_NONE)
			count_key(w, work[i]);
}

/* --- send, finish ----------------------------------------------------------- */

/* The packets that leave through this back end, in order. */
static unsigned of_io(const struct batch *b, const struct io *io, struct pkt **work)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->n; i++)
		if (b->pkts[i]->verdict == VERDICT_NONE && b->pkts[i]->out->io == io)
			work[n++] = b->pkts[i];
	return n;
}

void path_send(struct worker *w, struct batch *b, uint64_t now_ns)
{
	struct pkt **work = b->work;

	(void)now_ns;
	for (unsigned i = 0; i < w->n_ios; i++) {
		unsigned n = of_io(b, w->ios[i], work);

		if (n)
			w->ios[i]->ops->send(w->ios[i], work, n);
	}
}

/* A few failures are noise; many are an attack or a wrong key. The timer ends the count one second
 * after the first failure. */
static void note_failure(struct worker *w, struct leg *leg, uint64_t now_ns)
{
	if (w->config->auth_fail_rate == 0)
		return;
	leg->failures++;
	if (!wheel_is_set(&leg->failure_timer))
		wheel_set(&w->wheel, &leg->failure_timer, now_ns + NS_PER_S);
}

static void report_expired(struct worker *w, struct leg *leg, struct key *key, bool is_send)
{
	if (!key || key->reported_expired)
		return;
	key->reported_expired = true;
	leg_events_tell(w, leg,
	                &(struct relay_event){
				.kind = RELAY_EVENT_KEY_EXPIRED,
				.is_send = is_send,
				.count = key->pkts,
			});
}

static void count(struct worker *w, struct pkt *pkt, uint64_t now_ns)
{
	struct leg *leg = pkt->port ? pkt->port->owner : NULL;

	counter_inc(&w->counters.verdicts[pkt->verdict]);
	if (!leg)
		return;
	if (pkt->verdict == VERDICT_FORWARDED) {
		struct leg *peer = pkt->out->owner;

		leg->forwarded++;
		peer->tx_pkts++;
		peer->tx_bytes += pkt->len;
		return;
	}
	leg->verdicts[pkt->verdict] += leg->verdicts[pkt->verdict] != UINT32_MAX;
	leg->rtcp_errors += pkt->kind == PKT_RTCP;
	if (pkt->verdict == VERDICT_AUTH_FAILED) {
		note_failure(w, leg, now_ns);
	} else if (pkt->verdict == VERDICT_KEY_EXPIRED && pkt->out) {
		report_expired(w, pkt->out->owner, ((struct leg *)pkt->out->owner)->send, true);
	} else if (pkt->verdict == VERDICT_KEY_EXPIRED && leg->receive &&
	           pkt->key == leg->receive->engine) {
		/* The expiry of the previous key is not reported: it stops nothing. */
		report_expired(w, leg, leg->receive, false);
	}
}

void path_finish(struct worker *w, struct batch *b, uint64_t now_ns)
{
	struct pkt **work = b->work;

	for (unsigned i = 0; i < b->n; i++)
		count(w, b->pkts[i], now_ns);
	for (unsigned k = 0; k < w->n_ios; k++) {
		unsigned n = 0;

		for (unsigned i = 0; i < b->n; i++)
			if (b->pkts[i]->io == w->ios[k] && b->pkts[i]->frame)
				work[n++] = b->pkts[i];
		if (n)
			w->ios[k]->ops->release(w->ios[k], work, n);
	}
	for (unsigned i = 0; i < b->n; i++)
		pool_give(w->pool, b->pkts[i]);
	b->n = 0;
}
