/* SPDX-License-Identifier: MIT */
/* Steps of unprotect: estimate and check the index of every packet, verify all tags, settle the
 * verdicts in order of arrival, decrypt the accepted packets. Steps of protect: take the indices in
 * order of arrival, encrypt all packets, write all tags. */
#include "relay/engine/batch.h"

#include <string.h>

#include "base/secret.h"

/* AHEAD: while one packet is worked on, key and stream of the packet AHEAD places later are
 * prefetched. LINE: octets of a cache line. */
enum { AHEAD = 8, LINE = 64 };

/* One side of a key spans several cache lines. Of a stream with a small window, all that is needed
 * lies in the first line. */
static void prefetch(const struct pkt *p)
{
	const uint8_t *key = (const uint8_t *)p->key;

	__builtin_prefetch(p->crypto, 1);
	for (unsigned i = 0; i < 4; i++)
		__builtin_prefetch(key + (size_t)i * LINE);
}

/* RTCP is about one packet in a hundred. It has its own copy of the code, so that the
 * code for RTP has no branches for RTCP. FOR_EITHER functions are compiled twice: with
 * `is_rtcp` true and with `is_rtcp` false. */
#define FOR_EITHER static inline __attribute__((always_inline))
#define FOR_RTCP   static __attribute__((noinline, cold))
#define RARELY(x)  __builtin_expect(!!(x), 0)

FOR_EITHER void list(struct engine_batch *b, struct op *op, bool is_aead)
{
	if (RARELY(is_aead))
		b->aead[b->n_aead++] = op;
	else
		b->cm[b->n_cm++] = op;
}

/* RFC 7714 9.2: the AAD of SRTCP (header and E+index) is not contiguous in the packet. */
static void aim_aead(struct op *op, uint32_t esrtcp, unsigned clear_len)
{
	op->aad = op->data;
	op->auth_len = clear_len;
	if (op->is_rtcp) {
		memcpy(op->rtcp_aad, op->data, LAYOUT_RTCP_CLEAR);
		be32_put(op->rtcp_aad + LAYOUT_RTCP_CLEAR, esrtcp);
		op->aad = op->rtcp_aad;
		op->auth_len = sizeof(op->rtcp_aad);
	}
}

/* Fills in an op for unprotect and for protect. `end` is the first octet after the encrypted part.
 * In this file, values are passed as arguments and kept in locals: octets are written in between,
 * and after such a write the compiler must read a struct member from memory again. */
FOR_EITHER void aim(struct op *op, struct pkt *p, struct engine_side *side, unsigned clear_len,
                    uint8_t *end, uint64_t index, bool is_rtcp)
{
	uint8_t *data = p->data;

	op->pkt = p;
	op->side = side;
	op->data = data;
	op->index = index;
	op->is_rtcp = is_rtcp;
	op->crypt = data + clear_len;
	op->crypt_len = (uint32_t)(end - data) - clear_len;
	op->tag_at = end + layout_tag_at(side);
	layout_iv(op->iv, side, data + (is_rtcp ? 4 : 8), index);
}

/* --- unprotect -------------------------------------------------------------- */

/*
 * Estimates the index from the state before the batch. If the outcome of an earlier packet of the
 * batch could change the estimate, returns false: the packet waits for the next round. The estimate
 * never falls when the highest index rises, so it is enough to compare the estimates at the lowest
 * and at the highest possible value. A stream without an authenticated packet has no such bounds.
 */
static bool estimate(const struct state *s, uint16_t seq, uint64_t *index)
{
	*index = state_estimate(s, seq);
	if (!s->in_flight)
		return true;
	return s->rtp.any && roc_estimate(s->pending_index, seq) == *index;
}

static inline void set_in_flight(struct state *s, uint64_t index)
{
	uint64_t highest = s->in_flight ? s->pending_index : s->rtp.any ? s->rtp.highest : 0;

	s->pending_index = index > highest ? index : highest;
	s->in_flight = true;
}

static inline void open_rtp(struct op *op, bool is_aead, unsigned clear_len, uint8_t *end,
                            uint64_t index)
{
	if (RARELY(is_aead)) {
		aim_aead(op, 0, clear_len);
		return;
	}
	/* RFC 3711 4.2: the tag covers the ROC appended to the payload. The four octets
	 * there are saved. */
	memcpy(op->kept, end, LAYOUT_ROC_LEN);
	be32_put(end, (uint32_t)(index >> 16));
	op->auth_len = op->crypt_len + clear_len + LAYOUT_ROC_LEN;
}

static void open_rtcp(struct op *op)
{
	if (op->side->is_aead)
		aim_aead(op, LAYOUT_E_BIT | (uint32_t)op->index, LAYOUT_RTCP_CLEAR);
	else
		op->auth_len = op->crypt_len + LAYOUT_RTCP_CLEAR + LAYOUT_ESRTCP_LEN;
}

static bool has_mki(const struct pkt *p, const struct engine_side *side, bool is_rtcp,
                    const uint8_t *end)
{
	return memcmp(end + layout_mki_at(side, is_rtcp), side_mki(p->key), side->mki_len) == 0;
}

