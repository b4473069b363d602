/* SPDX-License-Identifier: MIT */
/* Wraps OpenSSL's ciphers, hashes and random generator in this program's types. */
/* OpenSSL 3 marks the low-level SHA functions as deprecated. This file needs them: only
 * SHA1_Transform gives the five words of the hash state, and prim_hmac calls the hashes
 * directly. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "keyctx/prim.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <string.h>

#include "base/secret.h"

static const struct {
	const char *name;
	size_t len;
} hashes[] = {
	[PRIM_SHA1] = {"SHA1", PRIM_SHA1_LEN},
	[PRIM_SHA256] = {"SHA256", PRIM_SHA256_LEN},
};

enum err prim_random(void *out, size_t n)
{
	if (n > INT_MAX || RAND_priv_bytes(out, (int)n) != 1)
		return ERR_CRYPTO;
	return ERR_OK;
}

size_t prim_hash_len(enum prim_hash hash)
{
	return hashes[hash].len;
}

enum err prim_digest(enum prim_hash hash, struct view data, uint8_t *out)
{
	size_t len = 0;

	return EVP_Q_digest(NULL, hashes[hash].name, NULL, data.p, data.n, out, &len) == 1
	               ? ERR_OK
	               : ERR_CRYPTO;
}

/* The state of one hash. prim_hmac builds HMAC (RFC 2104) with it, because OpenSSL's HMAC looks up
 * algorithms, locks and allocates in every call. For the short inputs of key derivation that takes
 * several times as long as the hashing. */
struct hashing {
	enum prim_hash hash;
	union {
		SHA_CTX sha1;
		SHA256_CTX sha256;
	} u;
};

static void hashing_start(struct hashing *h, enum prim_hash hash)
{
	h->hash = hash;
	if (hash == PRIM_SHA1)
		(void)SHA1_Init(&h->u.sha1);
	else
		(void)SHA256_Init(&h->u.sha256);
}

static void hashing_add(struct hashing *h, struct view v)
{
	if (!v.n)
		return;
	if (h->hash == PRIM_SHA1)
		(void)SHA1_Update(&h->u.sha1, v.p, v.n);
	else
		(void)SHA256_Update(&h->u.sha256, v.p, v.n);
}

static void hashing_end(struct hashing *h, uint8_t *out)
{
	if (h->hash == PRIM_SHA1)
		(void)SHA1_Final(out, &h->u.sha1);
	else
		(void)SHA256_Final(out, &h->u.sha256);
	secret_wipe(h, sizeof(*h));
}

enum err prim_hmac(enum prim_hash hash, struct view key, const struct view *parts, size_t n_parts,
                   uint8_t *out)
{
	uint8_t pad[SHA_CBLOCK] = {0}; /* the block size of SHA-1 and SHA-256: 64 octets */
	uint8_t inner[PRIM_HASH_MAX];
	struct hashing h;

	hashing_start(&h, hash);
	if (key.n > sizeof(pad)) {
		hashing_add(&h, key);
		hashing_end(&h, pad);
		hashing_start(&h, hash);
	} else if (key.n) {
		memcpy(pad, key.p, key.n);
	}
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36;
	hashing_add(&h, (struct view){.p = pad, .n = sizeof(pad)});
	for (size_t i = 0; i < n_parts; i++)
		hashing_add(&h, parts[i]);
	hashing_end(&h, inner);
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	hashing_start(&h, hash);
	hashing_add(&h, (struct view){.p = pad, .n = sizeof(pad)});
	hashing_add(&h, (struct view){.p = inner, .n = hashes[hash].len});
	hashing_end(&h, out);
	secret_wipe(pad, sizeof(pad));
	secret_wipe(inner, sizeof(inner));
	return ERR_OK;
}

static const EVP_CIPHER *aes_ctr_of(size_t key_len)
{
	return key_len == 16   ? EVP_aes_128_ctr()
	       : key_len == 24 ? EVP_aes_192_ctr()
	       : key_len == 32 ? EVP_aes_256_ctr()
	                       : NULL;
}

