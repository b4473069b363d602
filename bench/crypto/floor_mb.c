/* SPDX-License-Identifier: MIT */
/* The floor made of intel-ipsec-mb primitives: only bursts of AES-CTR and HMAC-SHA-1, or AES-GCM,
 * over the same octets with prepared contexts. */
#ifdef WITH_MB
#include <intel-ipsec-mb.h>
#include <string.h>
#include <x86intrin.h>

#include "base/mem.h"
#include "base/secret.h"
#include "bench/crypto/work.h"
#include "keyctx/kdf.h"
#include "keyctx/prim.h"

/* The prepared keys of one stream. */
struct context {
	union {
		struct {
			uint32_t inner[5], outer[5];
			uint8_t rounds[15 * 16] __attribute__((aligned(16)));
		} cm;
		struct gcm_key_data gcm;
	};
} __attribute__((aligned(64)));

struct work_contexts {
	const struct suite *suite;
	enum engine_direction direction;
	size_t bytes; /* size of one context of this suite */
	uint8_t *contexts;
	IMB_MGR *narrow, *wide; /* for SSE with SHA-NI; for the widest instructions of this CPU */
	unsigned wide_from;
	uint8_t iv[16];
	uint8_t tags[WORK_CHUNK][20];
	IMB_JOB jobs[WORK_CHUNK];
};

static struct context *context(struct work_contexts *c, unsigned stream)
{
	return (struct context *)(void *)(c->contexts + stream * c->bytes);
}

static void mb_free(struct work_contexts *c)
{
	if (!c)
		return;
	if (c->narrow)
		free_mb_mgr(c->narrow);
	if (c->wide)
		free_mb_mgr(c->wide);
	secret_free(c->contexts);
	mem_free(c);
}

static void hash(struct work_contexts *c, IMB_MGR *m, struct work_chunk *chunk, unsigned from,
                 unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = &chunk->pkts[from + i];
		struct context *x = context(c, chunk->stream[from + i]);

		c->jobs[i].src = p->data;
		c->jobs[i].msg_len_to_hash_in_bytes =
			p->len + 4u - (c->direction == ENGINE_SEND ? 0 : c->suite->srtp_tag_len);
		c->jobs[i].auth_tag_output = c->tags[i];
		c->jobs[i].auth_tag_output_len_in_bytes = 20;
		c->jobs[i].hash_start_src_offset_in_bytes = 0;
		c->jobs[i].u.HMAC._hashed_auth_key_xor_ipad = (const uint8_t *)x->cm.inner;
		c->jobs[i].u.HMAC._hashed_auth_key_xor_opad = (const uint8_t *)x->cm.outer;
	}
	(void)IMB_SUBMIT_HASH_BURST_NOCHECK(m, c->jobs, n, IMB_AUTH_HMAC_SHA_1);
}

static uint64_t hash_ticks(struct work_contexts *c, IMB_MGR *m, unsigned n)
{
	static uint8_t octets[WORK_ROOM];
	static struct work_chunk chunk;
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < n; i++)
		chunk.pkts[i] = (struct pkt){.data = octets, .len = 190};
	for (unsigned i = 0; i < 20; i++) {
		uint64_t start = __rdtsc();

		hash(c, m, &chunk, 0, n);
		start = __rdtsc() - start;
		least = start < least ? start : least;
	}
	return least;
}

static enum err mb_make(struct work_contexts **out, const struct work_contender *w,
                        const struct suite *suite, enum engine_direction direction, unsigned n)
{
	struct work_contexts *c = mem_aligned(64, sizeof(*c));
	bool is_aead = suite->cipher == SUITE_CIPHER_AES_GCM;

	(void)w;
	if (!c)
		return ERR_NOMEM;
	c->suite = suite;
	c->direction = direction;
	c->bytes = is_aead ? sizeof(struct context)
	                   : (offsetof(struct context, cm.rounds) + (suite->key_len / 4u + 7) * 16 +
	                      63) / 64 *
	                             64;
	c->contexts = secret_alloc(n * c->bytes); /* the same kind of memory as an engine's keys */
	c->narrow = alloc_mb_mgr(0);
	c->wide = alloc_mb_mgr(0);
	if (!c->contexts || !c->narrow || !c->wide) {
		mb_free(c);
		return ERR_NOMEM;
	}
	init_mb_mgr_sse(c->narrow);
	init_mb_mgr_auto(c->wide, NULL);
	c->wide_from = WORK_CHUNK + 1;
	for (unsigned m = WORK_CHUNK; !is_aead && m >= 1; m /= 2) {
		if (hash_ticks(c, c->wide, m) >= hash_ticks(c, c->narrow, m))
			break;
		c->wide_from = m;
	}
	*out = c;
	return ERR_OK;
}

