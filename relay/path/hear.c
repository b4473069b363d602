/* SPDX-License-Identifier: MIT */
/* Latching on the path: classifies packets, checks their source, learns the peer's address. */
#include "relay/path/hear.h"

#include "base/clk.h"
#include "relay/packet/rtcp.h"
#include "relay/worker/worker.h"

/* --- what a packet is ------------------------------------------------------- */

static bool is_keyed(const struct leg *leg)
{
	return leg->in == MODE_IN_UNPROTECT || leg->in == MODE_IN_VERIFY;
}

/* Whether a packet with an RTCP packet type, on a port that carries RTP, is RTCP (RFC 5761 4). */
static bool is_rtcp_beside_rtp(const struct pkt *pkt, const struct leg *leg)
{
	if (leg->rtcp == RELAY_RTCP_MUX)
		return true;
	return leg->in == MODE_IN_PLAIN ? rtcp_fills(pkt->data, pkt->len)
	                                : srtcp_may_fill(pkt->data, pkt->len);
}

static enum pkt_kind kind_of(const struct pkt *pkt, const struct leg *leg)
{
	enum pkt_kind kind = rtp_classify(pkt->data, pkt->len);

	if (kind == PKT_RTP)
		return pkt->port->is_rtcp ? PKT_RTCP : PKT_RTP;
	if (kind == PKT_RTCP && !pkt->port->is_rtcp && !is_rtcp_beside_rtp(pkt, leg))
		return PKT_RTP;
	return kind;
}

/* Whether packets that are neither RTP nor RTCP pass from this leg to the other. They never pass a
 * leg with keys. */
static bool passes_others(const struct leg *leg, bool drops_non_rtp)
{
	const struct leg *peer = leg_peer(leg);

	if (leg->in == MODE_IN_OPAQUE)
		return true;
	return leg->in == MODE_IN_PLAIN && !drops_non_rtp && peer && peer->in == MODE_IN_PLAIN &&
	       peer->out == MODE_OUT_AS_IS;
}

enum verdict path_hear_classify(struct pkt *pkt, const struct leg *leg, bool drops_non_rtp)
{
	pkt->kind = (uint8_t)kind_of(pkt, leg);
	if (pkt->kind == PKT_RTP) {
		pkt->header_len = (uint16_t)rtp_header_len(pkt->data, pkt->len);
		if (pkt->header_len)
			return VERDICT_NONE;
	} else if (pkt->kind == PKT_RTCP) {
		pkt->header_len = RTCP_HEADER_LEN;
		if (rtcp_has_sender(pkt->data, pkt->len))
			return VERDICT_NONE;
	}
	if (!passes_others(leg, drops_non_rtp))
		return path_hear_is_media(pkt) ? VERDICT_MALFORMED : VERDICT_NOT_MEDIA;
	if (path_hear_is_media(pkt))
		pkt->kind = PKT_UNKNOWN;
	return VERDICT_NONE;
}

bool path_hear_is_ambiguous(const struct leg *leg, const struct pkt *pkt)
{
	return pkt->kind == PKT_RTCP && leg->rtcp != RELAY_RTCP_MUX && !pkt->port->is_rtcp &&
	       is_keyed(leg);
}

/* Whether the packet may teach the leg its peer's address: RTP and RTCP may; on an opaque leg also
 * what signalling allows (`teaches`). */
static bool teaches(const struct leg *leg, const struct pkt *pkt)
{
	if (path_hear_is_media(pkt))
		return true;
	if (leg->in != MODE_IN_OPAQUE)
		return false;
	return leg->spec.teaches & RELAY_TEACH_ANY ||
	       (leg->spec.teaches & RELAY_TEACH_STUN && pkt->kind == PKT_STUN &&
	        rtp_is_stun(pkt->data, pkt->len)) ||
	       (leg->spec.teaches & RELAY_TEACH_DTLS && pkt->kind == PKT_DTLS &&
	        rtp_is_dtls(pkt->data, pkt->len));
}

/* --- source ----------------------------------------------------------------- */

/* With rtcp PAIR, RTP and RTCP have separate latches. The packet type selects the latch; for other
 * datagrams the port does. */
static unsigned way_of(const struct leg *leg, const struct pkt *pkt)
{
	bool is_rtcp = pkt->kind == PKT_RTCP || (pkt->port->is_rtcp && pkt->kind != PKT_RTP);

	return is_rtcp && leg->rtcp == RELAY_RTCP_PAIR ? LEG_RTCP : LEG_RTP;
}

