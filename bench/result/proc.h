/* SPDX-License-Identifier: MIT */
/* What processes and the machine spent: CPU time, context switches, memory, descriptors, read from
 * /proc. */
#ifndef BENCH_RESULT_PROC_H
#define BENCH_RESULT_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* One process, all its threads. */
struct proc_usage {
	uint64_t cpu_ns;   /* on a CPU, user and system; as exact as the scheduler's own account */
	uint64_t switches; /* context switches, wanted and not */
	uint64_t rss_bytes;
	uint64_t own_bytes; /* of those, without files that are mapped */
	uint32_t fds, threads;
};

/* ERR_NOT_FOUND when there is no such process. Descriptors are 0 when it may not be asked. */
enum err proc_read(pid_t pid, struct proc_usage *out) MUST_USE;

/* The whole machine since it started. Idle time is what the kernel measures; its other accounts are
 * samples of a tick and miss what runs in step with it. */
struct proc_machine {
	uint64_t at_ns;    /* when it was read */
	uint64_t idle_ns;  /* of all CPUs; steps of 10 ms */
	uint64_t steal_ns; /* taken by the hypervisor */
	unsigned cpus;
};

enum err proc_read_machine(struct proc_machine *out) MUST_USE;
/* Time all CPUs together were neither idle nor stolen between two readings: user, kernel,
 * interrupts and softirq. */
uint64_t proc_busy_ns(const struct proc_machine *before, const struct proc_machine *after);
/* CPU time of all processes (not the kernel's own threads) but `mine` and `other` (0: none):
 * neighbours that disturb a measurement. */
uint64_t proc_foreign_ns(pid_t mine, pid_t other);

#endif
