/* SPDX-License-Identifier: MIT */
/* Builds the INIT of Ticket Request and Ticket Resolve; authenticates and opens the answer. */
#include "keyctx/ticket/grant.h"

#include "base/mem.h"

enum { RAND_MAX_LEN = 255 };

static enum err draw(const struct mikey_env *env, const char *name, void *out, size_t n,
                     struct mikey_fault *fault)
{
	enum err e = env->random(env->random_ctx, name, out, n);

	return e ? mikey_fail(fault, e, MIKEY_E_UNSPECIFIED, "the random generator failed (%s)",
	                      name)
	         : ERR_OK;
}

static enum err no_memory(struct mikey_fault *fault)
{
	return mikey_fail(fault, ERR_NOMEM, MIKEY_E_UNSPECIFIED, "out of memory");
}

/* Copies the PSK, or makes a random envelope key (decision 0010.45). */
static enum err take_key(struct grant_exchange *x, const struct grant_params *p,
                         const struct mikey_env *env, struct mikey_fault *fault)
{
	enum err e;

	if (mikey_cred_is_psk(p->cred))
		return secret_set(&x->key, p->cred->psk.p, p->cred->psk.n) ? no_memory(fault)
		                                                           : ERR_OK;
	if (!p->cred->key || !p->cred->kms_cert)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_CERT,
		                  "no credentials for the KMS: a pre-shared key, or a private key "
		                  "and the KMS's certificate are needed");
	e = secret_make(&x->key, mikey_default_key_len(p->rules->algs.prf));
	if (e)
		return no_memory(fault);
	e = pki_cert_from_der(&x->kms_cert, pki_cert_der(p->cred->kms_cert),
	                      fault ? &fault->why : NULL);
	return e ? e : draw(env, "env-key", x->key.octets, x->key.len, fault);
}

/* Copies the KMS's identity, because the answer may leave it out. */
static enum err take_name(struct grant_exchange *x, struct mikey_id kms, struct mikey_fault *fault)
{
	x->names = mem_dup(kms.data.n ? (const void *)kms.data.p : "", kms.data.n + !kms.data.n);
	if (!x->names)
		return no_memory(fault);
	x->kms = (struct mikey_id){.type = kms.type, .data = {.p = x->names, .n = kms.data.n}};
	return ERR_OK;
}

/* Draws random padding octets for PKCS #1 v1.5; none of them may be zero. */
static enum err draw_padding(const struct mikey_env *env, uint8_t *out, size_t n,
                             struct mikey_fault *fault)
{
	enum err e = draw(env, "pkcs1-padding", out, n, fault);

	for (size_t i = 0; i < n && !e; i++)
		while (!out[i] && !e)
			e = draw(env, "pkcs1-padding-again", &out[i], 1, fault);
	return e;
}

static enum err add_pke(struct mikey_build *b, const struct grant_exchange *x,
                        const struct grant_params *p, const struct mikey_env *env,
                        struct mikey_fault *fault)
{
	uint8_t padding[PKI_RSA_MAX], sealed[PKI_RSA_MAX];
	size_t n = pki_cert_rsa_len(x->kms_cert) - 3 - x->key.len, sealed_len = 0;
	struct mikey_payload pke = {.type = MIKEY_PKE};
	enum err e = draw_padding(env, padding, n, fault);

	(void)p;
	if (!e)
		e = pki_encrypt(x->kms_cert, (struct view){.p = padding, .n = n},
		                (struct view){.p = x->key.octets, .n = x->key.len}, sealed,
		                &sealed_len);
	if (e)
		return mikey_fail(fault, e, MIKEY_E_UNSPECIFIED,
		                  "the envelope key can't be encrypted");
	pke.u.pke.data = (struct view){.p = sealed, .n = sealed_len};
	mikey_build_add(b, &pke);
	return ERR_OK;
}

static void add_idr(struct mikey_build *b, unsigned role, struct mikey_id id)
{
	struct mikey_payload p = mikey_make_idr(role, id);

	if (mikey_id_is_set(id))
		mikey_build_add(b, &p);
}

