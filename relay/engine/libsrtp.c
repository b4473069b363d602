/* SPDX-License-Identifier: MIT */
/* The reference engine: libsrtp2 decides and computes, one packet at a time; a shadow of its state
 * tells the index it used. */
#include <srtp2/srtp.h>

#include <link.h>
#include <stdio.h>
#include <string.h>

#include "base/b64.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/secret.h"
#include "relay/engine/engine.h"
#include "relay/engine/selftest.h"
#include "relay/engine/side.h"
#include "relay/engine/state.h"

struct engine {
	struct engine *evp; /* for set_rtcp_index */
};

/*
 * One libsrtp session for a key. Its SSRCs are cloned by libsrtp from a template once a packet of
 * theirs is authenticated, so a flood of forged SSRCs costs no derivation. libsrtp keeps key
 * schedules in memory of its own.
 */
struct engine_key {
	struct state_life rtp, rtcp;
	srtp_t srtp;
	struct engine_stream *attached; /* states for whose SSRC libsrtp has a stream */
	struct keyctx *ctx;
	struct engine_key *twin; /* sending: evp's key of the same octets, without MKI */
	enum engine_direction direction;
	uint8_t log2_pkts;
};

/* While a ROC is open (decision 0054) two states share the stream that libsrtp has for their
 * SSRC. */
struct engine_stream {
	struct state state; /* first: state_of() */
	struct engine_key *key;
	struct engine_stream *next; /* in key->attached */
	uint32_t ssrc;
	bool is_attached; /* libsrtp has a stream for the SSRC */
	bool is_natural;  /* that stream has seen what this state has, so it estimates alike */
	bool is_forced;   /* libsrtp was told a ROC and may still hold to it */
	bool starts_rtcp; /* sending: libsrtp does not know yet at which SRTCP index the stream goes
	                     on */
};

typedef void set_policy_fn(srtp_crypto_policy_t *p);

/* SRTCP tags are as long with the _32 suites (RFC 3711 5.2, RFC 4568 6.2). */
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

/* --- keys ------------------------------------------------------------------- */

/* Calls `use` with the policy of the key for one SSRC, or for any of its direction when `ssrc` is
 * NULL; wipes its copy of the key. */
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

static void libsrtp_key_free(struct engine_key *k)
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

/*
 * Many a libsrtp derives the session keys of AES-192 by AES-256 over a key padded with zeros,
 * against RFC 6188 7.4: its packets open nowhere else. Master key and salt of that section; SSRC,
 * sequence number and payload 0; the key stream of its session key and salt.
 */
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
		             "%s: %s derives AES-192 keys otherwise than RFC 6188; engines mb and "
		             "evp carry this suite",
		             asked->name, srtp_get_version_string());
	libsrtp_key_free(k);
	keyctx_free(ctx);
	return e;
}

static enum err libsrtp_key_new(struct engine_key **out, const struct keyctx *ctx,
                                enum engine_direction direction, unsigned window, struct why *why)
{
	enum err e = ctx->suite->key_len == 24 ? check_aes_192(ctx->suite, why) : ERR_OK;

	if (ctx->suite->cipher == SUITE_CIPHER_AES_F8)
		return why_fail(why, ERR_UNSUPPORTED,
		                "%s: %s has no f8 mode; engines mb and evp carry this suite",
		                ctx->suite->name, srtp_get_version_string());
	return e == ERR_OK ? key_make(out, ctx, direction, window, why) : e;
}

static void libsrtp_key_use(const struct engine_key *k, struct engine_key_use *out)
{
	*out = (struct engine_key_use){.rtp_pkts = k->rtp.used_pkts,
	                               .rtp_limit = k->rtp.limit_pkts,
	                               .rtcp_pkts = k->rtcp.used_pkts,
	                               .rtcp_limit = k->rtcp.limit_pkts};
}

/* --- streams ---------------------------------------------------------------- */

