/* SPDX-License-Identifier: MIT */
/* Reads and writes SRTP policies, and makes the keys of each crypto session. */
#include "keyctx/mikey/csmap.h"

#include "base/secret.h"
#include "keyctx/mikey/prf.h"

enum {
	ENCR_NULL = 0,
	ENCR_AES_CM = 1,
	ENCR_AES_F8 = 2,
	ENCR_AES_GCM = 6,
	AUTH_NULL = 0,
	AUTH_HMAC_SHA1 = 1
};

/* The default of each parameter of RFC 3830 6.10.1, from RFC 3711; -1: no parameter has this
 * number. */
static const int32_t defaults[CSMAP_PARAM_COUNT] = {
	[CSMAP_ENCR] = ENCR_AES_CM,
	[CSMAP_ENCR_KEY_LEN] = 16,
	[CSMAP_AUTH] = AUTH_HMAC_SHA1,
	[CSMAP_AUTH_KEY_LEN] = 20,
	[CSMAP_SALT_LEN] = 14,
	[CSMAP_PRF] = 0,
	[CSMAP_KDR] = 0,
	[CSMAP_SRTP_ENCR] = 1,
	[CSMAP_SRTCP_ENCR] = 1,
	[CSMAP_FEC_ORDER] = 0,
	[CSMAP_SRTP_AUTH] = 1,
	[CSMAP_TAG_LEN] = 10,
	[CSMAP_PREFIX_LEN] = 0,
	[13] = -1,
	[14] = -1,
	[15] = -1,
	[16] = -1,
	[17] = -1,
	[18] = -1,
	[19] = -1,
	[CSMAP_AEAD_TAG_LEN] = 16,
};

static bool is_present(const struct csmap_policy *p, unsigned param)
{
	return p->present >> param & 1;
}

void csmap_policy_init(struct csmap_policy *p, unsigned no)
{
	*p = (struct csmap_policy){.no = (uint8_t)no};
	for (unsigned i = 0; i < CSMAP_PARAM_COUNT; i++)
		p->value[i] = defaults[i] < 0 ? 0 : (uint32_t)defaults[i];
}

/* With AES-GCM a salt has 96 bits, and there is no separate authentication (RFC 7714 12). */
static void settle_gcm(struct csmap_policy *p)
{
	if (p->value[CSMAP_ENCR] != ENCR_AES_GCM)
		return;
	if (!is_present(p, CSMAP_SALT_LEN))
		p->value[CSMAP_SALT_LEN] = 12;
	if (!is_present(p, CSMAP_AUTH))
		p->value[CSMAP_AUTH] = AUTH_NULL;
}

void csmap_policy_set(struct csmap_policy *p, enum csmap_param param, uint32_t value)
{
	p->present |= 1u << param;
	p->value[param] = value;
	settle_gcm(p);
}

/* MIKEY's number for each cipher: RFC 3830 6.10.1.a, RFC 7714 14.1. */
static const uint8_t encrs[] = {[SUITE_CIPHER_AES_CM] = ENCR_AES_CM,
                                [SUITE_CIPHER_AES_GCM] = ENCR_AES_GCM,
                                [SUITE_CIPHER_AES_F8] = ENCR_AES_F8};

void csmap_policy_from_suite(struct csmap_policy *p, unsigned no, const struct suite *suite)
{
	bool gcm = suite->cipher == SUITE_CIPHER_AES_GCM;

	csmap_policy_init(p, no);
	csmap_policy_set(p, CSMAP_ENCR, encrs[suite->cipher]);
	csmap_policy_set(p, CSMAP_ENCR_KEY_LEN, suite->key_len);
	csmap_policy_set(p, CSMAP_AUTH, gcm ? AUTH_NULL : AUTH_HMAC_SHA1);
	if (!gcm)
		csmap_policy_set(p, CSMAP_AUTH_KEY_LEN, SUITE_AUTH_KEY_LEN);
	csmap_policy_set(p, CSMAP_SALT_LEN, suite->salt_len);
	csmap_policy_set(p, gcm ? CSMAP_AEAD_TAG_LEN : CSMAP_TAG_LEN, suite->srtp_tag_len);
}

enum err csmap_policy_read(struct csmap_policy *out, const struct mikey_payload *sp,
                           struct mikey_fault *fault)
{
	struct rd r = rd_view(sp->u.sp.params);
	struct csmap_policy p;

