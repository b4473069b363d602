/* SPDX-License-Identifier: MIT */
/* The setting `cpus`: the processors that workers run on. */
#ifndef CONTROL_CPUS_H
#define CONTROL_CPUS_H

#include "control/conf.h"

/* "2", "2-5", "0,2-3". ERR_INVALID, with an example in `why`. */
enum err cpus_check(struct str value, struct why *why) MUST_USE;
/* The processors of all values, in order, into `out`, which has room for RELAY_WORKERS_MAX.
 * ERR_LIMIT: too many; ERR_EXISTS: one twice. For tests. */
enum err cpus_read(const struct conf_list *list, int *out, unsigned *n, struct why *why) MUST_USE;
/* The processors for the workers: those of the list, at least `workers` of them, all allowed to
 * this process. With an empty list every processor allowed to this process. */
enum err cpus_find(const struct conf_list *list, unsigned workers, int *out, unsigned *n,
                   struct why *why) MUST_USE;

#endif
