/* SPDX-License-Identifier: MIT */
/* Who is heard on a leg: its latches, asked before a packet is worked on and taught once it is
 * accepted. Worker only. */
#ifndef RELAY_PATH_HEAR_H
#define RELAY_PATH_HEAR_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/packet/pkt.h"
#include "relay/packet/rtp.h"
#include "relay/worker/session.h"

/*
 * What the packet is (RFC 7983 7, RFC 5761 4), and how long its header. On the RTCP port of a pair
 * all is RTCP; with rtcp-mux the type says it; elsewhere a packet is RTCP only if its length fields
 * fill it too, and where there are keys path_unprotect has the last word. NONE: it goes on, perhaps
 * as PKT_UNKNOWN, STUN or DTLS where such pass.
 */
enum verdict path_hear_classify(struct pkt *pkt, const struct leg *leg, bool drops_non_rtp);

/* RTP or RTCP, not something else that may pass. */
static inline bool path_hear_is_media(const struct pkt *pkt)
{
	return pkt->kind == PKT_RTP || pkt->kind == PKT_RTCP;
}

/* It looks like RTCP and came where RTP does: only its tag tells which of them it is. */
bool path_hear_is_doubtful(const struct leg *leg, const struct pkt *pkt);

/* RTP from where the peer is known to be, as nearly every packet is: nothing is to be asked, and
 * little to be learnt. */
static inline bool path_hear_is_usual(const struct leg *leg, const struct pkt *pkt)
{
	const struct latch *l = &leg->latches[LEG_RTP];

	return pkt->kind == PKT_RTP && (l->state == LATCH_LEARNT || l->state == LATCH_FIXED) &&
	       !l->is_hinted && addr_eq(&l->address, &pkt->from);
}

/* path_hear_learn of such a one. */
static inline void path_hear_usual(struct leg *leg, const struct pkt *pkt, bool is_behind,
                                   uint64_t now_ns)
{
	if (is_behind)
		return;
	leg->latches[LEG_RTP].heard_ns = now_ns;
	leg->latches[LEG_RTP].ssrc = rtp_ssrc(pkt->data);
}

/* May a packet from there be looked at? NONE, or why not. Changes nothing. */
enum verdict path_hear_ask(const struct leg *leg, const struct pkt *pkt, uint64_t now_ns);

/* The one place where a leg that is about to learn a source may have to ask control first: media
 * ports of ours would close rings. */
bool path_hear_must_ask(struct worker *w, struct leg *leg, const struct pkt *pkt, uint64_t now_ns);

/* It is accepted: what it says of where the peer is, is kept. `is_behind`: it is not newer than all
 * that was heard of its stream. */
void path_hear_learn(struct worker *w, struct leg *leg, const struct pkt *pkt, bool is_behind,
                     uint64_t now_ns);

/* Why a closed gate is closed: nothing was answered yet, or hold. */
enum verdict path_hear_closed(const struct leg *leg);

#endif