	if (sp->u.sp.prot != 0)
		return mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_SP, sp->offset,
		                     "policy %u: protocol %u is not supported, must be 0 (SRTP)",
		                     sp->u.sp.no, sp->u.sp.prot);
	csmap_policy_init(&p, sp->u.sp.no);
	while (rd_left(&r) && rd_ok(&r)) {
		unsigned param = rd_u8(&r), len = rd_u8(&r);
		uint32_t value;

		if (len < 1 || len > 4)
			return mikey_fail_at(
				fault, ERR_UNSUPPORTED, MIKEY_E_SPPAR, sp->offset,
				"SRTP policy %u: parameter %u has %u octets, must be 1 to 4", p.no,
				param, len);
		value = (uint32_t)rd_uint(&r, len);
		if (param >= CSMAP_PARAM_COUNT || defaults[param] < 0 || is_present(&p, param))
			return mikey_fail_at(
				fault, ERR_UNSUPPORTED, MIKEY_E_SPPAR, sp->offset,
				"SRTP policy %u: parameter %u is unknown or occurs twice", p.no,
				param);
		csmap_policy_set(&p, (enum csmap_param)param, value);
	}
	if (!rd_ok(&r))
		return mikey_fail_at(fault, ERR_TRUNCATED, MIKEY_E_SPPAR, sp->offset,
		                     "SRTP policy %u is shorter than its last parameter", p.no);
	*out = p;
	return ERR_OK;
}

void csmap_policy_write(struct wr *w, const struct csmap_policy *p)
{
	for (unsigned i = 0; i < CSMAP_PARAM_COUNT; i++) {
		unsigned len = p->value[i] > UINT16_MAX ? 4 : p->value[i] > UINT8_MAX ? 2 : 1;

		if (!is_present(p, i))
			continue;
		wr_u8(w, (uint8_t)i);
		wr_u8(w, (uint8_t)len);
		wr_uint(w, p->value[i], len);
	}
}

/* Returns true if the policy has the values that all supported suites share. */
static bool is_plain(const struct csmap_policy *p)
{
	return p->value[CSMAP_PRF] == 0 && p->value[CSMAP_KDR] == 0 &&
	       p->value[CSMAP_SRTP_ENCR] == 1 && p->value[CSMAP_SRTCP_ENCR] == 1 &&
	       p->value[CSMAP_FEC_ORDER] == 0 && p->value[CSMAP_PREFIX_LEN] == 0;
}

const struct suite *csmap_policy_suite(const struct csmap_policy *p)
{
	bool gcm = p->value[CSMAP_ENCR] == ENCR_AES_GCM;

	if (!is_plain(p))
		return NULL;
	if (!gcm &&
	    (p->value[CSMAP_AUTH] != AUTH_HMAC_SHA1 ||
	     p->value[CSMAP_AUTH_KEY_LEN] != SUITE_AUTH_KEY_LEN || p->value[CSMAP_SRTP_AUTH] != 1))
		return NULL;
	if (gcm && p->value[CSMAP_AUTH] != AUTH_NULL)
		return NULL;
	for (unsigned i = 0; i < SUITE_COUNT; i++) {
		const struct suite *s = suite_get((enum suite_id)i);

		if (encrs[s->cipher] == p->value[CSMAP_ENCR] &&
		    s->key_len == p->value[CSMAP_ENCR_KEY_LEN] &&
		    s->salt_len == p->value[CSMAP_SALT_LEN] &&
		    s->srtp_tag_len == p->value[gcm ? CSMAP_AEAD_TAG_LEN : CSMAP_TAG_LEN])
			return s;
	}
	return NULL;
}

static bool is_strong_enough(const struct csmap_policy *p, unsigned prf)
{
	return p->value[CSMAP_ENCR_KEY_LEN] <= 16 || prf == MIKEY_PRF_SHA256;
}

bool csmap_policy_fits(const struct csmap_policy *p, unsigned prf)
{
	return csmap_policy_suite(p) && is_strong_enough(p, prf);
}

bool csmap_policy_eq(const struct csmap_policy *a, const struct csmap_policy *b)
{
	return memcmp(a->value, b->value, sizeof(a->value)) == 0;
}

static enum err derive_generated(struct csmap_session *s, const struct mikey_key *key,
                                 const struct csmap_ground *g)
{
	struct mikey_tek_seed from = {
		.prf = g->prf,
		.tgk = mikey_key_octets(key),
		.cs_id = s->cs_id,
		.randi = g->use_randi ? g->randi : (struct view){0},
		.randr = g->use_randr ? g->randr : (struct view){0},
	};
	enum err e = mikey_prf_tek(s->master, s->master_len, MIKEY_PART_TEK, &from);

	if (!e && !mikey_key_has_salt(key->type) && s->salt_len)
		e = mikey_prf_tek(s->salt, s->salt_len, MIKEY_PART_SALT, &from);
	return e;
}

