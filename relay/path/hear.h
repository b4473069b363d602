/* SPDX-License-Identifier: MIT */
/* A leg's latches on the path: they are checked before a packet is processed and taught after it is
 * accepted. Worker only. */
#ifndef RELAY_PATH_HEAR_H
#define RELAY_PATH_HEAR_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/packet/pkt.h"
#include "relay/packet/rtp.h"
#include "relay/worker/session.h"

/*
 * Sets the packet's kind (RFC 7983 7, RFC 5761 4) and header length. On the RTCP port of a
 * pair every packet is RTCP. With rtcp-mux the packet type decides. On another port a packet
 * is RTCP only if its length fields fill it, too; on a leg with keys path_unprotect then
 * verifies this guess. Returns NONE if the packet may continue, also as PKT_UNKNOWN, STUN or
 * DTLS where those pass.
 */
enum verdict path_hear_classify(struct pkt *pkt, const struct leg *leg, bool drops_non_rtp);

/* Whether the packet is RTP or RTCP and not another datagram that may pass. */
static inline bool path_hear_is_media(const struct pkt *pkt)
{
	return pkt->kind == PKT_RTP || pkt->kind == PKT_RTCP;
}

/* Whether the packet looks like RTCP but arrived on the RTP port of a leg with keys: only its tag
 * tells which it is. */
bool path_hear_is_ambiguous(const struct leg *leg, const struct pkt *pkt);

/* Whether the packet is RTP from the latched source, as nearly every packet is: no further checks
 * are needed. */
static inline bool path_hear_is_usual(const struct leg *leg, const struct pkt *pkt)
{
	const struct latch *l = &leg->latches[LEG_RTP];

	return pkt->kind == PKT_RTP && (l->state == LATCH_LEARNT || l->state == LATCH_FIXED) &&
	       !l->is_hinted && addr_eq(&l->address, &pkt->from);
}

/* The short form of path_hear_learn, for packets for which path_hear_is_usual is true. */
static inline void path_hear_usual(struct leg *leg, const struct pkt *pkt, bool is_behind,
                                   uint64_t now_ns)
{
	if (is_behind)
		return;
	leg->latches[LEG_RTP].heard_ns = now_ns;
	leg->latches[LEG_RTP].ssrc = rtp_ssrc(pkt->data);
}

/* Whether packets from this source are accepted: NONE, or the reason for the
 * drop. Changes nothing. */
enum verdict path_hear_check(const struct leg *leg, const struct pkt *pkt, uint64_t now_ns);

/* Whether the leg must ask control before it learns this source. Sends the question
 * (RELAY_EVENT_ASK). Nothing else asks. The reason: media sent to the gateway's own ports, for
 * example, could form a loop. */
bool path_hear_must_ask(struct worker *w, struct leg *leg, const struct pkt *pkt, uint64_t now_ns);

/* Teaches the latch an accepted packet. `is_behind`: the packet is not the newest of its stream. */
void path_hear_learn(struct worker *w, struct leg *leg, const struct pkt *pkt, bool is_behind,
                     uint64_t now_ns);

/* The verdict of a closed gate: NO_KEY or NO_PEER before the answer, GATE_CLOSED on hold. */
enum verdict path_hear_closed(const struct leg *leg);

#endif
