/* SPDX-License-Identifier: MIT */
/* The inbound half of the path: from octets to an authenticated packet of a known stream. */
#include "base/clk.h"
#include "relay/worker/evicted.h"
#include "relay/path/hear.h"
#include "relay/packet/roc.h"
#include "relay/packet/rtp.h"
#include "relay/worker/session.h"
#include "relay/worker/worker.h"

enum {
	/* a stream unused for this long may be evicted for a new one (RFC 4568 6.4.1) */
	STREAM_IDLE_S = 30,
	LIMIT_EVENT_S = 10, /* seconds between two stream-limit events of a leg */
};

static uint32_t pkt_ssrc(const struct pkt *pkt)
{
	return be32_get(pkt->data + (pkt->kind == PKT_RTCP ? RTCP_SSRC_AT : RTP_SSRC_AT));
}

/* --- classify --------------------------------------------------------------- */

void path_classify(struct worker *w, struct batch *b, uint64_t now_ns)
{
	(void)now_ns;
	for (unsigned i = 0; i < b->n; i++) {
		struct pkt *pkt = b->pkts[i];
		struct leg *leg = pkt->port ? pkt->port->owner : NULL;

		if (!leg) {
			pkt->verdict = VERDICT_NO_PORT;
			continue;
		}
		leg->rx_pkts++;
		leg->rx_bytes += pkt->len;
		if (pkt->verdict == VERDICT_NONE)
			pkt->verdict =
				(uint8_t)path_hear_classify(pkt, leg, w->config->drops_non_rtp);
		else
			pkt->kind = PKT_UNKNOWN;
		if (pkt->kind == PKT_RTCP) {
			leg->rtcp_pkts++;
			leg->rtcp_bytes += pkt->len;
		}
	}
}

/* --- find ------------------------------------------------------------------- */

static enum verdict find(struct worker *w, struct batch *b, unsigned i, uint64_t now_ns)
{
	struct pkt *pkt = b->pkts[i];
	struct leg *leg = pkt->port->owner;

	enum verdict v =
		path_hear_is_usual(leg, pkt) ? VERDICT_NONE : path_hear_check(leg, pkt, now_ns);
	if (v || leg->in == MODE_IN_OPAQUE || !path_hear_is_media(pkt))
		return v;
	pkt->stream = stream_find(&leg->in_streams, pkt_ssrc(pkt));
	if (leg->in == MODE_IN_PLAIN)
		return VERDICT_NONE;
	/* The fast path: nearly always only one crypto state needs to be tried. */
	struct crypto *c = pkt->stream ? pkt->stream->crypto : NULL;
	if (__builtin_expect(c && c->key == leg->receive && c->doubt == DOUBT_NONE &&
	                             !leg->receive_previous && leg->in == MODE_IN_UNPROTECT,
	                     1) &&
	    pkt->kind == PKT_RTP) {
		b->tries[i].crypto[0] = c;
		b->tries[i].n = 1;
		b->tries[i].work = pkt;
		return VERDICT_NONE;
	}
	return path_find_keys(w, b, i, now_ns);
}

void path_find(struct worker *w, struct batch *b, uint64_t now_ns)
{
	b->n_provisional = 0;
	for (unsigned i = 0; i < b->n; i++) {
		struct path_tries *t = &b->tries[i];

		t->work = t->pristine = NULL;
		t->n = t->at = 0;
		t->looks_clear = false;
		if (b->pkts[i]->verdict == VERDICT_NONE)
			b->pkts[i]->verdict = (uint8_t)find(w, b, i, now_ns);
	}
}

/* --- unprotect -------------------------------------------------------------- */

static bool may_verify_elsewhere(const struct pkt *pkt)
{
	/* CLEAR is in the list because a packet that is too short for one key's tag may be long
	 * enough for the other key's tag. */
	return pkt->verdict == VERDICT_AUTH_FAILED || pkt->verdict == VERDICT_REPLAYED ||
	       pkt->verdict == VERDICT_TOO_OLD || pkt->verdict == VERDICT_KEY_EXPIRED ||
	       pkt->verdict == VERDICT_CLEAR;
}

static void restore(struct pkt *work, const struct pkt *pristine)
{
	work->len = pristine->len;
	memcpy(work->data, pristine->data, pristine->len);
	work->verdict = VERDICT_NONE;
}

