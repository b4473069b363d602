/* SPDX-License-Identifier: MIT */
/* Sockets and programs inside another network namespace, and the addresses and namespaces between
 * which a run measures. */
#ifndef BENCH_TARGET_NETNS_H
#define BENCH_TARGET_NETNS_H

#include <jansson.h>

#include "base/addr.h"
#include "base/err.h"
#include "bench/target/call.h"

/*
 * A socket made inside `netns`: NULL or "" for the present one, a name of `ip netns`, or a path
 * such as /proc/123/ns/net. When the function returns, the thread is in its own namespace again.
 * ERR_DENIED without root, ERR_NOT_FOUND, ERR_IO.
 */
enum err netns_socket(int *out, const char *netns, int family, int type, struct why *why) MUST_USE;
/* Moves the calling thread to the namespace for good; for a child process before exec. */
enum err netns_enter(const char *netns, struct why *why) MUST_USE;

/* The addresses and namespaces of endpoints and target. */
struct netns_place {
	struct addr ours[SIDES];   /* addresses of the generator's endpoints; port 0 */
	struct addr theirs[SIDES]; /* addresses of the target's interfaces; port 0 */
	const char *netns[SIDES];  /* of the endpoints; NULL: the present one */
	char device[SIDES][16];    /* the endpoint's interface for a tap; "": no tap */
	uint8_t mac[SIDES][6];     /* hardware address at the other end of `device` */
	const char *target_netns;  /* of the target; NULL: the present one */
	const char *cpus;          /* of the generator, such as "0,2-3"; NULL: any */
	const char *target_cpus;   /* of the target; NULL: any */
	bool is_awake;             /* true: idle CPUs do not halt (bench/net --awake) */
	const char *name;          /* "loopback" or "netns" */
};

/*
 * Reads the variables that `bench/net` exports; without them it uses loopback. SLUICE_NET_ACCESS
 * and SLUICE_NET_CORE are "NETNS OURS THEIRS [DEVICE MAC]"; SLUICE_NET_GATEWAY is the target's
 * namespace; SLUICE_NET_CPUS is "TARGET/GENERATOR", the CPUs of each, and the calling thread moves
 * to the generator's CPUs; SLUICE_NET_AWAKE is set by --awake. ERR_SYNTAX: `why` names the
 * variable.
 */
enum err place_init(struct netns_place *p, struct why *why) MUST_USE;
/*
 * Sets the place of a baseline, where the endpoints are connected directly
 * (SLUICE_NET_DIRECT_ACCESS and _CORE); on loopback it is the same as `through`.
 */
enum err place_init_direct(struct netns_place *p, const struct netns_place *through,
                           struct why *why) MUST_USE;
/* Adds the settings that results must share to be compared: "place", "cpus", "idle" (halts or
 * awake), "wire" (tap or socket). */
void place_put(const struct netns_place *p, json_t *settings);
/* Moves the calling thread to these CPUs; NULL: does nothing. False: no list of CPUs of this
 * machine. */
bool place_pin(const char *cpus);
/* Returns the number of CPUs that the target may use. */
unsigned place_target_cpus(const struct netns_place *p);

#endif
