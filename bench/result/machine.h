/* SPDX-License-Identifier: MIT */
/* The machine a result was measured on. */
#ifndef BENCH_RESULT_MACHINE_H
#define BENCH_RESULT_MACHINE_H

#include <jansson.h>

/* {"cpu", "cpus", "flags": [those that matter to crypto], "kernel", "memory_mb", "virtual",
 * "governor"} New reference. */
json_t *machine_describe(void);

#endif