static void set_try(struct path_tries *t)
{
	struct crypto *c = t->crypto[t->at];

	t->work->key = c->key->engine;
	t->work->crypto = crypto_state(c);
}

/* Collects, in order of arrival, the packets whose try failed and that have another state to
 * try. */
static unsigned next_round(struct batch *b, struct pkt **work)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->n; i++) {
		struct path_tries *t = &b->tries[i];

		if (!t->work || t->n < 2 || !may_verify_elsewhere(t->work))
			continue;
		path_note_try(t);
		if (t->at + 1 >= t->n) {
			t->work->verdict = t->verdict;
			continue;
		}
		restore(t->work, t->pristine);
		t->at++;
		set_try(t);
		work[n++] = t->work;
	}
	return n;
}

static void unprotect_all(struct worker *w, struct batch *b, struct pkt **work, unsigned n)
{
	while (n > 0) {
		w->engine_ops->unprotect(w->engine, work, n);
		n = next_round(b, work);
	}
}

/* On a leg with separate RTCP ports, a packet on the RTP port that has an RTCP packet type but
 * fails as SRTCP is tried again as SRTP: payload types 64 to 95 with the marker bit (RFC 5761 4).
 */
static bool reconsider(struct worker *w, struct batch *b, unsigned i, uint64_t now_ns)
{
	struct pkt *pkt = b->pkts[i];
	struct path_tries *t = &b->tries[i];
	struct leg *leg = pkt->port ? pkt->port->owner : NULL;
	size_t header_len;

	if (pkt->kind != PKT_RTCP || !t->work || !path_hear_is_ambiguous(leg, pkt) ||
	    !may_verify_elsewhere(t->work))
		return false;
	restore(t->work, t->pristine);
	header_len = rtp_header_len(t->work->data, t->work->len);
	if (header_len == 0) {
		t->work->verdict = VERDICT_AUTH_FAILED;
		return false;
	}
	pool_give_copy(w->pool, t->work == pkt ? t->pristine : t->work);
	*t = (struct path_tries){.n = 0};
	pkt->kind = PKT_RTP;
	pkt->header_len = (uint16_t)header_len;
	pkt->stream = stream_find(&leg->in_streams, pkt_ssrc(pkt));
	pkt->verdict = (uint8_t)path_find_keys(w, b, i, now_ns);
	return pkt->verdict == VERDICT_NONE;
}

static void end_tries(struct worker *w, struct pkt *pkt, struct path_tries *t)
{
	/* With KEY_EXPIRED, path_finish needs to know which key expired. */
	if (t->work->verdict != VERDICT_NONE)
		pkt->key = t->crypto[0]->key->engine;
	if (t->work != pkt) {
		pkt->verdict = t->work->verdict;
		pkt->index = t->work->index;
		pool_give_copy(w->pool, t->work);
	} else if (t->pristine) {
		pool_give_copy(w->pool, t->pristine);
	}
	t->work = t->pristine = NULL;
}

void path_unprotect(struct worker *w, struct batch *b, uint64_t now_ns)
{
	struct pkt **work = b->work;
	unsigned n = 0;

	for (unsigned i = 0; i < b->n; i++) {
		if (b->pkts[i]->verdict != VERDICT_NONE || !b->tries[i].work)
			continue;
		set_try(&b->tries[i]);
		work[n++] = b->tries[i].work;
	}
	unprotect_all(w, b, work, n);
	n = 0;
	for (unsigned i = 0; i < b->n; i++) {
		if (!reconsider(w, b, i, now_ns))
			continue;
		set_try(&b->tries[i]);
		work[n++] = b->tries[i].work;
	}
	unprotect_all(w, b, work, n);
	for (unsigned i = 0; i < b->n; i++) {
		if (!b->tries[i].work)
			continue;
		end_tries(w, b->pkts[i], &b->tries[i]);
		if (b->pkts[i]->verdict != VERDICT_NONE)
			path_note_failure(w, b, i, now_ns);
	}
}

/* --- commit ----------------------------------------------------------------- */

