/* SPDX-License-Identifier: MIT */
/* CPU time, context switches, memory and descriptors of processes and machine, from /proc. */
#ifndef BENCH_RESULT_PROC_H
#define BENCH_RESULT_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* The usage of one process with all its threads. */
struct proc_usage {
	uint64_t cpu_ns;    /* user and system, as accounted by the scheduler */
	uint64_t switches;  /* context switches, voluntary and involuntary */
	uint64_t rss_bytes; /* resident memory */
	uint64_t own_bytes; /* part of rss_bytes: anonymous memory, without mapped files */
	uint32_t fds;       /* open descriptors */
	uint32_t threads;
};

/* ERR_NOT_FOUND: no such process. `fds` is 0 without permission to read the descriptors. */
enum err proc_read(pid_t pid, struct proc_usage *out) MUST_USE;

/* The whole machine since boot. The kernel measures idle time; it samples other times at each tick,
 * and misses work that runs in step with the tick. */
struct proc_machine {
	uint64_t at_ns;    /* time of the reading */
	uint64_t idle_ns;  /* sum of all CPUs, in steps of 10 ms */
	uint64_t steal_ns; /* time that the hypervisor took from the CPUs */
	unsigned cpus;
};

enum err proc_read_machine(struct proc_machine *out) MUST_USE;
/* Busy time of all CPUs between two readings: neither idle nor stolen. */
uint64_t proc_busy_ns(const struct proc_machine *before, const struct proc_machine *after);
/* CPU time of all processes except `mine`, `other` (0: none) and kernel threads: programs that
 * disturb a measurement. */
uint64_t proc_foreign_ns(pid_t mine, pid_t other);

#endif
