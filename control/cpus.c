/* SPDX-License-Identifier: MIT */
/* Parses the setting `cpus` and checks it against the processors that this process may use. */
#include "control/cpus.h"

#include <sched.h>
#include <string.h>

enum { CPU_MAX = 1023 }; /* highest processor number that a cpu_set_t can hold */

static enum err parse_range(struct str text, uint64_t *first, uint64_t *last)
{
	struct str rest = str_make(NULL, 0), low = str_cut(text, '-', &rest);
	bool is_range = low.n < text.n;

	if (str_to_u64(low, CPU_MAX, first))
		return ERR_INVALID;
	*last = *first;
	if (is_range && (str_to_u64(rest, CPU_MAX, last) || *last < *first))
		return ERR_INVALID;
	return ERR_OK;
}

static enum err add(int *out, unsigned *n, uint64_t cpu, struct why *why)
{
	for (unsigned i = 0; i < *n; i++)
		if (out[i] == (int)cpu)
			return why_fail(why, ERR_EXISTS, "processor %u is named twice",
			                (unsigned)cpu);
	if (*n == RELAY_WORKERS_MAX)
		return why_fail(why, ERR_LIMIT, "at most %d processors are allowed",
		                RELAY_WORKERS_MAX);
	out[(*n)++] = (int)cpu;
	return ERR_OK;
}

static enum err read_value(struct str value, int *out, unsigned *n, struct why *why)
{
	while (value.n) {
		struct str rest = str_make(NULL, 0), item = str_cut(value, ',', &rest);
		uint64_t first, last;

		/* The second condition refuses a comma at the end. */
		if (parse_range(item, &first, &last) || (item.n < value.n && rest.n == 0))
			return why_fail(why, ERR_INVALID,
			                "must be a list of processors, for example 2 or 0,2-5");
		for (; first <= last; first++) {
			enum err e = add(out, n, first, why);

			if (e)
				return e;
		}
		value = rest;
	}
	return ERR_OK;
}

enum err cpus_check(struct str value, struct why *why)
{
	int cpus[RELAY_WORKERS_MAX];
	unsigned n = 0;

	if (value.n == 0)
		return why_fail(why, ERR_INVALID,
		                "must be a list of processors, for example 2 or 0,2-5");
	return read_value(value, cpus, &n, why);
}

enum err cpus_read(const struct conf_list *list, int *out, unsigned *n, struct why *why)
{
	*n = 0;
	for (unsigned i = 0; i < list->n; i++) {
		enum err e = read_value(str_of(list->items[i]), out, n, why);

		if (!e)
			continue;
		why_prefix(why, "cpus");
		return e;
	}
	return ERR_OK;
}

bool cpus_eq(const struct conf_list *a, const struct conf_list *b)
{
	int of_a[RELAY_WORKERS_MAX], of_b[RELAY_WORKERS_MAX];
	unsigned n_a = 0, n_b = 0;

	return !cpus_read(a, of_a, &n_a, NULL) && !cpus_read(b, of_b, &n_b, NULL) && n_a == n_b &&
	       memcmp(of_a, of_b, n_a * sizeof(of_a[0])) == 0;
}

static unsigned list_allowed(const cpu_set_t *own, int *out)
{
	unsigned n = 0;

	for (int i = 0; i <= CPU_MAX && n < RELAY_WORKERS_MAX; i++)
		if (CPU_ISSET((unsigned)i, own))
			out[n++] = i;
	return n;
}

enum err cpus_find(const struct conf_list *list, unsigned workers, int *out, unsigned *n,
                   struct why *why)
{
	cpu_set_t own;
	bool known = sched_getaffinity(0, sizeof(own), &own) == 0;
	enum err e;

	if (list->n == 0) {
		/* sched_getaffinity fails above 1024 processors: use only processor 0. */
		*n = known ? list_allowed(&own, out) : 0;
		if (*n == 0)
			out[(*n)++] = 0;
		return ERR_OK;
	}
	e = cpus_read(list, out, n, why);
	if (e)
		return e;
	if (!known)
		return why_fail(why, ERR_IO,
		                "cpus: cannot read which processors this process may use");
	for (unsigned i = 0; i < *n; i++)
		if (!CPU_ISSET((unsigned)out[i], &own))
			return why_fail(why, ERR_RANGE,
			                "cpus: this process is not allowed to use processor %d; "
			                "`taskset -p PID` "
			                "shows the allowed ones",
			                out[i]);
	return workers > *n ? why_fail(why, ERR_RANGE,
	                               "cpus: %u workers are configured but only %u "
	                               "processors are named; name one for each worker",
	                               workers, *n)
	                    : ERR_OK;
}
