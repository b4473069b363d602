/* SPDX-License-Identifier: MIT */
/* Protects messages with KEMAC, MAC and signature; checks which algorithms may be combined. */
#include "keyctx/mikey/modes.h"

enum {
	STRONG_KEY = 16, /* octets; a longer key needs 256-bit algorithms */
	EXTRA_MAX = 6,
	PLAIN_MAX = MIKEY_KEYS_MAX * (8 + MIKEY_KEY_MAX + MIKEY_SALT_MAX + MIKEY_SPI_MAX) + 8,
};

const struct mikey_algs mikey_algs_128 = {MIKEY_PRF_SHA1, MIKEY_ENCR_CM_128, MIKEY_MAC_SHA1_160};
const struct mikey_algs mikey_algs_256 = {MIKEY_PRF_SHA256, MIKEY_ENCR_CM_256,
                                          MIKEY_MAC_SHA256_256};

/* Strength of each algorithm in bits: 128 or 256 (RFC 6043 12.1); 0 for NULL, which has none. */
static const uint16_t prf_bits[] = {[MIKEY_PRF_SHA1] = 128, [MIKEY_PRF_SHA256] = 256};
static const uint16_t encr_bits[] = {[MIKEY_ENCR_NULL] = 0,
                                     [MIKEY_ENCR_CM_128] = 128,
                                     [MIKEY_ENCR_KW_128] = 128,
                                     [MIKEY_ENCR_CM_256] = 256};
static const struct {
	uint16_t bits;
	uint8_t len;
	enum prim_hash hash;
} macs[] = {
	[MIKEY_MAC_NULL] = {0, 0, PRIM_SHA1},
	[MIKEY_MAC_SHA1_160] = {128, 20, PRIM_SHA1},
	[MIKEY_MAC_SHA256_256] = {256, 32, PRIM_SHA256},
};

size_t mikey_mac_len(unsigned alg)
{
	return alg < ARRAY_LEN(macs) ? macs[alg].len : 0;
}

size_t mikey_rand_len(unsigned prf, size_t longest)
{
	size_t least = mikey_default_key_len(prf);

	return longest > least ? longest : least;
}

size_t mikey_default_key_len(unsigned prf)
{
	return prf == MIKEY_PRF_SHA256 ? 32 : 16;
}

enum err mikey_algs_check(struct mikey_algs a, bool allow_null_mac, struct mikey_fault *fault)
{
	unsigned bits;

	if (a.prf >= ARRAY_LEN(prf_bits))
		return mikey_fail(fault, ERR_UNSUPPORTED, MIKEY_E_PRF,
		                  "PRF %u is not supported, must be 0 or 1", a.prf);
	bits = prf_bits[a.prf];
	if (a.encr >= ARRAY_LEN(encr_bits))
		return mikey_fail(fault, ERR_UNSUPPORTED, MIKEY_E_EA,
		                  "encryption algorithm %u is not supported, must be 0 to 3",
		                  a.encr);
	if (encr_bits[a.encr] && encr_bits[a.encr] != bits)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_EA,
		                  "%u-bit encryption with a %u-bit PRF: both must have the same "
		                  "strength (RFC 6043 12.1)",
		                  encr_bits[a.encr], bits);
	if (a.mac >= ARRAY_LEN(macs) || (!macs[a.mac].bits && !allow_null_mac))
		return mikey_fail(fault, ERR_UNSUPPORTED, MIKEY_E_MAC,
		                  "MAC algorithm %u is not accepted, must be 1 or 2", a.mac);
	if (macs[a.mac].bits && macs[a.mac].bits != bits)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_MAC,
		                  "%u-bit MAC with a %u-bit PRF: both must have the same strength "
		                  "(RFC 6043 12.1)",
		                  macs[a.mac].bits, bits);
	return ERR_OK;
}

enum err mikey_algs_check_keys(struct mikey_algs a, const struct mikey_keys *k,
                               struct mikey_fault *fault)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->k[i].type != MIKEY_MPK && k->k[i].key_len > STRONG_KEY &&
		    prf_bits[a.prf] < 256)
			return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
			                  "%s of %u bits needs 256-bit algorithms (RFC 6043 12.1)",
			                  mikey_key_type_name(k->k[i].type), k->k[i].key_len * 8u);
	return ERR_OK;
}

/* The IV of AES in counter mode (RFC 3830 4.2.3): (salt * 2^16) xor (CSB ID * 2^80) xor (T *
 * 2^16). */
static void cm_iv(uint8_t iv[16], const uint8_t salt[14], uint32_t csb_id, struct mikey_ts t)
{
	struct wr w = wr_make(iv, 16);

	wr_u16(&w, 0);
	wr_u32(&w, csb_id);
	wr_u64(&w, mikey_ts_to_64(t));
	wr_u16(&w, 0);
	for (size_t i = 0; i < 14; i++)
		iv[i] ^= salt[i];
}

static struct view encr_key(unsigned encr, const struct mikey_msg_keys *k)
{
	return (struct view){.p = k->encr, .n = encr == MIKEY_ENCR_CM_256 ? 32 : 16};
}

