/* SPDX-License-Identifier: MIT */
/* The setting `cpus`: the processors that workers run on. */
#ifndef CONTROL_CPUS_H
#define CONTROL_CPUS_H

#include "control/conf.h"

/* Checks one value of the setting: "2", "2-5" or "0,2-3". ERR_INVALID: not such a list; ERR_EXISTS:
 * one processor twice; ERR_LIMIT: more than RELAY_WORKERS_MAX. */
enum err cpus_check(struct str value, struct why *why) MUST_USE;
/* Writes the processors of all values, in order, to `out`, which has room for RELAY_WORKERS_MAX.
 * ERR_LIMIT: too many; ERR_EXISTS: one processor twice. For cpus_find and tests. */
enum err cpus_read(const struct conf_list *list, int *out, unsigned *n, struct why *why) MUST_USE;
/* True if both lists, which have passed cpus_check, name the same processors in the same order:
 * "0-1" and "0,1". */
bool cpus_eq(const struct conf_list *a, const struct conf_list *b);
/* Finds the processors for the workers: those of the list, or with an empty list every processor
 * that this process may use. ERR_RANGE: the list has fewer than `workers`, or one that this process
 * may not use; ERR_IO: the kernel does not tell which ones it may use. */
enum err cpus_find(const struct conf_list *list, unsigned workers, int *out, unsigned *n,
                   struct why *why) MUST_USE;

#endif
