/* SPDX-License-Identifier: MIT */
/* Keys of the reference engine: the policies of the suites, and checks of what libsrtp supports. */
#include "relay/engine/libsrtp_key.h"

#include <string.h>

#include "base/b64.h"
#include "base/secret.h"

typedef void set_policy_fn(srtp_crypto_policy_t *p);

/* SRTCP tags have 80 bits with the _32 suites too (RFC 3711 5.2, RFC 4568 6.2). */
static const struct {
	set_policy_fn *rtp, *rtcp;
} policies[SUITE_COUNT] = {
	[SUITE_AES_CM_128_HMAC_SHA1_80] = {srtp_crypto_policy_set_rtp_default,
                                           srtp_crypto_policy_set_rtp_default},
	[SUITE_AES_CM_128_HMAC_SHA1_32] = {srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
                                           srtp_crypto_policy_set_rtp_default},
	[SUITE_AES_192_CM_HMAC_SHA1_80] = {srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80,
                                           srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80},
	[SUITE_AES_192_CM_HMAC_SHA1_32] = {srtp_crypto_policy_set_aes_cm_192_hmac_sha1_32,
                                           srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80},
	[SUITE_AES_256_CM_HMAC_SHA1_80] = {srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
                                           srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80},
	[SUITE_AES_256_CM_HMAC_SHA1_32] = {srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32,
                                           srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80},
	[SUITE_AEAD_AES_128_GCM] = {srtp_crypto_policy_set_aes_gcm_128_16_auth,
                                    srtp_crypto_policy_set_aes_gcm_128_16_auth},
	[SUITE_AEAD_AES_256_GCM] = {srtp_crypto_policy_set_aes_gcm_256_16_auth,
                                    srtp_crypto_policy_set_aes_gcm_256_16_auth},
};

/* Calls `use` with the key's policy for one SSRC, or for any SSRC of the key's direction when
 * `ssrc` is NULL. Wipes its copy of the key. */
static srtp_err_status_t with_policy(struct engine_key *k, const uint32_t *ssrc,
                                     srtp_err_status_t (*use)(struct engine_key *k,
                                                              const srtp_policy_t *p))
{
	const struct suite *suite = k->ctx->suite;
	uint8_t master[SUITE_MASTER_MAX];
	srtp_master_key_t key = {.key = master, .mki_id = k->ctx->mki, .mki_size = k->ctx->mki_len};
	srtp_master_key_t *keys[] = {&key};
	srtp_policy_t policy = {.window_size = 1ul << k->log2_pkts};
	srtp_err_status_t status;

	memcpy(master, k->ctx->key, suite->key_len);
	memcpy(master + suite->key_len, k->ctx->salt, suite->salt_len);
	policies[suite->id].rtp(&policy.rtp);
	policies[suite->id].rtcp(&policy.rtcp);
	if (ssrc)
		policy.ssrc = (srtp_ssrc_t){.type = ssrc_specific, .value = *ssrc};
	else
		policy.ssrc.type =
			k->direction == ENGINE_SEND ? ssrc_any_outbound : ssrc_any_inbound;
	if (k->ctx->mki_len) {
		policy.keys = keys;
		policy.num_master_keys = 1;
	} else {
		policy.key = master;
	}
	status = use(k, &policy);
	secret_wipe(master, sizeof(master));
	return status;
}

static srtp_err_status_t make_session(struct engine_key *k, const srtp_policy_t *p)
{
	return srtp_create(&k->srtp, p);
}

static srtp_err_status_t add_stream(struct engine_key *k, const srtp_policy_t *p)
{
	return srtp_add_stream(k->srtp, p);
}

void libsrtp_key_free(struct engine_key *k)
{
	if (!k)
		return;
	if (k->srtp)
		(void)srtp_dealloc(k->srtp);
	engine_evp.key_free(k->twin);
	keyctx_free(k->ctx);
	secret_free(k);
}

static enum err make_twin(struct engine_key *k, struct why *why)
{
	struct keyctx *ctx;
	enum err e = keyctx_copy(&ctx, k->ctx);

	if (e != ERR_OK)
		return why_fail(why, e, "no memory for a key");
	ctx->mki_len = 0;
	ctx->lifetime_pkts = ctx->suite->srtp_lifetime_pkts;
	e = engine_evp.key_new(&k->twin, ctx, ENGINE_SEND, REPLAY_PKTS_MIN, why);
	keyctx_free(ctx);
	return e;
}

