/* SPDX-License-Identifier: MIT */
/* Lists of streams, and the pool of blocks. */
#include "relay/worker/stream.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"

static size_t crypto_bytes(size_t stream_bytes)
{
	return (sizeof(struct crypto) + stream_bytes + 63) / 64 * 64;
}

/* Octets of a block. */
static size_t block_bytes(enum block_kind kind, size_t stream_bytes)
{
	switch (kind) {
	case BLOCK_IN:
		return sizeof(struct stream);
	case BLOCK_OUT:
		return sizeof(struct stream) + REPLAY_WORDS_MAX * sizeof(uint64_t);
	case BLOCK_CRYPTO:
	case BLOCK_KINDS:
		break;
	}
	return crypto_bytes(stream_bytes);
}

enum err chunk_new(struct chunk **out, const struct blocks *blocks, size_t stream_bytes)
{
	struct chunk *c = mem_alloc(sizeof(*c));

	if (!c)
		return ERR_NOMEM;
	c->blocks = *blocks;
	for (unsigned k = 0; k < BLOCK_KINDS; k++) {
		if (!blocks->n[k])
			continue;
		c->of[k] = mem_aligned(64, blocks->n[k] *
		                                   block_bytes((enum block_kind)k, stream_bytes));
		if (!c->of[k]) {
			chunk_free(c);
			return ERR_NOMEM;
		}
	}
	*out = c;
	return ERR_OK;
}

void chunk_free(struct chunk *c)
{
	if (!c)
		return;
	for (unsigned k = 0; k < BLOCK_KINDS; k++)
		mem_free(c->of[k]);
	mem_free(c);
}

void stream_pool_add(struct stream_pool *p, struct chunk *c)
{
	for (unsigned kind = BLOCK_IN; kind <= BLOCK_OUT; kind++) {
		for (unsigned i = 0; i < c->blocks.n[kind]; i++) {
			struct stream *s =
				(void *)(c->of[kind] + i * block_bytes((enum block_kind)kind, 0));

			s->next = p->streams[kind];
			p->streams[kind] = s;
		}
	}
	for (unsigned i = 0; i < c->blocks.n[BLOCK_CRYPTO]; i++) {
		struct crypto *k =
			(void *)(c->of[BLOCK_CRYPTO] + i * crypto_bytes(p->ops->stream_bytes));

		k->next = p->crypto;
		p->crypto = k;
	}
	for (unsigned kind = 0; kind < BLOCK_KINDS; kind++)
		p->unused.n[kind] += c->blocks.n[kind];
}

struct stream *stream_take(struct stream_pool *p, enum block_kind kind)
{
	struct stream *s = p->streams[kind];

	if (!s)
		return NULL;
	p->streams[kind] = s->next;
	p->unused.n[kind]--;
	memset(s, 0, block_bytes(kind, 0));
	s->is_out = kind == BLOCK_OUT;
	return s;
}

void stream_give(struct stream_pool *p, struct stream *s)
{
	enum block_kind kind = s->is_out ? BLOCK_OUT : BLOCK_IN;

	crypto_give(p, s->crypto);
	crypto_give(p, s->previous);
	s->next = p->streams[kind];
	p->streams[kind] = s;
	p->unused.n[kind]++;
}

struct crypto *crypto_take(struct stream_pool *p, struct key *key, uint32_t ssrc,
                           const struct engine_stream_state *start)
{
	struct crypto *c = p->crypto;

	if (!c)
		return NULL;
	memset(c->state, 0, p->ops->stream_bytes);
	if (p->ops->stream_init(crypto_state(c), key->engine, ssrc, start))
		return NULL;
	p->crypto = c->next;
	p->unused.n[BLOCK_CRYPTO]--;
	memset(c, 0, offsetof(struct crypto, state));
	c->key = key;
	return c;
}

bool crypto_restart(struct stream_pool *p, struct crypto *c, uint32_t ssrc,
                    const struct engine_stream_state *start)
{
	struct engine_stream_state was, is = *start;

	if (p->ops->stream_export(crypto_state(c), &was))
		return false;
	was.rtp_pkts = was.rtcp_pkts = is.rtp_pkts = is.rtcp_pkts = 0;
	p->ops->stream_fini(crypto_state(c));
	memset(c->state, 0, p->ops->stream_bytes);
	if (!p->ops->stream_init(crypto_state(c), c->key->engine, ssrc, &is))
		return true;
	memset(c->state, 0, p->ops->stream_bytes);
	CHECK(!p->ops->stream_init(crypto_state(c), c->key->engine, ssrc, &was));
	return false;
}

void crypto_give(struct stream_pool *p, struct crypto *c)
{
	if (!c)
		return;
	p->ops->stream_fini(crypto_state(c));
	c->key = NULL;
	/* a batch may list this block twice, but may free it only once */
	c->is_provisional = false;
	c->next = p->crypto;
	p->crypto = c;
	p->unused.n[BLOCK_CRYPTO]++;
}

static struct stream *to_front(struct stream **list, struct stream **at)
{
	struct stream *s = *at;

	if (at != list) {
		*at = s->next;
		s->next = *list;
		*list = s;
	}
	return s;
}

struct stream *stream_find(struct stream **list, uint32_t ssrc)
{
	for (struct stream **at = list; *at; at = &(*at)->next)
		if ((*at)->ssrc == ssrc)
			return to_front(list, at);
	return NULL;
}

struct stream *stream_find_source(struct stream **list, const struct leg *source, uint32_t ssrc)
{
	for (struct stream **at = list; *at; at = &(*at)->next)
		if ((*at)->source == source && (*at)->source_ssrc == ssrc)
			return to_front(list, at);
	return NULL;
}

struct stream *stream_remove_idle(struct stream **list, uint64_t now_ns, uint64_t idle_ns)
{
	struct stream **oldest = NULL;
	struct stream *s;

	for (struct stream **at = list; *at; at = &(*at)->next)
		if (!oldest || (*at)->last_ns < (*oldest)->last_ns)
			oldest = at;
	if (!oldest || now_ns - (*oldest)->last_ns < idle_ns)
		return NULL;
	s = *oldest;
	*oldest = s->next;
	return s;
}

void stream_shift(struct stream_pool *p, struct stream *s)
{
	crypto_give(p, s->previous);
	s->previous = s->crypto;
	s->crypto = NULL;
}

void stream_shift_back(struct stream *s)
{
	struct crypto *c = s->crypto;

	s->crypto = s->previous;
	s->previous = c;
}
