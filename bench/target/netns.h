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
 * such as /proc/123/ns/net. When the call returns, the thread is in its own namespace again.
 * ERR_DENIED without root, ERR_NOT_FOUND, ERR_IO.
 */
enum err netns_socket(int *out, const char *netns, int family, int type, struct why *why) MUST_USE;
/* Enters the namespace permanently: for a child before exec. */
enum err netns_enter(const char *netns, struct why *why) MUST_USE;

/* The addresses and namespaces of endpoints and target. */
struct netns_place {
	struct addr ours[SIDES];   /* the generator's endpoints; port 0 */
	struct addr theirs[SIDES]; /* the target's interfaces */
	const char *netns[SIDES];  /* of the endpoints; NULL: here */
	char device[SIDES][16];    /* for a tap: the endpoint's interface, and ... */
	uint8_t mac[SIDES][6];     /* ... the hardware address of its other end; "": no tap */
	const char *target_netns;  /* of the target */
	const char *cpus,
		*target_cpus; /* CPUs of generator and target, such as "0,2-3"; NULL: any */
	bool is_awake;        /* the CPUs do not halt while they wait */
	const char *name;     /* "loopback" or "netns" */
};

/*
 * Reads what `bench/net` exported, or uses loopback without it: SLUICE_NET_ACCESS and
 * SLUICE_NET_CORE are "NETNS OURS THEIRS [DEVICE MAC]", SLUICE_NET_GATEWAY is the target's
 * namespace, SLUICE_NET_CPUS "TARGET/GENERATOR" the CPUs of each; this process moves to the
 * generator's; SLUICE_NET_AWAKE is set by --awake. ERR_SYNTAX names the variable.
 */
enum err place_init(struct netns_place *p, struct why *why) MUST_USE;
/*
 * The place of a baseline: the endpoints are connected directly
 * (SLUICE_NET_DIRECT_ACCESS and _CORE); on loopback the same as `through`.
 */
enum err place_init_direct(struct netns_place *p, const struct netns_place *through,
                           struct why *why) MUST_USE;
/* Adds the settings that results must share to be compared: "place", "cpus", "idle" (halts or
 * awake), "wire" (tap or socket). */
void place_put(const struct netns_place *p, json_t *settings);
/* Moves this process to these CPUs; NULL: nothing. False when there are no such CPUs. */
bool place_pin(const char *cpus);
/* The number of CPUs of the target. */
unsigned place_target_cpus(const struct netns_place *p);

#endif
