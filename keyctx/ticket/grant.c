/* SPDX-License-Identifier: MIT */
/* The INIT of Ticket Request and Ticket Resolve, and what authenticates its answer. */
#include "keyctx/ticket/grant.h"

#include "base/mem.h"

enum { RAND_MAX_LEN = 255 };

static enum err draw(const struct mikey_env *env, const char *name, void *out, size_t n,
                     struct mikey_fault *fault)
{
	enum err e = env->random(env->random_ctx, name, out, n);

	return e ? mikey_fail(fault, e, MIKEY_E_UNSPECIFIED, "no random octets for %s", name)
	         : ERR_OK;
}

static enum err no_memory(struct mikey_fault *fault)
{
	return mikey_fail(fault, ERR_NOMEM, MIKEY_E_UNSPECIFIED, "out of memory");
}

/* The PSK, or a fresh envelope key (decision 0010.45). */
static enum err take_key(struct ask *a, const struct ask_params *p, const struct mikey_env *env,
                         struct mikey_fault *fault)
{
	enum err e;

	if (mikey_cred_is_psk(p->cred))
		return secret_set(&a->key, p->cred->psk.p, p->cred->psk.n) ? no_memory(fault)
		                                                           : ERR_OK;
	if (!p->cred->key || !p->cred->kms_cert)
		return mikey_fail(
			fault, ERR_INVALID, MIKEY_E_CERT,
			"neither a pre-shared key nor a key pair and the KMS's certificate");
	e = secret_make(&a->key, mikey_default_key_len(p->rules->algs.prf));
	if (e)
		return no_memory(fault);
	e = pki_cert_from_der(&a->kms_cert, pki_cert_der(p->cred->kms_cert),
	                      fault ? &fault->why : NULL);
	return e ? e : draw(env, "env-key", a->key.octets, a->key.len, fault);
}

/* A copy of the KMS's name, for what it leaves out of its answer. */
static enum err take_name(struct ask *a, struct mikey_id kms, struct mikey_fault *fault)
{
	a->names = mem_dup(kms.data.n ? (const void *)kms.data.p : "", kms.data.n + !kms.data.n);
	if (!a->names)
		return no_memory(fault);
	a->kms = (struct mikey_id){.type = kms.type, .data = {.p = a->names, .n = kms.data.n}};
	return ERR_OK;
}

/* PKCS #1 v1.5 wants padding octets that are not zero. */
static enum err draw_padding(const struct mikey_env *env, uint8_t *out, size_t n,
                             struct mikey_fault *fault)
{
	enum err e = draw(env, "pkcs1-padding", out, n, fault);

	for (size_t i = 0; i < n && !e; i++)
		while (!out[i] && !e)
			e = draw(env, "pkcs1-padding-again", &out[i], 1, fault);
	return e;
}

