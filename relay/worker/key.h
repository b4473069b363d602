/* SPDX-License-Identifier: MIT */
/* A key of a leg in one direction: the engine's form, and what the path needs besides. */
#ifndef RELAY_WORKER_KEY_H
#define RELAY_WORKER_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/engine/engine.h"
#include "relay/relay.h"

struct evicted;

/* Control makes and frees a key; in between one worker uses it. It has no key octets of its own. */
struct key {
	struct key *next; /* in the session's list of kept keys, or on the way back to control */
	struct engine_key *engine;
	/* keyed hash of master key and salt; independent of suite and MKI */
	uint64_t fingerprint;
	/* SRTP packets of all SSRCs, and the limit (RFC 4568 6.4.2, RFC 3711 9.2) */
	uint64_t pkts, limit;
	/* SSRCs whose streams were evicted or no longer use the key (relay/worker/evicted.h) */
	struct evicted *evicted;
	uint16_t n_evicted;
	/* evicted SSRCs of the previous key; under this key their streams continue at those
	 * indexes */
	struct evicted *before;
	uint16_t run; /* send key: `run` of the leg when the key left it */
	/* the session already has this key on the leg below, and it must continue there */
	bool was_used;
	uint8_t media, leg; /* the leg that has or had the key */
	bool is_send;
	bool has_forgotten; /* send key: not all SSRCs used under it are known */
	/* enum relay_rekey_roc: where streams of the previous key continue */
	uint8_t roc;
	bool reported_soft, reported_expired;
	bool has_opened; /* receive key: a packet has verified under it */
	/* receive key: its first stream starts at roc_hint or a ROC next to it */
	bool has_roc_hint;
	uint32_t roc_hint;
	/* true: the MKI follows the tag (RFC 7714); false: it precedes the tag (RFC 3711) */
	bool is_aead;
	uint8_t suite; /* enum suite_id */
	uint8_t srtp_tag_len, srtcp_tag_len;
	uint8_t mki_len;
	uint8_t mki[];
};

struct key_terms {
	enum engine_direction direction;
	unsigned window_pkts;
	/* true: the key ends at the lifetime of its context; false: at the limit of its suite */
	bool ends;
};

/* Makes a key from its context. Control only. ERR_NOMEM, ERR_CRYPTO. */
enum err key_new(struct key **out, const struct engine_ops *ops, const struct keyctx *ctx,
                 const struct key_terms *terms, struct why *why) MUST_USE;
/* Frees a key. Control only, once no stream uses the key. NULL is allowed. */
void key_free(const struct engine_ops *ops, struct key *k);

/* Whether fingerprint, suite, MKI and lifetime are equal, as required of a key that is used again.
 * False for NULL. */
bool key_is_same_context(const struct key *a, const struct key *b);

/* Whether the packet has this key's MKI in the right place. True for a key without MKI. */
bool key_matches_mki(const struct key *k, const struct pkt *pkt);

#endif
