/* SPDX-License-Identifier: MIT */
/* keyctx/pki: RSA and X.509 with the keys of the vectors, and the public-key parts of MIKEY-TICKET
 * that no vector covers. */
#include <stdlib.h>

#include "tests/harness/harness.h"
#include "tests/harness/mikey_vectors.h"

static struct play *people(void)
{
	struct play *p = play_new(play_session("mode1-pk"));

	p->fresh_random = true;
	return p;
}

static void signatures(void)
{
	struct play *p = people();
	const struct play_party *a = &p->party[PLAY_ALICE], *b = &p->party[PLAY_BOB];
	struct view parts[2] = {{.p = (const uint8_t *)"signed ", .n = 7},
	                        {.p = (const uint8_t *)"text", .n = 4}};
	struct view whole = {.p = (const uint8_t *)"signed text", .n = 11};

	for (unsigned scheme = PKI_PKCS1; scheme <= PKI_PSS; scheme++)
		for (unsigned hash = PRIM_SHA1; hash <= PRIM_SHA256; hash++) {
			uint8_t sig[PKI_RSA_MAX];
			struct view s = {.p = sig, .n = pki_key_rsa_len(a->key)};
			struct pki_alg alg = {(enum pki_scheme)scheme, (enum prim_hash)hash};
			struct pki_alg other_hash = alg, other_scheme = alg;
			const struct pki_cert *cert = pki_chain_at(a->chain, 0);

			other_hash.hash = hash == PRIM_SHA1 ? PRIM_SHA256 : PRIM_SHA1;
			other_scheme.scheme = scheme == PKI_PSS ? PKI_PKCS1 : PKI_PSS;
			test_context("scheme %u hash %u", scheme, hash);
			REQUIRE_OK(pki_sign(a->key, alg, parts, 2, sig));
			EXPECT_INT(s.n, 256);
			EXPECT_OK(pki_verify(cert, alg, &whole, 1, s));
			EXPECT_ERR(pki_verify(cert, other_hash, &whole, 1, s), ERR_AUTH);
			EXPECT_ERR(pki_verify(cert, other_scheme, &whole, 1, s), ERR_AUTH);
			EXPECT_ERR(pki_verify(pki_chain_at(b->chain, 0), alg, &whole, 1, s),
			           ERR_AUTH);
			EXPECT_ERR(pki_verify(cert, alg, parts, 1, s), ERR_AUTH);
			sig[17] ^= 1;
			EXPECT_ERR(pki_verify(cert, alg, &whole, 1, s), ERR_AUTH);
		}
	play_free(p);
}

static void envelopes(void)
{
	struct play *p = people();
	const struct play_party *k = &p->party[PLAY_KMS];
	uint8_t padding[PKI_RSA_MAX], sealed[PKI_RSA_MAX];
	struct view key = {.p = (const uint8_t *)"0123456789abcdef", .n = 16},
		    pad = {.p = padding, .n = 256 - 3 - 16};
	struct secret out = {0};
	size_t n;

	memset(padding, 0x5a, sizeof(padding));
	REQUIRE_OK(pki_encrypt(pki_chain_at(k->chain, 0), pad, key, sealed, &n));
	REQUIRE_OK(pki_decrypt(k->key, (struct view){.p = sealed, .n = n}, &out));
	EXPECT_OCTETS(out.octets, out.len, key.p, key.n);
	EXPECT_ERR(pki_decrypt(p->party[PLAY_ALICE].key, (struct view){.p = sealed, .n = n}, &out),
	           ERR_AUTH);
	padding[100] = 0;
	EXPECT_ERR(pki_encrypt(pki_chain_at(k->chain, 0), pad, key, sealed, &n), ERR_INVALID);
	pad.n--;
	EXPECT_ERR(pki_encrypt(pki_chain_at(k->chain, 0), pad, key, sealed, &n), ERR_INVALID);
	secret_clear(&out);
	play_free(p);
}

static void trust(void)
{
	struct play *p = people();
	const struct play_party *a = &p->party[PLAY_ALICE];
	const struct pki_trust *roots = p->party[PLAY_KMS].trust;
	struct view leaf = pki_cert_der(pki_chain_at(a->chain, 0));
	struct pki_chain *alone = NULL;
	struct why why;

	EXPECT_OK(pki_trust_check(roots, a->chain, 1300000000, &why));
	EXPECT_ERR(pki_trust_check(roots, a->chain, 1000000000, &why), ERR_EXPIRED);
	EXPECT_ERR(pki_trust_check(roots, a->chain, 3000000000, &why), ERR_EXPIRED);
	REQUIRE_OK(pki_chain_from_ders(&alone, &leaf, 1, &why));
	EXPECT_ERR(pki_trust_check(roots, alone, 1300000000, &why),
	           ERR_AUTH); /* the intermediate CA is missing */
	EXPECT(pki_cert_names(pki_chain_at(alone, 0), play_uri("sip:alice@home.example").data));
	EXPECT(!pki_cert_names(pki_chain_at(alone, 0), play_uri("sip:alice@home.exampl").data));
	EXPECT(!pki_cert_names(pki_chain_at(alone, 0), play_uri("").data));
	pki_chain_free(alone);
	leaf.n--;
	EXPECT(pki_chain_from_ders(&alone, &leaf, 1, &why) != ERR_OK);
	EXPECT(pki_chain_from_pem(&alone, play_uri("nothing").data, &why) == ERR_SYNTAX);
	play_free(p);
}

