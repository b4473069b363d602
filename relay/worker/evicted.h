/* SPDX-License-Identifier: MIT */
/* What a key remembers of SSRCs that have no stream under it, so that indexes already received or
 * sent stay refused (RFC 3711 3.3.2, 9.1). Worker only. */
#ifndef RELAY_WORKER_EVICTED_H
#define RELAY_WORKER_EVICTED_H

#include "relay/worker/stream.h"

/* Maximum number of entries of a key. Only the peer can fill those of a receive key, because only
 * authenticated SSRCs become streams. When they are full, no further stream is evicted and new
 * SSRCs are refused. */
enum { EVICTED_MAX = 256 };

/* Stores a stream's state in its key, replacing an older entry of the SSRC. False: no room, so the
 * stream must not be evicted. */
bool evicted_keep(struct stream_pool *p, struct crypto *c, uint32_t ssrc);

/* Where an evicted SSRC continues: at its highest index, with all indexes below it marked as
 * received. False: the SSRC was not evicted. */
bool evicted_find(const struct key *key, uint32_t ssrc, struct engine_stream_state *start);

/* For a key that continues under another suite: marks the indexes that `from` received, in
 * `list` or in evicted streams, as received under `to`. False: no room; call evicted_drop to
 * remove what was stored. */
bool evicted_hand_over(struct stream_pool *p, const struct stream *list, const struct key *from,
                       struct key *to);

/* The highest index of an SSRC under the previous key, if the SSRC was evicted there. That index
 * was not received under this key. */
bool evicted_before(const struct key *key, uint32_t ssrc, uint64_t *index);

/* `from` moves to the session's list and `to` takes its place on the leg: `to` remembers the
 * evicted SSRCs of `from` as those of the previous key, as far as there is room. */
void evicted_remember(struct stream_pool *p, const struct key *from, struct key *to);

/* --- send keys -------------------------------------------------------------- */

/* An outbound SSRC that was used under the key, its source, and its highest indexes. */
struct evicted_sent {
	uint64_t index;
	uint32_t ssrc, source_ssrc, rtcp_index;
	uint32_t timestamp; /* timestamp of the packet at `index` */
	bool has_index;
};

/* Stores an outbound SSRC and its highest indexes in the key. False: no room, so every source must
 * get a new SSRC under the key. */
bool evicted_keep_sent(struct stream_pool *p, struct key *key, const struct stream *s);
bool evicted_find_sent(const struct key *key, uint32_t ssrc, struct evicted_sent *out);
/* Finds the nth outbound SSRC of a source, given by its SSRC and its leg's place in the media. */
bool evicted_find_source(const struct key *key, uint8_t place, uint32_t source_ssrc, unsigned nth,
                         struct evicted_sent *out);
/* The stream continues above the indexes in `sent`; with `same_run`, above its own index if that is
 * higher. */
void evicted_go_on(struct stream *s, const struct evicted_sent *sent, bool same_run);

/* Call it before a key leaves the worker. `next` (may be NULL) takes over the evicted SSRCs as
 * those of its previous key. NULL is allowed. */
void evicted_drop(struct stream_pool *p, struct key *key, struct key *next);

#endif