/* Adds IDRi or IDRr, its certificates, IDRkms, and TP or TICKET. */
static void add_body(struct mikey_build *b, const struct grant_params *p)
{
	bool is_pk = !mikey_cred_is_psk(p->cred);

	add_idr(b, p->is_resolve ? MIKEY_ROLE_R : MIKEY_ROLE_I, p->me);
	for (size_t i = 0; is_pk && p->cred->chain && i < pki_chain_len(p->cred->chain); i++) {
		struct mikey_payload cert = {.type = MIKEY_CERT};

		cert.u.cert.data = pki_cert_der(pki_chain_at(p->cred->chain, i));
		mikey_build_add(b, &cert);
	}
	add_idr(b, MIKEY_ROLE_KMS, p->kms);
	mikey_build_add_raw(b, p->carry_type, p->carry);
}

static enum err phase_keys(const struct grant_exchange *x, unsigned phase,
                           struct mikey_msg_keys *out, struct mikey_fault *fault)
{
	struct mikey_msg_seed from = {
		.prf = x->prf,
		.inkey = {.p = x->key.octets, .n = x->key.len},
		.csb_id = x->csb_id,
		.phase = phase,
	};
	enum err e;

	*(x->is_resolve ? &from.randr : &from.randi) = x->rand;
	e = mikey_prf_msg_keys(out, &from);
	return e ? mikey_fail(fault, e, MIKEY_E_UNSPECIFIED, "the message keys can't be derived")
	         : ERR_OK;
}

/* Adds the payloads that authenticate the request: IDRpsk and V, or CHASH, PKE and SIGN. */
static enum err add_proof(struct mikey_build *b, const struct grant_exchange *x,
                          const struct grant_params *p, const struct mikey_env *env,
                          struct mikey_fault *fault)
{
	struct view names[2] = {p->me.data, p->kms.data};
	struct mikey_msg_keys *k;
	enum err e;

	if (!mikey_cred_is_psk(p->cred)) {
		uint8_t hash[PRIM_SHA256_LEN];
		struct mikey_payload chash = {.type = MIKEY_CHASH,
		                              .u.chash = {.hash = MIKEY_HASH_SHA256,
		                                          .data = {.p = hash, .n = sizeof(hash)}}};
		struct mikey_signer signer = {p->cred->key, p->cred->scheme, p->cred->sign_hash};

		e = prim_digest(PRIM_SHA256, pki_cert_der(p->cred->kms_cert), hash);
		if (!e && p->cred->send_chash)
			mikey_build_add(b, &chash);
		if (!e)
			e = add_pke(b, x, p, env, fault);
		return e ? e : mikey_build_add_sign(b, &signer, names, 2);
	}
	add_idr(b, MIKEY_ROLE_PSK, p->cred->psk_id);
	k = secret_alloc(sizeof(*k));
	if (!k)
		return no_memory(fault);
	e = phase_keys(x, 1, k, fault);
	if (!e)
		e = mikey_build_add_mac(b, p->rules->algs.mac, k, names, 2);
	secret_free(k);
	return e;
}

static unsigned data_type_of(const struct grant_params *p)
{
	if (mikey_cred_is_psk(p->cred))
		return p->is_resolve ? MIKEY_DT_RESOLVE_INIT_PSK : MIKEY_DT_REQUEST_INIT_PSK;
	return p->is_resolve ? MIKEY_DT_RESOLVE_INIT_PK : MIKEY_DT_REQUEST_INIT_PK;
}

