/* SPDX-License-Identifier: MIT */
/* Creates and frees the keys and streams of evp and mb. */
#include "relay/engine/side.h"

#include <string.h>

#include "base/secret.h"
#include "keyctx/prim.h"
#include "relay/engine/layout.h"

/* The parameters of a key besides the session keys. */
struct key_spec {
	struct view mki;
	uint64_t lifetime_pkts;
	enum engine_direction direction;
	uint8_t log2_pkts;
};

static enum err fill(struct engine_side *s, const struct side_maker *maker,
                     const struct kdf_session *keys, bool is_rtcp, const struct key_spec *spec)
{
	const struct suite *suite = keys->suite;
	const struct kdf_keys *k = is_rtcp ? &keys->rtcp : &keys->rtp;
	struct state_life rtp, rtcp;

	state_lives(&rtp, &rtcp, suite, spec->lifetime_pkts);
	memcpy(s->salt, k->salt, suite->salt_len);
	s->key_len = suite->cipher == SUITE_CIPHER_AES_F8 ? 0 : suite->key_len;
	s->tag_len = is_rtcp ? suite->srtcp_tag_len : suite->srtp_tag_len;
	s->mki_len = (uint8_t)spec->mki.n;
	s->log2_pkts = spec->log2_pkts;
	s->added = (uint8_t)(s->tag_len + s->mki_len + (is_rtcp ? LAYOUT_ESRTCP_LEN : 0));
	s->is_aead = suite->cipher == SUITE_CIPHER_AES_GCM;
	s->is_send = spec->direction == ENGINE_SEND;
	s->life = is_rtcp ? rtcp : rtp;
	if (!s->is_aead)
		prim_sha1_pads((struct view){.p = k->auth, .n = SUITE_AUTH_KEY_LEN}, s->inner,
		               s->outer);
	return maker->expand(s, k->key);
}

static enum err make(struct engine_key **out, const struct side_maker *maker,
                     const struct kdf_session *keys, const struct key_spec *spec, struct why *why)
{
	size_t bytes = (SIDE_MATERIAL_AT + maker->material_bytes(keys->suite) + 63) / 64 * 64;
	struct engine_key *k = secret_alloc(2 * bytes + spec->mki.n);
	enum err e;

	if (!k)
		return why_fail(why, ERR_NOMEM, "no memory for a key");
	side_rtp(k)->bytes = (uint16_t)bytes;
	side_rtcp(k)->bytes = (uint16_t)bytes;
	if (spec->mki.n)
		memcpy((uint8_t *)k + 2 * bytes, spec->mki.p, spec->mki.n);
	e = fill(side_rtp(k), maker, keys, false, spec);
	if (e == ERR_OK)
		e = fill(side_rtcp(k), maker, keys, true, spec);
	if (e != ERR_OK) {
		side_key_free(k, maker);
		return why_fail(why, e, "can't expand a key of %s: %s", keys->suite->name,
		                err_meaning(e));
	}
	*out = k;
	return ERR_OK;
}

/* Six parameters here and in side_key_from_session, one above our limit: the five of engine_ops,
 * and `maker`. */
enum err side_key_new(struct engine_key **out, const struct side_maker *maker,
                      const struct keyctx *ctx, enum engine_direction direction, unsigned window,
                      struct why *why)
{
	struct key_spec spec = {.mki = keyctx_mki(ctx),
	                        .lifetime_pkts = ctx->lifetime_pkts,
	                        .direction = direction,
	                        .log2_pkts = replay_log2(window)};
	struct kdf_session *keys = secret_alloc(sizeof(*keys));
	enum err e;

	if (!keys)
		return why_fail(why, ERR_NOMEM, "no memory for session keys");
	e = kdf_derive(keys, ctx);
	e = e == ERR_OK ? make(out, maker, keys, &spec, why)
	                : why_fail(why, e, "can't derive session keys");
	secret_free(keys);
	return e;
}

enum err side_key_from_session(struct engine_key **out, const struct side_maker *maker,
                               const struct kdf_session *keys, enum engine_direction direction,
                               unsigned window, struct why *why)
{
	struct key_spec spec = {.lifetime_pkts = keys->suite->srtp_lifetime_pkts,
	                        .direction = direction,
	                        .log2_pkts = replay_log2(window)};

	return make(out, maker, keys, &spec, why);
}

void side_key_free(struct engine_key *key, const struct side_maker *maker)
{
	if (key && maker->wipe) {
		maker->wipe(side_rtp(key));
		maker->wipe(side_rtcp(key));
	}
	secret_free(key);
}

void side_retag(struct engine_key *key, unsigned tag_len)
{
	struct engine_side *s = side_rtp(key);

	CHECK(!s->is_aead && !s->is_send);
	s->tag_len = (uint8_t)tag_len;
	s->added = (uint8_t)(tag_len + s->mki_len);
}

void side_key_use(const struct engine_key *key, struct engine_key_use *out)
{
	const struct engine_side *rtp = (const struct engine_side *)(const void *)key;
	const struct engine_side *rtcp =
		(const struct engine_side *)(const void *)((const uint8_t *)key + rtp->bytes);

	*out = (struct engine_key_use){
		.rtp_pkts = rtp->life.used_pkts,
		.rtp_limit = rtp->life.limit_pkts,
		.rtcp_pkts = rtcp->life.used_pkts,
		.rtcp_limit = rtcp->life.limit_pkts,
	};
}

enum err side_stream_init(struct engine_stream *s, struct engine_key *key, uint32_t ssrc,
                          const struct engine_stream_state *start)
{
	struct state *state = state_of(s);
	enum err e = state_init(state, side_rtp(key)->log2_pkts, start);

	(void)ssrc; /* not needed: each packet carries its SSRC */
	if (e == ERR_OK) {
		side_rtp(key)->life.used_pkts += state->rtp_pkts;
		side_rtcp(key)->life.used_pkts += state->rtcp_pkts;
	}
	return e;
}

void side_stream_fini(struct engine_stream *s)
{
	(void)s; /* a stream of evp or mb owns no memory of its own */
}

enum err side_stream_export(const struct engine_stream *s, struct engine_stream_state *out)
{
	state_export((const struct state *)(const void *)s, out);
	return ERR_OK;
}
