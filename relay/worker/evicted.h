/* SPDX-License-Identifier: MIT */
/* What a key remembers of SSRCs that no stream holds under it: an index that was seen or sent stays
 * refused (RFC 3711 3.3.2, 9.1). Worker only. */
#ifndef RELAY_WORKER_EVICTED_H
#define RELAY_WORKER_EVICTED_H

#include "relay/worker/stream.h"

/*
 * A receive key remembers so many. Its peer alone can make it, for only authenticated SSRCs become
 * streams; beyond it no stream is evicted any more, and a new SSRC is one too many.
 */
enum { EVICTED_MAX = 256 };

/* Remembers a stream's state, of which one under the same key is overwritten. False when there is
 * no room: then the stream must stay. */
bool evicted_keep(struct stream_pool *p, struct crypto *c, uint32_t ssrc);

/* Where the SSRC goes on if it was evicted: at its highest index, all below it taken for seen.
 * False: it was not. */
bool evicted_find(const struct key *key, uint32_t ssrc, struct engine_stream_state *start);

/*
 * What `from` has seen of any SSRC, in a stream of the list or of an evicted one, is refused under
 * `to` too: the same octets under another suite. False when there is no room; then evicted_drop
 * takes back what was remembered.
 */
bool evicted_hand_over(struct stream_pool *p, const struct stream *list, const struct key *from,
                       struct key *to);

/* The highest index of the SSRC under the key before this one, if it was evicted there: nothing of
 * it was seen under this key. */
bool evicted_before(const struct key *key, uint32_t ssrc, uint64_t *index);

/* The key stays with its session, and another one has its leg: that one remembers where its SSRCs
 * were, as far as there is room. */
void evicted_remember(struct stream_pool *p, const struct key *from, struct key *to);

/* --- under a send key ------------------------------------------------------- */

/* A name under which packets went out, whose it was, and how far it came. */
struct evicted_sent {
	uint64_t index;
	uint32_t ssrc, source_ssrc, rtcp_index;
	uint32_t timestamp; /* of the packet at `index` */
	bool has_index;
};

/* False when there is no room: then every source must get a new name under the key. */
bool evicted_keep_sent(struct stream_pool *p, struct key *key, const struct stream *s);
bool evicted_find_sent(const struct key *key, uint32_t ssrc, struct evicted_sent *out);
/* The nth name of what a source at that place of a media called so. */
bool evicted_find_source(const struct key *key, uint8_t place, uint32_t source_ssrc, unsigned nth,
                         struct evicted_sent *out);
/* The stream takes no index up to that one. `same_run`: where its own is higher, it goes on from
 * there, and takes none up to its own. */
void evicted_go_on(struct stream *s, const struct evicted_sent *sent, bool same_run);

/* Before a key leaves the worker: `next` (may be NULL) keeps where its SSRCs were, in the place of
 * what it kept. Takes NULL. */
void evicted_drop(struct stream_pool *p, struct key *key, struct key *next);

#endif