static enum err build(struct grant_exchange *x, const struct grant_params *p,
                      const struct mikey_env *env, struct mikey_fault *fault)
{
	struct mikey_hdr hdr = {.data_type = (uint8_t)data_type_of(p),
	                        .v = p->rules->v_flag_in_requests,
	                        .prf = x->prf,
	                        .csb_id = x->csb_id,
	                        .map_type = MIKEY_MAP_EMPTY};
	uint8_t rand[RAND_MAX_LEN];
	size_t longest = x->key.len > p->longest ? x->key.len : p->longest;
	size_t rand_len = mikey_rand_len(x->prf, longest), rand_at;
	struct mikey_payload payload;
	struct mikey_build b;
	struct view whole;
	enum err e;

	if (rand_len > sizeof(rand))
		return mikey_fail(fault, ERR_TOO_BIG, MIKEY_E_UNSPECIFIED,
		                  "a key of %zu octets is too long, at most 255 are allowed",
		                  longest);
	e = draw(env, p->is_resolve ? "randr-kms" : "randi-kms", rand, rand_len, fault);
	if (e)
		return e;
	mikey_build_start(&b, wr_make(x->octets, MIKEY_MESSAGE_MAX), &hdr, NULL, 0);
	payload = mikey_make_t(
		(struct mikey_ts){.type = MIKEY_TS_NTP_UTC, .value = mikey_env_stamp(env, 0)});
	mikey_build_add(&b, &payload);
	payload = mikey_make_randr(p->is_resolve ? MIKEY_ROLE_R : MIKEY_ROLE_I,
	                           (struct view){.p = rand, .n = rand_len});
	mikey_build_add(&b, &payload);
	rand_at = wr_len(&b.w) - rand_len;
	x->rand = (struct view){.p = x->octets + rand_at, .n = rand_len};
	add_body(&b, p);
	e = add_proof(&b, x, p, env, fault);
	if (!e)
		e = mikey_build_done(&b, &whole);
	if (e)
		return mikey_fail(fault, e, MIKEY_E_UNSPECIFIED,
		                  "the request to the KMS can't be built: %s", err_meaning(e));
	x->len = whole.n;
	return ERR_OK;
}

enum err grant_exchange_init(struct grant_exchange *x, const struct grant_params *params,
                             const struct mikey_env *env, struct mikey_fault *fault)
{
	uint8_t csb_id[4];
	enum err e = mikey_algs_check(params->rules->algs, false, fault);

	if (e)
		return e;
	x->rules = *params->rules;
	x->prf = x->rules.algs.prf;
	x->is_resolve = params->is_resolve;
	e = draw(env, "kms-csb-id", csb_id, sizeof(csb_id), fault);
	x->csb_id = be32_get(csb_id);
	if (!e)
		e = take_key(x, params, env, fault);
	if (!e)
		e = take_name(x, params->kms, fault);
	x->octets = e ? NULL : mem_alloc(MIKEY_MESSAGE_MAX);
	if (!e && !x->octets)
		e = no_memory(fault);
	if (!e)
		e = build(x, params, env, fault);
	return e;
}

void grant_exchange_fini(struct grant_exchange *x)
{
	secret_clear(&x->key);
	pki_cert_free(x->kms_cert);
	mem_free(x->names);
	mem_free(x->octets);
	*x = (struct grant_exchange){0};
}

/* Reads an Error and authenticates it with the keys of the request, or with the KMS's signature
 * (RFC 6043 5.4, decision 0010.19). */
static enum err take_error(const struct grant_exchange *x, struct grant_response *answer,
                           struct mikey_fault *fault)
{
	const struct mikey_payload *err = mikey_msg_find(&answer->msg, MIKEY_ERR);
	const struct mikey_payload *v = mikey_msg_find(&answer->msg, MIKEY_V);
	enum err e = ERR_AUTH;
	unsigned no;

	if (!err)
		return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED,
		                  "the Error message has no ERR payload");
	no = err->u.err.no;
	if (v && v->u.v.alg != MIKEY_MAC_NULL) {
		e = phase_keys(x, 1, &answer->keys, fault);
		if (!e)
			e = mikey_msg_check_mac(&answer->msg, &answer->keys, NULL, 0, fault);
	} else if (mikey_msg_find(&answer->msg, MIKEY_SIGN) && x->kms_cert) {
		e = mikey_msg_check_sign(
			&answer->msg,
			(struct mikey_signed_by){x->kms_cert, x->rules.accept_sha1_signatures},
			NULL, 0, fault);
	}
	if (e)
		return mikey_fail(fault, ERR_AUTH, (enum mikey_error)no,
		                  "Error from the KMS: %s (not authenticated, may be forged)",
		                  mikey_error_name(no));
	return mikey_fail(fault, ERR_DENIED, (enum mikey_error)no, "Error from the KMS: %s",
	                  mikey_error_name(no));
}