/* Buffer for the plaintext of a KEMAC, in secret memory. */
struct scratch {
	uint8_t plain[PLAIN_MAX];
};

static enum err seal(struct wr *w, unsigned encr, const struct mikey_kemac_seed *under,
                     uint8_t *plain, size_t n)
{
	const struct mikey_msg_keys *k = under->keys;
	uint8_t iv[16];
	uint8_t *to;

	if (encr != MIKEY_ENCR_KW_128 || !n) {
		to = wr_take(w, n);
		if (!to)
			return n ? ERR_TOO_BIG : ERR_OK;
		if (encr == MIKEY_ENCR_NULL) {
			memcpy(to, plain, n);
			return ERR_OK;
		}
		cm_iv(iv, k->salt, under->csb_id, under->t);
		return prim_aes_ctr(encr_key(encr, k), iv, plain, to, n);
	}
	while (n % 8 || n < 16)
		plain[n++] = 0;
	to = wr_take(w, n + 8);
	return to ? prim_aes_wrap(encr_key(encr, k), k->salt, plain, n, to) : ERR_TOO_BIG;
}

enum err mikey_kemac_seal(struct wr *w, unsigned encr, const struct mikey_kemac_seed *under,
                          const struct mikey_keys *keys)
{
	struct scratch *s = secret_alloc(sizeof(*s));
	struct wr plain;
	enum err e;

	if (!s)
		return ERR_NOMEM;
	plain = wr_make(s->plain, sizeof(s->plain) - 8);
	mikey_keys_write(&plain, keys);
	e = wr_ok(&plain) ? seal(w, encr, under, s->plain, wr_len(&plain)) : ERR_TOO_BIG;
	secret_free(s);
	return e;
}

enum err mikey_build_add_kemac(struct mikey_build *b, unsigned encr,
                               const struct mikey_kemac_seed *under, const struct mikey_keys *keys)
{
	uint8_t sealed[PLAIN_MAX + 8];
	struct wr w = wr_make(sealed, sizeof(sealed));
	struct mikey_payload p = {.type = MIKEY_KEMAC, .u.kemac = {.encr = (uint8_t)encr}};
	enum err e = mikey_kemac_seal(&w, encr, under, keys);

	p.u.kemac.data = (struct view){.p = sealed, .n = wr_len(&w)};
	if (!e)
		mikey_build_add(b, &p);
	return e;
}

static enum err unseal(struct scratch *s, struct view data, unsigned encr,
                       const struct mikey_kemac_seed *under, size_t *n)
{
	const struct mikey_msg_keys *k = under->keys;
	uint8_t iv[16];

	*n = data.n;
	if (!data.n)
		return ERR_OK;
	if (encr == MIKEY_ENCR_NULL) {
		memcpy(s->plain, data.p, data.n);
		return ERR_OK;
	}
	if (encr == MIKEY_ENCR_KW_128) {
		*n = data.n - 8;
		return prim_aes_unwrap(encr_key(encr, k), k->salt, data.p, data.n, s->plain);
	}
	cm_iv(iv, k->salt, under->csb_id, under->t);
	return prim_aes_ctr(encr_key(encr, k), iv, data.p, s->plain, data.n);
}

enum err mikey_kemac_open(struct mikey_keys *out, const struct mikey_payload *kemac,
                          const struct mikey_kemac_seed *under, struct mikey_fault *fault)
{
	unsigned encr = kemac->u.kemac.encr;
	struct view data = kemac->u.kemac.data;
	struct scratch *s;
	size_t n = 0;
	enum err e;

	if (data.n > PLAIN_MAX)
		return mikey_fail(fault, ERR_TOO_BIG, MIKEY_E_UNSPECIFIED,
		                  "KEMAC has %zu octets, too many for 12 keys", data.n);
	s = secret_alloc(sizeof(*s));
	if (!s)
		return mikey_fail(fault, ERR_NOMEM, MIKEY_E_UNSPECIFIED, "out of memory");
	e = unseal(s, data, encr, under, &n);
	if (e)
		e = mikey_fail(
			fault, e == ERR_CRYPTO ? e : ERR_AUTH, MIKEY_E_AUTH,
			"the keys of KEMAC can't be decrypted: wrong key or altered message");
	else
		e = mikey_keys_read(out, (struct view){.p = s->plain, .n = n},
		                    encr == MIKEY_ENCR_KW_128 ? 7 : 0, fault);
	secret_free(s);
	return e;
}

enum err mikey_mac(unsigned alg, const struct mikey_msg_keys *k, const struct view *parts, size_t n,
                   uint8_t *out)
{
	if (!mikey_mac_len(alg))
		return ERR_INVALID;
	return prim_hmac(macs[alg].hash, (struct view){.p = k->auth, .n = macs[alg].len}, parts, n,
	                 out);
}

