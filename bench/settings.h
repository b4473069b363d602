/* SPDX-License-Identifier: MIT */
/* The settings of a measurement, from its table of options: what a result file keeps, so that only
 * results of the same settings are compared. */
#ifndef BENCH_SETTINGS_H
#define BENCH_SETTINGS_H

#include <jansson.h>

#include "base/opt.h"

/* Rows of a table of options: the files that a measurement writes. */
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

/* {"payload": 160, ...}: the value of every option that is not `local`; "-" in a name becomes "_".
 * New reference; NULL: out of memory. */
json_t *settings_from(const struct opt *opts, size_t n);

#endif