/* Prepares a packet. False: this packet and all that follow must wait until the earlier packets
 * have their verdicts. */
FOR_EITHER bool unprotect_prepare(struct engine_batch *b, struct pkt *p, struct engine_side *side,
                                  bool is_rtcp)
{
	struct op *op = &b->ops[b->n];
	struct state *s = state_of(p->crypto);
	bool is_encrypted = true, is_aead = side->is_aead;
	unsigned clear_len = is_rtcp ? LAYOUT_RTCP_CLEAR : p->header_len, added = side->added;
	uint8_t *end;
	uint64_t index;
	enum verdict v;

	if (RARELY(p->len < clear_len + added)) {
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
		if (RARELY(!estimate(s, be16_get(p->data + 2), &index)))
			return false;
		v = state_check_rtp(s, &side->life, index);
	}
	if (v == VERDICT_NONE && RARELY(side->mki_len) && !has_mki(p, side, is_rtcp, end))
		v = VERDICT_NO_KEY;
	else if (v == VERDICT_NONE && !is_encrypted)
		v = VERDICT_AUTH_FAILED;
	aim(op, p, side, clear_len, end, index, is_rtcp);
	op->verdict = (uint8_t)v;
	b->n++;
	if (RARELY(v != VERDICT_NONE))
		return true;
	if (is_rtcp) {
		open_rtcp(op);
	} else {
		open_rtp(op, is_aead, clear_len, end, index);
		set_in_flight(s, index);
	}
	list(b, op, is_aead);
	return true;
}

FOR_RTCP void unprotect_prepare_rtcp(struct engine_batch *b, struct pkt *p)
{
	(void)unprotect_prepare(b, p, side_rtcp(p->key), true);
}

/* Same as secret_eq, without loops: compares ten octets as two overlapping reads of eight. */
static inline bool is_tag(const uint8_t *got, const uint8_t *want, unsigned len)
{
	uint64_t a, b, c, d;

	if (RARELY(len != 10))
		return secret_eq(got, want, len);
	memcpy(&a, got, 8);
	memcpy(&b, want, 8);
	memcpy(&c, got + 2, 8);
	memcpy(&d, want + 2, 8);
	return ((a ^ b) | (c ^ d)) == 0;
}

static inline bool is_authentic(const struct op *op, const struct engine_side *side)
{
	return RARELY(side->is_aead) ? op->is_authentic
	                             : is_tag(op->tag, op->tag_at, side->tag_len);
}

/* Called for packets in order of arrival, because an earlier packet may have used the index, moved
 * the window, or used up the key. */
FOR_EITHER enum verdict settle(const struct op *op, const struct pkt *p, bool is_rtcp)
{
	struct state *s = state_of(p->crypto);
	struct engine_side *side = op->side;
	uint64_t index = op->index;
	enum verdict v = (enum verdict)op->verdict, earlier;

	s->in_flight = false;
	if (v == VERDICT_NONE && is_authentic(op, side))
		return is_rtcp ? state_take_rtcp(s, &side->life, index)
		               : state_take_rtp(s, &side->life, index);
	earlier = is_rtcp ? state_check_rtcp(s, &side->life, index)
	                  : state_check_rtp(s, &side->life, index);
	return earlier != VERDICT_NONE ? earlier : v != VERDICT_NONE ? v : VERDICT_AUTH_FAILED;
}

FOR_RTCP enum verdict settle_rtcp(const struct op *op, const struct pkt *p)
{
	return settle(op, p, true);
}

static inline void accept(const struct op *op, struct pkt *p)
{
	uint16_t len = (uint16_t)(op->crypt + op->crypt_len - op->data);

	p->index = op->index;
	p->tailroom = (uint16_t)(p->tailroom + p->len - len);
	p->len = len;
}

/* Restores the octets that the ROC replaced, so that the packet is again as received. */
static void put_back(const struct op *op)
{
	if (!op->is_rtcp)
		memcpy(op->crypt + op->crypt_len, op->kept, LAYOUT_ROC_LEN);
}

static void unprotect_run(struct engine_batch *b, struct engine *e,
                          const struct engine_batch_crypto *crypto)
{
	unsigned n_cm = 0;

	if (b->n_cm)
		crypto->hmac(e, b->cm, b->n_cm);
	if (b->n_aead)
		crypto->open(e, b->aead, b->n_aead);
	/* Restores all packets before it reads the first tag: the CPU stalls on a read right after
	 * a write next to it. */
	for (unsigned i = 0; i < b->n_cm; i++)
		put_back(b->cm[i]);
	for (unsigned i = 0; i < b->n; i++) {
		struct op *op = &b->ops[i];
		struct pkt *p = op->pkt;
		enum verdict v = RARELY(op->is_rtcp) ? settle_rtcp(op, p) : settle(op, p, false);

		p->verdict = (uint8_t)v;
		if (RARELY(v != VERDICT_NONE))
			continue;
		accept(op, p);
		if (!op->side->is_aead && op->crypt_len)
			b->cm[n_cm++] = op;
	}
	if (n_cm)
		crypto->ctr(e, b->cm, n_cm);
}

