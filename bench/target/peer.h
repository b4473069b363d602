/* SPDX-License-Identifier: MIT */
/* The relay under test: its control address and process. It is started and ended here if a target
 * file says how. */
#ifndef BENCH_TARGET_PEER_H
#define BENCH_TARGET_PEER_H

#include <sys/types.h>

#include "base/err.h"
#include "bench/target/call.h"
#include "bench/target/netns.h"

/*
 * `--target`: "jsonrpc:..." or "ng:..." for one that runs, or the path of a file:
 *   {"name": "rtpengine", "control": "ng:127.0.0.1:{port}", "interfaces": {"access": "access",
 * "core": "core"}, "start": ["/usr/bin/rtpengine", "--interface=access/{access}", ...], "pid": 123}
 * In its texts {access} and {core} are the target's own addresses, {tmp} a folder of its own, {bin}
 * the folder of sluice-bench, {port} a free port, {cpus} its number of CPUs. Without "start" it
 * must be running.
 */
struct peer {
	char name[64], control[256], log[256];
	char file[256]; /* that describes it; "": it runs already */
	const struct netns_place *place;
	char interface[SIDES][64]; /* "": its default */
	char tmp[64];
	pid_t pid; /* 0: not known */
	bool is_child;
};

/* Reads the description of a target; starts nothing. `pid` 0: as the file says. `place` must
 * outlive it. */
enum err peer_open(struct peer *out, const char *target, pid_t pid, const struct netns_place *place,
                   struct why *why) MUST_USE;
/*
 * Starts it if a file says how, and waits until it answers. Every run has a new process: targets do
 * not block each other (a relay may hold the interfaces), and memory of earlier runs does not
 * count. ERR_TIMEOUT and ERR_CLOSED name its log.
 */
enum err peer_start(struct peer *p, struct why *why) MUST_USE;
/* ERR_CLOSED, naming the log: the started process has exited, so its figures are invalid. */
enum err peer_check(struct peer *p, struct why *why) MUST_USE;
/* Ends the started process by its pid; removes its folder. It can be started again. */
void peer_end(struct peer *p);

#endif
