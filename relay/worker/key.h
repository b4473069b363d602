/* SPDX-License-Identifier: MIT */
/* A key of a leg in one direction: the engine's form of it and what the path must know of it
 * without asking the engine. */
#ifndef RELAY_WORKER_KEY_H
#define RELAY_WORKER_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/engine/engine.h"
#include "relay/relay.h"

struct evicted;

/* Made and freed by control, used by one worker in between. Holds no key octets of its own. */
struct key {
	struct key *next; /* of those that its session keeps, or on its way home */
	struct engine_key *engine;
	uint64_t fingerprint; /* keyed hash of master key and salt: the same key under another suite
	                         or MKI has the same one */
	uint64_t pkts, limit; /* SRTP packets over all SSRCs, and how many are allowed (RFC
	                         4568 6.4.2, RFC 3711 9.2) */
	struct evicted *evicted; /* SSRCs whose streams made room for others, or lost the key
	                            (relay/worker/evicted.h) */
	uint16_t n_evicted;
	struct evicted *before; /* of the key before it: where their indices go on
	                           (relay/worker/evicted.h) */
	uint16_t run;           /* sending: the leg's when the key left it */
	bool was_used; /* the session has it, or had it at the place below: it goes on from there */
	uint8_t media, leg; /* where it is kept */
	bool is_send;
	bool has_forgotten; /* sending: not all names that were used under it are known */
	uint8_t roc; /* enum relay_rekey_roc: where streams that came over from another key go on */
	bool reported_soft, reported_expired;
	bool has_opened;   /* receiving: some packet has verified under it */
	bool has_roc_hint; /* receiving: the first stream under it begins at roc_hint, or next to it
	                    */
	uint32_t roc_hint;
	bool is_aead;  /* the MKI stands last, behind the tag (RFC 7714); else before it (RFC 3711)
	                */
	uint8_t suite; /* enum suite_id */
	uint8_t srtp_tag_len, srtcp_tag_len;
	uint8_t mki_len;
	uint8_t mki[];
};

struct key_terms {
	enum engine_direction direction;
	unsigned window_pkts;
	bool ends; /* with the lifetime of its context; else only with what its suite allows */
};

/* Control only. ERR_NOMEM, ERR_CRYPTO. */
enum err key_new(struct key **out, const struct engine_ops *ops, const struct keyctx *ctx,
                 const struct key_terms *terms, struct why *why) MUST_USE;
/* Control only, when no stream uses it any more. Takes NULL. */
void key_free(const struct engine_ops *ops, struct key *k);

/* The same key under the same suite and MKI and for as long: what a key that comes back must be.
 * False for NULL. */
bool key_is_same_context(const struct key *a, const struct key *b);

/* Does the packet carry this key's MKI where it would stand? True for a key without one. */
bool key_matches_mki(const struct key *k, const struct pkt *pkt);

#endif