enum err mikey_mac_check(const struct mikey_payload *v, const struct mikey_msg_keys *k,
                         const struct view *parts, size_t n, struct mikey_fault *fault)
{
	unsigned alg = v->u.v.alg;
	struct view mac = v->u.v.mac;
	uint8_t want[MIKEY_MAC_MAX];
	enum err e = mikey_mac(alg, k, parts, n, want);

	if (e)
		return mikey_fail(fault, e, e == ERR_INVALID ? MIKEY_E_MAC : MIKEY_E_UNSPECIFIED,
		                  "MAC algorithm %u is not supported, must be 1 or 2", alg);
	if (mac.n != mikey_mac_len(alg) || !secret_eq(mac.p, want, mac.n))
		e = mikey_fail(
			fault, ERR_AUTH, MIKEY_E_AUTH,
			"the MAC is wrong: the peer used another key, or the message was altered");
	secret_wipe(want, sizeof(want));
	return e;
}

/* Sets `parts` to what a MAC or signature covers: the message without its last `tail` octets, then
 * `extra`. Returns the number of parts. */
static size_t cover(struct view parts[1 + EXTRA_MAX], struct view message, size_t tail,
                    const struct view *extra, size_t n_extra)
{
	CHECK(n_extra <= EXTRA_MAX && tail <= message.n);
	parts[0] = (struct view){.p = message.p, .n = message.n - tail};
	for (size_t i = 0; i < n_extra; i++)
		parts[1 + i] = extra[i];
	return 1 + n_extra;
}

enum err mikey_build_add_mac(struct mikey_build *b, unsigned alg, const struct mikey_msg_keys *k,
                             const struct view *extra, size_t n_extra)
{
	static const uint8_t zeros[MIKEY_MAC_MAX];
	size_t mac_len = mikey_mac_len(alg);
	struct mikey_payload v = mikey_make_v(alg, (struct view){.p = zeros, .n = mac_len});
	struct view parts[1 + EXTRA_MAX], whole;
	enum err e;

	mikey_build_add(b, &v);
	e = mikey_build_done(b, &whole);
	if (e)
		return e;
	return mikey_mac(alg, k, parts, cover(parts, whole, mac_len, extra, n_extra),
	                 b->w.p - mac_len);
}

enum err mikey_msg_check_mac(const struct mikey_msg *m, const struct mikey_msg_keys *k,
                             const struct view *extra, size_t n_extra, struct mikey_fault *fault)
{
	const struct mikey_payload *v = mikey_msg_find(m, MIKEY_V);
	struct view parts[1 + EXTRA_MAX];

	if (!v)
		return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED,
		                  "the message has no V payload");
	return mikey_mac_check(v, k, parts, cover(parts, m->octets, v->u.v.mac.n, extra, n_extra),
	                       fault);
}

static struct pki_alg alg_of(unsigned scheme, enum prim_hash hash)
{
	return (struct pki_alg){scheme == MIKEY_SIGN_PSS ? PKI_PSS : PKI_PKCS1, hash};
}

enum err mikey_build_add_sign(struct mikey_build *b, const struct mikey_signer *by,
                              const struct view *extra, size_t n_extra)
{
	static const uint8_t zeros[PKI_RSA_MAX];
	size_t sig_len = pki_key_rsa_len(by->key);
	struct mikey_payload p = {
		.type = MIKEY_SIGN,
		.u.sign = {.scheme = (uint8_t)by->scheme, .sig = {.p = zeros, .n = sig_len}}};
	struct view parts[1 + EXTRA_MAX], whole;
	uint8_t sig[PKI_RSA_MAX];
	enum err e;

	mikey_build_add(b, &p);
	e = mikey_build_done(b, &whole);
	if (!e)
		e = pki_sign(by->key, alg_of(by->scheme, by->hash), parts,
		             cover(parts, whole, sig_len, extra, n_extra), sig);
	if (!e)
		memcpy(b->w.p - sig_len, sig, sig_len);
	return e;
}

enum err mikey_msg_check_sign(const struct mikey_msg *m, struct mikey_signed_by by,
                              const struct view *extra, size_t n_extra, struct mikey_fault *fault)
{
	const struct mikey_payload *p = mikey_msg_find(m, MIKEY_SIGN);
	struct view parts[1 + EXTRA_MAX];
	size_t n;
	enum err e;

	if (!p)
		return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED,
		                  "the message has no SIGN payload");
	if (p->u.sign.scheme > MIKEY_SIGN_PSS)
		return mikey_fail(
			fault, ERR_UNSUPPORTED, MIKEY_E_AUTH,
			"signature scheme %u is not supported, must be 0 (PKCS #1) or 1 (PSS)",
			p->u.sign.scheme);
	n = cover(parts, m->octets, p->u.sign.sig.n, extra, n_extra);
	e = pki_verify(by.cert, alg_of(p->u.sign.scheme, PRIM_SHA256), parts, n, p->u.sign.sig);
	if (e == ERR_AUTH && by.accept_sha1)
		e = pki_verify(by.cert, alg_of(p->u.sign.scheme, PRIM_SHA1), parts, n,
		               p->u.sign.sig);
	return e ? mikey_fail(fault, e, MIKEY_E_AUTH,
	                      "the signature is wrong: another key made it, or the message was "
	                      "altered")
	         : ERR_OK;
}
