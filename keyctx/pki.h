/* SPDX-License-Identifier: MIT */
/* Wraps OpenSSL's RSA and X.509: private keys, certificates, chains, signatures, encryption of
 * envelope keys. */
#ifndef KEYCTX_PKI_H
#define KEYCTX_PKI_H

#include <stdbool.h>

#include "base/secret.h"
#include "keyctx/prim.h"

struct pki_key;   /* an RSA private key */
struct pki_cert;  /* one certificate with its DER encoding and its RSA public key */
struct pki_chain; /* a certificate chain; the owner's certificate is first */
struct pki_trust; /* the certificates of the trusted authorities */

/* PSS: MGF1 uses the hash of the signature, and the salt is as long as that hash. */
enum pki_scheme { PKI_PKCS1, PKI_PSS };

/* Octets of the longest RSA modulus. RSA keys of 2048 to 4096 bits are accepted. */
enum { PKI_RSA_MAX = 512 };

/* Reads an unencrypted private key. ERR_SYNTAX, ERR_UNSUPPORTED (not RSA of 2048 to 4096 bits),
 * ERR_NOMEM. Here and below, the caller owns `*out`. */
enum err pki_key_from_pem(struct pki_key **out, struct view pem, struct why *why) MUST_USE;
void pki_key_free(struct pki_key *k);

enum err pki_cert_from_pem(struct pki_cert **out, struct view pem, struct why *why) MUST_USE;
enum err pki_cert_from_der(struct pki_cert **out, struct view der, struct why *why) MUST_USE;
void pki_cert_free(struct pki_cert *c);
struct view pki_cert_der(const struct pki_cert *c);
/* Returns true if `id` is a subjectAltName of type URI or rfc822Name in the certificate. Compares
 * octet for octet (decision 0010.46). */
bool pki_cert_names(const struct pki_cert *c, struct view id);
size_t pki_cert_rsa_len(const struct pki_cert *c);

/* Reads a chain of 1 to 8 certificates from one PEM text. Only pki_trust_from_pem and tests call
 * it: programs receive chains as DER. */
enum err pki_chain_from_pem(struct pki_chain **out, struct view pem, struct why *why) MUST_USE;
enum err pki_chain_from_ders(struct pki_chain **out, const struct view *ders, size_t n,
                             struct why *why) MUST_USE;
void pki_chain_free(struct pki_chain *c);
size_t pki_chain_len(const struct pki_chain *c);
const struct pki_cert *pki_chain_at(const struct pki_chain *c, size_t i);

enum err pki_trust_from_pem(struct pki_trust **out, struct view pem, struct why *why) MUST_USE;
void pki_trust_free(struct pki_trust *t);
/* Verifies that the chain ends at a trusted root and is valid at `now_s` (seconds since 1970).
 * ERR_AUTH: the chain is not trusted; ERR_EXPIRED: a certificate has expired or is not valid yet;
 * ERR_NOMEM, ERR_CRYPTO. */
enum err pki_trust_check(const struct pki_trust *t, const struct pki_chain *c, uint64_t now_s,
                         struct why *why) MUST_USE;

/* A signature algorithm. */
struct pki_alg {
	enum pki_scheme scheme;
	enum prim_hash hash;
};

/* Signs the concatenation of `parts`. Writes pki_key_rsa_len(k) octets to `sig`, which must have
 * room for PKI_RSA_MAX. ERR_CRYPTO. */
enum err pki_sign(const struct pki_key *k, struct pki_alg alg, const struct view *parts, size_t n,
                  uint8_t *sig) MUST_USE;
size_t pki_key_rsa_len(const struct pki_key *k);
/* Verifies `sig` over the concatenation of `parts` with the certificate's key. ERR_AUTH: the
 * signature is wrong; ERR_CRYPTO. */
enum err pki_verify(const struct pki_cert *c, struct pki_alg alg, const struct view *parts,
                    size_t n, struct view sig) MUST_USE;

/* Encrypts `data` with RSAES-PKCS1-v1_5. The caller supplies the random padding, so that tests can
 * reproduce a message. `padding` has (length of the modulus - 3 - data.n) octets, at least 8, none
 * of them 0. `out` must have room for PKI_RSA_MAX. ERR_INVALID, ERR_CRYPTO. */
enum err pki_encrypt(const struct pki_cert *c, struct view padding, struct view data, uint8_t *out,
                     size_t *out_len) MUST_USE;
/* Decrypts `sealed` with RSAES-PKCS1-v1_5. ERR_AUTH: `sealed` was not encrypted for this key.
 * Verify the signature over `sealed` before calling this: otherwise the answers of the KMS tell an
 * attacker whether the padding is right (RFC 8017 7.2.2). ERR_CRYPTO, ERR_NOMEM. */
enum err pki_decrypt(const struct pki_key *k, struct view sealed, struct secret *out) MUST_USE;

#endif
