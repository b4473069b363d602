/* SPDX-License-Identifier: MIT */
/* An engine ready to work in a test: keys, streams and packets made in a line each. */
#ifndef TESTS_RIG_H
#define TESTS_RIG_H

#include "relay/engine/engine.h"

/* Probes each engine built in on first use and gives them in the order of engine_list; NULL behind
 * the last. */
const struct engine_ops *rig_engine(unsigned nth);

/* A context of the suite whose key octets follow from `seed`; the caller frees it. Ends the process
 * when it can't be had. */
struct keyctx *rig_keyctx(enum suite_id suite, uint64_t seed, struct view mki,
                          uint64_t lifetime_pkts);
struct engine *rig_open(const struct engine_ops *ops);
/* NULL when the engine refuses the suite by name. */
struct engine_key *rig_key(const struct engine_ops *ops, const struct keyctx *ctx,
                           enum engine_direction direction, unsigned window);
/* Zeroed memory of its own; NULL when the engine refuses the start. */
struct engine_stream *rig_stream(const struct engine_ops *ops, struct engine_key *key,
                                 uint32_t ssrc, const struct engine_stream_state *start);
void rig_stream_free(const struct engine_ops *ops, struct engine_stream *s);

enum { RIG_ROOM = 2600 };

/* A packet with its octets. */
struct rig_pkt {
	struct pkt pkt;
	uint8_t octets[RIG_ROOM];
};

/* Copies the octets in; tailroom is what is left of RIG_ROOM. */
void rig_fill(struct rig_pkt *p, enum pkt_kind kind, const uint8_t *octets, size_t n,
              uint16_t header_len, struct engine_key *key, struct engine_stream *stream);
/* One packet alone; returns its verdict. */
enum verdict rig_protect(const struct engine_ops *ops, struct engine *e, struct rig_pkt *p,
                         uint64_t index);
enum verdict rig_unprotect(const struct engine_ops *ops, struct engine *e, struct rig_pkt *p);

#endif
