/* SPDX-License-Identifier: MIT */
/* sluice-bench setup: measures rate and latency of call set-up, cost of a held call, leaks. */
#include <stdio.h>

#include "bench/bench.h"
#include "base/opt.h"
#include "bench/settings.h"
#include "bench/gen/setup.h"

static const char about[] =
	"Makes and ends calls without media. Measures calls a second, latency of each request, "
	"memory and descriptors of a held call,\nand memory and descriptors left after all calls "
	"ended (in the second round: the first fills the target's pools).\nOver jsonrpc: a call is "
	"session.create and session.delete; over jsonrpc-sdp: and ng: it is offer, answer and "
	"delete.";

int setup_run(int argc, char **argv)
{
	struct setup_options o = setup_defaults;
	const char *target = NULL, *json = NULL, *csv = NULL;
	bool quiet = false;
	unsigned pid = 0;
	struct opt rows[SETUP_ROWS + 5] = {
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
		SETTINGS_FILES(&json, &csv),
		{
			.name = "quiet",
			.kind = OPT_FLAG,
			.out = &quiet,
			.help = "print no table and no progress bar",
			.local = true,
		},
	};
	size_t n_rows = 5 + setup_rows(rows + 5, &o);
	const struct opt_command command = {
		.name = "sluice-bench setup",
		.usage = "",
		.about = about,
		.opts = rows,
		.n_opts = n_rows,
		.examples = "Example:\n  sluice-bench setup --target ng:127.0.0.1:2223 --pid "
			    "$(pidof rtpengine) --in-flight 64\n"};
	struct netns_place place;
	struct peer peer = {0};
	struct result result = {0};
	struct why why = {""};
	int status;
	enum err e;

	if (opt_parse(&command, argc, argv, NULL, &status) == OPT_STOP)
		return status;
	if (!target) {
		fprintf(stderr, "sluice-bench setup: --target is missing: jsonrpc:PATH, "
		                "ng:HOST:PORT, or a file like bench/targets/sluice.json\n");
		return BENCH_MISUSED;
	}
	e = place_init(&place, &why);
	if (e == ERR_OK) {
		json_t *settings = settings_from(rows, n_rows);

		place_put(&place, settings);
		e = result_init(&result, "setup", settings, o.repeat);
	}
	if (e == ERR_OK)
		e = peer_open(&peer, target, (pid_t)pid, &place, &why);
	if (e == ERR_OK)
		e = setup_targets(&result, &(struct setup_run){&o, &place, &peer, 1, quiet}, &why);
	if (e == ERR_OK)
		status = result_finish(
			&result,
			&(struct result_output){setup_columns, setup_n_columns, json, csv, quiet});
	else
		fprintf(stderr, "sluice-bench setup: %s\n", *why.text ? why.text : err_meaning(e));
	result_fini(&result);
	return e == ERR_OK ? status : BENCH_REFUSED;
}
