/* SPDX-License-Identifier: MIT */
/* Wraps OpenSSL's RSA and X.509 functions in this program's types. */
#include "keyctx/pki.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "base/mem.h"

enum { RSA_MIN = 256, CHAIN_MAX = 8, PADDING_MIN = 8 };

struct pki_key {
	EVP_PKEY *key;
};

struct pki_cert {
	X509 *x509;
	EVP_PKEY *key;
	uint8_t *der;
	size_t der_len;
};

struct pki_chain {
	struct pki_cert *certs[CHAIN_MAX];
	size_t n;
};

struct pki_trust {
	X509_STORE *store;
};

static BIO *bio_of(struct view v)
{
	return v.n <= INT_MAX ? BIO_new_mem_buf(v.n ? (const void *)v.p : "", (int)v.n) : NULL;
}

/* Supplies no passphrase, so OpenSSL refuses an encrypted key. */
static int no_passphrase(char *buf, int size, int rw, void *arg)
{
	(void)buf;
	(void)size;
	(void)rw;
	(void)arg;
	return -1;
}

static bool is_fit_rsa(const EVP_PKEY *key)
{
	int n = key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? EVP_PKEY_get_size(key) : 0;

	return n >= RSA_MIN && n <= PKI_RSA_MAX;
}

enum err pki_key_from_pem(struct pki_key **out, struct view pem, struct why *why)
{
	BIO *bio = bio_of(pem);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	struct pki_key *k = NULL;
	enum err e = ERR_OK;

	BIO_free(bio);
	if (!key)
		e = why_fail(why, ERR_SYNTAX, "no unencrypted private key in PEM format found");
	else if (!is_fit_rsa(key))
		e = why_fail(why, ERR_UNSUPPORTED,
		             "the private key must be RSA of 2048 to 4096 bits");
	else if (!(k = mem_alloc(sizeof(*k))))
		e = why_fail(why, ERR_NOMEM, "out of memory");
	if (e) {
		EVP_PKEY_free(key);
		return e;
	}
	k->key = key;
	*out = k;
	return ERR_OK;
}

void pki_key_free(struct pki_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->key);
	mem_free(k);
}

size_t pki_key_rsa_len(const struct pki_key *k)
{
	return (size_t)EVP_PKEY_get_size(k->key);
}

/* Takes ownership of `x509`: frees it on failure, too. */
static enum err cert_take(struct pki_cert **out, X509 *x509, struct why *why)
{
	struct pki_cert *c = mem_alloc(sizeof(*c));
	int n = i2d_X509(x509, NULL);
	uint8_t *p;

	if (!c || n <= 0 || !(c->der = mem_alloc((size_t)n))) {
		mem_free(c);
		X509_free(x509);
		return why_fail(why, ERR_NOMEM, "out of memory");
	}
	c->x509 = x509;
	c->key = X509_get_pubkey(x509);
	p = c->der;
	c->der_len = (size_t)i2d_X509(x509, &p);
	if (!is_fit_rsa(c->key)) {
		pki_cert_free(c);
		return why_fail(why, ERR_UNSUPPORTED,
		                "the certificate's key must be RSA of 2048 to 4096 bits");
	}
	*out = c;
	return ERR_OK;
}

enum err pki_cert_from_pem(struct pki_cert **out, struct view pem, struct why *why)
{
	BIO *bio = bio_of(pem);
	X509 *x509 = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;

	BIO_free(bio);
	return x509 ? cert_take(out, x509, why)
	            : why_fail(why, ERR_SYNTAX, "no certificate in PEM format found");
}

enum err pki_cert_from_der(struct pki_cert **out, struct view der, struct why *why)
{
	const uint8_t *p = der.p;
	X509 *x509 = der.n && der.n <= LONG_MAX ? d2i_X509(NULL, &p, (long)der.n) : NULL;

	if (!x509)
		return why_fail(why, ERR_SYNTAX, "not an X.509 certificate in DER format");
	if (p != der.p + der.n) {
		X509_free(x509);
		return why_fail(why, ERR_SYNTAX, "unexpected octets after the certificate");
	}
	return cert_take(out, x509, why);
}

void pki_cert_free(struct pki_cert *c)
{
	if (!c)
		return;
	X509_free(c->x509);
	EVP_PKEY_free(c->key);
	mem_free(c->der);
	mem_free(c);
}

struct view pki_cert_der(const struct pki_cert *c)
{
	return (struct view){.p = c->der, .n = c->der_len};
}

