/* SPDX-License-Identifier: MIT */
/* The entry functions of sluice-bench's subcommands, which the table in main.c lists. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

/* Exit statuses, the same for every program of Sluice. */
enum { BENCH_DONE = 0, BENCH_REFUSED = 1, BENCH_MISUSED = 2 };

/* argv[0] is the subcommand's name. Each function parses its own options with base/opt.h and
 * returns an exit status. */
int crypto_run(int argc, char **argv);
int call_run(int argc, char **argv);
int setup_run(int argc, char **argv);
int kms_run(int argc, char **argv);
int compare_run(int argc, char **argv);
int report_run(int argc, char **argv);
int echo_run(int argc, char **argv);

/* "2cb4b60" or "2cb4b60+" (changed files), found at run time in the working directory; "unknown"
 * outside a checkout. */
const char *bench_commit(void);

#endif
