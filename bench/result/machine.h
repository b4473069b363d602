/* SPDX-License-Identifier: MIT */
/* The machine a result was measured on. */
#ifndef BENCH_RESULT_MACHINE_H
#define BENCH_RESULT_MACHINE_H

#include <jansson.h>

/* Returns {"cpu", "cpus", "flags": [those that matter to crypto], "kernel", "memory_mb"}. New
 * reference. */
json_t *machine_describe(void);

#endif