static enum err libsrtp_stream_init(struct engine_stream *s, struct engine_key *key, uint32_t ssrc,
                                    const struct engine_stream_state *start)
{
	enum err e = state_init(&s->state, key->log2_pkts, start);

	/* Receiving, our shadow refuses what was seen before libsrtp is asked. */
	if (e == ERR_OK && key->direction == ENGINE_SEND && s->state.rtp.any)
		e = ERR_UNSUPPORTED;
	if (e != ERR_OK) {
		memset(&s->state, 0, sizeof(s->state));
		return e;
	}
	s->key = key;
	s->ssrc = ssrc;
	s->starts_rtcp = key->direction == ENGINE_SEND && s->state.rtcp.any;
	key->rtp.used_pkts += s->state.rtp_pkts;
	key->rtcp.used_pkts += s->state.rtcp_pkts;
	return ERR_OK;
}

static bool has_stream(const struct engine_key *k, uint32_t ssrc)
{
	for (const struct engine_stream *s = k->attached; s; s = s->next)
		if (s->ssrc == ssrc)
			return true;
	return false;
}

static void attach(struct engine_stream *s)
{
	if (s->is_attached)
		return;
	s->is_attached = true;
	s->next = s->key->attached;
	s->key->attached = s;
}

static void libsrtp_stream_fini(struct engine_stream *s)
{
	struct engine_stream **at;

	if (!s->is_attached)
		return;
	for (at = &s->key->attached; *at != s; at = &(*at)->next)
		;
	*at = s->next;
	s->is_attached = s->is_natural = false;
	/* libsrtp 2 takes the SSRC in network order here and in host order in a policy. */
	if (!has_stream(s->key, s->ssrc))
		(void)srtp_remove_stream(s->key->srtp, __builtin_bswap32(s->ssrc));
}

static enum err libsrtp_stream_export(const struct engine_stream *s,
                                      struct engine_stream_state *out)
{
	if (s->key->direction == ENGINE_SEND)
		return ERR_UNSUPPORTED;
	state_export(&s->state, out);
	return ERR_OK;
}

/*
 * Makes libsrtp use the ROC of `index` for the next packet. It estimates like us from what it has
 * seen, so it is told only where it has seen something else, or where a sender chose otherwise.
 * `*added` says that a stream was made for it.
 */
static srtp_err_status_t aim(struct engine_stream *s, uint64_t index, bool *added)
{
	uint32_t roc = (uint32_t)(index >> 16);
	uint64_t natural =
		s->is_natural ? state_estimate(&s->state, (uint16_t)index) : (uint16_t)index;
	bool is_shared = !s->is_natural && has_stream(s->key, s->ssrc);
	srtp_err_status_t status;

	*added = false;
	if (natural == index && !s->is_forced && !is_shared)
		return srtp_err_status_ok;
	if (!is_shared && !s->is_attached) {
		status = with_policy(s->key, &s->ssrc, add_stream);
		if (status != srtp_err_status_ok)
			return status;
		attach(s);
		*added = true;
	}
	/* ROC 0 tells libsrtp to estimate again. */
	s->is_forced = roc != 0;
	return srtp_set_stream_roc(s->key->srtp, s->ssrc, roc);
}

/* An SRTP packet of this state went through libsrtp. */
static void take_over(struct engine_stream *s)
{
	attach(s);
	if (s->is_natural)
		return;
	for (struct engine_stream *o = s->key->attached; o; o = o->next)
		if (o->ssrc == s->ssrc)
			o->is_natural = false;
	s->is_natural = true;
}

/*
 * Sending, libsrtp counts SRTCP packets by itself, from 0 under each key, and no call sets its
 * counter. What does is a packet it receives: the first index of its window, which follows 127
 * behind the highest one, is the one it has sent last. So it gets a report with nothing in it that
 * evp protects under the same key at such an index; nobody else ever sees that packet.
 */
