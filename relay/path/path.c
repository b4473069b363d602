/* SPDX-License-Identifier: MIT */
/* The order of the stages. Each runs over the whole batch before the next one begins. */
#include "relay/path/path.h"

#include "base/err.h"

typedef void path_stage_fn(struct worker *w, struct batch *b, uint64_t now_ns);

static path_stage_fn *const stages[] = {
	path_fetch,     /* fetch.c: prefetches what the other stages read */
	path_classify,  /* in.c: kind, header length */
	path_find,      /* in.c: leg, latch; keys.c: key, states to try */
	path_unprotect, /* in.c: the engine verifies and decrypts */
	path_commit,    /* in.c: stream, counters, times; hear.c: the peer's address */
	path_cross,     /* out.c: peer leg, destination */
	path_outbound,  /* out.c: outbound stream, index; name.c: SSRC */
	path_protect,   /* out.c: the engine encrypts and authenticates */
	path_send,      /* out.c: hands packets to the back ends */
	path_finish,    /* out.c: counts verdicts, returns buffers */
};

void path_run(struct worker *w, struct batch *b, uint64_t now_ns)
{
	for (unsigned i = 0; i < ARRAY_LEN(stages); i++)
		stages[i](w, b, now_ns);
}
