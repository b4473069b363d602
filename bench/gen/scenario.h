/* SPDX-License-Identifier: MIT */
/* The table of scenarios: events and disturbances of the calls. */
#ifndef BENCH_GEN_SCENARIO_H
#define BENCH_GEN_SCENARIO_H

#include <stdbool.h>

/* The event that each call has once in a period. */
enum scenario_event { SCENARIO_NOTHING, SCENARIO_HOLD, SCENARIO_REKEY, SCENARIO_SSRC };

struct scenario {
	const char *name;
	enum scenario_event event;
	bool starts_at_wrap; /* sequence numbers pass 65535 within the measured time */
	/* Shares of packets dropped, and swapped with the next one, before the target. */
	double drop, swap;
	unsigned talk_ms, pause_ms; /* mean lengths of talk spurts and of pauses; 0: no spurts */
	bool attack;                /* send hostile packets at a multiple of the good rate */
	bool ramp;                  /* search the highest load that passes */
	const char *help;
};

/* Finds a scenario by its name; NULL: unknown. */
const struct scenario *scenario_find(const char *name);
/* "steady|ramp|..." for --help and errors. */
extern const char scenario_names[];

#endif
