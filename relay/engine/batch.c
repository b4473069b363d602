/* SPDX-License-Identifier: MIT */
/* Unprotect: estimate and check all, verify all, settle in order, decrypt what was accepted. Protect: settle in order, encrypt all, tag all. */
#include "relay/engine/batch.h"

#include <string.h>

#include "base/secret.h"

enum { AHEAD = 8, LINE = 64 }; /* packets whose key and stream are fetched while one is worked on */

/* A key's side spans bytes / 64 lines; the stream's first line holds all a small window needs. */
static void prefetch(const struct pkt *p)
{
	const uint8_t *key = (const uint8_t *)p->key;

	__builtin_prefetch(p->crypto, 1);
	for (unsigned i = 0; i < 4; i++)
		__builtin_prefetch(key + (size_t)i * LINE);
}

static struct side *side_of(const struct pkt *p)
{
	return p->kind == PKT_RTCP ? side_rtcp(p->key) : side_rtp(p->key);
}

static void list(struct batch *b, struct op *op)
{
	if (op->side->is_aead)
		b->aead[b->n_aead++] = op;
	else
		b->cm[b->n_cm++] = op;
}

/* RFC 7714 9.2: the AAD of SRTCP is not in one piece. */
static void aim_aead(struct op *op, uint32_t esrtcp, unsigned clear_len)
{
	op->aad = op->data;
	op->auth_len = clear_len;
	if (op->is_rtcp) {
		memcpy(op->rtcp_aad, op->data, LAYOUT_RTCP_CLEAR);
		be32_put(op->rtcp_aad + LAYOUT_RTCP_CLEAR, esrtcp);
		op->aad = op->rtcp_aad;
		op->auth_len = sizeof op->rtcp_aad;
	}
}

/* What both ways share. `end` is the first octet behind the encrypted part. */
static void aim(struct op *op, unsigned clear_len, uint8_t *end)
{
	uint32_t ssrc = be32_get(op->data + (op->is_rtcp ? 4 : 8));

	op->crypt = op->data + clear_len;
	op->crypt_len = (uint32_t)(end - op->crypt);
	op->tag_at = end + layout_tag_at(op->side, op->is_rtcp);
	layout_iv(op->iv, op->side, ssrc, op->index);
}

/* --- unprotect -------------------------------------------------------------------------------------- */

/*
 * The index by the state before the batch. When an outcome still open could change the estimate, the packet waits for the next round. The estimate never
 * falls when the highest index rises, so comparing the ends compares all between; a stream that has seen nothing knows no ends.
 */
static bool estimate(const struct state *s, uint16_t seq, uint64_t *index)
{
	*index = state_estimate(s, seq);
	if (!s->in_flight)
		return true;
	return s->rtp.any && roc_estimate(s->pending_index, seq) == *index;
}

static void set_in_flight(struct state *s, uint64_t index)
{
	uint64_t highest = s->in_flight ? s->pending_index : s->rtp.any ? s->rtp.highest : 0;

	s->pending_index = index > highest ? index : highest;
	s->in_flight = true;
}

static void open_rtp(struct op *op, uint8_t *end)
{
	const struct pkt *p = op->pkt;

	aim(op, p->header_len, end);
	if (op->side->is_aead) {
		aim_aead(op, 0, p->header_len);
		return;
	}
	/* RFC 3711 4.2: the ROC is authenticated behind the payload; what stands there is put aside. */
	memcpy(op->kept, end, LAYOUT_ROC_LEN);
	be32_put(end, (uint32_t)(op->index >> 16));
	op->auth_len = (uint32_t)(end - op->data) + LAYOUT_ROC_LEN;
}

static void open_rtcp(struct op *op, uint8_t *end)
{
	aim(op, LAYOUT_RTCP_CLEAR, end);
	if (op->side->is_aead) {
		aim_aead(op, LAYOUT_E_BIT | (uint32_t)op->index, LAYOUT_RTCP_CLEAR);
		return;
	}
	op->auth_len = (uint32_t)(end - op->data) + LAYOUT_ESRTCP_LEN;
}

static bool has_mki(const struct op *op, const uint8_t *end)
{
	return memcmp(end + layout_mki_at(op->side, op->is_rtcp), side_mki(op->pkt->key), op->side->mki_len) == 0;
}

