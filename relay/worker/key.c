/* SPDX-License-Identifier: MIT */
/* Creates, frees and compares the keys of legs. */
#include "relay/worker/key.h"

#include <string.h>

#include "base/mem.h"

/* Makes the engine's form of a key. It ignores the lifetime in the key's context; the suite's limit
 * applies. */
static enum err endless(struct engine_key **out, const struct engine_ops *ops,
                        const struct keyctx *ctx, const struct key_terms *terms, struct why *why)
{
	struct keyctx *copy;
	enum err e = keyctx_copy(&copy, ctx);

	if (e)
		return why_fail(why, e, "out of memory");
	copy->lifetime_pkts = ctx->suite->srtp_lifetime_pkts;
	e = ops->key_new(out, copy, terms->direction, terms->window_pkts, why);
	keyctx_free(copy);
	return e;
}

enum err key_new(struct key **out, const struct engine_ops *ops, const struct keyctx *ctx,
                 const struct key_terms *terms, struct why *why)
{
	struct key *k = mem_alloc(sizeof(*k) + ctx->mki_len);
	enum err e;

	if (!k)
		return why_fail(why, ERR_NOMEM, "out of memory");
	e = terms->ends ? ops->key_new(&k->engine, ctx, terms->direction, terms->window_pkts, why)
	                : endless(&k->engine, ops, ctx, terms, why);
	if (e) {
		mem_free(k);
		return e;
	}
	k->limit = ctx->lifetime_pkts;
	k->is_aead = ctx->suite->cipher == SUITE_CIPHER_AES_GCM;
	k->suite = (uint8_t)ctx->suite->id;
	k->srtp_tag_len = ctx->suite->srtp_tag_len;
	k->srtcp_tag_len = ctx->suite->srtcp_tag_len;
	k->has_roc_hint = ctx->has_roc && terms->direction == ENGINE_RECEIVE;
	k->roc_hint = ctx->roc;
	k->mki_len = ctx->mki_len;
	memcpy(k->mki, ctx->mki, ctx->mki_len);
	*out = k;
	return ERR_OK;
}

void key_free(const struct engine_ops *ops, struct key *k)
{
	if (!k)
		return;
	ops->key_free(k->engine);
	mem_free(k);
}

bool key_is_same_context(const struct key *a, const struct key *b)
{
	return a && b && a->fingerprint == b->fingerprint && a->suite == b->suite &&
	       a->limit == b->limit && a->mki_len == b->mki_len &&
	       memcmp(a->mki, b->mki, a->mki_len) == 0;
}

bool key_matches_mki(const struct key *k, const struct pkt *pkt)
{
	size_t tag = k->is_aead ? 0 : pkt->kind == PKT_RTCP ? k->srtcp_tag_len : k->srtp_tag_len;

	if (k->mki_len == 0)
		return true;
	if ((size_t)pkt->len < pkt->header_len + tag + k->mki_len)
		return false;
	return memcmp(pkt->data + pkt->len - tag - k->mki_len, k->mki, k->mki_len) == 0;
}
