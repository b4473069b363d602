/* SPDX-License-Identifier: MIT */
/* Encrypts the values that a KMS stores. The MAC of a value is its IV (RFC 5297), so no two values
 * have the same IV. */
#include "control/kms/seal.h"

#include "keyctx/prim.h"

static enum err seal_tag(const uint8_t wrap[SEAL_KEY_LEN], unsigned bucket, struct view key,
                         struct view plain, uint8_t tag[SEAL_TAG_LEN])
{
	uint8_t head[5], mac[PRIM_SHA256_LEN];
	struct wr w = wr_make(head, sizeof(head));
	struct view parts[] = {{head, sizeof(head)}, key, plain};
	enum err e;

	wr_u8(&w, (uint8_t)bucket);
	wr_u32(&w, (uint32_t)key.n);
	e = prim_hmac(PRIM_SHA256, (struct view){wrap + 32, 32}, parts, ARRAY_LEN(parts), mac);
	if (!e)
		memcpy(tag, mac, SEAL_TAG_LEN);
	return e;
}

enum err seal(const uint8_t wrap[SEAL_KEY_LEN], unsigned bucket, struct view key, struct view plain,
              uint8_t *out)
{
	enum err e = seal_tag(wrap, bucket, key, plain, out);

	if (e)
		return e;
	return prim_aes_ctr((struct view){wrap, 32}, out, plain.p, out + SEAL_TAG_LEN, plain.n);
}

enum err unseal(const uint8_t wrap[SEAL_KEY_LEN], unsigned bucket, struct view key,
                struct view sealed, struct secret *out)
{
	uint8_t tag[SEAL_TAG_LEN];
	struct secret plain = {0};
	enum err e;

	if (sealed.n < SEAL_TAG_LEN || sealed.n > SEAL_TAG_LEN + SEAL_VALUE_MAX)
		return ERR_AUTH;
	e = secret_make(&plain, sealed.n - SEAL_TAG_LEN);
	if (e)
		return e;
	e = prim_aes_ctr((struct view){wrap, 32}, sealed.p, sealed.p + SEAL_TAG_LEN, plain.octets,
	                 plain.len);
	if (!e)
		e = seal_tag(wrap, bucket, key, (struct view){plain.octets, plain.len}, tag);
	if (!e && !secret_eq(tag, sealed.p, SEAL_TAG_LEN))
		e = ERR_AUTH;
	if (e) {
		secret_clear(&plain);
		return e;
	}
	secret_clear(out);
	*out = plain;
	return ERR_OK;
}