/* False when the packet, and with it all behind it, must wait for the outcome of those before. */
static bool unprotect_prepare(struct batch *b, struct pkt *p)
{
	struct op *op = &b->ops[b->n];
	struct state *s = state_of(p->crypto);
	struct side *side = side_of(p);
	bool is_rtcp = p->kind == PKT_RTCP, is_encrypted = true;
	unsigned clear_len = is_rtcp ? LAYOUT_RTCP_CLEAR : p->header_len, added = layout_added(side, is_rtcp);
	uint8_t *end;
	uint64_t index;
	enum verdict v;

	if (p->len < clear_len + added) {
		p->verdict = VERDICT_CLEAR;
		return true;
	}
	end = p->data + p->len - added;
	if (is_rtcp) {
		uint32_t esrtcp = be32_get(end + layout_esrtcp_at(side));

		is_encrypted = esrtcp & LAYOUT_E_BIT;
		index = esrtcp & ~LAYOUT_E_BIT;
		v = state_check_rtcp(s, &side->life, index);
	} else {
		if (!estimate(s, be16_get(p->data + 2), &index))
			return false;
		v = state_check_rtp(s, &side->life, index);
	}
	op->pkt = p;
	op->side = side;
	op->data = p->data;
	op->is_rtcp = is_rtcp;
	op->index = index;
	if (v == VERDICT_NONE && side->mki_len && !has_mki(op, end))
		v = VERDICT_NO_KEY;
	else if (v == VERDICT_NONE && !is_encrypted)
		v = VERDICT_AUTH_FAILED;
	op->verdict = (uint8_t)v;
	b->n++;
	if (v != VERDICT_NONE)
		return true;
	if (is_rtcp) {
		open_rtcp(op, end);
	} else {
		open_rtp(op, end);
		set_in_flight(s, index);
	}
	list(b, op);
	return true;
}

static bool is_authentic(const struct op *op)
{
	return op->side->is_aead ? op->is_authentic : secret_eq(op->tag, op->tag_at, op->side->tag_len);
}

/* In order of arrival: what came before may have used the index, moved the window, or used up the key. */
static enum verdict settle(const struct op *op)
{
	struct state *s = state_of(op->pkt->crypto);
	struct state_life *life = &op->side->life;
	bool ok = op->verdict == VERDICT_NONE && is_authentic(op);
	enum verdict v = op->is_rtcp ? state_check_rtcp(s, life, op->index) : state_check_rtp(s, life, op->index);

	s->in_flight = false;
	if (v != VERDICT_NONE)
		return v;
	if (!ok)
		return op->verdict != VERDICT_NONE ? (enum verdict)op->verdict : VERDICT_AUTH_FAILED;
	if (op->is_rtcp)
		state_commit_rtcp(s, life, op->index);
	else
		state_commit_rtp(s, life, op->index);
	return VERDICT_NONE;
}

static void accept(struct op *op)
{
	struct pkt *p = op->pkt;
	uint16_t len = (uint16_t)(op->crypt + op->crypt_len - op->data);

	p->index = op->index;
	p->tailroom = (uint16_t)(p->tailroom + p->len - len);
	p->len = len;
}

/* The octets the ROC was written over: the packet is again as it came. */
static void put_back(const struct op *op)
{
	if (!op->is_rtcp)
		memcpy(op->crypt + op->crypt_len, op->kept, LAYOUT_ROC_LEN);
}

static void unprotect_run(struct batch *b, struct engine *e, const struct batch_crypto *crypto)
{
	if (b->n_cm)
		crypto->hmac(e, b->cm, b->n_cm);
	if (b->n_aead)
		crypto->open(e, b->aead, b->n_aead);
	/* All at once: a tag read just behind such a write would wait for it. */
	for (unsigned i = 0; i < b->n_cm; i++)
		put_back(b->cm[i]);
	b->n_cm = 0;
	for (unsigned i = 0; i < b->n; i++) {
		struct op *op = &b->ops[i];
		enum verdict v = settle(op);

		op->pkt->verdict = (uint8_t)v;
		if (v != VERDICT_NONE)
			continue;
		accept(op);
		if (!op->side->is_aead && op->crypt_len)
			b->cm[b->n_cm++] = op;
	}
	if (b->n_cm)
		crypto->ctr(e, b->cm, b->n_cm);
}