static void report_limit(struct worker *w, struct leg *leg, uint32_t ssrc, uint64_t now_ns)
{
	if (leg->limit_event_ns && now_ns - leg->limit_event_ns < LIMIT_EVENT_S * NS_PER_S)
		return;
	leg->limit_event_ns = now_ns;
	leg_events_tell(w, leg,
	                &(struct relay_event){
				.kind = RELAY_EVENT_STREAM_LIMIT,
				.ssrc = ssrc,
				.count = leg->n_in,
			});
}

/* Evicts an idle stream. Its keys remember its indexes, so replays of its packets stay refused. */
static bool evict(struct worker *w, struct leg *leg, uint64_t now_ns)
{
	struct stream *s = stream_remove_idle(&leg->in_streams, now_ns, STREAM_IDLE_S * NS_PER_S);

	if (!s)
		return false;
	if (!evicted_keep(&w->streams, s->crypto, s->ssrc) ||
	    !evicted_keep(&w->streams, s->previous, s->ssrc)) {
		s->next = leg->in_streams;
		leg->in_streams = s;
		return false;
	}
	stream_give(&w->streams, s);
	leg->n_in--;
	return true;
}

/* Adds a stream to the leg; evicts an idle one if the leg is full. NULL: no room. */
static struct stream *add_stream(struct worker *w, struct leg *leg, uint32_t ssrc, uint64_t now_ns)
{
	struct stream *s;

	if (leg->n_in >= w->config->ssrcs_per_leg) {
		if (!evict(w, leg, now_ns)) {
			report_limit(w, leg, ssrc, now_ns);
			return NULL;
		}
	}
	s = stream_take(&w->streams, BLOCK_IN);
	if (!s)
		return NULL;
	s->ssrc = ssrc;
	s->next = leg->in_streams;
	leg->in_streams = s;
	leg->n_in++;
	return s;
}

/* RFC 3550 6.4.1 and A.8: transit is arrival minus timestamp, both in timestamp units. */
static void note_jitter(struct stream *s, const struct pkt *pkt, uint64_t now_ns)
{
	uint8_t pt = rtp_payload_type(pkt->data);
	uint64_t hz = rtp_clock_hz(pt);

	if (hz == 0 || pt != s->payload_type) {
		s->payload_type = pt;
		s->has_transit = false;
		if (hz == 0)
			return;
	}
	uint64_t arrival = now_ns / NS_PER_S * hz + now_ns % NS_PER_S * hz / NS_PER_S;
	uint32_t transit = (uint32_t)arrival - rtp_timestamp(pkt->data);
	if (s->has_transit) {
		int32_t d = (int32_t)(transit - s->transit);
		uint32_t distance = d < 0 ? 0u - (uint32_t)d : (uint32_t)d;

		s->jitter_x16 += distance - ((s->jitter_x16 + 8) >> 4);
	}
	s->transit = transit;
	s->has_transit = true;
}

static void note_rtp(struct stream *s, struct pkt *pkt, const struct leg *leg, uint64_t now_ns)
{
	if (leg->in == MODE_IN_PLAIN)
		pkt->index = s->has_index ? roc_estimate(s->index, rtp_seq(pkt->data))
		                          : rtp_seq(pkt->data);
	if (s->pkts == 0)
		s->first_index = pkt->index;
	/* a new key set a new ROC: the packets expected so far stay counted */
	else if (!s->has_index)
		s->first_index = pkt->index - (s->index - s->first_index + 1);
	if (!s->has_index || pkt->index > s->index)
		s->index = pkt->index;
	s->has_index = true;
	s->pkts++;
	s->bytes += pkt->len;
	note_jitter(s, pkt, now_ns);
}

/* Whether the packet is older than the newest one of its stream. It was delayed or held
 * back, so its source address does not say where the peer is now. Call it before the stream
 * counts the packet. */
static bool is_late(const struct stream *s, const struct pkt *pkt, const struct key *key,
                    const struct leg *leg)
{
	if (!key)
		return false;
	/* A packet under the previous key was sent before the re-key, possibly from a previous
	 * address. */
	if (key != leg->receive)
		return true;
	if (pkt->kind == PKT_RTCP)
		return pkt->index < stream_crypto(s, key)->rtcp_index;
	return s->has_index && pkt->index < s->index;
}

