/* SPDX-License-Identifier: MIT */
/* The SRTP endpoint of one party of a call, on top of an engine. */
#include "relay/party/party.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "relay/packet/rtp.h"

enum { STATE_ALIGN = 64 };

enum err party_engine_open(struct party_engine *out, const struct engine_ops *ops, unsigned window,
                           struct why *why)
{
	struct party_engine e = {.ops = ops, .window = window};
	enum err err = ops->open(&e.engine, why);

	if (!err)
		*out = e;
	return err;
}

void party_engine_close(struct party_engine *e)
{
	if (e->engine)
		e->ops->close(e->engine);
	*e = (struct party_engine){.ops = NULL};
}

enum err party_new(struct party **out, const struct party_engine *engine, const struct keyctx *key,
                   enum engine_direction direction, struct why *why)
{
	struct party *p = mem_alloc(sizeof(*p));
	enum err e;

	if (!p)
		return why_fail(why, ERR_NOMEM, "out of memory");
	*p = (struct party){.engine = engine, .direction = direction};
	e = engine->ops->key_new(&p->key, key, direction, engine->window, why);
	if (e) {
		mem_free(p);
		return e;
	}
	*out = p;
	return ERR_OK;
}

static void end_stream(struct party *p, struct party_stream *s)
{
	if (s->state)
		p->engine->ops->stream_fini(s->state);
	mem_free(s->state);
	s->state = NULL;
}

void party_free(struct party *p)
{
	struct party_stream *next;

	if (!p)
		return;
	for (struct party_stream *s = p->first.next; s; s = next) {
		next = s->next;
		end_stream(p, s);
		mem_free(s);
	}
	end_stream(p, &p->first);
	p->engine->ops->key_free(p->key);
	mem_free(p);
}

static enum err begin_state(const struct party *p, struct party_stream *s, uint32_t roc)
{
	struct engine_stream_state start = {.roc = roc};
	enum err e;

	s->state = mem_aligned(STATE_ALIGN, p->engine->ops->stream_bytes);
	if (!s->state)
		return ERR_NOMEM;
	e = p->engine->ops->stream_init(s->state, p->key, s->ssrc, roc ? &start : NULL);
	if (e) {
		mem_free(s->state);
		s->state = NULL;
	}
	return e;
}

/* The engine's stream of an SSRC; NULL: the stream has not begun. */
static struct engine_stream *stream_of(const struct party *p, uint32_t ssrc)
{
	for (const struct party_stream *s = &p->first; s; s = s->next)
		if (s->state && s->ssrc == ssrc)
			return s->state;
	return NULL;
}

enum err party_begin(struct party *p, uint32_t ssrc, uint32_t roc)
{
	struct party_stream *s = &p->first;
	enum err e;

	if (stream_of(p, ssrc))
		return ERR_EXISTS;
	if (p->n_streams == PARTY_STREAMS_MAX)
		return ERR_LIMIT;
	if (s->state) {
		s = mem_alloc(sizeof(*s));
		if (!s)
			return ERR_NOMEM;
	}
	s->ssrc = ssrc;
	e = begin_state(p, s, roc);
	if (e) {
		if (s != &p->first)
			mem_free(s);
		return e;
	}
	if (s != &p->first) {
		s->next = p->first.next;
		p->first.next = s;
	}
	p->n_streams++;
	return ERR_OK;
}

/* Removes the stream that party_begin made last. */
static void take_back(struct party *p, uint32_t ssrc)
{
	struct party_stream *s = p->first.next;

	p->n_streams--;
	if (p->first.ssrc == ssrc && p->first.state) {
		end_stream(p, &p->first);
		return;
	}
	p->first.next = s->next;
	end_stream(p, s);
	mem_free(s);
}

bool party_packet(struct pkt *out, uint8_t *data, size_t n, size_t room)
{
	enum pkt_kind kind = rtp_classify(data, n);
	size_t header = kind == PKT_RTCP ? RTCP_HEADER_LEN : rtp_header_len(data, n);

	if ((kind != PKT_RTP && kind != PKT_RTCP) || header == 0 || n < header || n > room)
		return false;
	*out = (struct pkt){
		.data = data,
		.len = (uint16_t)n,
		.tailroom = (uint16_t)(room - n),
		.kind = (uint8_t)kind,
		.header_len = (uint16_t)header,
	};
	return true;
}

uint32_t party_ssrc(const struct pkt *p)
{
	return be32_get(p->data + (p->kind == PKT_RTCP ? RTCP_SSRC_AT : RTP_SSRC_AT));
}

/* Sets the packet's key and stream. Begins the stream and sets *is_new if the SSRC is new. False:
 * the stream could not begin. */
static bool find_stream(struct party *p, struct pkt *pkt, uint32_t roc, bool *is_new)
{
	uint32_t ssrc = party_ssrc(pkt);

	pkt->key = p->key;
	pkt->crypto = stream_of(p, ssrc);
	*is_new = !pkt->crypto;
	if (pkt->crypto)
		return true;
	if (party_begin(p, ssrc, roc))
		return false;
	pkt->crypto = stream_of(p, ssrc);
	return true;
}

enum verdict party_protect(struct party *p, struct pkt *pkt)
{
	uint32_t roc = pkt->kind == PKT_RTP ? (uint32_t)(pkt->index >> 16) : 0;
	struct pkt *batch[1] = {pkt};
	bool is_new;

	if (!find_stream(p, pkt, roc, &is_new))
		return pkt->verdict = VERDICT_CRYPTO_FAILED;
	p->engine->ops->protect(p->engine->engine, batch, 1);
	return (enum verdict)pkt->verdict;
}

enum verdict party_unprotect(struct party *p, struct pkt *pkt)
{
	uint32_t ssrc = party_ssrc(pkt);
	struct pkt *batch[1] = {pkt};
	bool is_new;

	if (!find_stream(p, pkt, p->roc, &is_new))
		return pkt->verdict = VERDICT_CRYPTO_FAILED;
	p->engine->ops->unprotect(p->engine->engine, batch, 1);
	if (is_new && pkt->verdict != VERDICT_NONE)
		take_back(p, ssrc);
	return (enum verdict)pkt->verdict;
}
