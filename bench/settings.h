/* SPDX-License-Identifier: MIT */
/* Collects the settings of a measurement from its table of options. A result file keeps them, so
 * that only results of the same settings are compared. */
#ifndef BENCH_SETTINGS_H
#define BENCH_SETTINGS_H

#include <jansson.h>

#include "base/opt.h"

/* Rows for a table of options: --json and --csv, the files that a measurement writes. */
#define SETTINGS_FILES(json_, csv_)                                            \
	{.name = "json",                                                       \
	 .kind = OPT_TEXT,                                                     \
	 .out = (json_),                                                       \
	 .arg = "FILE",                                                        \
	 .help = "write the result",                                           \
	 .local = true},                                                       \
	{                                                                      \
		.name = "csv", .kind = OPT_TEXT, .out = (csv_), .arg = "FILE", \
		.help = "write the result rows as CSV", .local = true          \
	}

/* Returns {"payload": 160, ...}: the value of every option that is not `local`; "-" in a name
 * becomes "_". New reference; NULL: out of memory. */
json_t *settings_from(const struct opt *opts, size_t n);

#endif