static srtp_err_status_t set_rtcp_index(struct engine *e, struct engine_stream *s)
{
	enum { AHEAD = 127, ROOM = 8 + 4 + SRTP_MAX_TAG_LEN };
	uint8_t memory[SIDE_STREAM_BYTES] __attribute__((aligned(64))) = {0},
					  octets[ROOM] = {0x80, 201, 0, 1};
	struct engine_stream *twin = (void *)memory;
	struct engine_stream_state start = {
		.has_rtcp = true, .rtcp_index = (uint32_t)s->state.rtcp.highest + AHEAD - 1};
	struct pkt p = {.data = octets,
	                .len = 8,
	                .tailroom = ROOM - 8,
	                .kind = PKT_RTCP,
	                .header_len = 8,
	                .key = s->key->twin,
	                .crypto = twin};
	struct pkt *batch[] = {&p};
	srtp_err_status_t status = srtp_err_status_ok;
	int len;

	if (start.rtcp_index > STATE_RTCP_INDEX_MAX)
		return srtp_err_status_key_expired;
	if (engine_evp.stream_init(twin, s->key->twin, s->ssrc, &start) != ERR_OK)
		return srtp_err_status_fail;
	be32_put(octets + 4, s->ssrc);
	engine_evp.protect(e->evp, batch, 1);
	engine_evp.stream_fini(twin);
	if (p.verdict != VERDICT_NONE)
		return srtp_err_status_fail;
	if (!has_stream(s->key, s->ssrc))
		status = with_policy(s->key, &s->ssrc, add_stream);
	if (status != srtp_err_status_ok)
		return status;
	attach(s);
	len = p.len;
	s->starts_rtcp = false;
	return srtp_unprotect_rtcp(s->key->srtp, octets, &len);
}

/* --- packets ---------------------------------------------------------------- */

static enum verdict verdict_of(srtp_err_status_t status)
{
	static const uint8_t verdicts[] = {
		[srtp_err_status_ok] = VERDICT_NONE,
		[srtp_err_status_auth_fail] = VERDICT_AUTH_FAILED,
		[srtp_err_status_replay_fail] = VERDICT_REPLAYED,
		[srtp_err_status_replay_old] = VERDICT_TOO_OLD,
		[srtp_err_status_pkt_idx_old] = VERDICT_TOO_OLD,
		[srtp_err_status_key_expired] = VERDICT_KEY_EXPIRED,
		[srtp_err_status_cant_check] = VERDICT_AUTH_FAILED,
		[srtp_err_status_bad_mki] = VERDICT_NO_KEY,
	};

	if (status == srtp_err_status_ok)
		return VERDICT_NONE;
	return (size_t)status < ARRAY_LEN(verdicts) && verdicts[status]
	               ? (enum verdict)verdicts[status]
	               : VERDICT_CRYPTO_FAILED;
}

static void set_len(struct pkt *p, int len)
{
	p->tailroom = (uint16_t)(p->tailroom + p->len - len);
	p->len = (uint16_t)len;
}

static enum verdict unprotect_rtp(struct engine *e, struct engine_stream *s, struct engine_key *k,
                                  struct pkt *p)
{
	uint64_t index = state_estimate(&s->state, be16_get(p->data + 2));
	enum verdict v = state_check_rtp(&s->state, &k->rtp, index);
	int len = p->len;
	bool added;

	(void)e;
	if (p->len < p->header_len + k->ctx->suite->srtp_tag_len + k->ctx->mki_len)
		return VERDICT_CLEAR;
	/* Mostly libsrtp would find out too, but not what was seen before it had a stream. */
	if (v != VERDICT_NONE)
		return v;
	v = verdict_of(aim(s, index, &added));
	if (v == VERDICT_NONE)
		v = verdict_of(srtp_unprotect_mki(k->srtp, p->data, &len, k->ctx->mki_len > 0));
	if (v != VERDICT_NONE) {
		if (added)
			libsrtp_stream_fini(s);
		else if (s->is_forced) /* another state may share the stream: it must not find this
		                          one's ROC */
			(void)srtp_set_stream_roc(k->srtp, s->ssrc, 0);
		s->is_forced = false;
		return v;
	}
	take_over(s);
	s->is_forced = false;
	(void)state_take_rtp(&s->state, &k->rtp, index);
	p->index = index;
	set_len(p, len);
	return v;
}