/* `iv` is NULL for a cipher without IV. Six parameters: cipher, key, IV, input, output, length. */
static enum err encrypt(const EVP_CIPHER *cipher, const uint8_t *key, const uint8_t *iv,
                        const uint8_t *in, uint8_t *out, size_t n)
{
	EVP_CIPHER_CTX *ctx;
	enum err e = ERR_CRYPTO;
	int len = 0;

	if (!cipher || n > INT_MAX)
		return ERR_INVALID;
	ctx = EVP_CIPHER_CTX_new();
	if (ctx && EVP_EncryptInit_ex(ctx, cipher, NULL, key, iv) == 1 &&
	    EVP_EncryptUpdate(ctx, out, &len, in, (int)n) == 1 && len == (int)n)
		e = ERR_OK;
	EVP_CIPHER_CTX_free(ctx);
	return e;
}

enum err prim_aes_ctr(struct view key, const uint8_t iv[16], const uint8_t *in, uint8_t *out,
                      size_t n)
{
	return encrypt(aes_ctr_of(key.n), key.p, iv, in, out, n);
}

static const EVP_CIPHER *aes_ecb_of(size_t key_len)
{
	return key_len == 16   ? EVP_aes_128_ecb()
	       : key_len == 24 ? EVP_aes_192_ecb()
	       : key_len == 32 ? EVP_aes_256_ecb()
	                       : NULL;
}

enum err prim_aes_blocks(struct view key, const uint8_t *in, uint8_t *out, size_t n)
{
	return encrypt(aes_ecb_of(key.n), key.p, NULL, in, out, n * 16);
}

static void sha1_pad(struct view key, uint8_t pad, uint32_t out[5])
{
	uint8_t block[SHA_CBLOCK];
	SHA_CTX s;

	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < key.n; i++)
		block[i] ^= key.p[i];
	(void)SHA1_Init(&s);
	SHA1_Transform(&s, block);
	memcpy(out, (uint32_t[5]){s.h0, s.h1, s.h2, s.h3, s.h4}, 5 * sizeof(*out));
	secret_wipe(block, sizeof(block));
	secret_wipe(&s, sizeof(s));
}

void prim_sha1_pads(struct view key, uint32_t inner[5], uint32_t outer[5])
{
	CHECK(key.n <= SHA_CBLOCK);
	sha1_pad(key, 0x36, inner);
	sha1_pad(key, 0x5c, outer);
}

/* Makes a context with EVP_CIPHER_CTX_FLAG_WRAP_ALLOW: without this flag OpenSSL refuses the key
 * wrap modes. */
static EVP_CIPHER_CTX *wrap_context(void)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx)
		EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	return ctx;
}

enum err prim_aes_wrap(struct view key, const uint8_t iv[8], const uint8_t *in, size_t n,
                       uint8_t *out)
{
	EVP_CIPHER_CTX *ctx;
	enum err e = ERR_CRYPTO;
	int len = 0;

	if (key.n != 16 || n % 8 || n < 16 || n > INT_MAX - 8)
		return ERR_INVALID;
	ctx = wrap_context();
	if (ctx && EVP_EncryptInit_ex(ctx, EVP_aes_128_wrap(), NULL, key.p, iv) == 1 &&
	    EVP_EncryptUpdate(ctx, out, &len, in, (int)n) == 1 && len == (int)n + 8)
		e = ERR_OK;
	EVP_CIPHER_CTX_free(ctx);
	return e;
}

enum err prim_aes_unwrap(struct view key, const uint8_t iv[8], const uint8_t *in, size_t n,
                         uint8_t *out)
{
	EVP_CIPHER_CTX *ctx;
	enum err e = ERR_CRYPTO;
	int len = 0;

	if (key.n != 16 || n % 8 || n < 24 || n > INT_MAX)
		return ERR_INVALID;
	ctx = wrap_context();
	if (ctx && EVP_DecryptInit_ex(ctx, EVP_aes_128_wrap(), NULL, key.p, iv) == 1)
		e = EVP_DecryptUpdate(ctx, out, &len, in, (int)n) == 1 && len == (int)n - 8
		            ? ERR_OK
		            : ERR_AUTH;
	EVP_CIPHER_CTX_free(ctx);
	return e;
}
