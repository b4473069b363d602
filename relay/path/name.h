/* SPDX-License-Identifier: MIT */
/* The outbound SSRC and index of a packet: one that the terminal's own estimator finds, too, and
 * that is never used twice under a key (RFC 3711 3.3.1, 9.1). Worker only. In the code a `name` is
 * an outbound SSRC. */
#ifndef RELAY_PATH_NAME_H
#define RELAY_PATH_NAME_H

#include "relay/packet/pkt.h"
#include "relay/worker/session.h"

/*
 * A source's packets leave under its own SSRC, with unchanged sequence numbers. Where the terminal
 * could not find the next index, or the index was used before, they continue under a fresh SSRC,
 * whose ROC is 0 on both sides. The source keeps the SSRCs it had, and each packet takes the one
 * whose last index is nearest. So two counters under one SSRC get two outbound SSRCs, and one stray
 * packet moves nothing.
 *
 *    distance to the nearest SSRC's last index    outbound SSRC
 *    1 to 2^14 ahead                              same
 *    further ahead: the ROC is ambiguous          fresh
 *    behind, in the window, not used              same; in a run far behind (another counter) fresh
 *    behind, in the window, used                  none: the packet is a duplicate; with a new
 *                                                 timestamp or in a run far behind (the source
 *                                                 restarted) fresh
 *    below the window (the source restarted)      fresh
 */

/* The choice for an RTP packet; the index is not marked as used yet. */
struct name_choice {
	struct stream *stream;
	uint64_t index;
};

/* A source: the SSRC that arrives on leg `source` and leaves on leg `leg`. */
struct name_owner {
	struct leg *leg, *source;
	uint32_t ssrc;
};

/* Chooses outbound SSRC and index for a packet of source `o`. Or the verdict of a packet that must
 * be dropped: DUPLICATE; TOO_OLD; KEY_EXPIRED: the index space is used up; SSRC_LIMIT: no room for
 * another SSRC. Gives up SSRCs that the source no longer needs, to make room for new ones. */
enum verdict name_choose(struct worker *w, const struct name_owner *o, const struct pkt *pkt,
                         uint64_t now_ns, struct name_choice *out);
/* Marks the index as used and sets it in the packet. */
void name_take(struct pkt *pkt, const struct name_choice *c);

/* The SSRC for a source's RTCP: the one it used last, otherwise a new one. NULL: no room. */
struct stream *name_of_rtcp(struct worker *w, const struct name_owner *o, uint64_t now_ns);

#endif
