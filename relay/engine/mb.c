/* SPDX-License-Identifier: MIT */
/* The fast engine: intel-ipsec-mb over the whole batch, one burst for the cipher and
 * one for the hash. */
#include <intel-ipsec-mb.h>

#include <cpuid.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <x86intrin.h>

#include "base/mem.h"
#include "base/secret.h"
#include "relay/engine/batch.h"
#include "relay/engine/engine.h"
#include "relay/engine/evp_f8.h"
#include "relay/engine/selftest.h"
#include "relay/engine/side.h"

/*
 * SHA-1 over one packet is slow, over many packets in parallel it is fast. The narrow manager
 * hashes two packets at a time with SHA-NI (four with SSE), the wide manager 8 (AVX2) or 16
 * (AVX-512). A partly filled wide manager costs as much as a full one. `wide_from`, the number of
 * packets from which the wide one is faster, is measured when the engine opens.
 */
struct engine {
	struct engine_batch batch;
	IMB_MGR *narrow, *wide; /* wide: NULL if the CPU has neither AVX2 nor AVX-512 */
	unsigned wide_from;
	const struct arithmetic *arithmetic;
	struct gcm_context_data gcm; /* scratch memory for GCM */
	/* the cipher burst and the hash burst use the same jobs: separate arrays would take twice
	 * the cache lines, which costs more than writing `src` again */
	IMB_JOB jobs[PKT_BATCH];
};

/* --- features of the CPU ---------------------------------------------------- */

enum isa { ISA_SSE, ISA_AVX2, ISA_AVX512, ISA_VAES512 };

static enum isa isa_best(void)
{
	bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
	              __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
	              __builtin_cpu_supports("avx512cd");

	if (avx512 && __builtin_cpu_supports("vpclmulqdq") &&
	    __builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("gfni"))
		return ISA_VAES512;
	if (avx512)
		return ISA_AVX512;
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") ? ISA_AVX2
	                                                                        : ISA_SSE;
}

static bool has_sha_ni(void)
{
	unsigned a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & bit_SHA;
}

/* GCM and key schedules work without a manager. The precomputed tables and the code that reads them
 * must come from the same implementation. */
static const struct arithmetic {
	const char *name;
	keyexp_t expand_128, expand_192, expand_256;
	aes_gcm_pre_t gcm_pre_128, gcm_pre_256;
	aes_gcm_enc_dec_t gcm_enc_128, gcm_enc_256, gcm_dec_128, gcm_dec_256;
} arithmetics[] = {
	[ISA_SSE] = {"SSE", aes_keyexp_128_sse, aes_keyexp_192_sse, aes_keyexp_256_sse,
                     aes_gcm_pre_128_sse, aes_gcm_pre_256_sse, aes_gcm_enc_128_sse,
                     aes_gcm_enc_256_sse, aes_gcm_dec_128_sse, aes_gcm_dec_256_sse},
	[ISA_AVX2] = {"AVX2", aes_keyexp_128_avx2, aes_keyexp_192_avx2, aes_keyexp_256_avx2,
                      aes_gcm_pre_128_avx_gen4, aes_gcm_pre_256_avx_gen4, aes_gcm_enc_128_avx_gen4,
                      aes_gcm_enc_256_avx_gen4, aes_gcm_dec_128_avx_gen4, aes_gcm_dec_256_avx_gen4},
};

/* Never returns AVX-512 functions, because they hardly speed up GCM of single packets. */
static const struct arithmetic *arithmetic(void)
{
	return &arithmetics[isa_best() == ISA_SSE ? ISA_SSE : ISA_AVX2];
}

/* --- keys ------------------------------------------------------------------- */

/* The GCM tables of a key are aligned to 64 octets and end before the part of ipsec-mb's union that
 * only AVX-512 uses: that halves the memory. */
enum {
	GCM_AT = (SIDE_MATERIAL_AT + 63) / 64 * 64,
	GCM_BYTES = offsetof(struct gcm_key_data, ghash_keys) +
	            sizeof(((struct gcm_key_data *)0)->ghash_keys.sse_avx),
};

static size_t mb_material_bytes(const struct suite *suite)
{
	/* AES has one round key more than rounds; each round key has 16 octets. */
	if (suite->cipher == SUITE_CIPHER_AES_F8)
		return sizeof(struct f8);
	if (suite->cipher == SUITE_CIPHER_AES_CM)
		return (suite->key_len / 4u + 7) * 16;
	return GCM_AT - SIDE_MATERIAL_AT + GCM_BYTES;
}

