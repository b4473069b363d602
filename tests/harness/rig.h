/* SPDX-License-Identifier: MIT */
/* Engines for tests: makes a key, a stream or a packet with one function call. */
#ifndef TESTS_RIG_H
#define TESTS_RIG_H

#include "relay/engine/engine.h"

/* Returns the nth built-in engine in the order of engine_list; NULL after the last. The first call
 * probes all engines. */
const struct engine_ops *rig_engine(unsigned nth);

/* Makes a key context of the suite; `seed` determines its key octets. The caller frees it. A
 * failure ends the process. */
struct keyctx *rig_keyctx(enum suite_id suite, uint64_t seed, struct view mki,
                          uint64_t lifetime_pkts);
struct engine *rig_open(const struct engine_ops *ops);
/* Expands a key for one direction; NULL if the engine does not support the suite. */
struct engine_key *rig_key(const struct engine_ops *ops, const struct keyctx *ctx,
                           enum engine_direction direction, unsigned window);
/* Makes a stream in its own zeroed memory; NULL if the engine refuses `start`. */
struct engine_stream *rig_stream(const struct engine_ops *ops, struct engine_key *key,
                                 uint32_t ssrc, const struct engine_stream_state *start);
void rig_stream_free(const struct engine_ops *ops, struct engine_stream *s);

enum { RIG_ROOM = 2600 };

/* A packet and its octets. */
struct rig_pkt {
	struct pkt pkt;
	uint8_t octets[RIG_ROOM];
};

/* Copies the octets into a packet; its tailroom is the rest of RIG_ROOM. */
void rig_fill(struct rig_pkt *p, enum pkt_kind kind, const uint8_t *octets, size_t n,
              uint16_t header_len, struct engine_key *key, struct engine_stream *stream);
/* Protects or unprotects one packet; returns its verdict. */
enum verdict rig_protect(const struct engine_ops *ops, struct engine *e, struct rig_pkt *p,
                         uint64_t index);
enum verdict rig_unprotect(const struct engine_ops *ops, struct engine *e, struct rig_pkt *p);

#endif
