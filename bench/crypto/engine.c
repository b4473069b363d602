/* SPDX-License-Identifier: MIT */
/* An engine as a contender: its calls include packet index, replay window, counters and verdict. */
#include <string.h>

#include "base/mem.h"
#include "bench/crypto/work.h"

enum { WINDOW_PKTS = 128, SEND_WINDOW_PKTS = 1024 };

struct work_contexts {
	const struct engine_ops *ops;
	struct engine *engine;
	enum engine_direction direction;
	unsigned n;
	struct engine_key **keys;
	uint8_t *streams; /* `n` stream states of ops->stream_bytes octets each */
};

static struct engine_stream *stream_of(struct work_contexts *c, unsigned i)
{
	return (struct engine_stream *)(void *)(c->streams + i * c->ops->stream_bytes);
}

static void engine_free(struct work_contexts *c)
{
	if (!c)
		return;
	for (unsigned i = 0; c->keys && i < c->n; i++) {
		if (!c->keys[i])
			continue;
		c->ops->stream_fini(stream_of(c, i));
		c->ops->key_free(c->keys[i]);
	}
	if (c->engine)
		c->ops->close(c->engine);
	mem_free(c->streams);
	mem_free(c->keys);
	mem_free(c);
}

static enum err engine_make(struct work_contexts **out, const struct work_contender *w,
                            const struct suite *suite, enum engine_direction direction, unsigned n)
{
	struct work_contexts *c = mem_alloc(sizeof(*c));

	(void)suite;
	if (!c)
		return ERR_NOMEM;
	c->ops = w->engine;
	c->direction = direction;
	c->n = n;
	c->keys = mem_array(n, sizeof(struct engine_key *));
	c->streams = mem_aligned(64, n * c->ops->stream_bytes);
	if (!c->keys || !c->streams || c->ops->open(&c->engine, NULL) != ERR_OK) {
		engine_free(c);
		return ERR_NOMEM;
	}
	*out = c;
	return ERR_OK;
}

static enum err engine_set_key(struct work_contexts *c, unsigned stream, const struct keyctx *key,
                               struct why *why)
{
	enum err e =
		c->ops->key_new(&c->keys[stream], key, c->direction,
	                        c->direction == ENGINE_SEND ? SEND_WINDOW_PKTS : WINDOW_PKTS, why);

	return e == ERR_OK ? c->ops->stream_init(stream_of(c, stream), c->keys[stream],
	                                         work_ssrc(stream), NULL)
	                   : e;
}

static void engine_restart(struct work_contexts *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		c->ops->stream_fini(stream_of(c, i));
		memset(stream_of(c, i), 0, c->ops->stream_bytes);
		CHECK(c->ops->stream_init(stream_of(c, i), c->keys[i], work_ssrc(i), NULL) ==
		      ERR_OK);
	}
}

static void engine_aim(struct work_contexts *c, struct work_chunk *chunk)
{
	for (unsigned i = 0; i < WORK_CHUNK; i++) {
		chunk->pkts[i].key = c->keys[chunk->stream[i]];
		chunk->pkts[i].crypto = stream_of(c, chunk->stream[i]);
	}
}

static void engine_run(struct work_contexts *c, struct work_chunk *chunk, unsigned from, unsigned n)
{
	(c->direction == ENGINE_SEND ? c->ops->protect : c->ops->unprotect)(c->engine,
	                                                                    chunk->batch + from, n);
}

unsigned work_contenders(struct work_contender out[WORK_CONTENDERS_MAX])
{
	const struct work_contender engine = {.make = engine_make,
	                                      .set_key = engine_set_key,
	                                      .free = engine_free,
	                                      .restart = engine_restart,
	                                      .aim = engine_aim,
	                                      .run = engine_run};
	unsigned n = 0;

	for (unsigned i = 0; engine_list()[i] && n < WORK_CONTENDERS_MAX - 2; i++) {
		if (engine_list()[i]->probe(NULL) != ERR_OK)
			continue;
		out[n] = engine;
		out[n].name = engine_list()[i]->name;
		out[n++].engine = engine_list()[i];
	}
	out[n++] = work_floor_openssl;
#ifdef WITH_MB
	out[n++] = work_floor_mb;
#endif
	return n;
}