static struct gcm_key_data *gcm_of(struct engine_side *s)
{
	return (struct gcm_key_data *)(void *)((uint8_t *)s + GCM_AT);
}

static enum err mb_expand(struct engine_side *s, const uint8_t *key)
{
	const struct arithmetic *a = arithmetic();
	uint8_t unused[15 * 16] __attribute__((
		aligned(16))); /* key schedule for decryption; counter mode does not need it */

	if (side_is_f8(s))
		return f8_init(side_material(s), key,
		               (struct view){.p = s->salt, .n = F8_SALT_LEN});
	if (s->is_aead)
		(s->key_len == 16 ? a->gcm_pre_128 : a->gcm_pre_256)(key, gcm_of(s));
	else
		(s->key_len == 16   ? a->expand_128
		 : s->key_len == 24 ? a->expand_192
		                    : a->expand_256)(key, side_material(s), unused);
	secret_wipe(unused, sizeof(unused));
	return ERR_OK;
}

static void mb_wipe(struct engine_side *s)
{
	if (side_is_f8(s))
		f8_wipe(side_material(s));
}

static const struct side_maker maker = {
	.material_bytes = mb_material_bytes, .expand = mb_expand, .wipe = mb_wipe};

static enum err mb_key_new(struct engine_key **out, const struct keyctx *ctx,
                           enum engine_direction direction, unsigned window, struct why *why)
{
	return side_key_new(out, &maker, ctx, direction, window, why);
}

static enum err mb_key_from_session(struct engine_key **out, const struct kdf_session *keys,
                                    enum engine_direction direction, unsigned window,
                                    struct why *why)
{
	return side_key_from_session(out, &maker, keys, direction, window, why);
}

static void mb_key_free(struct engine_key *key)
{
	side_key_free(key, &maker);
}

/* --- arithmetic ------------------------------------------------------------- */

static void hmac_with(IMB_MGR *m, IMB_JOB *jobs, struct op *const *ops, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct op *op = ops[i];
		const struct engine_side *s = op->side;
		IMB_JOB *j = &jobs[i];

		j->src = op->data;
		j->msg_len_to_hash_in_bytes = op->auth_len;
		j->auth_tag_output = op->tag;
		j->u.HMAC._hashed_auth_key_xor_ipad = (const uint8_t *)s->inner;
		j->u.HMAC._hashed_auth_key_xor_opad = (const uint8_t *)s->outer;
	}
	(void)IMB_SUBMIT_HASH_BURST_NOCHECK(m, jobs, n, IMB_AUTH_HMAC_SHA_1);
}

static void mb_hmac(struct engine *e, struct op *const *ops, unsigned n)
{
	hmac_with(n >= e->wide_from ? e->wide : e->narrow, e->jobs, ops, n);
}

/* Submits one burst for each key length, then processes the remaining ops, which are f8. */
static void mb_ctr(struct engine *e, struct op *const *ops, unsigned n)
{
	static const IMB_KEY_SIZE_BYTES sizes[] = {IMB_KEY_128_BYTES, IMB_KEY_192_BYTES,
	                                           IMB_KEY_256_BYTES};
	IMB_MGR *m = e->wide ? e->wide : e->narrow;
	unsigned left = n;

	for (unsigned k = 0; left && k < ARRAY_LEN(sizes); k++) {
		IMB_JOB *j = e->jobs;

		for (unsigned i = 0; i < n; i++) {
			const struct op *op = ops[i];
			struct engine_side *s = op->side;

			if (s->key_len != sizes[k])
				continue;
			left--;
			if (op->crypt_len == 0)
				continue;
			j->src = j->dst = op->crypt;
			j->msg_len_to_cipher_in_bytes = op->crypt_len;
			j->enc_keys = side_material(s);
			j->iv = op->iv;
			j++;
		}
		if (j != e->jobs)
			(void)IMB_SUBMIT_CIPHER_BURST_NOCHECK(m, e->jobs, (uint32_t)(j - e->jobs),
			                                      IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT,
			                                      sizes[k]);
	}
	for (unsigned i = 0; left && i < n; i++) {
		if (!side_is_f8(ops[i]->side))
			continue;
		left--;
		f8_op(ops[i]);
	}
}

/* The batch code prefetches the first four lines of a key; AES and GHASH tables
 * together have eight. */