size_t pki_cert_rsa_len(const struct pki_cert *c)
{
	return (size_t)EVP_PKEY_get_size(c->key);
}

bool pki_cert_names(const struct pki_cert *c, struct view id)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(c->x509, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; names && id.n && i < sk_GENERAL_NAME_num(names) && !found; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		const ASN1_STRING *text = name->type == GEN_URI ? name->d.uniformResourceIdentifier
		                          : name->type == GEN_EMAIL ? name->d.rfc822Name
		                                                    : NULL;

		if (text)
			found = view_eq(id, (struct view){
						    .p = ASN1_STRING_get0_data(text),
						    .n = (size_t)ASN1_STRING_length(text),
					    });
	}
	GENERAL_NAMES_free(names);
	return found;
}

enum err pki_chain_from_pem(struct pki_chain **out, struct view pem, struct why *why)
{
	struct pki_chain *c = mem_alloc(sizeof(*c));
	BIO *bio = bio_of(pem);
	enum err e = c && bio ? ERR_OK : why_fail(why, ERR_NOMEM, "out of memory");
	X509 *x509;

	while (!e && (x509 = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
		if (c->n == CHAIN_MAX) {
			X509_free(x509);
			e = why_fail(why, ERR_TOO_BIG,
			             "too many certificates, at most %d are allowed", CHAIN_MAX);
		} else {
			e = cert_take(&c->certs[c->n], x509, why);
			c->n += !e;
		}
	}
	BIO_free(bio);
	if (!e && !c->n)
		e = why_fail(why, ERR_SYNTAX, "no certificate in PEM format found");
	if (e)
		pki_chain_free(c);
	else
		*out = c;
	return e;
}

enum err pki_chain_from_ders(struct pki_chain **out, const struct view *ders, size_t n,
                             struct why *why)
{
	struct pki_chain *c;
	enum err e = ERR_OK;

	if (!n || n > CHAIN_MAX)
		return why_fail(why, ERR_TOO_BIG,
		                "the chain has %zu certificates, must have 1 to %d", n, CHAIN_MAX);
	c = mem_alloc(sizeof(*c));
	if (!c)
		return why_fail(why, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < n && !e; i++) {
		e = pki_cert_from_der(&c->certs[i], ders[i], why);
		c->n += !e;
	}
	if (e)
		pki_chain_free(c);
	else
		*out = c;
	return e;
}

void pki_chain_free(struct pki_chain *c)
{
	for (size_t i = 0; c && i < c->n; i++)
		pki_cert_free(c->certs[i]);
	mem_free(c);
}

size_t pki_chain_len(const struct pki_chain *c)
{
	return c->n;
}

const struct pki_cert *pki_chain_at(const struct pki_chain *c, size_t i)
{
	return i < c->n ? c->certs[i] : NULL;
}

enum err pki_trust_from_pem(struct pki_trust **out, struct view pem, struct why *why)
{
	struct pki_trust *t = mem_alloc(sizeof(*t));
	struct pki_chain *roots = NULL;
	enum err e = pki_chain_from_pem(&roots, pem, why);

	if (!e && (!t || !(t->store = X509_STORE_new())))
		e = why_fail(why, ERR_NOMEM, "out of memory");
	for (size_t i = 0; !e && i < roots->n; i++)
		if (X509_STORE_add_cert(t->store, roots->certs[i]->x509) != 1)
			e = why_fail(why, ERR_CRYPTO, "OpenSSL refused a trusted certificate");
	pki_chain_free(roots);
	if (e)
		pki_trust_free(t);
	else
		*out = t;
	return e;
}

void pki_trust_free(struct pki_trust *t)
{
	if (!t)
		return;
	X509_STORE_free(t->store);
	mem_free(t);
}

static bool is_about_time(int code)
{
	return code == X509_V_ERR_CERT_HAS_EXPIRED || code == X509_V_ERR_CERT_NOT_YET_VALID;
}

enum err pki_trust_check(const struct pki_trust *t, const struct pki_chain *c, uint64_t now_s,
                         struct why *why)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *others = sk_X509_new_null();
	enum err e = ctx && others ? ERR_OK : why_fail(why, ERR_NOMEM, "out of memory");