static enum err add_pke(struct mikey_build *b, const struct ask *a, const struct ask_params *p,
                        const struct mikey_env *env, struct mikey_fault *fault)
{
	uint8_t padding[PKI_RSA_MAX], sealed[PKI_RSA_MAX];
	size_t n = pki_cert_rsa_len(a->kms_cert) - 3 - a->key.len, sealed_len = 0;
	struct mikey_payload pke = {.type = MIKEY_PKE};
	enum err e = draw_padding(env, padding, n, fault);

	(void)p;
	if (!e)
		e = pki_encrypt(a->kms_cert, (struct view){.p = padding, .n = n},
		                (struct view){.p = a->key.octets, .n = a->key.len}, sealed,
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

/* IDRi or IDRr, the certificates behind it, IDRkms, TP or TICKET. */
static void add_body(struct mikey_build *b, const struct ask_params *p)
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

/* The end of each variant: IDRpsk and V, or CHASH, PKE and SIGN. */
static enum err add_proof(struct mikey_build *b, const struct ask *a, const struct ask_params *p,
                          const struct mikey_env *env, struct mikey_fault *fault)
{
	struct view names[2] = {p->me.data, p->kms.data};
	struct mikey_msg_keys *k;
	enum err e;

	if (!mikey_cred_is_psk(p->cred)) {
		uint8_t hash[PRIM_SHA256_LEN];
		struct mikey_payload chash = {.type = MIKEY_CHASH,
		                              .u.chash = {.hash = MIKEY_HASH_SHA256,
		                                          .data = {.p = hash, .n = sizeof(hash)}}};

		e = prim_digest(PRIM_SHA256, pki_cert_der(p->cred->kms_cert), hash);
		if (!e && p->cred->send_chash)
			mikey_build_add(b, &chash);
		if (!e)
			e = add_pke(b, a, p, env, fault);
		return e ? e
		         : mikey_build_add_sign(b, p->cred->key, p->cred->scheme,
		                                p->cred->sign_hash, names, 2);
	}
	add_idr(b, MIKEY_ROLE_PSK, p->cred->psk_id);
	k = secret_alloc(sizeof(*k));
	if (!k)
		return no_memory(fault);
	e = mikey_prf_msg_keys(k, a->prf, (struct view){.p = a->key.octets, .n = a->key.len},
	                       a->csb_id, 1, a->is_resolve ? (struct view){0} : a->rand,
	                       a->is_resolve ? a->rand : (struct view){0});
	if (!e)
		e = mikey_build_add_mac(b, p->rules->algs.mac, k, names, 2);
	secret_free(k);
	return e;
}

static unsigned data_type_of(const struct ask_params *p)
{
	if (mikey_cred_is_psk(p->cred))
		return p->is_resolve ? MIKEY_DT_RESOLVE_INIT_PSK : MIKEY_DT_REQUEST_INIT_PSK;
	return p->is_resolve ? MIKEY_DT_RESOLVE_INIT_PK : MIKEY_DT_REQUEST_INIT_PK;
}

static enum err build(struct ask *a, const struct ask_params *p, const struct mikey_env *env,
                      struct mikey_fault *fault)
{
	struct mikey_hdr hdr = {.data_type = (uint8_t)data_type_of(p),
	                        .v = p->rules->v_flag_in_requests,
	                        .prf = a->prf,
	                        .csb_id = a->csb_id,
	                        .map_type = MIKEY_MAP_EMPTY};
	uint8_t rand[RAND_MAX_LEN];
	size_t longest = a->key.len > p->longest ? a->key.len : p->longest;
	size_t rand_len = mikey_rand_len(a->prf, longest), rand_at;
	struct mikey_payload payload;
	struct mikey_build b;
	struct view whole;
	enum err e;

	if (rand_len > sizeof(rand))
		return mikey_fail(fault, ERR_TOO_BIG, MIKEY_E_UNSPECIFIED, "keys of %zu octets",
		                  longest);
	e = draw(env, p->is_resolve ? "randr-kms" : "randi-kms", rand, rand_len, fault);
	if (e)
		return e;
	mikey_build_start(&b, a->octets, MIKEY_MESSAGE_MAX, &hdr, NULL, 0);
	payload = mikey_make_t(
		(struct mikey_ts){.type = MIKEY_TS_NTP_UTC, .value = mikey_env_stamp(env, 0)});
	mikey_build_add(&b, &payload);
	payload = mikey_make_randr(p->is_resolve ? MIKEY_ROLE_R : MIKEY_ROLE_I,
	                           (struct view){.p = rand, .n = rand_len});
	mikey_build_add(&b, &payload);
	rand_at = wr_len(&b.w) - rand_len;
	a->rand = (struct view){.p = a->octets + rand_at, .n = rand_len};
	add_body(&b, p);
	e = add_proof(&b, a, p, env, fault);
	if (!e)
		e = mikey_build_done(&b, &whole);
	if (e)
		return mikey_fail(fault, e, MIKEY_E_UNSPECIFIED, "the message can't be built: %s",
		                  err_meaning(e));
	a->len = whole.n;
	return ERR_OK;
}

enum err ask_init(struct ask *a, const struct ask_params *params, const struct mikey_env *env,
                  struct mikey_fault *fault)
{
	uint8_t csb_id[4];
	enum err e = mikey_algs_check(params->rules->algs, false, fault);

	if (e)
		return e;
	a->rules = *params->rules;
	a->prf = a->rules.algs.prf;
	a->is_resolve = params->is_resolve;
	e = draw(env, "kms-csb-id", csb_id, sizeof(csb_id), fault);
	a->csb_id = be32_get(csb_id);
	if (!e)
		e = take_key(a, params, env, fault);
	if (!e)
		e = take_name(a, params->kms, fault);
	a->octets = e ? NULL : mem_alloc(MIKEY_MESSAGE_MAX);
	if (!e && !a->octets)
		e = no_memory(fault);
	if (!e)
		e = build(a, params, env, fault);
	return e;
}

void ask_fini(struct ask *a)
{
	secret_clear(&a->key);
	pki_cert_free(a->kms_cert);
	mem_free(a->names);
	mem_free(a->octets);
	*a = (struct ask){0};
}

static enum err phase_keys(const struct ask *a, unsigned phase, struct mikey_msg_keys *out,
                           struct mikey_fault *fault)
{
	enum err e =
		mikey_prf_msg_keys(out, a->prf, (struct view){.p = a->key.octets, .n = a->key.len},
	                           a->csb_id, phase, a->is_resolve ? (struct view){0} : a->rand,
	                           a->is_resolve ? a->rand : (struct view){0});

	return e ? mikey_fail(fault, e, MIKEY_E_UNSPECIFIED, "keys can't be derived") : ERR_OK;
}

/* An Error proves itself with the key of the message it is about, or KMS's signature (RFC 6043 5.4,
 * decision 0010.19). */
static enum err take_error(const struct ask *a, struct ask_answer *answer,
                           struct mikey_fault *fault)
{
	const struct mikey_payload *err = mikey_msg_find(&answer->msg, MIKEY_ERR);
	const struct mikey_payload *v = mikey_msg_find(&answer->msg, MIKEY_V);
	enum err e = ERR_AUTH;
	unsigned no;

	if (!err)
		return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED,
		                  "an Error message without ERR");
	no = err->u.err.no;
	if (v && v->u.v.alg != MIKEY_MAC_NULL) {
		e = phase_keys(a, 1, &answer->keys, fault);
		if (!e)
			e = mikey_msg_check_mac(&answer->msg, &answer->keys, NULL, 0, fault);
	} else if (mikey_msg_find(&answer->msg, MIKEY_SIGN) && a->kms_cert) {
		e = mikey_msg_check_sign(&answer->msg, a->kms_cert, a->rules.accept_sha1_signatures,
		                         NULL, 0, fault);
	}
	if (e)
		return mikey_fail(fault, ERR_AUTH, (enum mikey_error)no,
		                  "the KMS seems to say: %s (not authenticated)",
		                  mikey_error_name(no));
	return mikey_fail(fault, ERR_DENIED, (enum mikey_error)no, "the KMS says: %s",
	                  mikey_error_name(no));
}

static enum err check_header(const struct ask *a, const struct mikey_msg *m, unsigned data_type,
                             struct mikey_fault *fault)
{
	const struct mikey_hdr *h = &m->hdr;
	const struct mikey_payload *idr = mikey_msg_idr(m, MIKEY_ROLE_KMS);

	if (h->csb_id != a->csb_id || h->prf != a->prf)
		return mikey_fail(fault, ERR_AUTH, MIKEY_E_AUTH, "an answer to another message");
	if (h->data_type == MIKEY_DT_ERROR)
		return ERR_OK;
	if (h->data_type != data_type)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_DT, "%s is not expected",
		                  mikey_data_type_name(h->data_type));
	if (h->n_cs || h->map_type != MIKEY_MAP_EMPTY)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
		                  "crypto sessions in an answer of a KMS");
	if (!mikey_msg_find(m, MIKEY_T) || !mikey_msg_find(m, MIKEY_KEMAC) ||
	    !mikey_msg_find(m, MIKEY_V))
		return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED,
		                  "T, KEMAC or V is missing");
	if (idr && mikey_id_is_set(a->kms) && !mikey_id_eq(idr->u.idr.id, a->kms))
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_ID, "another KMS answers");
	return ERR_OK;
}

