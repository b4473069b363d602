/* SPDX-License-Identifier: MIT */
/* A call as the generator sees it: two endpoints, their keys, and where the target listens for
 * each. */
#ifndef BENCH_TARGET_CALL_H
#define BENCH_TARGET_CALL_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/err.h"
#include "keyctx/keyctx.h"

enum bench_side { SIDE_ACCESS, SIDE_CORE, SIDES };

const char *call_side_name(enum bench_side side); /* "access" "core" */
static inline enum bench_side call_other_side(enum bench_side side)
{
	return side == SIDE_ACCESS ? SIDE_CORE : SIDE_ACCESS;
}

/* What all calls of a run have in common. */
struct call_plan {
	const char *mode;                 /* rtp e2ae srtp-srtp e2e */
	const struct suite *suite[SIDES]; /* NULL: that endpoint speaks plain RTP */
	const char *interface[SIDES];     /* names at the target; NULL: its default */
	bool rtcp_mux;
};

struct call_side {
	struct addr local;      /* the endpoint's own address */
	struct addr target;     /* where it sends to; none until the call is made */
	struct keyctx *send;    /* the endpoint's key; NULL: plain */
	struct keyctx *receive; /* the key it is sent under */
	unsigned tag;           /* of its a=crypto line */
};

struct call {
	char id[64];
	const struct call_plan *plan;
	struct call_side side[SIDES];
	bool is_held;
	unsigned version; /* of the SDP's o= line */
};

/* ERR_INVALID naming the mode or suite. `suite_core` may be NULL: a choice of its own for
 * srtp-srtp. */
enum err call_plan_init(struct call_plan *p, const char *mode, const char *suite,
                        const char *suite_core, struct why *why) MUST_USE;
/* Names the call and gives its endpoints fresh keys as the plan says. ERR_CRYPTO, ERR_NOMEM. */
enum err call_init(struct call *s, const struct call_plan *plan, unsigned index) MUST_USE;
void call_fini(struct call *s);
/* A fresh key for what `side` sends; the session keeps it, the caller gets the old one to release
 * when it is no longer used. */
enum err call_rekey(struct call *s, enum bench_side side, struct keyctx **old) MUST_USE;
/* Both ends of one key share it: keys the target agreed to are those of the peer (e2e). */
bool call_is_opaque(const struct call_plan *p);

#endif