/*
 * libsrtp looks for the MKI of an SRTCP packet where the tag of an SRTP packet would begin, and
 * misses it with the _32 suites. There the MKI is checked and taken out here; it is no part of what
 * the tag covers (RFC 3711 3.4).
 */
static enum verdict open_rtcp(struct engine_key *k, struct pkt *p, bool is_encrypted, int *len)
{
	const struct suite *suite = k->ctx->suite;
	unsigned mki_len = k->ctx->mki_len, tag_len = suite->srtcp_tag_len;
	bool is_aead = suite->cipher == SUITE_CIPHER_AES_GCM;
	uint8_t *mki = p->data + p->len - mki_len - (is_aead ? 0 : tag_len);
	enum verdict v;

	/* libsrtp would take an AEAD packet in the clear. */
	if (!is_encrypted)
		return memcmp(mki, k->ctx->mki, mki_len) == 0 ? VERDICT_AUTH_FAILED
		                                              : VERDICT_NO_KEY;
	if (mki_len == 0 || tag_len == suite->srtp_tag_len)
		return verdict_of(srtp_unprotect_rtcp_mki(k->srtp, p->data, len, mki_len > 0));
	if (memcmp(mki, k->ctx->mki, mki_len) != 0)
		return VERDICT_NO_KEY;
	memmove(mki, mki + mki_len, tag_len);
	*len -= (int)mki_len;
	v = verdict_of(srtp_unprotect_rtcp(k->srtp, p->data, len));
	if (v != VERDICT_NONE) {
		memmove(mki + mki_len, mki, tag_len);
		memcpy(mki, k->ctx->mki, mki_len);
	}
	return v;
}

static enum verdict unprotect_rtcp(struct engine *e, struct engine_stream *s, struct engine_key *k,
                                   struct pkt *p)
{
	const struct suite *suite = k->ctx->suite;
	unsigned behind = 4u + k->ctx->mki_len +
	                  (suite->cipher == SUITE_CIPHER_AES_CM ? suite->srtcp_tag_len : 0);
	int len = p->len;
	uint32_t trailer;
	enum verdict v;

	(void)e;
	if (p->len < 8 + 4 + suite->srtcp_tag_len + k->ctx->mki_len)
		return VERDICT_CLEAR;
	trailer = be32_get(p->data + p->len - behind);
	v = state_check_rtcp(&s->state, &k->rtcp, trailer & STATE_RTCP_INDEX_MAX);
	if (v != VERDICT_NONE)
		return v;
	v = open_rtcp(k, p, trailer >> 31, &len);
	if (v != VERDICT_NONE)
		return v;
	attach(s);
	(void)state_take_rtcp(&s->state, &k->rtcp, trailer & STATE_RTCP_INDEX_MAX);
	p->index = trailer & STATE_RTCP_INDEX_MAX;
	set_len(p, len);
	return v;
}

static enum verdict protect_rtp(struct engine *e, struct engine_stream *s, struct engine_key *k,
                                struct pkt *p)
{
	enum verdict v = state_check_rtp(&s->state, &k->rtp, p->index);
	int len = p->len;
	bool added;

	(void)e;
	if (p->tailroom < k->ctx->suite->srtp_tag_len + k->ctx->mki_len)
		return VERDICT_TOO_BIG;
	if (v != VERDICT_NONE)
		return v == VERDICT_KEY_EXPIRED ? v : VERDICT_DUPLICATE;
	v = verdict_of(aim(s, p->index, &added));
	if (v == VERDICT_NONE)
		v = verdict_of(srtp_protect_mki(k->srtp, p->data, &len, k->ctx->mki_len > 0, 0));
	if (v != VERDICT_NONE)
		return v;
	take_over(s);
	(void)state_take_rtp(&s->state, &k->rtp, p->index);
	set_len(p, len);
	return v;
}

