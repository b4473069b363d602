/* SPDX-License-Identifier: MIT */
/* sluice-bench: load tools for SRTP relays. The table of its subcommands. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
};

/* The last row has no name. */
static const struct command commands[] = {
	{
		.name = "crypto",
		.run = crypto_run,
		.help = "time per packet of each engine, compared with the bare cipher and MAC",
	},
	{"call", call_run, "calls through a relay: loss, delay, CPU time per packet"},
	{"setup", setup_run, "call set-up: rate, latency, memory, leaks"},
	{"kms", kms_run, "a Key Management Service under load: rate, latency, memory"},
	{"compare", compare_run,
         "the same load against several targets, or two result files; ratios"},
	{"report", report_run, "one page with tables and plots from result files"},
	{"echo", echo_run,
         "a reference target that drops, delays and duplicates a known share of packets"},
	{.name = NULL},
};

static void print_help(FILE *to)
{
	fputs("usage: sluice-bench COMMAND [OPTIONS]\n\n"
	      "Load tools for SRTP relays: Sluice, and any relay that speaks the ng protocol.\n\n",
	      to);
	for (const struct command *c = commands; c->name; c++)
		fprintf(to, "  %-9s %s\n", c->name, c->help);
	fputs("\n  sluice-bench COMMAND --help   print the options of one command\n"
	      "  sluice-bench --version\n\n"
	      "Exit status: 0 done, 1 the target refused, a bound was not met or nothing was "
	      "measured, 2 wrong command line.\n",
	      to);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	signal(SIGPIPE, SIG_IGN);
	if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
		printf("sluice-bench %s (%s)\n", SLUICE_VERSION, bench_commit());
		return BENCH_DONE;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
		print_help(stdout);
		return BENCH_DONE;
	}
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(name, c->name))
			return c->run(argc - 1, argv + 1);
	if (argc > 1)
		fprintf(stderr, "sluice-bench: '%s' is not a command\n", name);
	print_help(stderr);
	return BENCH_MISUSED;
}
