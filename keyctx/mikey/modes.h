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

/* RFC 3830 4.2.3 with the T of the message that carries the KEMAC (decision 0010.1); key wrap as in
 * decision 0010.7. */
enum err mikey_kemac_seal(struct wr *w, unsigned encr, const struct mikey_msg_keys *k,
                          uint32_t csb_id, struct mikey_ts t,
                          const struct mikey_keys *keys) MUST_USE;
enum err mikey_kemac_open(struct mikey_keys *out, const struct mikey_payload *kemac,
                          const struct mikey_msg_keys *k, uint32_t csb_id, struct mikey_ts t,
                          struct mikey_fault *fault) MUST_USE;

/* `out` takes mikey_mac_len(alg) octets. */
enum err mikey_mac(unsigned alg, const struct mikey_msg_keys *k, const struct view *parts, size_t n,
                   uint8_t *out) MUST_USE;
/* ERR_AUTH and MIKEY_E_AUTH when `mac` is not the MAC of `parts`; constant time. */
enum err mikey_mac_check(unsigned alg, struct view mac, const struct mikey_msg_keys *k,
                         const struct view *parts, size_t n, struct mikey_fault *fault) MUST_USE;

/* Adds V over everything before its MAC and then `extra` (at most 6 parts). */
enum err mikey_build_add_mac(struct mikey_build *b, unsigned alg, const struct mikey_msg_keys *k,
                             const struct view *extra, size_t n_extra) MUST_USE;
/* V of a received message against everything before its MAC and then `extra`. */
enum err mikey_msg_check_mac(const struct mikey_msg *m, const struct mikey_msg_keys *k,
                             const struct view *extra, size_t n_extra,
                             struct mikey_fault *fault) MUST_USE;
/* SIGN likewise; its type and length are covered (decision 0010.44). */
enum err mikey_build_add_sign(struct mikey_build *b, const struct pki_key *key,
                              enum mikey_sign scheme, enum prim_hash hash, const struct view *extra,
                              size_t n_extra) MUST_USE;
enum err mikey_msg_check_sign(const struct mikey_msg *m, const struct pki_cert *cert,
                              bool accept_sha1, const struct view *extra, size_t n_extra,
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
