/* SPDX-License-Identifier: MIT */
/* The relay under test as a run needs it: where its control is, which process it is; started and
 * ended here if a file says how. */
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
 * where sluice-bench lies, {port} a free port, {cpus} how many CPUs it has. Without "start" it is
 * taken to run already.
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

/* Reads who it is; starts nothing. `pid` 0: as the file says; `place` must outlive it. */
enum err peer_open(struct peer *out, const char *target, pid_t pid, const struct netns_place *place,
                   struct why *why) MUST_USE;
/*
 * Starts it if a file says how, and waits until it answers. Every run has a process of its own: no
 * target stands in another's way (a relay may take hold of the interfaces), and none has another
 * run's memory. ERR_TIMEOUT and ERR_CLOSED name its log.
 */
enum err peer_start(struct peer *p, struct why *why) MUST_USE;
/* ERR_CLOSED, with its log, when what was started has ended by itself: figures of it are none. */
enum err peer_check(struct peer *p, struct why *why) MUST_USE;
/* Ends what was started, by its pid; removes its folder. It can be started again. */
void peer_end(struct peer *p);

#endif