static enum err mb_set_key(struct work_contexts *c, unsigned stream, const struct keyctx *key,
                           struct why *why)
{
	struct context *x = context(c, stream);
	uint8_t unused[15 * 16] __attribute__((aligned(16)));
	struct kdf_session keys;
	enum err e = kdf_derive(&keys, key);

	if (c->suite->cipher == SUITE_CIPHER_AES_F8)
		return why_fail(why, ERR_UNSUPPORTED, "this floor does not implement AES-f8");
	if (e != ERR_OK)
		return why_fail(why, e, "cannot derive session keys");
	if (c->suite->cipher == SUITE_CIPHER_AES_GCM) {
		if (c->suite->key_len == 16)
			IMB_AES128_GCM_PRE(c->wide, keys.rtp.key, &x->gcm);
		else
			IMB_AES256_GCM_PRE(c->wide, keys.rtp.key, &x->gcm);
		return ERR_OK;
	}
	prim_sha1_pads((struct view){.p = keys.rtp.auth, .n = sizeof(keys.rtp.auth)}, x->cm.inner,
	               x->cm.outer);
	if (c->suite->key_len == 16)
		IMB_AES_KEYEXP_128(c->wide, keys.rtp.key, x->cm.rounds, unused);
	else if (c->suite->key_len == 24)
		IMB_AES_KEYEXP_192(c->wide, keys.rtp.key, x->cm.rounds, unused);
	else
		IMB_AES_KEYEXP_256(c->wide, keys.rtp.key, x->cm.rounds, unused);
	return ERR_OK;
}

static void ctr(struct work_contexts *c, struct work_chunk *chunk, unsigned from, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = &chunk->pkts[from + i];

		c->jobs[i].src = c->jobs[i].dst = p->data + WORK_HEADER_LEN;
		c->jobs[i].cipher_start_src_offset_in_bytes = 0;
		c->jobs[i].msg_len_to_cipher_in_bytes =
			(uint64_t)p->len - WORK_HEADER_LEN -
			(c->direction == ENGINE_SEND ? 0 : c->suite->srtp_tag_len);
		c->jobs[i].enc_keys = context(c, chunk->stream[from + i])->cm.rounds;
		c->jobs[i].iv = c->iv;
		c->jobs[i].iv_len_in_bytes = 16;
	}
	(void)IMB_SUBMIT_CIPHER_BURST_NOCHECK(c->wide, c->jobs, n, IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT,
	                                      (IMB_KEY_SIZE_BYTES)c->suite->key_len);
}

static void gcm(struct work_contexts *c, struct work_chunk *chunk, unsigned from, unsigned n)
{
	bool sends = c->direction == ENGINE_SEND;
	aes_gcm_enc_dec_t fn = c->suite->key_len == 16
	                               ? (sends ? c->wide->gcm128_enc : c->wide->gcm128_dec)
	                               : (sends ? c->wide->gcm256_enc : c->wide->gcm256_dec);

	for (unsigned i = from; i < from + n; i++) {
		struct pkt *p = &chunk->pkts[i];
		uint8_t *payload = p->data + WORK_HEADER_LEN;
		struct gcm_context_data scratch;

		fn(&context(c, chunk->stream[i])->gcm, &scratch, payload, payload,
		   (uint64_t)p->len - WORK_HEADER_LEN - (sends ? 0 : 16), c->iv, p->data,
		   WORK_HEADER_LEN, c->tags[0], 16);
	}
}

static void mb_run(struct work_contexts *c, struct work_chunk *chunk, unsigned from, unsigned n)
{
	IMB_MGR *m = n >= c->wide_from ? c->wide : c->narrow;

	if (c->suite->cipher == SUITE_CIPHER_AES_GCM) {
		gcm(c, chunk, from, n);
	} else if (c->direction == ENGINE_SEND) {
		ctr(c, chunk, from, n);
		hash(c, m, chunk, from, n);
	} else {
		hash(c, m, chunk, from, n);
		ctr(c, chunk, from, n);
	}
}

const struct work_contender work_floor_mb = {
	.name = "floor-mb",
	.make = mb_make,
	.set_key = mb_set_key,
	.free = mb_free,
	.run = mb_run,
};
#else
typedef int crypto_floor_mb_is_not_built_in;
#endif
