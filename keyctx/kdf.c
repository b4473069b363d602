/* SPDX-License-Identifier: MIT */
/* The AES-CM pseudo-random function of RFC 3711 4.3.3, with the master key's length (RFC 6188 2 and 3, RFC 7714 11). */
#include "keyctx/kdf.h"

#include <stddef.h>
#include <string.h>

#include "base/secret.h"
#include "keyctx/prim.h"

/* RFC 3711 4.3.1 and 4.3.2. */
enum label { LABEL_RTP_KEY, LABEL_RTP_AUTH, LABEL_RTP_SALT, LABEL_RTCP_KEY, LABEL_RTCP_AUTH, LABEL_RTCP_SALT };

enum { LABEL_AT = 7 }; /* x = salt XOR label * 2^48: the label meets octet 7 of a 14-octet salt */

/*
 * A salt of 12 octets is padded on the right to 14: what every implementation of RFC 7714 does, though its section 11 leaves it
 * to the reader. `out` is zeroed, so that the key stream itself comes out.
 */
static enum err expand(uint8_t *out, size_t n, const struct keyctx *k, enum label label)
{
	uint8_t iv[16] = {0};
	struct view key = {.p = k->key, .n = k->suite->key_len};
	enum err e;

	memset(out, 0, n);
	memcpy(iv, k->salt, k->suite->salt_len);
	iv[LABEL_AT] ^= (uint8_t)label;
	e = n ? prim_aes_ctr(key, iv, out, out, n) : ERR_OK;
	secret_wipe(iv, sizeof iv);
	return e;
}

enum err kdf_derive(struct kdf_session *out, const struct keyctx *k)
{
	const struct suite *s = k->suite;
	size_t auth_len = s->cipher == SUITE_CIPHER_AES_CM ? SUITE_AUTH_KEY_LEN : 0;
	const struct {
		uint8_t *at;
		size_t n;
		enum label label;
	} parts[] = {
		{out->rtp.key, s->key_len, LABEL_RTP_KEY},    {out->rtp.auth, auth_len, LABEL_RTP_AUTH},
		{out->rtp.salt, s->salt_len, LABEL_RTP_SALT}, {out->rtcp.key, s->key_len, LABEL_RTCP_KEY},
		{out->rtcp.auth, auth_len, LABEL_RTCP_AUTH},  {out->rtcp.salt, s->salt_len, LABEL_RTCP_SALT},
	};

	*out = (struct kdf_session){.suite = s};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		enum err e = expand(parts[i].at, parts[i].n, k, parts[i].label);

		if (e != ERR_OK) {
			secret_wipe(out, sizeof *out);
			return e;
		}
	}
	return ERR_OK;
}
