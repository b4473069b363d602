/* SPDX-License-Identifier: MIT */
/* The endpoints' own SRTP over one of the gateway's engines. */
#include "bench/gen/crypt.h"

#include "base/mem.h"

enum { WINDOW_PKTS = 1024, STATE_ALIGN = 64 };

struct crypt {
	const struct engine_ops *ops;
	struct engine *engine;
};

enum err crypt_open(struct crypt **out, const char *engine, struct why *why)
{
	struct crypt *c = mem_alloc(sizeof(*c));
	enum err e;

	if (!c)
		return ERR_NOMEM;
	e = engine_choose(&c->ops, str_of(engine), why);
	if (e == ERR_OK)
		e = c->ops->open(&c->engine, why);
	if (e != ERR_OK) {
		mem_free(c);
		return e;
	}
	*out = c;
	return ERR_OK;
}

void crypt_close(struct crypt *c)
{
	if (c)
		c->ops->close(c->engine);
	mem_free(c);
}

const char *crypt_engine(const struct crypt *c)
{
	return c->ops->name;
}

enum err crypt_stream_new(struct crypt *c, struct crypt_stream **out, const struct keyctx *key,
                          enum engine_direction direction, uint32_t ssrc, uint32_t roc)
{
	struct crypt_stream *s = mem_alloc(sizeof(*s));
	struct engine_stream_state start = {.roc = roc};
	size_t bytes = (c->ops->stream_bytes + STATE_ALIGN - 1) / STATE_ALIGN * STATE_ALIGN;
	enum err e = ERR_NOMEM;

	if (!s)
		return ERR_NOMEM;
	s->ssrc = ssrc;
	s->state = mem_aligned(STATE_ALIGN, bytes);
	if (s->state)
		e = c->ops->key_new(&s->key, key, direction, WINDOW_PKTS, NULL);
	if (e == ERR_OK)
		e = c->ops->stream_init(s->state, s->key, ssrc, roc ? &start : NULL);
	if (e != ERR_OK) {
		if (s->key)
			c->ops->key_free(s->key);
		mem_free(s->state);
		mem_free(s);
		return e;
	}
	*out = s;
	return ERR_OK;
}

void crypt_stream_free(struct crypt *c, struct crypt_stream *s)
{
	if (!s)
		return;
	c->ops->stream_fini(s->state);
	c->ops->key_free(s->key);
	mem_free(s->state);
	mem_free(s);
}

void crypt_protect(struct crypt *c, struct pkt **batch, unsigned n)
{
	c->ops->protect(c->engine, batch, n);
}

void crypt_unprotect(struct crypt *c, struct pkt **batch, unsigned n)
{
	c->ops->unprotect(c->engine, batch, n);
}