void batch_unprotect(struct batch *b, struct engine *e, const struct batch_crypto *crypto, struct pkt **pkts, unsigned n)
{
	unsigned i = 0;

	for (unsigned k = 0; k < AHEAD && k < n; k++)
		prefetch(pkts[k]);
	while (i < n) {
		b->n = b->n_cm = b->n_aead = 0;
		for (; i < n; i++) {
			if (i + AHEAD < n)
				prefetch(pkts[i + AHEAD]);
			if (pkts[i]->verdict == VERDICT_NONE && !unprotect_prepare(b, pkts[i]))
				break;
		}
		unprotect_run(b, e, crypto);
	}
}

/* --- protect ---------------------------------------------------------------------------------------- */

/* The index is used up here, whatever comes after. */
static enum verdict take_index(struct pkt *p, struct side *side, bool is_rtcp)
{
	struct state *s = state_of(p->crypto);
	enum verdict v;

	if (is_rtcp) {
		p->index = state_next_rtcp(s);
		v = state_check_rtcp(s, &side->life, p->index);
		if (v == VERDICT_NONE)
			state_commit_rtcp(s, &side->life, p->index);
		return v;
	}
	v = state_check_rtp(s, &side->life, p->index);
	if (v == VERDICT_NONE)
		state_commit_rtp(s, &side->life, p->index);
	return v == VERDICT_NONE || v == VERDICT_KEY_EXPIRED ? v : VERDICT_DUPLICATE;
}

static void protect_prepare(struct batch *b, struct pkt *p)
{
	struct op *op = &b->ops[b->n];
	struct side *side = side_of(p);
	bool is_rtcp = p->kind == PKT_RTCP;
	unsigned clear_len = is_rtcp ? LAYOUT_RTCP_CLEAR : p->header_len;
	uint8_t *end = p->data + p->len;
	uint32_t behind;

	p->verdict = (uint8_t)(p->tailroom < layout_added(side, is_rtcp) ? VERDICT_TOO_BIG : take_index(p, side, is_rtcp));
	if (p->verdict != VERDICT_NONE)
		return;
	op->pkt = p;
	op->side = side;
	op->data = p->data;
	op->is_rtcp = is_rtcp;
	op->index = p->index;
	aim(op, clear_len, end);
	behind = is_rtcp ? LAYOUT_E_BIT | (uint32_t)p->index : (uint32_t)(p->index >> 16);
	if (side->is_aead) {
		aim_aead(op, behind, clear_len);
		if (is_rtcp)
			be32_put(end + layout_esrtcp_at(side), behind);
	} else {
		/* SRTP: the ROC stands here until the tag is known (RFC 3711 4.2). SRTCP: E and the index, which stay. */
		be32_put(end, behind);
		op->auth_len = (uint32_t)(p->len + 4);
	}
	list(b, op);
	b->n++;
}

/* Lengths known to the compiler: no call for ten octets. */
static void write_tag(uint8_t *at, const uint8_t *tag, unsigned len)
{
	if (len == 10)
		memcpy(at, tag, 10);
	else if (len == 4)
		memcpy(at, tag, 4);
	else
		memcpy(at, tag, len);
}

static void protect_finish(struct op *op)
{
	struct pkt *p = op->pkt;
	const struct side *side = op->side;
	uint8_t *end = op->crypt + op->crypt_len;
	unsigned added = layout_added(side, op->is_rtcp);

	if (!side->is_aead)
		write_tag(op->tag_at, op->tag, side->tag_len);
	if (side->mki_len)
		memcpy(end + layout_mki_at(side, op->is_rtcp), side_mki(p->key), side->mki_len);
	p->len = (uint16_t)(p->len + added);
	p->tailroom = (uint16_t)(p->tailroom - added);
}

void batch_protect(struct batch *b, struct engine *e, const struct batch_crypto *crypto, struct pkt **pkts, unsigned n)
{
	b->n = b->n_cm = b->n_aead = 0;
	for (unsigned k = 0; k < AHEAD && k < n; k++)
		prefetch(pkts[k]);
	for (unsigned i = 0; i < n; i++) {
		if (i + AHEAD < n)
			prefetch(pkts[i + AHEAD]);
		if (pkts[i]->verdict == VERDICT_NONE)
			protect_prepare(b, pkts[i]);
	}
	if (b->n_cm) {
		crypto->ctr(e, b->cm, b->n_cm);
		crypto->hmac(e, b->cm, b->n_cm);
	}
	if (b->n_aead)
		crypto->seal(e, b->aead, b->n_aead);
	for (unsigned i = 0; i < b->n; i++)
		protect_finish(&b->ops[i]);
}
