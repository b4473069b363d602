/* SPDX-License-Identifier: MIT */
/* Makes engines, keys, streams and packets for tests. */
#include "tests/harness/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/harness/harness.h"

static _Noreturn void give_up(const char *what, const struct why *why)
{
	printf("FAIL rig: %s: %s\n", what, why->text);
	exit(1);
}

const struct engine_ops *rig_engine(unsigned nth)
{
	static bool probed;

	for (unsigned i = 0; !probed && engine_list()[i]; i++) {
		struct why why = {{0}};

		if (engine_list()[i]->probe(&why) != ERR_OK)
			give_up(engine_list()[i]->name, &why);
	}
	probed = true;
	return engine_list()[nth];
}

struct keyctx *rig_keyctx(enum suite_id suite, uint64_t seed, struct view mki,
                          uint64_t lifetime_pkts)
{
	const struct suite *s = suite_get(suite);
	uint8_t master[SUITE_MASTER_MAX];
	struct keyctx_spec spec = {.suite = s,
	                           .master = {.p = master, .n = (size_t)s->key_len + s->salt_len},
	                           .mki = mki,
	                           .lifetime_pkts = lifetime_pkts};
	struct keyctx *ctx = NULL;
	struct why why = {{0}};

	seed = seed * 2 + 1;
	for (size_t i = 0; i < sizeof(master); i++)
		master[i] = (uint8_t)test_random(&seed);
	if (keyctx_new(&ctx, &spec, &why) != ERR_OK)
		give_up("keyctx", &why);
	return ctx;
}

struct engine *rig_open(const struct engine_ops *ops)
{
	struct engine *e = NULL;
	struct why why = {{0}};

	if (ops->open(&e, &why) != ERR_OK)
		give_up(ops->name, &why);
	return e;
}

struct engine_key *rig_key(const struct engine_ops *ops, const struct keyctx *ctx,
                           enum engine_direction direction, unsigned window)
{
	struct engine_key *key = NULL;
	struct why why = {{0}};
	enum err e = ops->key_new(&key, ctx, direction, window, &why);

	if (e != ERR_OK && e != ERR_UNSUPPORTED)
		give_up("key", &why);
	return key;
}

struct engine_stream *rig_stream(const struct engine_ops *ops, struct engine_key *key,
                                 uint32_t ssrc, const struct engine_stream_state *start)
{
	struct engine_stream *s = mem_aligned(64, ops->stream_bytes);

	CHECK(s);
	if (ops->stream_init(s, key, ssrc, start) == ERR_OK)
		return s;
	mem_free(s);
	return NULL;
}

void rig_stream_free(const struct engine_ops *ops, struct engine_stream *s)
{
	if (s)
		ops->stream_fini(s);
	mem_free(s);
}

void rig_fill(struct rig_pkt *p, enum pkt_kind kind, const uint8_t *octets, size_t n,
              uint16_t header_len, struct engine_key *key, struct engine_stream *stream)
{
	CHECK(n <= RIG_ROOM);
	memcpy(p->octets, octets, n);
	p->pkt = (struct pkt){
		.data = p->octets,
		.len = (uint16_t)n,
		.tailroom = (uint16_t)(RIG_ROOM - n),
		.kind = (uint8_t)kind,
		.header_len = header_len,
		.key = key,
		.crypto = stream,
	};
}

enum verdict rig_protect(const struct engine_ops *ops, struct engine *e, struct rig_pkt *p,
                         uint64_t index)
{
	struct pkt *batch[1] = {&p->pkt};

	p->pkt.index = index;
	ops->protect(e, batch, 1);
	return (enum verdict)p->pkt.verdict;
}

enum verdict rig_unprotect(const struct engine_ops *ops, struct engine *e, struct rig_pkt *p)
{
	struct pkt *batch[1] = {&p->pkt};

	ops->unprotect(e, batch, 1);
	return (enum verdict)p->pkt.verdict;
}
