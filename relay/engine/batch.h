/* SPDX-License-Identifier: MIT */
/* The walk of evp and mb over a batch: what to do to each packet is worked out for all, then done
 * for all, then settled in order of arrival. */
#ifndef RELAY_ENGINE_BATCH_H
#define RELAY_ENGINE_BATCH_H

#include <stdint.h>

#include "relay/engine/layout.h"
#include "relay/engine/side.h"
#include "relay/packet/pkt.h"

enum { OP_TAG_ROOM = 20 };

/*
 * One packet's share of the arithmetic, in two cache lines. Filled by the walk; the engine reads
 * what stands above the line and sets `tag` or `is_authentic`.
 */
struct op {
	struct engine_side *side;
	uint8_t *data;      /* the packet: HMAC begins here */
	uint8_t *crypt;     /* what is encrypted, in place */
	uint8_t *tag_at;    /* where the tag stands, or is to be written */
	uint32_t crypt_len; /* may be 0 */
	uint32_t auth_len;  /* HMAC covers so much from `data`; AEAD: octets of AAD */
	uint8_t iv[LAYOUT_IV_LEN];
	const uint8_t *aad;       /* AEAD */
	uint8_t tag[OP_TAG_ROOM]; /* set by `hmac`: all 20 octets */
	bool is_authentic;        /* set by `open` */
	/* ---- the walk's own */
	bool is_rtcp;
	uint8_t verdict; /* why it can't be accepted whatever its tag; NONE otherwise */
	uint8_t kept[LAYOUT_ROC_LEN]; /* octets the ROC was written over */
	uint8_t rtcp_aad[LAYOUT_RTCP_CLEAR + LAYOUT_ESRTCP_LEN];
	struct pkt *pkt;
	uint64_t index;
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct op) == 128, "an op is two cache lines");

/* What an engine computes. n is at least 1; suites of one kind and any key length are mixed. */
struct engine_batch_crypto {
	void (*hmac)(struct engine *e, struct op *const *ops, unsigned n);
	void (*ctr)(struct engine *e, struct op *const *ops, unsigned n);
	void (*seal)(struct engine *e, struct op *const *ops, unsigned n);
	void (*open)(struct engine *e, struct op *const *ops, unsigned n);
};

/* Scratch of a walk; a part of every engine that walks. */
struct engine_batch {
	struct op ops[PKT_BATCH];
	struct op *cm[PKT_BATCH], *aead[PKT_BATCH];
	unsigned n, n_cm, n_aead;
};

/* engine_ops' unprotect and protect. */
void engine_batch_unprotect(struct engine_batch *b, struct engine *e,
                            const struct engine_batch_crypto *crypto, struct pkt **pkts,
                            unsigned n);
void engine_batch_protect(struct engine_batch *b, struct engine *e,
                          const struct engine_batch_crypto *crypto, struct pkt **pkts, unsigned n);

#endif
