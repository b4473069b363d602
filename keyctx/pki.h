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
struct pki_trust; /* the roots that are believed */

enum pki_scheme { PKI_PKCS1, PKI_PSS }; /* PSS: MGF1 of the same hash, salt as long as the hash */

enum {
	PKI_RSA_MAX = 512
}; /* octets of a modulus: RSA of 2048 to 4096 bits is taken, nothing else */

/* ERR_SYNTAX, ERR_UNSUPPORTED (not RSA, or of another size), ERR_NOMEM. The caller owns the result.
 */
enum err pki_key_from_pem(struct pki_key **out, struct view pem, struct why *why) MUST_USE;
void pki_key_free(struct pki_key *k);

enum err pki_cert_from_pem(struct pki_cert **out, struct view pem, struct why *why) MUST_USE;
enum err pki_cert_from_der(struct pki_cert **out, struct view der, struct why *why) MUST_USE;
void pki_cert_free(struct pki_cert *c);
struct view pki_cert_der(const struct pki_cert *c);
/* Is `id` a subjectAltName URI or rfc822Name of the certificate? Octet for octet (decision
 * 0010.46). */
bool pki_cert_names(const struct pki_cert *c, struct view id);
size_t pki_cert_rsa_len(const struct pki_cert *c);

/* One or more certificates in one PEM text. */
enum err pki_chain_from_pem(struct pki_chain **out, struct view pem, struct why *why) MUST_USE;
enum err pki_chain_from_ders(struct pki_chain **out, const struct view *ders, size_t n,
                             struct why *why) MUST_USE;
void pki_chain_free(struct pki_chain *c);
size_t pki_chain_len(const struct pki_chain *c);
const struct pki_cert *pki_chain_at(const struct pki_chain *c, size_t i);

enum err pki_trust_from_pem(struct pki_trust **out, struct view pem, struct why *why) MUST_USE;
void pki_trust_free(struct pki_trust *t);
/* Does the chain lead to a trusted root at that time (seconds since 1970)? ERR_AUTH, ERR_EXPIRED.
 */
enum err pki_trust_check(const struct pki_trust *t, const struct pki_chain *c, uint64_t now_s,
                         struct why *why) MUST_USE;

/* How a signature is made. */
struct pki_alg {
	enum pki_scheme scheme;
	enum prim_hash hash;
};

/* Signature over the concatenation of `parts`: pki_key_rsa_len(k) octets, at most PKI_RSA_MAX. */
enum err pki_sign(const struct pki_key *k, struct pki_alg alg, const struct view *parts, size_t n,
                  uint8_t *sig) MUST_USE;
size_t pki_key_rsa_len(const struct pki_key *k);
/* ERR_AUTH when it is not the signature. */
enum err pki_verify(const struct pki_cert *c, struct pki_alg alg, const struct view *parts,
                    size_t n, struct view sig) MUST_USE;

/*
 * RSAES-PKCS1-v1_5 with the padding octets given (none may be 0, modulus - 3 - data.n of them), so
 * that a message can be reproduced. `out` has room for PKI_RSA_MAX.
 */
enum err pki_encrypt(const struct pki_cert *c, struct view padding, struct view data, uint8_t *out,
                     size_t *out_len) MUST_USE;
/* ERR_AUTH when it does not open; check the signature over it first (RFC 8017 7.2.2 has the
 * reason). */
enum err pki_decrypt(const struct pki_key *k, struct view sealed, struct secret *out) MUST_USE;

#endif
