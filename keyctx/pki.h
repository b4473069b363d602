/* SPDX-License-Identifier: MIT */
/* The doorway to OpenSSL's RSA and X.509: keys, certificates, chains, signatures, envelopes. */
#ifndef KEYCTX_PKI_H
#define KEYCTX_PKI_H

#include <stdbool.h>

#include "base/secret.h"
#include "keyctx/prim.h"

struct pki_key;   /* an RSA private key */
struct pki_cert;  /* one certificate, its DER and its RSA public key */
struct pki_chain; /* certificates in order, the owner's first */
struct pki_trust; /* the certificates of the trusted authorities */

enum pki_scheme { PKI_PKCS1, PKI_PSS }; /* PSS: MGF1 of the same hash, salt as long as the hash */

/* Octets of the largest modulus. RSA keys of 2048 to 4096 bits are accepted. */
enum { PKI_RSA_MAX = 512 };

/* Reads an unencrypted private key. ERR_SYNTAX, ERR_UNSUPPORTED (not RSA of 2048 to 4096 bits),
 * ERR_NOMEM. The caller owns the result, here and below. */
enum err pki_key_from_pem(struct pki_key **out, struct view pem, struct why *why) MUST_USE;
void pki_key_free(struct pki_key *k);

enum err pki_cert_from_pem(struct pki_cert **out, struct view pem, struct why *why) MUST_USE;
enum err pki_cert_from_der(struct pki_cert **out, struct view der, struct why *why) MUST_USE;
void pki_cert_free(struct pki_cert *c);
struct view pki_cert_der(const struct pki_cert *c);
/* Is `id` a subjectAltName of the certificate, of type URI or rfc822Name? Compared octet
 * for octet (decision 0010.46). */
bool pki_cert_names(const struct pki_cert *c, struct view id);
size_t pki_cert_rsa_len(const struct pki_cert *c);

/* For tests: reads a chain of 1 to 8 certificates from one PEM text. The programs receive chains as
 * DER; pki_trust_from_pem uses this too. */
enum err pki_chain_from_pem(struct pki_chain **out, struct view pem, struct why *why) MUST_USE;
enum err pki_chain_from_ders(struct pki_chain **out, const struct view *ders, size_t n,
                             struct why *why) MUST_USE;
void pki_chain_free(struct pki_chain *c);
size_t pki_chain_len(const struct pki_chain *c);
const struct pki_cert *pki_chain_at(const struct pki_chain *c, size_t i);

enum err pki_trust_from_pem(struct pki_trust **out, struct view pem, struct why *why) MUST_USE;
void pki_trust_free(struct pki_trust *t);
/* Verifies the chain up to a trusted root at `now_s` (seconds since 1970). ERR_AUTH; ERR_EXPIRED
 * (expired, or not yet valid); ERR_NOMEM, ERR_CRYPTO. */
enum err pki_trust_check(const struct pki_trust *t, const struct pki_chain *c, uint64_t now_s,
                         struct why *why) MUST_USE;

/* How a signature is made. */
struct pki_alg {
	enum pki_scheme scheme;
	enum prim_hash hash;
};

/* Signs the concatenation of `parts`. `sig` gets pki_key_rsa_len(k) octets and has room
 * for PKI_RSA_MAX. ERR_CRYPTO. */
enum err pki_sign(const struct pki_key *k, struct pki_alg alg, const struct view *parts, size_t n,
                  uint8_t *sig) MUST_USE;
size_t pki_key_rsa_len(const struct pki_key *k);
/* ERR_AUTH if `sig` is not the signature of `parts` by this certificate's key. ERR_CRYPTO. */
enum err pki_verify(const struct pki_cert *c, struct pki_alg alg, const struct view *parts,
                    size_t n, struct view sig) MUST_USE;

/*
 * RSAES-PKCS1-v1_5 with padding octets from the caller, so that tests reproduce a message.
 * `padding` has modulus - 3 - data.n octets, none of them 0. `out` has room for
 * PKI_RSA_MAX. ERR_INVALID, ERR_CRYPTO.
 */
enum err pki_encrypt(const struct pki_cert *c, struct view padding, struct view data, uint8_t *out,
                     size_t *out_len) MUST_USE;
/*
 * ERR_AUTH if `sealed` was not encrypted for this key. Verify the signature over it first:
 * otherwise the answers leak whether the padding is right (RFC 8017 7.2.2). ERR_CRYPTO, ERR_NOMEM.
 */
enum err pki_decrypt(const struct pki_key *k, struct view sealed, struct secret *out) MUST_USE;

#endif