static enum verdict protect_rtcp(struct engine *e, struct engine_stream *s, struct engine_key *k,
                                 struct pkt *p)
{
	uint64_t index = state_next_rtcp(&s->state);
	enum verdict v = state_check_rtcp(&s->state, &k->rtcp, index);
	int len = p->len;

	if (p->tailroom < 4 + k->ctx->suite->srtcp_tag_len + k->ctx->mki_len)
		return VERDICT_TOO_BIG;
	if (v == VERDICT_NONE && s->starts_rtcp)
		v = verdict_of(set_rtcp_index(e, s));
	if (v == VERDICT_NONE)
		v = verdict_of(
			srtp_protect_rtcp_mki(k->srtp, p->data, &len, k->ctx->mki_len > 0, 0));
	if (v != VERDICT_NONE)
		return v;
	attach(s);
	(void)state_take_rtcp(&s->state, &k->rtcp, index);
	p->index = index;
	set_len(p, len);
	return v;
}

typedef enum verdict packet_fn(struct engine *e, struct engine_stream *s, struct engine_key *k,
                               struct pkt *p);

static void each(struct engine *e, struct pkt **batch, unsigned n, packet_fn *rtp, packet_fn *rtcp)
{
	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = batch[i];

		if (p->verdict == VERDICT_NONE)
			p->verdict = (uint8_t)(p->kind == PKT_RTCP ? rtcp : rtp)(e, p->crypto,
			                                                         p->key, p);
	}
}

static void libsrtp_unprotect(struct engine *e, struct pkt **batch, unsigned n)
{
	each(e, batch, n, unprotect_rtp, unprotect_rtcp);
}

static void libsrtp_protect(struct engine *e, struct pkt **batch, unsigned n)
{
	each(e, batch, n, protect_rtp, protect_rtcp);
}

/* --- the engine ------------------------------------------------------------- */

static enum err libsrtp_open(struct engine **out, struct why *why)
{
	struct engine *e = mem_alloc(sizeof(*e));

	if (!e)
		return why_fail(why, ERR_NOMEM, "no memory for an engine");
	enum err failed = engine_evp.open(&e->evp, why);
	if (failed != ERR_OK) {
		mem_free(e);
		return failed;
	}
	*out = e;
	return ERR_OK;
}

static void libsrtp_close(struct engine *e)
{
	engine_evp.close(e->evp);
	mem_free(e);
}

static enum err libsrtp_probe(struct why *why)
{
	srtp_err_status_t status = srtp_init();

	/* bad_param is how it says that it was started before; the self-test shows whether it
	 * works. */
	if (status != srtp_err_status_ok && status != srtp_err_status_bad_param)
		return why_fail(why, ERR_CRYPTO, "libsrtp does not start: status %d", (int)status);
	return selftest_run(&engine_libsrtp, 1, why);
}

/* libsrtp does not say what computes for it; nothing else here brings NSS into the process. */
static int find_nss(struct dl_phdr_info *info, size_t size, void *found)
{
	(void)size;
	*(bool *)found |= strstr(info->dlpi_name, "libnss3.so") != NULL;
	return 0;
}

static const char *libsrtp_describe(char *out, size_t room)
{
	bool has_nss = false;

	(void)dl_iterate_phdr(find_nss, &has_nss);
	snprintf(out, room, "%s on %s", srtp_get_version_string(),
	         has_nss ? "NSS" : "OpenSSL or its own ciphers");
	return out;
}

const struct engine_ops engine_libsrtp = {
	.name = "libsrtp",
	.probe = libsrtp_probe,
	.describe = libsrtp_describe,
	.open = libsrtp_open,
	.close = libsrtp_close,
	.key_new = libsrtp_key_new,
	.key_free = libsrtp_key_free,
	.key_use = libsrtp_key_use,
	.stream_bytes = sizeof(struct engine_stream),
	.stream_init = libsrtp_stream_init,
	.stream_fini = libsrtp_stream_fini,
	.stream_export = libsrtp_stream_export,
	.unprotect = libsrtp_unprotect,
	.protect = libsrtp_protect,
};
