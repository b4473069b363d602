/* SPDX-License-Identifier: MIT */
/* The SSRC and the index a packet goes out under: one the terminal's own estimator finds too, and
 * none twice (RFC 3711 3.3.1, 9.1). Worker only. */
#ifndef RELAY_PATH_NAME_H
#define RELAY_PATH_NAME_H

#include "relay/packet/pkt.h"
#include "relay/worker/session.h"

/*
 * A source goes out under its own SSRC, its sequence numbers unchanged. Where its next number would
 * be a guess for the terminal, or is spent, it goes on under a fresh SSRC, whose ROC is 0 for both.
 * The SSRCs it had stay its names: each packet takes the one whose last index is nearest, so two
 * counters under one SSRC have two names, and one stray packet moves nothing.
 *
 *     from the last index of the nearest name     what it is              what becomes of it
 *     1 to 2^14 ahead                             the next, or a gap      same name
 *     beyond                                      far: the terminal may   fresh name
 *                                                 guess another ROC
 *     behind, in the window, not used             late                    same name; a run of them
 * far behind is another counter: fresh name behind, in the window, used                 a duplicate
 * dropped; with a timestamp that no earlier packet can have had, or in a run far behind, the source
 * began again: fresh name left of the window                          began again             fresh
 * name
 */

/* What is chosen for a packet of RTP; nothing is used yet. */
struct name_choice {
	struct stream *stream;
	uint64_t index;
};

/* What `source` calls `ssrc` and sends by `leg`. */
struct name_owner {
	struct leg *leg, *source;
	uint32_t ssrc;
};

/*
 * Chooses for a packet of `o`. DUPLICATE, TOO_OLD; KEY_EXPIRED: the
 * index space is used up; SSRC_LIMIT: no room for one more name. Names a source does not need now
 * make room for its next ones.
 */
enum verdict name_choose(struct worker *w, const struct name_owner *o, const struct pkt *pkt,
                         uint64_t now_ns, struct name_choice *out);
/* The packet goes out under it. */
void name_take(struct pkt *pkt, const struct name_choice *c);

/* The name a source's RTCP speaks under: the one it used last, or a first one. NULL: no room. */
struct stream *name_of_rtcp(struct worker *w, const struct name_owner *o, uint64_t now_ns);

#endif
