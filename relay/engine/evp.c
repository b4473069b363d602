/* SPDX-License-Identifier: MIT */
/* The portable fast engine: OpenSSL with a permanent cipher context for each side of a key; HMAC
 * continues from stored SHA-1 states. */
/* SHA1_Update is deprecated, but it does not allocate; OpenSSL 3's own functions allocate for each
 * packet. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "relay/engine/batch.h"
#include "relay/engine/engine.h"
#include "relay/engine/evp_f8.h"
#include "relay/engine/selftest.h"
#include "relay/engine/side.h"

struct engine {
	struct engine_batch batch;
};

/* --- keys ------------------------------------------------------------------- */

/* The engine's part of a side: the cipher context. OpenSSL allocates its key schedule. */
union material {
	EVP_CIPHER_CTX *ctx;
	struct f8 f8;
};

static union material *material(struct engine_side *s)
{
	return side_material(s);
}

static size_t evp_material_bytes(const struct suite *suite)
{
	(void)suite;
	return sizeof(union material);
}

static const EVP_CIPHER *cipher_of(const struct engine_side *s)
{
	if (s->is_aead)
		return s->key_len == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
	return s->key_len == 16   ? EVP_aes_128_ctr()
	       : s->key_len == 24 ? EVP_aes_192_ctr()
	                          : EVP_aes_256_ctr();
}

static enum err evp_expand(struct engine_side *s, const uint8_t *key)
{
	union material *m = material(s);
	int encrypts = !s->is_aead || s->is_send;

	if (side_is_f8(s))
		return f8_init(&m->f8, key, (struct view){.p = s->salt, .n = F8_SALT_LEN});
	m->ctx = EVP_CIPHER_CTX_new();
	if (!m->ctx)
		return ERR_NOMEM;
	return EVP_CipherInit_ex(m->ctx, cipher_of(s), NULL, key, NULL, encrypts) == 1 ? ERR_OK
	                                                                               : ERR_CRYPTO;
}

static void evp_wipe(struct engine_side *s)
{
	if (side_is_f8(s))
		f8_wipe(&material(s)->f8);
	else
		EVP_CIPHER_CTX_free(material(s)->ctx);
}

static const struct side_maker maker = {
	.material_bytes = evp_material_bytes, .expand = evp_expand, .wipe = evp_wipe};

static enum err evp_key_new(struct engine_key **out, const struct keyctx *ctx,
                            enum engine_direction direction, unsigned window, struct why *why)
{
	return side_key_new(out, &maker, ctx, direction, window, why);
}

static enum err evp_key_from_session(struct engine_key **out, const struct kdf_session *keys,
                                     enum engine_direction direction, unsigned window,
                                     struct why *why)
{
	return side_key_from_session(out, &maker, keys, direction, window, why);
}

static void evp_key_free(struct engine_key *key)
{
	side_key_free(key, &maker);
}

/* --- arithmetic ------------------------------------------------------------- */

static void sha1_from(SHA_CTX *s, const uint32_t state[5])
{
	s->h0 = state[0];
	s->h1 = state[1];
	s->h2 = state[2];
	s->h3 = state[3];
	s->h4 = state[4];
	/* one block, which holds the padded key, is already hashed */
	s->Nl = SHA_CBLOCK * 8;
	s->Nh = s->num = 0;
}

static void evp_hmac(struct engine *e, struct op *const *ops, unsigned n)
{
	SHA_CTX s;

	(void)e;
	for (unsigned i = 0; i < n; i++) {
		struct op *op = ops[i];

		sha1_from(&s, op->side->inner);
		(void)SHA1_Update(&s, op->data, op->auth_len);
		(void)SHA1_Final(op->tag, &s);
		sha1_from(&s, op->side->outer);
		(void)SHA1_Update(&s, op->tag, SHA_DIGEST_LENGTH);
		(void)SHA1_Final(op->tag, &s);
	}
}

