/* SPDX-License-Identifier: MIT */
/* The key stream is S(j) = E(k_e, IV' XOR j XOR S(j-1)). That is CBC encryption of the blocks IV'
 * XOR j, so OpenSSL computes many blocks in one call. */
#include "relay/engine/evp_f8.h"

#include <openssl/evp.h>

#include <string.h>

#include "base/secret.h"
#include "relay/engine/layout.h"

enum { F8_CHUNK = 16 * F8_BLOCK, F8_PAD = 0x55 };

static enum err context(void **out, const EVP_CIPHER *cipher, const uint8_t *key)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	*out = ctx;
	if (!ctx)
		return ERR_NOMEM;
	if (EVP_EncryptInit_ex(ctx, cipher, NULL, key, NULL) != 1 ||
	    EVP_CIPHER_CTX_set_padding(ctx, 0) != 1)
		return ERR_CRYPTO;
	return ERR_OK;
}

enum err f8_init(struct f8 *f, const uint8_t *key, struct view salt)
{
	uint8_t masked[F8_BLOCK];
	enum err e;

	CHECK(salt.n <= F8_BLOCK);
	memset(masked, F8_PAD, sizeof(masked));
	memcpy(masked, salt.p, salt.n);
	for (unsigned i = 0; i < F8_BLOCK; i++)
		masked[i] ^= key[i];
	e = context(&f->stream, EVP_aes_128_cbc(), key);
	if (e == ERR_OK)
		e = context(&f->mask, EVP_aes_128_ecb(), masked);
	secret_wipe(masked, sizeof(masked));
	return e;
}

void f8_wipe(struct f8 *f)
{
	EVP_CIPHER_CTX_free(f->stream);
	EVP_CIPHER_CTX_free(f->mask);
	*f = (struct f8){.stream = NULL};
}

/* Writes the blocks IV' XOR j, from j = `first`. */
static void count(uint8_t *blocks, const uint8_t masked_iv[F8_BLOCK], uint32_t first, size_t n)
{
	for (size_t i = 0; i < n; i += F8_BLOCK, first++) {
		memcpy(blocks + i, masked_iv, F8_BLOCK);
		be32_put(blocks + i + 12, be32_get(masked_iv + 12) ^ first);
	}
}

void f8_crypt(const struct f8 *f, const uint8_t iv[F8_BLOCK], uint8_t *data, size_t n)
{
	static const uint8_t zeros[F8_BLOCK]; /* S(-1), which is zero */
	uint8_t masked_iv[F8_BLOCK], stream[F8_CHUNK];
	int len;

	/* These calls cannot fail: the contexts have their keys, and the input is whole blocks. */
	CHECK(EVP_EncryptUpdate(f->mask, masked_iv, &len, iv, F8_BLOCK) == 1);
	CHECK(EVP_EncryptInit_ex(f->stream, NULL, NULL, NULL, zeros) == 1);
	for (size_t at = 0; at < n; at += F8_CHUNK) {
		size_t part = n - at < F8_CHUNK ? n - at : F8_CHUNK,
		       whole = (part + F8_BLOCK - 1) / F8_BLOCK * F8_BLOCK;

		count(stream, masked_iv, (uint32_t)(at / F8_BLOCK), whole);
		CHECK(EVP_EncryptUpdate(f->stream, stream, &len, stream, (int)whole) == 1);
		for (size_t i = 0; i < part; i++)
			data[at + i] ^= stream[i];
	}
	secret_wipe(masked_iv, sizeof(masked_iv));
	secret_wipe(stream, sizeof(stream));
}

/* Forms the IV. SRTP (RFC 3711 4.1.2.2): 0x00, M, PT, SEQ, TS, SSRC, ROC. SRTCP (4.1.2.3): 32 zero
 * bits, E, the SRTCP index, then the first 8 octets of the packet. No two packets of one key have
 * the same IV, because a pair of SSRC and index is never used twice. */
static void form_iv(uint8_t iv[F8_BLOCK], const struct op *op)
{
	if (op->is_rtcp) {
		memset(iv, 0, 4);
		be32_put(iv + 4, LAYOUT_E_BIT | (uint32_t)op->index);
		memcpy(iv + 8, op->data, LAYOUT_RTCP_CLEAR);
	} else {
		iv[0] = 0;
		memcpy(iv + 1, op->data + 1, 11);
		be32_put(iv + 12, (uint32_t)(op->index >> 16));
	}
}

void f8_op(const struct op *op)
{
	uint8_t iv[F8_BLOCK];

	if (op->crypt_len == 0)
		return;
	form_iv(iv, op);
	f8_crypt(side_material(op->side), iv, op->crypt, op->crypt_len);
}
