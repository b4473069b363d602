/* SPDX-License-Identifier: MIT */
/* Key derivation with AES in counter mode (RFC 3711 4.3.3). The AES key has the length of the
 * master key (RFC 6188 2 and 3, RFC 7714 11). */
#include "keyctx/kdf.h"

#include <stddef.h>
#include <string.h>

#include "base/secret.h"
#include "keyctx/prim.h"

/* The label of each session key; RFC 3711 4.3.1 and 4.3.2 give the values. */
enum label {
	LABEL_RTP_KEY,
	LABEL_RTP_AUTH,
	LABEL_RTP_SALT,
	LABEL_RTCP_KEY,
	LABEL_RTCP_AUTH,
	LABEL_RTCP_SALT
};

enum {
	/* x = salt XOR (label * 2^48): the label is XORed into octet 7 of the 14-octet salt */
	LABEL_AT = 7,
	COUNT_AT = 15,
	BLOCK = 16,
	PART_BLOCKS = 2, /* blocks for the longest key, 32 octets of AES-256 */
	PARTS = 6,
};

struct part {
	uint8_t *at;
	size_t n;
	enum label label;
};

static size_t blocks_of(const struct part *p)
{
	return (p->n + BLOCK - 1) / BLOCK;
}

/* Writes the counter blocks for one session key. Pads a salt of 12 octets with zeros on the right
 * to 14: RFC 7714 11 does not say how to pad, and all known implementations do it this way. */
static void count(uint8_t *blocks, const struct keyctx *k, const struct part *p)
{
	for (size_t i = 0; i < blocks_of(p); i++, blocks += BLOCK) {
		memset(blocks, 0, BLOCK);
		memcpy(blocks, k->salt, k->suite->salt_len);
		blocks[LABEL_AT] ^= (uint8_t)p->label;
		blocks[COUNT_AT] = (uint8_t)i;
	}
}

/* Encrypts the blocks of all session keys in one call, because setting up the cipher takes longer
 * than encrypting so few blocks. */
static enum err expand(const struct keyctx *k, const struct part parts[PARTS])
{
	uint8_t blocks[PARTS * PART_BLOCKS * BLOCK];
	size_t n = 0;
	enum err e;

	for (size_t i = 0; i < PARTS; n += blocks_of(&parts[i]), i++)
		count(blocks + n * BLOCK, k, &parts[i]);
	e = prim_aes_blocks((struct view){.p = k->key, .n = k->suite->key_len}, blocks, blocks, n);
	n = 0;
	for (size_t i = 0; i < PARTS && e == ERR_OK; n += blocks_of(&parts[i]), i++)
		memcpy(parts[i].at, blocks + n * BLOCK, parts[i].n);
	secret_wipe(blocks, sizeof(blocks));
	return e;
}

enum err kdf_derive(struct kdf_session *out, const struct keyctx *k)
{
	const struct suite *s = k->suite;
	size_t auth_len = s->cipher == SUITE_CIPHER_AES_GCM ? 0 : SUITE_AUTH_KEY_LEN;
	const struct part parts[PARTS] = {
		{out->rtp.key, s->key_len, LABEL_RTP_KEY},
		{out->rtp.auth, auth_len, LABEL_RTP_AUTH},
		{out->rtp.salt, s->salt_len, LABEL_RTP_SALT},
		{out->rtcp.key, s->key_len, LABEL_RTCP_KEY},
		{out->rtcp.auth, auth_len, LABEL_RTCP_AUTH},
		{out->rtcp.salt, s->salt_len, LABEL_RTCP_SALT},
	};

	*out = (struct kdf_session){.suite = s};
	return expand(k, parts);
}