void engine_batch_unprotect(struct engine_batch *b, struct engine *e,
                            const struct engine_batch_crypto *crypto, struct pkt **pkts, unsigned n)
{
	unsigned i = 0;

	for (unsigned k = 0; k < AHEAD && k < n; k++)
		prefetch(pkts[k]);
	while (i < n) {
		b->n = b->n_cm = b->n_aead = 0;
		for (; i < n; i++) {
			if (i + AHEAD < n)
				prefetch(pkts[i + AHEAD]);
			if (RARELY(pkts[i]->verdict != VERDICT_NONE))
				continue;
			if (RARELY(pkts[i]->kind == PKT_RTCP))
				unprotect_prepare_rtcp(b, pkts[i]);
			else if (!unprotect_prepare(b, pkts[i], side_rtp(pkts[i]->key), false))
				break;
		}
		unprotect_run(b, e, crypto);
	}
}

/* --- protect ---------------------------------------------------------------- */

/* Marks the index as used. It stays used even if the packet fails later. */
FOR_EITHER enum verdict take_index(struct pkt *p, struct engine_side *side, bool is_rtcp)
{
	struct state *s = state_of(p->crypto);
	enum verdict v;

	if (is_rtcp) {
		p->index = state_next_rtcp(s);
		return state_take_rtcp(s, &side->life, p->index);
	}
	v = state_take_rtp(s, &side->life, p->index);
	return v == VERDICT_NONE || v == VERDICT_KEY_EXPIRED ? v : VERDICT_DUPLICATE;
}

FOR_EITHER void protect_prepare(struct engine_batch *b, struct pkt *p, struct engine_side *side,
                                bool is_rtcp)
{
	struct op *op = &b->ops[b->n];
	bool is_aead = side->is_aead;
	unsigned clear_len = is_rtcp ? LAYOUT_RTCP_CLEAR : p->header_len;
	uint8_t *end = p->data + p->len;
	uint64_t index;
	uint32_t behind;
	enum verdict v;

	v = p->tailroom < side->added ? VERDICT_TOO_BIG : take_index(p, side, is_rtcp);
	p->verdict = (uint8_t)v;
	if (RARELY(v != VERDICT_NONE))
		return;
	index = p->index;
	aim(op, p, side, clear_len, end, index, is_rtcp);
	behind = is_rtcp ? LAYOUT_E_BIT | (uint32_t)index : (uint32_t)(index >> 16);
	if (RARELY(is_aead)) {
		aim_aead(op, behind, clear_len);
		if (is_rtcp)
			be32_put(end + layout_esrtcp_at(side), behind);
	} else {
		/* SRTP: writes the ROC here; later the tag replaces it (RFC 3711 4.2). SRTCP:
		 * writes E and the index here; they stay in the packet. */
		be32_put(end, behind);
		op->auth_len = op->crypt_len + clear_len + 4;
	}
	list(b, op, is_aead);
	b->n++;
}

FOR_RTCP void protect_prepare_rtcp(struct engine_batch *b, struct pkt *p)
{
	protect_prepare(b, p, side_rtcp(p->key), true);
}

/* With a constant length the compiler emits moves instead of a call of memcpy. */
static void write_tag(uint8_t *at, const uint8_t *tag, unsigned len)
{
	if (len == 10)
		memcpy(at, tag, 10);
	else if (len == 4)
		memcpy(at, tag, 4);
	else
		memcpy(at, tag, len);
}

static inline void protect_finish(struct op *op)
{
	struct pkt *p = op->pkt;
	const struct engine_side *side = op->side;
	uint8_t *end = op->crypt + op->crypt_len;
	unsigned added = side->added;

	if (!side->is_aead)
		write_tag(op->tag_at, op->tag, side->tag_len);
	if (side->mki_len)
		memcpy(end + layout_mki_at(side, op->is_rtcp), side_mki(p->key), side->mki_len);
	p->len = (uint16_t)(p->len + added);
	p->tailroom = (uint16_t)(p->tailroom - added);
}

void engine_batch_protect(struct engine_batch *b, struct engine *e,
                          const struct engine_batch_crypto *crypto, struct pkt **pkts, unsigned n)
{
	b->n = b->n_cm = b->n_aead = 0;
	for (unsigned k = 0; k < AHEAD && k < n; k++)
		prefetch(pkts[k]);
	for (unsigned i = 0; i < n; i++) {
		if (i + AHEAD < n)
			prefetch(pkts[i + AHEAD]);
		if (RARELY(pkts[i]->verdict != VERDICT_NONE))
			continue;
		if (RARELY(pkts[i]->kind == PKT_RTCP))
			protect_prepare_rtcp(b, pkts[i]);
		else
			protect_prepare(b, pkts[i], side_rtp(pkts[i]->key), false);
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
