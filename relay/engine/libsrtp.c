/* SPDX-License-Identifier: MIT */
/* The reference engine: libsrtp2 verifies and encrypts, one packet at a time. A struct state beside
 * it keeps the same indices, because libsrtp does not report the index that it used. */
#include "relay/engine/libsrtp_key.h"

#include <link.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "relay/engine/selftest.h"
#include "relay/engine/side.h"

struct engine {
	struct engine *evp; /* used by set_rtcp_index */
};

/* During a search for the ROC (decision 0054) two engine streams share the one libsrtp stream of
 * their SSRC. */
struct engine_stream {
	struct state state; /* must be first: state_of() casts to it */
	struct engine_key *key;
	struct engine_stream *next; /* next in the list key->attached */
	uint32_t ssrc;
	bool is_attached; /* libsrtp has a stream for this SSRC */
	/* the libsrtp stream has seen the same packets as `state`, so both estimate
	 * the same index */
	bool is_natural;
	/* srtp_set_stream_roc was called, and its value may still be in effect */
	bool is_forced;
	/* send stream: libsrtp does not know the SRTCP index of `state` yet */
	bool starts_rtcp;
};

/* --- streams ---------------------------------------------------------------- */

static enum err libsrtp_stream_init(struct engine_stream *s, struct engine_key *key, uint32_t ssrc,
                                    const struct engine_stream_state *start)
{
	enum err e = state_init(&s->state, key->log2_pkts, start);

	/* libsrtp cannot start with a used window. A receive stream does not need that: `state`
	 * itself refuses packets that were seen before. */
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
	/* libsrtp 2 wants the SSRC in network order here, but in host order in a policy. */
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

/* Makes libsrtp use the ROC of `index` for the next packet. libsrtp estimates the ROC in the same
 * way, so this function sets the ROC only when libsrtp has seen other packets than `s`, or when a
 * sender chose another ROC. Sets *added if it created a libsrtp stream. */
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
		status = libsrtp_key_add_stream(s->key, s->ssrc);
		if (status != srtp_err_status_ok)
			return status;
		attach(s);
		*added = true;
	}
	/* Setting ROC 0 makes libsrtp estimate the ROC again. */
	s->is_forced = roc != 0;
	return srtp_set_stream_roc(s->key->srtp, s->ssrc, roc);
}

/* Called after libsrtp accepted an SRTP packet of this stream. */
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
 * Sets the SRTCP index of a send stream. libsrtp counts SRTCP packets itself, from 0 under each
 * key, and has no function to set the counter. But a received packet sets it: libsrtp uses the
 * lower edge of its replay window, 127 below the highest index, as the index sent last. So this
 * function gives libsrtp an empty report that evp protects under the same key with such an index.
 * The report never leaves the process.
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
		status = libsrtp_key_add_stream(s->key, s->ssrc);
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
	/* libsrtp detects most of these packets, but not those that were seen before it had a
	 * stream for the SSRC. */
	if (v != VERDICT_NONE)
		return v;
	v = verdict_of(aim(s, index, &added));
	if (v == VERDICT_NONE)
		v = verdict_of(srtp_unprotect_mki(k->srtp, p->data, &len, k->ctx->mki_len > 0));
	if (v != VERDICT_NONE) {
		if (added)
			libsrtp_stream_fini(s);
		else if (s->is_forced)
			/* other streams of the SSRC must not inherit this ROC */
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

/* libsrtp looks for the MKI of an SRTCP packet at the place where the tag of an SRTP packet would
 * begin. With the _32 suites the tags differ in length, and it misses the MKI. For these suites
 * this function checks and removes the MKI itself; the tag does not cover it (RFC 3711 3.4). */
static enum verdict open_rtcp(struct engine_key *k, struct pkt *p, bool is_encrypted, int *len)
{
	const struct suite *suite = k->ctx->suite;
	unsigned mki_len = k->ctx->mki_len, tag_len = suite->srtcp_tag_len;
	bool is_aead = suite->cipher == SUITE_CIPHER_AES_GCM;
	uint8_t *mki = p->data + p->len - mki_len - (is_aead ? 0 : tag_len);
	enum verdict v;

	/* libsrtp would accept an unencrypted AEAD packet. */
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

	/* libsrtp returns bad_param when it is already initialised; the self-test shows
	 * whether it works. */
	if (status != srtp_err_status_ok && status != srtp_err_status_bad_param)
		return why_fail(why, ERR_CRYPTO,
		                "libsrtp cannot be initialised: srtp_init returned %d",
		                (int)status);
	return selftest_run(&engine_libsrtp, 1, why);
}

/* Finds out whether libsrtp uses NSS: no libsrtp function names its crypto library, but nothing
 * else in this program loads NSS. */
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