	for (size_t i = 1; !e && i < c->n; i++)
		if (!sk_X509_push(others, c->certs[i]->x509))
			e = why_fail(why, ERR_NOMEM, "out of memory");
	if (!e && X509_STORE_CTX_init(ctx, t->store, c->certs[0]->x509, others) != 1)
		e = why_fail(why, ERR_CRYPTO,
		             "OpenSSL could not begin to check the certificate chain");
	if (!e) {
		X509_STORE_CTX_set_time(ctx, 0, (time_t)now_s);
		if (X509_verify_cert(ctx) != 1) {
			int code = X509_STORE_CTX_get_error(ctx);

			e = why_fail(why, is_about_time(code) ? ERR_EXPIRED : ERR_AUTH,
			             "the certificate is not trusted: %s",
			             X509_verify_cert_error_string(code));
		}
	}
	sk_X509_free(others);
	X509_STORE_CTX_free(ctx);
	return e;
}

static const EVP_MD *md_of(enum prim_hash hash)
{
	return hash == PRIM_SHA256 ? EVP_sha256() : EVP_sha1();
}

static bool set_scheme(EVP_PKEY_CTX *ctx, struct pki_alg alg)
{
	if (alg.scheme == PKI_PKCS1)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md_of(alg.hash)) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

enum err pki_sign(const struct pki_key *k, struct pki_alg alg, const struct view *parts, size_t n,
                  uint8_t *sig)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = NULL;
	size_t len = PKI_RSA_MAX;
	enum err e = ERR_CRYPTO;

	if (!md || EVP_DigestSignInit(md, &ctx, md_of(alg.hash), NULL, k->key) != 1 ||
	    !set_scheme(ctx, alg))
		goto out;
	for (size_t i = 0; i < n; i++)
		if (EVP_DigestSignUpdate(md, parts[i].n ? (const void *)parts[i].p : "",
		                         parts[i].n) != 1)
			goto out;
	if (EVP_DigestSignFinal(md, sig, &len) == 1 && len == pki_key_rsa_len(k))
		e = ERR_OK;
out:
	EVP_MD_CTX_free(md);
	return e;
}

enum err pki_verify(const struct pki_cert *c, struct pki_alg alg, const struct view *parts,
                    size_t n, struct view sig)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = NULL;
	enum err e = ERR_CRYPTO;

	if (!md || EVP_DigestVerifyInit(md, &ctx, md_of(alg.hash), NULL, c->key) != 1 ||
	    !set_scheme(ctx, alg))
		goto out;
	for (size_t i = 0; i < n; i++)
		if (EVP_DigestVerifyUpdate(md, parts[i].n ? (const void *)parts[i].p : "",
		                           parts[i].n) != 1)
			goto out;
	e = EVP_DigestVerifyFinal(md, sig.p, sig.n) == 1 ? ERR_OK : ERR_AUTH;
out:
	EVP_MD_CTX_free(md);
	return e;
}

enum err pki_encrypt(const struct pki_cert *c, struct view padding, struct view data, uint8_t *out,
                     size_t *out_len)
{
	size_t n = pki_cert_rsa_len(c), len = PKI_RSA_MAX;
	uint8_t block[PKI_RSA_MAX];
	struct wr w = wr_make(block, n);
	EVP_PKEY_CTX *ctx = NULL;
	enum err e = ERR_CRYPTO;

	if (padding.n < PADDING_MIN || padding.n + data.n + 3 != n ||
	    memchr(padding.p, 0, padding.n))
		return ERR_INVALID;
	wr_u16(&w, 2);
	wr_view(&w, padding);
	wr_u8(&w, 0);
	wr_view(&w, data);
	ctx = EVP_PKEY_CTX_new(c->key, NULL);
	if (ctx && EVP_PKEY_encrypt_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
	    EVP_PKEY_encrypt(ctx, out, &len, block, n) == 1 && len == n) {
		*out_len = n;
		e = ERR_OK;
	}
	EVP_PKEY_CTX_free(ctx);
	secret_wipe(block, sizeof(block));
	return e;
}

enum err pki_decrypt(const struct pki_key *k, struct view sealed, struct secret *out)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k->key, NULL);
	size_t len = PKI_RSA_MAX;
	uint8_t *plain = secret_alloc(PKI_RSA_MAX);
	enum err e = ERR_NOMEM;

	if (!ctx || !plain)
		goto out;
	e = ERR_CRYPTO;
	if (EVP_PKEY_decrypt_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1)
		goto out;
	e = EVP_PKEY_decrypt(ctx, plain, &len, sealed.p, sealed.n) == 1
	            ? secret_set(out, plain, len)
	            : ERR_AUTH;
out:
	EVP_PKEY_CTX_free(ctx);
	secret_free(plain);
	return e;
}