static enum verdict commit_stream(struct worker *w, struct batch *b, unsigned i, bool *is_behind,
                                  uint64_t now_ns)
{
	struct pkt *pkt = b->pkts[i];
	struct path_tries *t = &b->tries[i];
	struct leg *leg = pkt->port->owner;
	uint32_t ssrc = pkt_ssrc(pkt);
	struct crypto *crypto = t->n ? t->crypto[t->at] : NULL;
	struct key *key = crypto ? crypto->key : NULL;
	struct stream *s;

	/* `key` is NULL if another packet of this batch ended the state that this packet verified
	 * under. */
	if (crypto && !key)
		return VERDICT_AUTH_FAILED;
	s = stream_find(&leg->in_streams, ssrc);
	if (!s)
		s = add_stream(w, leg, ssrc, now_ns);
	if (!s)
		return VERDICT_SSRC_LIMIT;
	if (crypto && (s->crypto != crypto || crypto->doubt != DOUBT_NONE) &&
	    !path_adopt(w, b, i, s))
		return VERDICT_AUTH_FAILED;
	pkt->stream = s;
	s->last_ns = now_ns;
	*is_behind = is_late(s, pkt, key, leg);
	if (pkt->kind == PKT_RTCP && key && pkt->index > stream_crypto(s, key)->rtcp_index)
		stream_crypto(s, key)->rtcp_index = (uint32_t)pkt->index;
	if (pkt->kind == PKT_RTP && (!key || key == leg->receive))
		note_rtp(s, pkt, leg, now_ns);
	if (pkt->kind == PKT_RTP && key && ++key->pkts >= key->limit - key->limit / 10 &&
	    !key->reported_soft && key == leg->receive) {
		key->reported_soft = true;
		leg_events_tell(w, leg,
		                &(struct relay_event){
					.kind = RELAY_EVENT_KEY_SOFT_LIMIT,
					.count = key->pkts,
				});
	}
	return VERDICT_NONE;
}

static void commit_leg(struct worker *w, struct leg *leg, const struct pkt *pkt, uint64_t now_ns)
{
	struct session *s = leg->media->session;

	leg->last_rx_ns = now_ns;
	leg->is_silent = false;
	if (leg->has_media)
		return;
	leg->has_media = s->has_media = true;
	leg_events_tell(w, leg,
	                &(struct relay_event){.kind = RELAY_EVENT_FIRST_MEDIA, .addr = pkt->from});
}

static enum verdict commit(struct worker *w, struct batch *b, unsigned i, uint64_t now_ns)
{
	struct pkt *pkt = b->pkts[i];
	struct leg *leg = pkt->port->owner;
	/* The source is checked again, because another packet of this batch may have moved the
	 * latch. */
	bool is_behind = false, is_media = path_hear_is_media(pkt),
	     is_usual = path_hear_is_usual(leg, pkt);
	enum verdict v = is_usual ? VERDICT_NONE : path_hear_check(leg, pkt, now_ns);

	if (!v && !is_usual && path_hear_must_ask(w, leg, pkt, now_ns))
		v = VERDICT_SOURCE;
	if (!v && is_media && leg->in != MODE_IN_OPAQUE)
		v = commit_stream(w, b, i, &is_behind, now_ns);
	if (v)
		return v;
	if (is_usual)
		path_hear_usual(leg, pkt, is_behind, now_ns);
	else
		path_hear_learn(w, leg, pkt, is_behind, now_ns);
	if (is_media || leg->in == MODE_IN_OPAQUE)
		commit_leg(w, leg, pkt, now_ns);
	/* The gate is checked after the state has advanced, so a long hold does not lose the ROC
	 * (RFC 4568 6.5). RTCP passes on hold (RFC 3264 5.1). */
	return leg->can_receive || pkt->kind == PKT_RTCP ? VERDICT_NONE : path_hear_closed(leg);
}

void path_commit(struct worker *w, struct batch *b, uint64_t now_ns)
{
	for (unsigned i = 0; i < b->n; i++)
		if (b->pkts[i]->verdict == VERDICT_NONE)
			b->pkts[i]->verdict = (uint8_t)commit(w, b, i, now_ns);
	for (unsigned i = 0; i < b->n_provisional; i++)
		if (b->provisional[i].crypto->is_provisional)
			crypto_give(&w->streams, b->provisional[i].crypto);
	b->n_provisional = 0;
}
