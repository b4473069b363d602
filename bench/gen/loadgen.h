/* SPDX-License-Identifier: MIT */
/* The load generator: makes calls through a target, sends packets on a fixed schedule, and counts
 * what arrives. */
#ifndef BENCH_GEN_LOADGEN_H
#define BENCH_GEN_LOADGEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "bench/target/call.h"
#include "bench/result/hist.h"
#include "bench/target/netns.h"
#include "bench/gen/scenario.h"

enum { LOADGEN_TO_CORE = 1, LOADGEN_TO_ACCESS = 2 };

struct loadgen_config {
	/* As for target_open; NULL: the baseline, endpoints send to each other. */
	const char *target;
	const char *engine; /* of the endpoints */
	const struct netns_place *place;
	const struct call_plan *plan;
	const struct scenario *scenario;
	unsigned directions; /* LOADGEN_TO_CORE | LOADGEN_TO_ACCESS */
	unsigned calls, first_call;
	unsigned ptime_us, payload_bytes;
	unsigned tick_us;  /* shortest time between wake-ups of the sender */
	double rtcp_share; /* RTCP packets per RTP packet */
	double attack_multiple;
	uint64_t ramp_ns, warmup_ns,
		measure_ns;       /* calls start within ramp, which is part of the warm-up */
	uint64_t event_period_ns; /* hold, rekey, ssrc: period of each call's event */
	uint64_t seed;
};

/* Measured figures; loadgen_add sums those of several generators. */
struct loadgen_figures {
	uint64_t sent, received, lost, duplicates, reordered, corrupted, strangers;
	uint64_t withheld, swapped; /* done by the scenario before the target */
	uint64_t rtcp_sent, rtcp_received;
	uint64_t attack_sent;
	uint64_t ssrc_changed; /* packets received with another SSRC than they were sent with */
	uint64_t events, events_failed;
	uint64_t sender_blocked; /* the kernel did not accept a packet at once */
	uint64_t sink_dropped;   /* lost at the generator's own sockets, not by the target */
	struct hist delay;       /* ns, from the send call to the kernel's receive timestamp */
	struct hist due_delay;   /* ns, from the moment it was due */
	struct hist late;        /* ns, how late the sender was */
};

struct loadgen;

/* Opens sockets and the control connection. Afterwards only one thread may use it. */
enum err loadgen_new(struct loadgen **out, const struct loadgen_config *config,
                     struct why *why) MUST_USE;
/* Makes all calls; returns the error of the first that fails. */
enum err loadgen_place_calls(struct loadgen *g, struct why *why) MUST_USE;
/* Sends and receives from `start_ns` (clk_wall_ns) until the end of the run; blocks. */
enum err loadgen_run(struct loadgen *g, uint64_t start_ns, struct why *why) MUST_USE;
/* Ends all calls and waits for the answers. */
void loadgen_end_calls(struct loadgen *g);
void loadgen_free(struct loadgen *g);

const char *loadgen_engine(const struct loadgen *g);
/* Packets received so far, for a progress bar; any thread. */
uint64_t loadgen_progress(const struct loadgen *g);
/* After loadgen_run. */
const struct loadgen_figures *loadgen_get_figures(const struct loadgen *g);
void loadgen_add(struct loadgen_figures *into, const struct loadgen_figures *from);

#endif