/* A ticket request with each signature scheme and hash. The KMS refuses SHA-1 unless its rules
 * accept it. */
static void schemes(void)
{
	for (unsigned scheme = MIKEY_SIGN_PKCS1; scheme <= MIKEY_SIGN_PSS; scheme++)
		for (unsigned hash = PRIM_SHA1; hash <= PRIM_SHA256; hash++)
			for (unsigned takes = 0; takes < 2; takes++) {
				struct play *p = people();
				enum err e;

				test_context("scheme %u hash %u takes %u", scheme, hash, takes);
				p->rules.accept_sha1_signatures = takes;
				p->party[PLAY_ALICE].cred.scheme = (enum mikey_sign)scheme;
				p->party[PLAY_ALICE].cred.sign_hash = (enum prim_hash)hash;
				e = play_request(p);
				if (!e)
					e = play_kms(p, play_view(p, PLAY_REQUEST_INIT),
					             PLAY_REQUEST_RESP);
				EXPECT_ERR(e, hash == PRIM_SHA1 && !takes ? ERR_AUTH : ERR_OK);
				play_free(p);
			}
}

/* The KMS signs the error that answers a public-key request (decision 0010.19). */
static void signed_error(void)
{
	struct play *p = people();
	struct play_party *k = &p->party[PLAY_KMS];
	struct authority_peer peer = {.chain = p->party[PLAY_ALICE].chain,
	                              .own_key = k->key,
	                              .own_cert = pki_chain_at(k->chain, 0),
	                              .owner = p->party[PLAY_ALICE].me[0],
	                              .owns_sender = true,
	                              .kms = k->me[0]};
	struct authority *a = NULL;
	struct ticket_grant *grant = NULL;
	uint8_t room[1024];
	struct view out;

	REQUIRE_OK(play_request(p));
	REQUIRE_OK(authority_new(&a, &p->rules, play_view(p, PLAY_REQUEST_INIT), k->env.now_ntp,
	                         &p->fault));
	EXPECT(authority_is_pk(a));
	REQUIRE_OK(authority_verify(a, &peer, &p->fault));
	REQUIRE_OK(authority_error(a, (struct view){0}, MIKEY_E_TPPAR, &k->env,
	                           wr_make(room, sizeof(room)), &out));
	room[out.n - 9] ^= 1;
	EXPECT_ERR(ticket_request_receive(p->request, out, &grant, &p->fault), ERR_AUTH);
	room[out.n - 9] ^= 1;
	EXPECT_ERR(ticket_request_receive(p->request, out, &grant, &p->fault), ERR_DENIED);
	EXPECT_INT(p->fault.no, MIKEY_E_TPPAR);
	authority_free(a);
	/* With public-key requests disabled, the request is refused as an unknown data type. */
	p->rules.accept_pk = false;
	EXPECT_ERR(authority_new(&a, &p->rules, play_view(p, PLAY_REQUEST_INIT), k->env.now_ntp,
	                         &p->fault),
	           ERR_UNSUPPORTED);
	EXPECT_INT(p->fault.no, MIKEY_E_DT);
	play_free(p);
}

/* A request in Alice's name with Bob's certificate is refused. */
static void anothers_certificate(void)
{
	struct play *p = people();

	p->party[PLAY_ALICE].cred.key = p->party[PLAY_BOB].key;
	p->party[PLAY_ALICE].cred.chain = p->party[PLAY_BOB].chain;
	REQUIRE_OK(play_request(p));
	EXPECT_ERR(play_kms(p, play_view(p, PLAY_REQUEST_INIT), PLAY_REQUEST_RESP), ERR_AUTH);
	EXPECT_INT(p->fault.no, MIKEY_E_ID);
	play_free(p);
}

TEST_MAIN("pki", {"signatures", signatures}, {"envelopes", envelopes}, {"trust", trust},
          {"schemes", schemes}, {"signed-error", signed_error},
          {"anothers-certificate", anothers_certificate})
