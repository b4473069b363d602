/* SPDX-License-Identifier: MIT */
/* The settings of a measurement, from its table of options: what a result file keeps, so that only
 * results of the same settings are compared. */
#ifndef BENCH_SETTINGS_H
#define BENCH_SETTINGS_H

#include <jansson.h>

#include "base/opt.h"

/* {"payload": 160, ...}: the value of every option that is not `local`; "-" in a name becomes "_".
 * New reference; NULL: out of memory. */
json_t *settings_from(const struct opt *opts, size_t n);

#endif
