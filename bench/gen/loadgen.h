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
	/* Control address, as for target_open. NULL: a baseline; endpoints send to each other. */
	const char *target;
	const char *engine; /* name of the endpoints' SRTP engine, or "auto" */
	const struct netns_place *place;
	const struct call_plan *plan;
	const struct scenario *scenario;
	unsigned directions; /* LOADGEN_TO_CORE | LOADGEN_TO_ACCESS */
	unsigned calls, first_call;
	unsigned ptime_us, payload_bytes;
	unsigned tick_us;  /* shortest time between wake-ups of the sender */
	double rtcp_share; /* RTCP packets per RTP packet */
	double attack_multiple;
	/* Calls start within the ramp, which is part of the warm-up. */
	uint64_t ramp_ns, warmup_ns, measure_ns;
	uint64_t event_period_ns; /* scenarios hold, rekey, ssrc: period of each call's event */
	uint64_t seed;
};

/* Measured figures; loadgen_add sums those of several generators. `strangers` counts received
 * packets that belong to no flow of the generator. */
struct loadgen_figures {
	uint64_t sent, received, lost, duplicates, reordered, corrupted, strangers;
	uint64_t withheld,
		swapped; /* packets not sent, or sent in swapped order, by the scenario */
	uint64_t rtcp_sent, rtcp_received;
	uint64_t attack_sent;
	uint64_t ssrc_changed; /* packets received with another SSRC than that of the sender */
	uint64_t events, events_failed;
	uint64_t sender_blocked; /* waits because the kernel did not accept packets */
	uint64_t sink_dropped;   /* packets lost at the generator's sockets, not by the target */
	struct hist delay;       /* ns, from the send call to the kernel's receive timestamp */
	struct hist due_delay;   /* ns, from the due time to the kernel's receive timestamp */
	struct hist late;        /* ns, from the due time to the send call */
};

struct loadgen;

/* Opens sockets and the control connection. Only one thread at a time may use a generator. */
enum err loadgen_new(struct loadgen **out, const struct loadgen_config *config,
                     struct why *why) MUST_USE;
/* Makes all calls; returns the error of the first call that fails. */
enum err loadgen_place_calls(struct loadgen *g, struct why *why) MUST_USE;
/* Sends and receives from `start_ns` (clk_wall_ns) until the end of the run; blocks. */
enum err loadgen_run(struct loadgen *g, uint64_t start_ns, struct why *why) MUST_USE;
/* Ends all calls and waits for the target's replies. */
void loadgen_end_calls(struct loadgen *g);
void loadgen_free(struct loadgen *g);

const char *loadgen_engine(const struct loadgen *g);
/* Packets received so far, for a progress bar; any thread. */
uint64_t loadgen_progress(const struct loadgen *g);
/* Returns the figures of the measured time; valid after loadgen_run. */
const struct loadgen_figures *loadgen_get_figures(const struct loadgen *g);
void loadgen_add(struct loadgen_figures *into, const struct loadgen_figures *from);

#endif
