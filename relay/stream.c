/* SPDX-License-Identifier: MIT */
/* Lists of streams, and blocks for them. */
#include "relay/stream.h"

#include <string.h>

#include "base/mem.h"

static size_t crypto_bytes(size_t stream_bytes)
{
	return (sizeof(struct crypto) + stream_bytes + 63) / 64 * 64;
}

enum err chunk_new(struct chunk **out, unsigned n_streams, unsigned n_crypto, size_t stream_bytes)
{
	struct chunk *c = mem_aligned(64, sizeof(*c) + n_streams * sizeof(c->streams[0]));

	if (!c)
		return ERR_NOMEM;
	c->n_streams = n_streams;
	c->n_crypto = n_crypto;
	c->crypto = mem_aligned(64, n_crypto * crypto_bytes(stream_bytes));
	if (!c->crypto) {
		mem_free(c);
		return ERR_NOMEM;
	}
	*out = c;
	return ERR_OK;
}

void chunk_free(struct chunk *c)
{
	if (!c)
		return;
	mem_free(c->crypto);
	mem_free(c);
}

void stream_pool_add(struct stream_pool *p, struct chunk *c)
{
	for (unsigned i = 0; i < c->n_streams; i++) {
		c->streams[i].next = p->streams;
		p->streams = &c->streams[i];
	}
	for (unsigned i = 0; i < c->n_crypto; i++) {
		struct crypto *k = (void *)(c->crypto + i * crypto_bytes(p->ops->stream_bytes));

		k->next = p->crypto;
		p->crypto = k;
	}
	p->n_streams += c->n_streams;
	p->n_crypto += c->n_crypto;
}

struct stream *stream_take(struct stream_pool *p)
{
	struct stream *s = p->streams;

	if (!s)
		return NULL;
	p->streams = s->next;
	p->n_streams--;
	memset(s, 0, sizeof(*s));
	return s;
}

void stream_give(struct stream_pool *p, struct stream *s)
{
	crypto_give(p, s->crypto);
	crypto_give(p, s->previous);
	s->next = p->streams;
	p->streams = s;
	p->n_streams++;
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
	p->n_crypto--;
	c->next = NULL;
	c->key = key;
	c->is_provisional = c->is_roc_open = false;
	return c;
}

void crypto_give(struct stream_pool *p, struct crypto *c)
{
	if (!c)
		return;
	p->ops->stream_fini(crypto_state(c));
	c->key = NULL;
	c->next = p->crypto;
	p->crypto = c;
	p->n_crypto++;
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