static enum err fill_keys(struct csmap_session *s, const struct mikey_key *key,
                          const struct csmap_ground *g, struct mikey_fault *fault)
{
	bool is_tek = key->type == MIKEY_TEK || key->type == MIKEY_TEK_SALT;
	enum err e = ERR_OK;

	if (is_tek && key->key_len != s->master_len)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_SPPAR,
		                  "the TEK has %u octets, the SRTP policy requires %u",
		                  key->key_len, s->master_len);
	if (mikey_key_has_salt(key->type) && key->salt_len != s->salt_len)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_SPPAR,
		                  "the salt has %u octets, the SRTP policy requires %u",
		                  key->salt_len, s->salt_len);
	if (is_tek)
		memcpy(s->master, key->key, key->key_len);
	else
		e = derive_generated(s, key, g);
	/* A TEK without salt gets a salt of zeros: a salt is only derived from a TGK or GTGK
	 * (decision 0010.11). */
	if (mikey_key_has_salt(key->type))
		memcpy(s->salt, key->salt, key->salt_len);
	return e ? mikey_fail(fault, e, MIKEY_E_UNSPECIFIED,
	                      "the keys of the crypto session can't be derived")
	         : ERR_OK;
}

enum err csmap_derive(struct csmap_session *out, const struct mikey_cs *cs,
                      const struct csmap_policy *policy, const struct csmap_ground *ground,
                      struct mikey_fault *fault)
{
	const struct mikey_key *key = mikey_keys_find(ground->keys, cs->spi);
	struct rd r = rd_view(cs->session);

	if (!key)
		return mikey_fail(
			fault, ERR_NOT_FOUND, MIKEY_E_UNSPECIFIED,
			"crypto session %u: the ticket and the messages hold no key with its SPI",
			cs->cs_id);
	if (policy->value[CSMAP_ENCR_KEY_LEN] < 16 || policy->value[CSMAP_ENCR_KEY_LEN] > 32 ||
	    policy->value[CSMAP_SALT_LEN] > 14)
		return mikey_fail(fault, ERR_UNSUPPORTED, MIKEY_E_SPPAR,
		                  "crypto session %u: the SRTP policy must have a key of 16 to 32 "
		                  "octets and a salt of at most 14",
		                  cs->cs_id);
	if (!is_strong_enough(policy, ground->prf))
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_SPPAR,
		                  "crypto session %u: a key above 128 bits needs 256-bit "
		                  "algorithms (RFC 6043 12.1)",
		                  cs->cs_id);
	*out = (struct csmap_session){
		.cs_id = cs->cs_id,
		.policy = *policy,
		.suite = csmap_policy_suite(policy),
		.key_type = key->type,
	};
	out->master_len = (uint8_t)policy->value[CSMAP_ENCR_KEY_LEN];
	out->salt_len = (uint8_t)policy->value[CSMAP_SALT_LEN];
	out->spi_len = key->spi_len;
	memcpy(out->spi, key->spi, key->spi_len);
	out->has_ssrc = cs->session.n >= 4;
	out->ssrc = rd_u32(&r);
	out->has_roc = cs->has_roc && cs->session.n == 10;
	if (out->has_roc) {
		out->roc = rd_u32(&r);
		out->seq = rd_u16(&r);
	}
	return fill_keys(out, key, ground, fault);
}

enum err csmap_keyctx(struct keyctx **out, const struct csmap_session *s, bool use_mki,
                      struct why *why)
{
	uint8_t *master;
	struct keyctx_spec spec = {.suite = s->suite};
	enum err e;

	if (!s->suite)
		return why_fail(why, ERR_UNSUPPORTED,
		                "crypto session %u: no supported suite matches its SRTP policy",
		                s->cs_id);
	master = secret_alloc(SUITE_MASTER_MAX);
	if (!master)
		return why_fail(why, ERR_NOMEM, "out of memory");
	memcpy(master, s->master, s->master_len);
	memcpy(master + s->master_len, s->salt, s->salt_len);
	spec.master = (struct view){.p = master, .n = (size_t)s->master_len + s->salt_len};
	if (use_mki)
		spec.mki = (struct view){.p = s->spi, .n = s->spi_len};
	e = keyctx_new(out, &spec, why);
	secret_free(master);
	return e;
}