static void gcm_prefetch(struct op *const *ops, unsigned i, unsigned n)
{
	enum { AHEAD = 3, FROM = 4, TO = (GCM_AT + GCM_BYTES + 63) / 64 };

	for (unsigned line = FROM; i + AHEAD < n && line < TO; line++)
		__builtin_prefetch((const uint8_t *)ops[i + AHEAD]->side + (size_t)line * 64);
}

static void gcm(struct engine *e, aes_gcm_enc_dec_t fn, struct op *op, uint8_t *tag)
{
	fn(gcm_of(op->side), &e->gcm, op->crypt, op->crypt, op->crypt_len, op->iv, op->aad,
	   op->auth_len, tag, op->side->tag_len);
}

static void mb_seal(struct engine *e, struct op *const *ops, unsigned n)
{
	const struct arithmetic *a = e->arithmetic;

	for (unsigned i = 0; i < n; i++) {
		gcm_prefetch(ops, i, n);
		gcm(e, ops[i]->side->key_len == 16 ? a->gcm_enc_128 : a->gcm_enc_256, ops[i],
		    ops[i]->tag_at);
	}
}

static void mb_open(struct engine *e, struct op *const *ops, unsigned n)
{
	const struct arithmetic *a = e->arithmetic;

	for (unsigned i = 0; i < n; i++) {
		struct op *op = ops[i];

		gcm_prefetch(ops, i, n);
		gcm(e, op->side->key_len == 16 ? a->gcm_dec_128 : a->gcm_dec_256, op, op->tag);
		op->is_authentic = secret_eq(op->tag, op->tag_at, op->side->tag_len);
	}
}

static const struct engine_batch_crypto crypto = {
	.hmac = mb_hmac, .ctr = mb_ctr, .seal = mb_seal, .open = mb_open};

static void mb_unprotect(struct engine *e, struct pkt **batch, unsigned n)
{
	engine_batch_unprotect(&e->batch, e, &crypto, batch, n);
}

static void mb_protect(struct engine *e, struct pkt **batch, unsigned n)
{
	engine_batch_protect(&e->batch, e, &crypto, batch, n);
}

/* --- the engine ------------------------------------------------------------- */

enum { MEASURE_LEN = 176, MEASURE_TIMES = 8, AGREE_LENGTHS = 300 };

/* Measures how long hashing takes: the minimum of several runs, in ticks of the time-stamp counter.
 * The result is used only for a comparison. */
static uint64_t hash_ticks(struct engine *e, IMB_MGR *m, struct op *const *ops, unsigned n)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < MEASURE_TIMES; i++) {
		uint64_t start = __rdtsc(), took;

		hmac_with(m, e->jobs, ops, n);
		took = __rdtsc() - start;
		least = took < least ? took : least;
	}
	return least;
}

/* The smallest number of packets, a power of two, for which the wide manager is at least a tenth
 * faster; PKT_BATCH + 1 if there is none. */
static unsigned measure_wide(struct engine *e)
{
	static uint8_t const zeros[MEASURE_LEN];
	struct engine_side side = {0};
	struct op *ops[PKT_BATCH];
	unsigned from = PKT_BATCH + 1;

	for (unsigned i = 0; i < PKT_BATCH; i++) {
		ops[i] = &e->batch.ops[i];
		*ops[i] = (struct op){
			.side = &side,
			.data = (uint8_t *)(uintptr_t)zeros,
			.auth_len = MEASURE_LEN,
		};
	}
	for (unsigned n = PKT_BATCH; e->wide && n > 1; n /= 2) {
		if (hash_ticks(e, e->wide, ops, n) * 10 >= hash_ticks(e, e->narrow, ops, n) * 9)
			break;
		from = n;
	}
	return from;
}

/* The choice of the manager depends on the machine and on the batch, so the self-test may not test
 * the manager that large batches use. This function compares the tags of both managers, for every
 * number of packets and for lengths around every block boundary. */
