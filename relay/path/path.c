/* SPDX-License-Identifier: MIT */
/* The order of the stages. Each runs over the whole batch before the next one begins. */
#include "relay/path/path.h"

#include "base/err.h"

typedef void path_stage_fn(struct worker *w, struct batch *b, uint64_t now_ns);

static path_stage_fn *const stages[] = {
	path_fetch,    /* fetch.c: prefetches what the other stages read */
	path_classify, /* in.c: sets kind and header length */
	/* in.c: finds the leg, checks its latch; keys.c: finds key and states to try */
	path_find, path_unprotect, /* in.c: the engine verifies and decrypts */
	/* in.c: updates stream, counters, times; hear.c: learns the peer's address */
	path_commit, path_cross, /* out.c: finds the peer leg and the destination */
	path_outbound, /* out.c: finds outbound stream and index; name.c: chooses the SSRC */
	path_protect,  /* out.c: the engine encrypts and authenticates */
	path_send,     /* out.c: hands packets to the back ends */
	path_finish,   /* out.c: counts verdicts, returns buffers */
};

void path_run(struct worker *w, struct batch *b, uint64_t now_ns)
{
	for (unsigned i = 0; i < ARRAY_LEN(stages); i++)
		stages[i](w, b, now_ns);
}
