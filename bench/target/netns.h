/* SPDX-License-Identifier: MIT */
/* Sockets and programs inside another network namespace, and the places a run measures between. */
#ifndef BENCH_TARGET_NETNS_H
#define BENCH_TARGET_NETNS_H

#include <jansson.h>

#include "base/addr.h"
#include "base/err.h"
#include "bench/target/call.h"

/*
 * A socket made inside `netns`: NULL or "" for the present one, a name of `ip netns`, or a path
 * like /proc/123/ns/net. The thread is back in its own namespace when the call returns; it must be
 * the only thread, or all must be alike. ERR_DENIED without root, ERR_NOT_FOUND, ERR_IO.
 */
enum err netns_socket(int *out, const char *netns, int family, int type, struct why *why) MUST_USE;
/* For a child before exec: enters it for good. */
enum err netns_enter(const char *netns, struct why *why) MUST_USE;

/* Where endpoints and target stand. */
struct netns_place {
	struct addr ours[SIDES];   /* the generator's endpoints; port 0 */
	struct addr theirs[SIDES]; /* the target's interfaces */
	const char *netns[SIDES];  /* of the endpoints; NULL: here */
	char device[SIDES][16];    /* where a tap may be laid: the endpoint's interface, and ... */
	uint8_t mac[SIDES][6];     /* ... the hardware address at its other end; "": none */
	const char *target_netns;  /* of the target */
	const char *cpus,
		*target_cpus; /* "0,2-3": where generator and target shall run; NULL: anywhere */
	bool is_awake;        /* the CPUs do not halt while they wait */
	const char *name;     /* "loopback" or "netns" */
};

/*
 * What `bench/net` exports, or loopback when it did not run: SLUICE_NET_ACCESS and SLUICE_NET_CORE
 * are "NETNS OURS THEIRS [DEVICE MAC]", SLUICE_NET_GATEWAY is the target's namespace,
 * SLUICE_NET_CPUS "TARGET/GENERATOR" the CPUs of each: this process goes to its own;
 * SLUICE_NET_AWAKE is set by --awake.
 * ERR_SYNTAX names the variable.
 */
enum err place_init(struct netns_place *p, struct why *why) MUST_USE;
/*
 * Where a baseline runs: the endpoints joined by a cable of their own, past the target
 * (SLUICE_NET_DIRECT_ACCESS and _CORE); on loopback the same as `through`.
 */
enum err place_init_direct(struct netns_place *p, const struct netns_place *through,
                           struct why *why) MUST_USE;
/* What results must share to be compared: "place", "cpus", "idle" (halts or awake), "wire" (tap or
 * socket). */
void place_put(const struct netns_place *p, json_t *settings);
/* The calling process runs on these CPUs from now on; NULL: it stays. False when there are none
 * such. */
bool place_pin(const char *cpus);
/* How many CPUs the target has. */
unsigned place_target_cpus(const struct netns_place *p);

#endif
