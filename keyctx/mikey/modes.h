/* SPDX-License-Identifier: MIT */
/* How a message is protected: algorithms that belong together, KEMAC encryption, MACs, envelope
 * keys and signatures. */
#ifndef KEYCTX_MIKEY_MODES_H
#define KEYCTX_MIKEY_MODES_H

#include "keyctx/mikey/env.h"
#include "keyctx/mikey/keys.h"
#include "keyctx/mikey/msg.h"
#include "keyctx/mikey/prf.h"
#include "keyctx/pki.h"

/* The algorithms of one protected unit. 256-bit ones are never mixed with smaller ones (RFC
 * 6043 12.1). */
struct mikey_algs {
	uint8_t prf, encr, mac;
};

extern const struct mikey_algs mikey_algs_128, mikey_algs_256;

size_t mikey_mac_len(unsigned alg);         /* 0, 20, 32 */
size_t mikey_default_key_len(unsigned prf); /* of MPK, TGK, envelope key: 16 or 32 octets */
/* Octets of a random value that goes with keys up to `longest` octets (RFC 6043 12.1). */
size_t mikey_rand_len(unsigned prf, size_t longest);

/* Known and of one strength? MIKEY_E_PRF, MIKEY_E_EA or MIKEY_E_MAC. `mac` NULL is refused unless
 * `allow_null_mac`. */
enum err mikey_algs_check(struct mikey_algs a, bool allow_null_mac,
                          struct mikey_fault *fault) MUST_USE;
/* A session key longer than 128 bits needs the 256-bit set. */
enum err mikey_algs_check_keys(struct mikey_algs a, const struct mikey_keys *k,
                               struct mikey_fault *fault) MUST_USE;

/* What a KEMAC is encrypted under (RFC 3830 4.2.3; key wrap as in decision 0010.7). */
struct mikey_kemac_seed {
	const struct mikey_msg_keys *keys;
	uint32_t csb_id;
	struct mikey_ts t; /* of the message that carries the KEMAC (decision 0010.1) */
};

/* Writes the encrypted keys, which are the data of a KEMAC. ERR_TOO_BIG, ERR_NOMEM, ERR_CRYPTO. */
enum err mikey_kemac_seal(struct wr *w, unsigned encr, const struct mikey_kemac_seed *under,
                          const struct mikey_keys *keys) MUST_USE;
/* ERR_AUTH: the keys do not unwrap. */
enum err mikey_kemac_open(struct mikey_keys *out, const struct mikey_payload *kemac,
                          const struct mikey_kemac_seed *under, struct mikey_fault *fault) MUST_USE;
/* Adds a KEMAC payload of `keys`. */
enum err mikey_build_add_kemac(struct mikey_build *b, unsigned encr,
                               const struct mikey_kemac_seed *under,
                               const struct mikey_keys *keys) MUST_USE;

/* `out` takes mikey_mac_len(alg) octets. */
enum err mikey_mac(unsigned alg, const struct mikey_msg_keys *k, const struct view *parts, size_t n,
                   uint8_t *out) MUST_USE;
/* Does a V payload hold the MAC of `parts`? ERR_AUTH and MIKEY_E_AUTH if not; constant time. */
enum err mikey_mac_check(const struct mikey_payload *v, const struct mikey_msg_keys *k,
                         const struct view *parts, size_t n, struct mikey_fault *fault) MUST_USE;

/* Adds V over everything before its MAC and then `extra` (at most 6 parts). */
enum err mikey_build_add_mac(struct mikey_build *b, unsigned alg, const struct mikey_msg_keys *k,
                             const struct view *extra, size_t n_extra) MUST_USE;
/* V of a received message against everything before its MAC and then `extra`. */
enum err mikey_msg_check_mac(const struct mikey_msg *m, const struct mikey_msg_keys *k,
                             const struct view *extra, size_t n_extra,
                             struct mikey_fault *fault) MUST_USE;
/* How a signature is made. */
struct mikey_signer {
	const struct pki_key *key;
	enum mikey_sign scheme;
	enum prim_hash hash;
};

/* Whose signature is accepted. */
struct mikey_signed_by {
	const struct pki_cert *cert;
	bool accept_sha1;
};

/* SIGN likewise; its type and length are covered (decision 0010.44). */
enum err mikey_build_add_sign(struct mikey_build *b, const struct mikey_signer *by,
                              const struct view *extra, size_t n_extra) MUST_USE;
enum err mikey_msg_check_sign(const struct mikey_msg *m, struct mikey_signed_by by,
                              const struct view *extra, size_t n_extra,
                              struct mikey_fault *fault) MUST_USE;

/* How a party proves itself to a KMS, and a KMS to it. Borrowed by each call. */
struct mikey_cred {
	struct view psk;                 /* empty: public keys are used */
	struct mikey_id psk_id;          /* sent as IDRpsk when set */
	const struct pki_key *key;       /* own private key */
	const struct pki_chain *chain;   /* own certificate first */
	const struct pki_cert *kms_cert; /* the envelope key goes to it */
	bool send_chash;                 /* name the certificate that was used */
	enum mikey_sign scheme;
	enum prim_hash sign_hash; /* SHA-256 unless a peer wants SHA-1 (decision 0010.44) */
};

static inline bool mikey_cred_is_psk(const struct mikey_cred *c)
{
	return c->psk.n > 0;
}

#endif
