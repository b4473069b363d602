/* SPDX-License-Identifier: MIT */
/* sluice-bench call: sends packets in calls through a relay and counts the fate of each packet. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "bench/bench.h"
#include "bench/settings.h"
#include "bench/gen/loadopt.h"
#include "bench/gen/loadrun.h"
#include "bench/target/peer.h"

static const char about[] =
	"Places calls through a relay and measures loss, duplication, reordering, corruption and "
	"one-way delay of packets,\nand the CPU time per forwarded packet: of the target's threads "
	"(\"CPU ns\"), and of the whole machine with softirq,\nminus a baseline in which generator "
	"and sink do the same work without a relay (\"all ns\").\nPackets are sent on a fixed "
	"schedule, independent of the relay.";

static const char examples[] =
	"Examples:\n"
	"  sluice-bench call --target jsonrpc:/run/sluice/control.sock --pid $(pidof sluiced) "
	"--sessions 100,500\n"
	"  sluice-bench call --target bench/targets/rtpengine.json --sessions 200 --scenario hold\n"
	"  bench/net sluice-bench call --target bench/targets/sluice.json --scenario ramp "
	"--loss-max 0.001 --p99-max 5\n"
	"\nThe target's file format is described in bench/README.md.\n";

int call_run(int argc, char **argv)
{
	struct loadopt o = loadopt_defaults;
	const char *target = NULL;
	unsigned pid = 0;
	struct opt rows[LOADOPT_ROWS + 3] = {
		{.help = "target"},
		{
			.name = "target",
			.kind = OPT_TEXT,
			.out = &target,
			.arg = "WHICH",
			.local = true,
			.help = "the relay: jsonrpc:PATH, jsonrpc-sdp:PATH (or HOST:PORT), "
				"ng:HOST:PORT, "
				"or a target file",
		},
		{
			.name = "pid",
			.kind = OPT_COUNT,
			.out = &pid,
			.min = 1,
			.max = 4194304,
			.local = true,
			.help = "process id of a target on this machine, to read its CPU time and "
				"memory",
		},
	};
	size_t n_rows = 3 + loadopt_rows(rows + 3, &o);
	const struct opt_command command = {.name = "sluice-bench call",
	                                    .usage = "",
	                                    .about = about,
	                                    .examples = examples,
	                                    .opts = rows,
	                                    .n_opts = n_rows};
	struct measure_config config;
	struct loadopt_scene scene;
	struct peer peer = {0};
	struct result result = {0};
	struct why why = {""};
	json_t *settings;
	int status;
	enum err e;

	if (opt_parse(&command, argc, argv, NULL, &status) == OPT_STOP)
		return status;
	if (!target) {
		fprintf(stderr, "sluice-bench call: --target is missing: jsonrpc:PATH, "
		                "ng:HOST:PORT, or a file like bench/targets/sluice.json\n");
		return BENCH_MISUSED;
	}
	e = loadopt_apply(&config, &o, &scene, &why);
	if (e != ERR_OK) {
		fprintf(stderr, "sluice-bench call: %s\n", why.text);
		return BENCH_MISUSED;
	}
	settings = settings_from(rows, n_rows);
	place_put(&scene.through, settings);
	e = result_init(&result, "call", settings, o.repeat);
	if (e == ERR_OK)
		e = peer_open(&peer, target, (pid_t)pid, &scene.through, &why);
	if (e == ERR_OK)
		e = loadrun_targets(&(struct loadrun){&result, &config, &o, &scene, &peer, 1},
		                    &why);
	if (e == ERR_OK)
		status = result_finish(&result,
		                       &(struct result_output){loadrun_columns, loadrun_n_columns,
		                                               o.json, o.csv, o.quiet});
	else
		fprintf(stderr, "sluice-bench call: %s\n", *why.text ? why.text : err_meaning(e));
	result_fini(&result);
	return e == ERR_OK ? status : BENCH_REFUSED;
}
