/* SPDX-License-Identifier: MIT */
/* The setting `cpus`: which processors workers run on. */
#ifndef CONTROL_CPUS_H
#define CONTROL_CPUS_H

#include "control/conf.h"

/* "2", "2-5", "0,2-3". ERR_INVALID, with an example in `why`. */
enum err cpus_check(struct str value, struct why *why) MUST_USE;
/* The processors of all values in their order, into `out` of RELAY_WORKERS_MAX; `n` of them.
 * ERR_LIMIT: more; ERR_EXISTS: one twice. */
enum err cpus_read(const struct conf_list *list, int *out, unsigned *n, struct why *why) MUST_USE;
/* The processors for the workers: those of the list, each of which this process must be allowed to
 * use, and at least `workers` of them. An empty list: every processor this process may use. */
enum err cpus_find(const struct conf_list *list, unsigned workers, int *out, unsigned *n,
                   struct why *why) MUST_USE;

#endif
