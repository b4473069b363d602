/* SPDX-License-Identifier: MIT */
/* How evp and mb process a batch: prepare every packet, run the crypto over all of them, settle the
 * verdicts in order of arrival. */
#ifndef RELAY_ENGINE_BATCH_H
#define RELAY_ENGINE_BATCH_H

#include <stdint.h>

#include "relay/engine/layout.h"
#include "relay/engine/side.h"
#include "relay/packet/pkt.h"

enum { OP_TAG_ROOM = 20 };

/* The work for one packet, in two cache lines. The batch code fills it in. The engine reads the
 * members before `is_rtcp` and sets `tag` or `is_authentic`; f8 also reads `is_rtcp` and
 * `index`. */
struct op {
	struct engine_side *side;
	uint8_t *data;      /* the packet; HMAC starts here */
	uint8_t *crypt;     /* the encrypted part; processed in place */
	uint8_t *tag_at;    /* where the tag is, or will be written */
	uint32_t crypt_len; /* octets of the encrypted part; may be 0 */
	uint32_t auth_len;  /* octets from `data` that HMAC covers; AEAD: octets of AAD */
	uint8_t iv[LAYOUT_IV_LEN];
	const uint8_t *aad;       /* AEAD: additional authenticated data */
	uint8_t tag[OP_TAG_ROOM]; /* set by `hmac`: all 20 octets */
	bool is_authentic;        /* set by `open`: the tag has verified */
	/* the members from here on are for the batch code and f8 */
	bool is_rtcp;
	uint8_t verdict; /* a verdict known before the tag is verified; NONE otherwise */
	uint8_t kept[LAYOUT_ROC_LEN]; /* the octets that the ROC replaced */
	uint8_t rtcp_aad[LAYOUT_RTCP_CLEAR + LAYOUT_ESRTCP_LEN];
	struct pkt *pkt;
	uint64_t index;
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct op) == 128, "an op is two cache lines");

/* The crypto of one engine. `n` is at least 1; the ops may have different key lengths. */
struct engine_batch_crypto {
	void (*hmac)(struct engine *e, struct op *const *ops, unsigned n);
	void (*ctr)(struct engine *e, struct op *const *ops, unsigned n);
	void (*seal)(struct engine *e, struct op *const *ops, unsigned n);
	void (*open)(struct engine *e, struct op *const *ops, unsigned n);
};

/* Scratch memory of the batch code; a member of struct engine in evp and mb. */
struct engine_batch {
	struct op ops[PKT_BATCH];
	struct op *cm[PKT_BATCH], *aead[PKT_BATCH];
	unsigned n, n_cm, n_aead;
};

/* These functions implement engine_ops.unprotect and engine_ops.protect of evp and mb. */
void engine_batch_unprotect(struct engine_batch *b, struct engine *e,
                            const struct engine_batch_crypto *crypto, struct pkt **pkts,
                            unsigned n);
void engine_batch_protect(struct engine_batch *b, struct engine *e,
                          const struct engine_batch_crypto *crypto, struct pkt **pkts, unsigned n);

#endif
