/* SPDX-License-Identifier: MIT */
/* A call as the generator sees it: two endpoints, their keys, and the target's address for each. */
#ifndef BENCH_TARGET_CALL_H
#define BENCH_TARGET_CALL_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/err.h"
#include "keyctx/keyctx.h"

enum bench_side { SIDE_ACCESS, SIDE_CORE, SIDES };

const char *call_side_name(enum bench_side side); /* returns "access" or "core" */
static inline enum bench_side call_other_side(enum bench_side side)
{
	return side == SIDE_ACCESS ? SIDE_CORE : SIDE_ACCESS;
}

/* The plan that all calls of a run share. */
struct call_plan {
	const char *mode;                 /* "rtp", "e2ae", "srtp-srtp" or "e2e" */
	const struct suite *suite[SIDES]; /* NULL: the endpoint uses plain RTP */
	const char *interface[SIDES];     /* the target's interface names; NULL: its default */
	bool rtcp_mux;
};

struct call_side {
	struct addr local;      /* the endpoint's own address */
	struct addr target;     /* where the endpoint sends to; none until the call is made */
	struct keyctx *send;    /* key of packets that the endpoint sends; NULL: plain RTP */
	struct keyctx *receive; /* key of packets that the endpoint receives; NULL: plain RTP */
	unsigned tag;           /* tag of the endpoint's a=crypto line */
};

struct call {
	char id[64];
	const struct call_plan *plan;
	struct call_side side[SIDES];
	bool is_held;
	unsigned version; /* version in the o= line of the SDP */
};

/* Checks mode and suites, and fills the plan. `suite_core` NULL: a default. ERR_INVALID: `why`
 * names the wrong mode or suite. */
enum err call_plan_init(struct call_plan *p, const char *mode, const char *suite,
                        const char *suite_core, struct why *why) MUST_USE;
/* Sets the call's id, and makes new keys according to the plan. ERR_CRYPTO, ERR_NOMEM. */
enum err call_init(struct call *s, const struct call_plan *plan, unsigned index) MUST_USE;
void call_fini(struct call *s);
/* Sets a new key for what `side` sends. The caller gets the old key and frees it when it is no
 * longer used. */
enum err call_rekey(struct call *s, enum bench_side side, struct keyctx **old) MUST_USE;
/* True in e2e: the endpoints share keys, and each receives under its peer's key. */
bool call_is_opaque(const struct call_plan *p);

#endif