/* True: with rtcp PAIR, a packet on the RTCP port came from another host than the latched source of
 * RTP. */
static bool is_foreign(const struct leg *leg, unsigned way, const struct addr *from)
{
	const struct latch *rtp = &leg->latches[LEG_RTP];

	return way == LEG_RTCP && latch_has_heard(rtp) && !addr_ip_eq(&rtp->address, from);
}

/* Whether this is RTCP from the source of RTP. Such RTCP belongs to the peer, even if the leg sends
 * RTCP elsewhere. */
static bool is_companion(const struct leg *leg, const struct pkt *pkt, unsigned way)
{
	const struct latch *rtp = &leg->latches[LEG_RTP];

	if (pkt->kind != PKT_RTCP)
		return false;
	return way == LEG_RTCP ? addr_eq(&rtp->address, &pkt->from)
	                       : latch_has_heard(rtp) && addr_ip_eq(&rtp->address, &pkt->from);
}

/* The evidence that an unauthenticated packet gives. */
static enum latch_evidence evidence_of(const struct leg *leg, const struct pkt *pkt, unsigned way)
{
	if (way == LEG_RTP)
		return pkt->kind == PKT_RTCP && !(leg->spec.teaches & RELAY_TEACH_ANY) ? LATCH_HINT
		                                                                       : LATCH_BARE;
	/* The packet is not foreign, so it comes from the source of RTP, if RTP is latched. */
	return latch_has_heard(&leg->latches[LEG_RTP]) &&
	                       !addr_ip_eq(&leg->latches[LEG_RTCP].address, &pkt->from)
	               ? LATCH_BESIDE
	               : LATCH_BARE;
}

static bool accepts_source(const struct leg *leg, const struct pkt *pkt, unsigned way,
                           uint64_t now_ns)
{
	const struct latch *l = &leg->latches[way];

	if (!teaches(leg, pkt))
		return false;
	if (is_companion(leg, pkt, way))
		return true;
	/* Packets that authenticate may come from anywhere; path_hear_learn decides whether they
	 * move the latch. */
	if (is_keyed(leg))
		return l->state != LATCH_FIXED;
	/* Behind a closed gate no second source is accepted: otherwise anyone who guesses the port
	 * of a ringing call could take over the leg. */
	if (!leg->can_receive)
		return l->state != LATCH_FIXED && !latch_has_heard(l);
	if (is_foreign(leg, way, &pkt->from) && !addr_eq(&l->signalled, &pkt->from))
		return false;
	return latch_may(l, &pkt->from, evidence_of(leg, pkt, way), now_ns);
}

/* Whether the leg has no peer, or one of the two addresses is not known: the packet came before the
 * answer. */
static bool has_no_peer(const struct leg *leg)
{
	const struct leg *peer = leg_peer(leg);
	const struct latch *own = &leg->latches[LEG_RTP];

	return !peer || addr_is_none(latch_to(&peer->latches[LEG_RTP])) ||
	       (addr_is_none(&own->signalled) && !latch_has_heard(own));
}

enum verdict path_hear_closed(const struct leg *leg)
{
	const struct leg *peer = leg_peer(leg);

	if (!peer || (peer->out == MODE_OUT_PROTECT && !peer->send))
		return peer ? VERDICT_NO_KEY : VERDICT_NO_PEER;
	return has_no_peer(leg) ? VERDICT_NO_PEER : VERDICT_GATE_CLOSED;
}

static enum verdict refusal_of(const struct leg *leg, const struct pkt *pkt)
{
	enum verdict closed = leg->can_receive ? VERDICT_GATE_CLOSED : path_hear_closed(leg);

	if (!path_hear_is_media(pkt))
		return VERDICT_NOT_MEDIA;
	if (closed != VERDICT_GATE_CLOSED)
		return closed;
	return has_no_peer(leg) ? VERDICT_NO_PEER : VERDICT_SOURCE;
}

enum verdict path_hear_check(const struct leg *leg, const struct pkt *pkt, uint64_t now_ns)
{
	unsigned way = way_of(leg, pkt);

	if (is_keyed(leg) && !leg->receive && !leg->receive_previous)
		return VERDICT_NO_KEY;
	if (addr_eq(&leg->latches[way].address, &pkt->from) ||
	    accepts_source(leg, pkt, way, now_ns))
		return VERDICT_NONE;
	return refusal_of(leg, pkt);
}