static bool managers_agree(struct engine *e)
{
	static uint8_t const octets[PKT_BATCH + AGREE_LENGTHS] = {1,  2,  3,  5,  8,   13,
	                                                          21, 34, 55, 89, 144, 233};
	struct engine_side side = {.inner = {1, 2, 3, 4, 5}, .outer = {6, 7, 8, 9, 10}};
	struct op *ops[PKT_BATCH];

	for (unsigned n = 1; n <= PKT_BATCH; n++) {
		uint8_t tags[PKT_BATCH][OP_TAG_ROOM];

		for (unsigned i = 0; i < n; i++) {
			ops[i] = &e->batch.ops[i];
			*ops[i] = (struct op){
				.side = &side,
				.data = (uint8_t *)(uintptr_t)octets + i,
				.auth_len = 1 + (n * 37 + i * 11) % AGREE_LENGTHS,
			};
		}
		hmac_with(e->narrow, e->jobs, ops, n);
		for (unsigned i = 0; i < n; i++) {
			memcpy(tags[i], ops[i]->tag, OP_TAG_ROOM);
			memset(ops[i]->tag, 0, OP_TAG_ROOM);
		}
		hmac_with(e->wide, e->jobs, ops, n);
		for (unsigned i = 0; i < n; i++)
			if (memcmp(tags[i], ops[i]->tag, OP_TAG_ROOM) != 0)
				return false;
	}
	return true;
}

static IMB_MGR *wide_manager(void)
{
	enum isa isa = isa_best();
	IMB_MGR *m = isa == ISA_SSE ? NULL : alloc_mb_mgr(0);

	if (!m)
		return NULL;
	if (isa == ISA_AVX2)
		init_mb_mgr_avx2(m);
	else
		init_mb_mgr_avx512(m);
	return m;
}

static void mb_close(struct engine *e)
{
	if (!e)
		return;
	if (e->narrow)
		free_mb_mgr(e->narrow);
	if (e->wide)
		free_mb_mgr(e->wide);
	secret_wipe(e, sizeof(*e));
	mem_free(e);
}

static enum err mb_open_engine(struct engine **out, struct why *why)
{
	struct engine *e = mem_aligned(64, sizeof(*e));

	if (e)
		e->narrow = alloc_mb_mgr(0);
	if (!e || !e->narrow) {
		mb_close(e);
		return why_fail(why, ERR_NOMEM, "no memory for an engine");
	}
	init_mb_mgr_sse(e->narrow);
	e->wide = wide_manager();
	e->arithmetic = arithmetic();
	for (unsigned i = 0; i < PKT_BATCH; i++) {
		e->jobs[i].auth_tag_output_len_in_bytes = OP_TAG_ROOM;
		e->jobs[i].iv_len_in_bytes = LAYOUT_IV_LEN;
	}
	if (e->wide && !managers_agree(e)) {
		mb_close(e);
		return why_fail(
			why, ERR_CRYPTO,
			"intel-ipsec-mb computes different tags with SHA-NI or SSE than with AVX");
	}
	e->wide_from = measure_wide(e);
	*out = e;
	return ERR_OK;
}

static enum err mb_probe(struct why *why)
{
	enum err e;

	if (!__builtin_cpu_supports("aes") || !__builtin_cpu_supports("pclmul") ||
	    !__builtin_cpu_supports("sse4.2"))
		return why_fail(why, ERR_UNSUPPORTED,
		                "engine mb needs AES-NI, PCLMULQDQ and SSE4.2, and this CPU lacks "
		                "one of them");
	e = selftest_run(&engine_mb, 1, why);
	return e == ERR_OK ? selftest_run(&engine_mb, PKT_BATCH, why) : e;
}

static const char *mb_describe(char *out, size_t room)
{
	struct engine *e = NULL;
	char hash[64] = "";

	if (mb_open_engine(&e, NULL) == ERR_OK) {
		if (e->wide_from <= PKT_BATCH)
			snprintf(hash, sizeof(hash), "; hash %s from %u packets",
			         isa_best() >= ISA_AVX512 ? "AVX-512" : "AVX2", e->wide_from);
		mb_close(e);
	}
	snprintf(out, room, "intel-ipsec-mb %s; AES-NI%s%s%s; hash %s%s", imb_get_version_str(),
	         has_sha_ni() ? " SHA-NI" : "", __builtin_cpu_supports("avx2") ? " AVX2" : "",
	         isa_best() >= ISA_AVX512 ? " AVX-512" : "", has_sha_ni() ? "SHA-NI" : "SSE", hash);
	return out;
}

const struct engine_ops engine_mb = {
	.name = "mb",
	.probe = mb_probe,
	.describe = mb_describe,
	.open = mb_open_engine,
	.close = mb_close,
	.key_new = mb_key_new,
	.key_from_session = mb_key_from_session,
	.key_free = mb_key_free,
	.key_use = side_key_use,
	.stream_bytes = SIDE_STREAM_BYTES,
	.stream_init = side_stream_init,
	.stream_fini = side_stream_fini,
	.stream_export = side_stream_export,
	.retag = side_retag,
	.unprotect = mb_unprotect,
	.protect = mb_protect,
};
