/* SPDX-License-Identifier: MIT */
/* Protects messages: which algorithms may be combined, KEMAC encryption, MACs, signatures. */
#ifndef KEYCTX_MIKEY_MODES_H
#define KEYCTX_MIKEY_MODES_H

#include "keyctx/mikey/env.h"
#include "keyctx/mikey/keys.h"
#include "keyctx/mikey/msg.h"
#include "keyctx/mikey/prf.h"
#include "keyctx/pki.h"

/* The algorithms of one message or ticket. 256-bit algorithms must not be mixed with 128-bit ones
 * (RFC 6043 12.1). */
struct mikey_algs {
	uint8_t prf, encr, mac;
};

extern const struct mikey_algs mikey_algs_128, mikey_algs_256;

size_t mikey_mac_len(unsigned alg); /* octets: 0, 20 or 32 */
/* length of MPK, TGK and envelope key: 16 or 32 octets */
size_t mikey_default_key_len(unsigned prf);
/* Returns the length in octets of a random value that is used with keys of up to `longest` octets
 * (RFC 6043 12.1). */
size_t mikey_rand_len(unsigned prf, size_t longest);

/* Checks that the algorithms are known and have the same strength. MIKEY_E_PRF, MIKEY_E_EA,
 * MIKEY_E_MAC. Refuses the MAC algorithm NULL unless `allow_null_mac`. */
enum err mikey_algs_check(struct mikey_algs a, bool allow_null_mac,
                          struct mikey_fault *fault) MUST_USE;
/* Refuses a session key above 128 bits under 128-bit algorithms. */
enum err mikey_algs_check_keys(struct mikey_algs a, const struct mikey_keys *k,
                               struct mikey_fault *fault) MUST_USE;

/* Inputs of KEMAC encryption (RFC 3830 4.2.3; key wrap as in decision 0010.7). */
struct mikey_kemac_seed {
	const struct mikey_msg_keys *keys;
	uint32_t csb_id;
	struct mikey_ts t; /* T of the message that carries the KEMAC (decision 0010.1) */
};

/* Encrypts `keys` and writes them as the data field of a KEMAC. ERR_TOO_BIG, ERR_NOMEM,
 * ERR_CRYPTO. */
enum err mikey_kemac_seal(struct wr *w, unsigned encr, const struct mikey_kemac_seed *under,
                          const struct mikey_keys *keys) MUST_USE;
/* Decrypts the keys of a KEMAC. ERR_AUTH: the key unwrap failed. Other errors as of
 * mikey_keys_read. */
enum err mikey_kemac_open(struct mikey_keys *out, const struct mikey_payload *kemac,
                          const struct mikey_kemac_seed *under, struct mikey_fault *fault) MUST_USE;
/* Adds a KEMAC payload with `keys`. Errors as of mikey_kemac_seal. */
enum err mikey_build_add_kemac(struct mikey_build *b, unsigned encr,
                               const struct mikey_kemac_seed *under,
                               const struct mikey_keys *keys) MUST_USE;

/* Writes the MAC of the concatenation of `parts` to `out`, which must have room for
 * mikey_mac_len(alg) octets. ERR_INVALID: no such MAC algorithm. */
enum err mikey_mac(unsigned alg, const struct mikey_msg_keys *k, const struct view *parts, size_t n,
                   uint8_t *out) MUST_USE;
/* Checks that payload V holds the MAC of `parts`. ERR_AUTH with MIKEY_E_AUTH: it does not. Compares
 * in constant time. */
enum err mikey_mac_check(const struct mikey_payload *v, const struct mikey_msg_keys *k,
                         const struct view *parts, size_t n, struct mikey_fault *fault) MUST_USE;

/* Adds payload V. Its MAC covers the message up to the MAC, and then `extra` (at most 6 parts). */
enum err mikey_build_add_mac(struct mikey_build *b, unsigned alg, const struct mikey_msg_keys *k,
                             const struct view *extra, size_t n_extra) MUST_USE;
/* Checks payload V of a received message, whose MAC covers the message up to the MAC, and then
 * `extra`. */
enum err mikey_msg_check_mac(const struct mikey_msg *m, const struct mikey_msg_keys *k,
                             const struct view *extra, size_t n_extra,
                             struct mikey_fault *fault) MUST_USE;
/* How to make a signature. `key` is borrowed. */
struct mikey_signer {
	const struct pki_key *key;
	enum mikey_sign scheme;
	enum prim_hash hash;
};

/* Which signatures to accept. `cert` is the signer's certificate, borrowed. */
struct mikey_signed_by {
	const struct pki_cert *cert;
	bool accept_sha1;
};

/* Add and check payload SIGN. The signature covers the message up to the signature, including the
 * scheme and length fields of SIGN (decision 0010.44), and then `extra`. */
enum err mikey_build_add_sign(struct mikey_build *b, const struct mikey_signer *by,
                              const struct view *extra, size_t n_extra) MUST_USE;
enum err mikey_msg_check_sign(const struct mikey_msg *m, struct mikey_signed_by by,
                              const struct view *extra, size_t n_extra,
                              struct mikey_fault *fault) MUST_USE;

/* Credentials with which a party and a KMS authenticate each other. Borrowed by each call. */
struct mikey_cred {
	struct view psk;               /* pre-shared key; empty: public keys are used */
	struct mikey_id psk_id;        /* sent as IDRpsk if set */
	const struct pki_key *key;     /* own private key */
	const struct pki_chain *chain; /* own certificate chain; the own certificate is the first */
	const struct pki_cert *kms_cert; /* KMS certificate; the envelope key is encrypted for it */
	bool send_chash;                 /* send CHASH, the hash of kms_cert */
	enum mikey_sign scheme;
	/* PRIM_SHA256, or PRIM_SHA1 for a peer that needs it (decision 0010.44) */
	enum prim_hash sign_hash;
};

static inline bool mikey_cred_is_psk(const struct mikey_cred *c)
{
	return c->psk.n > 0;
}

#endif