static enum err key_make(struct engine_key **out, const struct keyctx *ctx,
                         enum engine_direction direction, unsigned window, struct why *why)
{
	struct engine_key *k = secret_alloc(sizeof(*k));
	srtp_err_status_t status;

	if (!k)
		return why_fail(why, ERR_NOMEM, "no memory for a key");
	k->direction = direction;
	k->log2_pkts = replay_log2(window);
	state_lives(&k->rtp, &k->rtcp, ctx->suite, ctx->lifetime_pkts);
	if (keyctx_copy(&k->ctx, ctx) != ERR_OK) {
		libsrtp_key_free(k);
		return why_fail(why, ERR_NOMEM, "no memory for a key");
	}
	status = with_policy(k, NULL, make_session);
	if (status != srtp_err_status_ok) {
		k->srtp = NULL;
		libsrtp_key_free(k);
		return why_fail(why, status == srtp_err_status_alloc_fail ? ERR_NOMEM : ERR_CRYPTO,
		                "libsrtp refused a key of %s: status %d", ctx->suite->name,
		                (int)status);
	}
	enum err e = direction == ENGINE_SEND ? make_twin(k, why) : ERR_OK;
	if (e != ERR_OK) {
		libsrtp_key_free(k);
		return e;
	}
	*out = k;
	return ERR_OK;
}

/* Many builds of libsrtp derive AES-192 session keys with AES-256 over a zero-padded key, against
 * RFC 6188 7.4; no other implementation can decrypt their packets. This checks the result with the
 * master key and salt of that section, and SSRC, sequence number and payload 0. */
static enum err check_aes_192(const struct suite *asked, struct why *why)
{
	static const char master[] =
		"73edc66c4fa15776fb57f9505c17136550ffda71f3e8e5f1c8522f3acd4ce86d5add78edbb11";
	static const char want_text[] = "7223cefe848cc968449c539c07561cb9";
	uint8_t octets[64], want[16], packet[12 + 16 + SRTP_MAX_TRAILER_LEN] = {0x80};
	struct keyctx_spec spec = {.suite = suite_get(SUITE_AES_192_CM_HMAC_SHA1_80),
	                           .master.p = octets};
	int len = 12 + 16;
	struct keyctx *ctx = NULL;
	struct engine_key *k = NULL;
	size_t n;
	enum err e;

	CHECK(hex_decode(str_of(master), octets, sizeof(octets), &spec.master.n) == ERR_OK);
	CHECK(hex_decode(str_of(want_text), want, sizeof(want), &n) == ERR_OK);
	e = keyctx_new(&ctx, &spec, why);
	if (e == ERR_OK)
		e = key_make(&k, ctx, ENGINE_SEND, REPLAY_PKTS_MIN, why);
	if (e == ERR_OK && (srtp_protect(k->srtp, packet, &len) != srtp_err_status_ok ||
	                    memcmp(packet + 12, want, n) != 0))
		e = why_fail(why, ERR_UNSUPPORTED,
		             "%s: %s derives AES-192 keys differently from RFC 6188; use engine mb "
		             "or evp for "
		             "this suite",
		             asked->name, srtp_get_version_string());
	libsrtp_key_free(k);
	keyctx_free(ctx);
	return e;
}

enum err libsrtp_key_new(struct engine_key **out, const struct keyctx *ctx,
                         enum engine_direction direction, unsigned window, struct why *why)
{
	enum err e = ctx->suite->key_len == 24 ? check_aes_192(ctx->suite, why) : ERR_OK;

	if (ctx->suite->cipher == SUITE_CIPHER_AES_F8)
		return why_fail(why, ERR_UNSUPPORTED,
		                "%s: %s has no f8 mode; use engine mb or evp for this suite",
		                ctx->suite->name, srtp_get_version_string());
	return e == ERR_OK ? key_make(out, ctx, direction, window, why) : e;
}

void libsrtp_key_use(const struct engine_key *k, struct engine_key_use *out)
{
	*out = (struct engine_key_use){
		.rtp_pkts = k->rtp.used_pkts,
		.rtp_limit = k->rtp.limit_pkts,
		.rtcp_pkts = k->rtcp.used_pkts,
		.rtcp_limit = k->rtcp.limit_pkts,
	};
}

srtp_err_status_t libsrtp_key_add_stream(struct engine_key *k, uint32_t ssrc)
{
	return with_policy(k, &ssrc, add_stream);
}
