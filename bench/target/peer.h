/* SPDX-License-Identifier: MIT */
/* The relay under test: its control address and its process, which sluice-bench starts and ends if
 * a target file says how. */
#ifndef BENCH_TARGET_PEER_H
#define BENCH_TARGET_PEER_H

#include <sys/types.h>

#include "base/err.h"
#include "bench/target/call.h"
#include "bench/target/netns.h"

/*
 * `--target` is "jsonrpc:...", "jsonrpc-sdp:..." or "ng:..." for a target that is running, or the
 * path of a target file:
 *   {"name": "rtpengine", "control": "ng:127.0.0.1:{port}", "interfaces": {"access": "access",
 * "core": "core"}, "start": ["/usr/bin/rtpengine", "--interface=access/{access}", ...], "pid": 123}
 * In its strings {access} and {core} are the target's own addresses, {tmp} is a folder of its own,
 * {bin} the folder of sluice-bench, {port} a free port, {cpus} the number of the target's CPUs.
 * Without "start" the target must be running.
 */
struct peer {
	char name[64], control[256], log[256];
	char file[256]; /* target file; "": the target is running already */
	const struct netns_place *place;
	char interface[SIDES][64]; /* the target's interface names; "": its default */
	char tmp[64];
	pid_t pid;     /* of the target; 0: not known */
	bool is_child; /* peer_start started the process */
};

/* Reads the description of a target; starts nothing. `pid` 0: as "pid" of the file says. `place`
 * must outlive `out`. */
enum err peer_open(struct peer *out, const char *target, pid_t pid, const struct netns_place *place,
                   struct why *why) MUST_USE;
/*
 * Starts the target if its file says how, and waits until it answers. Every run has a new process:
 * so targets do not block each other (a relay may hold the interfaces), and memory of earlier runs
 * does not count. ERR_TIMEOUT and ERR_CLOSED: `why` names the log.
 */
enum err peer_start(struct peer *p, struct why *why) MUST_USE;
/* ERR_CLOSED: the started process has exited, so its figures are invalid; `why` names the log. */
enum err peer_check(struct peer *p, struct why *why) MUST_USE;
/* Ends the started process and removes its folder. peer_start may start the target again. */
void peer_end(struct peer *p);

#endif