/* --- permission from control ------------------------------------------------ */

static bool is_asked_about(const struct relay_asked *asked, const struct pkt *pkt)
{
	bool is_loopback = addr_is_loopback(&pkt->port->interface->bind);

	for (unsigned i = 0; i < asked->n; i++) {
		const struct relay_asked_entry *e = &asked->entries[i];

		if (pkt->from.port >= e->port_min && pkt->from.port <= e->port_max &&
		    addr_net_has(&e->net, &pkt->from) && !(e->spares_loopback && is_loopback))
			return true;
	}
	return false;
}

bool path_hear_must_ask(struct worker *w, struct leg *leg, const struct pkt *pkt, uint64_t now_ns)
{
	const struct relay_asked *asked = w->asked;
	unsigned way = way_of(leg, pkt);

	if (!asked || addr_eq(&leg->latches[way].address, &pkt->from) ||
	    addr_eq(&leg->permitted[way], &pkt->from) || !is_asked_about(asked, pkt))
		return false;
	if (leg->asked_ns[way] == 0 || now_ns - leg->asked_ns[way] >= NS_PER_S) {
		leg->asked_ns[way] = now_ns;
		leg_events_tell(w, leg,
		                &(struct relay_event){
					.kind = RELAY_EVENT_ASK,
					.is_rtcp = way == LEG_RTCP,
					.addr = pkt->from,
				});
	}
	return true;
}

/* --- learning --------------------------------------------------------------- */

/*
 * Whether an authentic packet from another address proves that the peer moved. Packets of one
 * stream are ordered, but streams have no order between them: a held-back packet can be the newest
 * of its stream and still be old. So while packets arrive from the present address, only the stream
 * last received from it proves a move. RTCP from another host than RTP's proves nothing.
 */
static bool proves(const struct leg *leg, const struct pkt *pkt, unsigned way, uint32_t ssrc,
                   uint64_t now_ns)
{
	const struct latch *l = &leg->latches[way], *rtp = &leg->latches[LEG_RTP];
	bool is_own = way == LEG_RTCP || pkt->kind == PKT_RTP;

	if (is_foreign(leg, way, &pkt->from) && !latch_is_silent(rtp, LATCH_PATIENCE_MS, now_ns))
		return false;
	return (is_own && l->ssrc == ssrc) || !latch_has_heard(l) ||
	       latch_is_silent(l, LATCH_PATIENCE_MS, now_ns);
}

static enum latch_answer learn_proven(struct leg *leg, const struct pkt *pkt, unsigned way,
                                      uint64_t now_ns)
{
	uint32_t ssrc = be32_get(pkt->data + (pkt->kind == PKT_RTCP ? RTCP_SSRC_AT : RTP_SSRC_AT));
	struct latch *l = &leg->latches[way];
	enum latch_answer answer;

	if (!addr_eq(&l->address, &pkt->from) && !proves(leg, pkt, way, ssrc, now_ns))
		return LATCH_ACCEPT;
	answer = latch_step(l, &pkt->from, LATCH_PROVEN, now_ns);
	/* Set after latch_step, because a move of the latch clears `ssrc`. */
	if (way == LEG_RTCP || pkt->kind == PKT_RTP)
		l->ssrc = ssrc;
	return answer;
}

void path_hear_learn(struct worker *w, struct leg *leg, const struct pkt *pkt, bool is_behind,
                     uint64_t now_ns)
{
	unsigned way = way_of(leg, pkt);
	struct latch *l = &leg->latches[way];
	bool is_same = addr_eq(&l->address, &pkt->from);
	enum latch_answer answer = LATCH_ACCEPT;

	if (is_keyed(leg)) {
		if (!is_behind)
			answer = learn_proven(leg, pkt, way, now_ns);
	} else if (is_same ? latch_has_heard(l) || (leg->can_receive && teaches(leg, pkt))
	                   : leg->can_receive) {
		answer = latch_step(l, &pkt->from, evidence_of(leg, pkt, way), now_ns);
	}
	if (answer == LATCH_LEARN && !l->is_apart)
		leg_events_tell(w, leg,
		                &(struct relay_event){
					.kind = RELAY_EVENT_SOURCE_CHANGED,
					.addr = pkt->from,
				});
}