static enum err check_rand(const struct ask *a, const struct mikey_keys *k,
                           struct mikey_fault *fault)
{
	size_t longest = mikey_keys_longest(k);

	if (!a->rules.enforce_rand_len || a->rand.n >= longest)
		return ERR_OK;
	return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
	                  "keys of %zu octets under a RAND of %zu (RFC 6043 12.1)", longest,
	                  a->rand.n);
}

enum err ask_open(const struct ask *a, struct view octets, unsigned data_type,
                  struct ask_answer *out, struct mikey_fault *fault)
{
	const struct view init = {.p = a->octets, .n = a->len};
	const struct mikey_payload *kemac, *v;
	struct mikey_algs algs;
	enum err e = mikey_msg_read(&out->msg, octets, fault);

	if (!e)
		e = check_header(a, &out->msg, data_type, fault);
	if (e)
		return e;
	if (out->msg.hdr.data_type == MIKEY_DT_ERROR)
		return take_error(a, out, fault);
	kemac = mikey_msg_find(&out->msg, MIKEY_KEMAC);
	v = mikey_msg_find(&out->msg, MIKEY_V);
	algs = (struct mikey_algs){a->prf, kemac->u.kemac.encr, v->u.v.alg};
	e = mikey_algs_check(algs, false, fault);
	if (!e && algs.encr == MIKEY_ENCR_NULL && kemac->u.kemac.data.n &&
	    !a->rules.accept_null_encr)
		e = mikey_fail(fault, ERR_UNSUPPORTED, MIKEY_E_EA, "keys in clear");
	if (!e && kemac->u.kemac.mac_alg != MIKEY_MAC_NULL)
		e = mikey_fail(fault, ERR_UNSUPPORTED, MIKEY_E_MAC, "KEMAC with a MAC of its own");
	if (!e)
		e = phase_keys(a, 2, &out->keys, fault);
	if (!e)
		e = mikey_msg_check_mac(&out->msg, &out->keys, &init, 1, fault);
	if (!e)
		e = mikey_kemac_open(&out->plain, kemac, &out->keys, a->csb_id,
		                     mikey_msg_find(&out->msg, MIKEY_T)->u.t, fault);
	if (!e)
		e = mikey_algs_check_keys(algs, &out->plain, fault);
	return e ? e : check_rand(a, &out->plain, fault);
}