static enum err check_header(const struct grant_exchange *x, const struct mikey_msg *m,
                             unsigned data_type, struct mikey_fault *fault)
{
	const struct mikey_hdr *h = &m->hdr;
	const struct mikey_payload *idr = mikey_msg_idr(m, MIKEY_ROLE_KMS);

	if (h->csb_id != x->csb_id || h->prf != x->prf)
		return mikey_fail(fault, ERR_AUTH, MIKEY_E_AUTH,
		                  "CSB ID or PRF differs from that of the request");
	if (h->data_type == MIKEY_DT_ERROR)
		return ERR_OK;
	if (h->data_type != data_type)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_DT,
		                  "unexpected answer of the KMS: %s",
		                  mikey_data_type_name(h->data_type));
	if (h->n_cs || h->map_type != MIKEY_MAP_EMPTY)
		return mikey_fail(
			fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
			"an answer of a KMS must have no crypto sessions (#CS 0, Empty map)");
	if (!mikey_msg_find(m, MIKEY_T) || !mikey_msg_find(m, MIKEY_KEMAC) ||
	    !mikey_msg_find(m, MIKEY_V))
		return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED,
		                  "the answer of the KMS must have T, KEMAC and V; one is missing");
	if (idr && mikey_id_is_set(x->kms) && !mikey_id_eq(idr->u.idr.id, x->kms))
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_ID,
		                  "IDRkms of the answer names another KMS");
	return ERR_OK;
}

static enum err check_rand(const struct grant_exchange *x, const struct mikey_keys *k,
                           struct mikey_fault *fault)
{
	size_t longest = mikey_keys_longest(k);

	if (!x->rules.enforce_rand_len || x->rand.n >= longest)
		return ERR_OK;
	return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
	                  "RANDR must be at least as long as the longest key: key %zu octets, "
	                  "RANDR %zu (RFC 6043 12.1)",
	                  longest, x->rand.n);
}

enum err grant_exchange_open(const struct grant_exchange *x, struct view octets, unsigned data_type,
                             struct grant_response *out, struct mikey_fault *fault)
{
	const struct view init = {.p = x->octets, .n = x->len};
	const struct mikey_payload *kemac, *v;
	struct mikey_algs algs;
	enum err e = mikey_msg_read(&out->msg, octets, fault);

	if (!e)
		e = check_header(x, &out->msg, data_type, fault);
	if (e)
		return e;
	if (out->msg.hdr.data_type == MIKEY_DT_ERROR)
		return take_error(x, out, fault);
	kemac = mikey_msg_find(&out->msg, MIKEY_KEMAC);
	v = mikey_msg_find(&out->msg, MIKEY_V);
	algs = (struct mikey_algs){x->prf, kemac->u.kemac.encr, v->u.v.alg};
	e = mikey_algs_check(algs, false, fault);
	if (!e && algs.encr == MIKEY_ENCR_NULL && kemac->u.kemac.data.n &&
	    !x->rules.accept_null_encr)
		e = mikey_fail(fault, ERR_UNSUPPORTED, MIKEY_E_EA,
		               "the keys of KEMAC are not encrypted, which is not accepted");
	if (!e && kemac->u.kemac.mac_alg != MIKEY_MAC_NULL)
		e = mikey_fail(fault, ERR_UNSUPPORTED, MIKEY_E_MAC,
		               "KEMAC must have the MAC algorithm NULL");
	if (!e)
		e = phase_keys(x, 2, &out->keys, fault);
	if (!e)
		e = mikey_msg_check_mac(&out->msg, &out->keys, &init, 1, fault);
	if (!e)
		e = mikey_kemac_open(
			&out->plain, kemac,
			&(struct mikey_kemac_seed){&out->keys, x->csb_id,
		                                   mikey_msg_find(&out->msg, MIKEY_T)->u.t},
			fault);
	if (!e)
		e = mikey_algs_check_keys(algs, &out->plain, fault);
	return e ? e : check_rand(x, &out->plain, fault);
}
