/* SPDX-License-Identifier: MIT */
/* Sockets and programs inside another network namespace, and the places a run measures between. */
#ifndef BENCH_NETNS_H
#define BENCH_NETNS_H

#include "base/addr.h"
#include "base/err.h"
#include "bench/call.h"

/*
 * A socket made inside `netns`: NULL or "" for the present one, a name of `ip netns`, or a path like /proc/123/ns/net. The thread is back
 * in its own namespace when the call returns; it must be the only thread, or all must be alike. ERR_DENIED without root, ERR_NOT_FOUND, ERR_IO.
 */
enum err netns_socket(int *out, const char *netns, int family, int type, struct why *why) MUST_USE;
/* For a child before exec: enters it for good. */
enum err netns_enter(const char *netns, struct why *why) MUST_USE;

/* Where endpoints and target stand. */
struct place {
	struct addr ours[SIDES];   /* the generator's endpoints; port 0 */
	struct addr theirs[SIDES]; /* the target's interfaces */
	const char *netns[SIDES];  /* of the endpoints; NULL: here */
	const char *target_netns;  /* of the target */
	const char *name;          /* "loopback" or "netns" */
};

/*
 * What `bench/net` exports, or loopback when it did not run: SLUICE_NET_ACCESS and SLUICE_NET_CORE are "NETNS OURS THEIRS",
 * SLUICE_NET_GATEWAY is the target's namespace. ERR_SYNTAX names the variable.
 */
enum err place_init(struct place *p, struct why *why) MUST_USE;

#endif
