/* SPDX-License-Identifier: MIT */
/* The floor made of OpenSSL primitives: only AES-CTR and HMAC-SHA-1, or AES-GCM, over the same
 * octets with prepared contexts. */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA1_Update is deprecated, but it is the bare primitive */
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "base/mem.h"
#include "bench/crypto/work.h"
#include "keyctx/kdf.h"
#include "keyctx/prim.h"

struct context {
	EVP_CIPHER_CTX *cipher;
	uint32_t inner[5], outer[5];
};

struct work_contexts {
	const struct suite *suite;
	enum engine_direction direction;
	unsigned n;
	uint8_t iv[16], tag[20];
	struct context *contexts;
};

static void openssl_free(struct work_contexts *c)
{
	for (unsigned i = 0; c && i < c->n; i++)
		EVP_CIPHER_CTX_free(c->contexts[i].cipher);
	if (c)
		mem_free(c->contexts);
	mem_free(c);
}

static enum err openssl_make(struct work_contexts **out, const struct work_contender *w,
                             const struct suite *suite, enum engine_direction direction, unsigned n)
{
	struct work_contexts *c = mem_alloc(sizeof(*c));

	(void)w;
	if (!c)
		return ERR_NOMEM;
	c->suite = suite;
	c->direction = direction;
	c->contexts = mem_array(n, sizeof(*c->contexts));
	if (!c->contexts) {
		mem_free(c);
		return ERR_NOMEM;
	}
	c->n = n;
	*out = c;
	return ERR_OK;
}

static const EVP_CIPHER *cipher_of(const struct suite *s)
{
	if (s->cipher == SUITE_CIPHER_AES_GCM)
		return s->key_len == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
	return s->key_len == 16   ? EVP_aes_128_ctr()
	       : s->key_len == 24 ? EVP_aes_192_ctr()
	                          : EVP_aes_256_ctr();
}

static enum err openssl_set_key(struct work_contexts *c, unsigned stream, const struct keyctx *key,
                                struct why *why)
{
	struct context *x = &c->contexts[stream];
	struct kdf_session keys;
	enum err e = kdf_derive(&keys, key);

	if (c->suite->cipher == SUITE_CIPHER_AES_F8)
		return why_fail(why, ERR_UNSUPPORTED, "this floor does not implement AES-f8");
	if (e != ERR_OK)
		return why_fail(why, e, "cannot derive session keys");
	prim_sha1_pads((struct view){.p = keys.rtp.auth, .n = sizeof(keys.rtp.auth)}, x->inner,
	               x->outer);
	x->cipher = EVP_CIPHER_CTX_new();
	if (!x->cipher)
		return ERR_NOMEM;
	return EVP_CipherInit_ex(x->cipher, cipher_of(c->suite), NULL, keys.rtp.key, NULL,
	                         c->direction == ENGINE_SEND) == 1
	               ? ERR_OK
	               : ERR_CRYPTO;
}

static void sha1_from(SHA_CTX *s, const uint32_t state[5])
{
	*s = (SHA_CTX){
		.h0 = state[0],
		.h1 = state[1],
		.h2 = state[2],
		.h3 = state[3],
		.h4 = state[4],
		.Nl = 512,
	};
}

static void hmac(struct work_contexts *c, const struct context *x, const uint8_t *octets, size_t n)
{
	SHA_CTX s;

	sha1_from(&s, x->inner);
	SHA1_Update(&s, octets, n);
	SHA1_Final(c->tag, &s);
	sha1_from(&s, x->outer);
	SHA1_Update(&s, c->tag, sizeof(c->tag));
	SHA1_Final(c->tag, &s);
}

static void openssl_run(struct work_contexts *c, struct work_chunk *chunk, unsigned from,
                        unsigned n)
{
	bool is_aead = c->suite->cipher == SUITE_CIPHER_AES_GCM,
	     sends = c->direction == ENGINE_SEND;

	for (unsigned i = from; i < from + n; i++) {
		struct pkt *p = &chunk->pkts[i];
		struct context *x = &c->contexts[chunk->stream[i]];
		unsigned len = p->len - (sends ? 0 : c->suite->srtp_tag_len);
		uint8_t *payload = p->data + WORK_HEADER_LEN;
		int done = (int)len - WORK_HEADER_LEN;

		if (!is_aead && !sends)
			hmac(c, x, p->data, len + 4);
		EVP_CipherInit_ex(x->cipher, NULL, NULL, NULL, c->iv, -1);
		if (is_aead)
			EVP_CipherUpdate(x->cipher, NULL, &done, p->data, WORK_HEADER_LEN);
		EVP_CipherUpdate(x->cipher, payload, &done, payload, (int)len - WORK_HEADER_LEN);
		if (is_aead && !sends)
			EVP_CIPHER_CTX_ctrl(x->cipher, EVP_CTRL_AEAD_SET_TAG, 16, payload + done);
		if (is_aead)
			EVP_CipherFinal_ex(x->cipher, c->tag, &done);
		if (is_aead && sends)
			EVP_CIPHER_CTX_ctrl(x->cipher, EVP_CTRL_AEAD_GET_TAG, 16, c->tag);
		if (!is_aead && sends)
			hmac(c, x, p->data, len + 4);
	}
}

const struct work_contender work_floor_openssl = {
	.name = "floor-openssl",
	.make = openssl_make,
	.set_key = openssl_set_key,
	.free = openssl_free,
	.run = openssl_run,
};