static void evp_ctr(struct engine *e, struct op *const *ops, unsigned n)
{
	(void)e;
	for (unsigned i = 0; i < n; i++) {
		EVP_CIPHER_CTX *ctx = material(ops[i]->side)->ctx;
		int len;

		if (__builtin_expect(side_is_f8(ops[i]->side), 0)) {
			f8_op(ops[i]);
			continue;
		}
		/* These calls cannot fail: the mode is counter mode, and the context has its
		 * key. */
		CHECK(EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, ops[i]->iv) == 1);
		CHECK(EVP_EncryptUpdate(ctx, ops[i]->crypt, &len, ops[i]->crypt,
		                        (int)ops[i]->crypt_len) == 1);
	}
}

static bool gcm_begin(EVP_CIPHER_CTX *ctx, const struct op *op)
{
	int len;

	return EVP_CipherInit_ex(ctx, NULL, NULL, NULL, op->iv, -1) == 1 &&
	       EVP_CipherUpdate(ctx, NULL, &len, op->aad, (int)op->auth_len) == 1 &&
	       EVP_CipherUpdate(ctx, op->crypt, &len, op->crypt, (int)op->crypt_len) == 1;
}

static void evp_seal(struct engine *e, struct op *const *ops, unsigned n)
{
	(void)e;
	for (unsigned i = 0; i < n; i++) {
		EVP_CIPHER_CTX *ctx = material(ops[i]->side)->ctx;
		uint8_t none[16];
		int len;

		CHECK(gcm_begin(ctx, ops[i]));
		CHECK(EVP_EncryptFinal_ex(ctx, none, &len) == 1);
		CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, ops[i]->side->tag_len,
		                          ops[i]->tag_at) == 1);
	}
}

static void evp_open(struct engine *e, struct op *const *ops, unsigned n)
{
	(void)e;
	for (unsigned i = 0; i < n; i++) {
		EVP_CIPHER_CTX *ctx = material(ops[i]->side)->ctx;
		uint8_t none[16];
		int len;

		ops[i]->is_authentic =
			gcm_begin(ctx, ops[i]) &&
			EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, ops[i]->side->tag_len,
		                            ops[i]->tag_at) == 1 &&
			EVP_DecryptFinal_ex(ctx, none, &len) == 1;
	}
}

static const struct engine_batch_crypto crypto = {
	.hmac = evp_hmac, .ctr = evp_ctr, .seal = evp_seal, .open = evp_open};

static void evp_unprotect(struct engine *e, struct pkt **batch, unsigned n)
{
	engine_batch_unprotect(&e->batch, e, &crypto, batch, n);
}

static void evp_protect(struct engine *e, struct pkt **batch, unsigned n)
{
	engine_batch_protect(&e->batch, e, &crypto, batch, n);
}

/* --- the engine ------------------------------------------------------------- */

static enum err evp_open_engine(struct engine **out, struct why *why)
{
	struct engine *e = mem_alloc(sizeof(*e));

	if (!e)
		return why_fail(why, ERR_NOMEM, "no memory for an engine");
	*out = e;
	return ERR_OK;
}

static void evp_close(struct engine *e)
{
	mem_free(e);
}

static enum err evp_probe(struct why *why)
{
	enum err e = selftest_run(&engine_evp, 1, why);

	return e == ERR_OK ? selftest_run(&engine_evp, PKT_BATCH, why) : e;
}

static const char *evp_describe(char *out, size_t room)
{
	const char *cpu = OpenSSL_version(OPENSSL_CPU_INFO);

	snprintf(out, room, "%s; %s", OpenSSL_version(OPENSSL_VERSION), cpu ? cpu : "");
	return out;
}

const struct engine_ops engine_evp = {
	.name = "evp",
	.probe = evp_probe,
	.describe = evp_describe,
	.open = evp_open_engine,
	.close = evp_close,
	.key_new = evp_key_new,
	.key_from_session = evp_key_from_session,
	.key_free = evp_key_free,
	.key_use = side_key_use,
	.stream_bytes = SIDE_STREAM_BYTES,
	.stream_init = side_stream_init,
	.stream_fini = side_stream_fini,
	.stream_export = side_stream_export,
	.retag = side_retag,
	.unprotect = evp_unprotect,
	.protect = evp_protect,
};
