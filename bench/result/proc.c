/* SPDX-License-Identifier: MIT */
/* Reads CPU time and memory of processes and of the machine from /proc. */
#include "bench/result/proc.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"

/* Reads a small file as a C string; false when it is empty or cannot be read. */
static bool slurp(const char *path, char *out, size_t room)
{
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		return false;
	n = fread(out, 1, room - 1, f);
	fclose(f);
	out[n] = 0;
	return n > 0;
}

/* Returns the number after `key`, such as "VmRSS:", in text like /proc/PID/status; 0: no key. */
static uint64_t number_after(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

uint64_t proc_busy_ns(const struct proc_machine *before, const struct proc_machine *after)
{
	uint64_t all = (after->at_ns - before->at_ns) * after->cpus;
	uint64_t rest = after->idle_ns - before->idle_ns + after->steal_ns - before->steal_ns;

	return all > rest ? all - rest : 0;
}

/* Calls fn with each numeric name in a directory. False when there is no such directory. */
static bool each_number(const char *path, void (*fn)(void *arg, long n), void *arg)
{
	DIR *d = opendir(path);
	struct dirent *entry;

	if (!d)
		return false;
	while ((entry = readdir(d)))
		if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
			fn(arg, strtol(entry->d_name, NULL, 10));
	closedir(d);
	return true;
}

struct walk {
	pid_t pid, other;
	struct proc_usage use;
	uint64_t foreign_ns;
};

static void add_thread(void *arg, long tid)
{
	struct walk *w = arg;
	char path[96], text[4096];

	w->use.threads++;
	snprintf(path, sizeof(path), "/proc/%d/task/%ld/schedstat", (int)w->pid, tid);
	if (slurp(path, text, sizeof(text)))
		w->use.cpu_ns += strtoull(text, NULL, 10);
	snprintf(path, sizeof(path), "/proc/%d/task/%ld/status", (int)w->pid, tid);
	if (slurp(path, text, sizeof(text)))
		w->use.switches += number_after(text, "\nvoluntary_ctxt_switches:") +
		                   number_after(text, "\nnonvoluntary_ctxt_switches:");
}

static void add_fd(void *arg, long fd)
{
	struct walk *w = arg;

	(void)fd;
	w->use.fds++;
}

enum err proc_read(pid_t pid, struct proc_usage *out)
{
	struct walk w = {.pid = pid};
	char path[64], text[4096];

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	if (!each_number(path, add_thread, &w))
		return ERR_NOT_FOUND;
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	(void)each_number(path, add_fd, &w);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (slurp(path, text, sizeof(text))) {
		w.use.rss_bytes = number_after(text, "VmRSS:") * 1024;
		w.use.own_bytes = number_after(text, "RssAnon:") * 1024;
	}
	*out = w.use;
	return ERR_OK;
}

enum err proc_read_machine(struct proc_machine *out)
{
	uint64_t user, nice, system, idle, iowait, irq, softirq, steal = 0;
	uint64_t tick_ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
	char text[1024];

	if (!slurp("/proc/stat", text, sizeof(text)) ||
	    sscanf(text,
	           "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
	           " %" SCNu64 " %" SCNu64,
	           &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal) < 7)
		return ERR_IO;
	*out = (struct proc_machine){
		.at_ns = clk_mono_ns(),
		.cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN),
		.steal_ns = steal * tick_ns,
		.idle_ns = (idle + iowait) * tick_ns,
	};
	return ERR_OK;
}

/*
 * Fields 14 to 17 of /proc/PID/stat follow the name, which may hold any character and ends with the
 * last ')'. The last two are the time of ended children: without them the work of a compiler would
 * not be counted.
 */
static void add_foreign(void *arg, long pid)
{
	struct walk *w = arg;
	uint64_t tick_ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK), user, system, ended_user,
		 ended_system;
	char path[64], text[1024], *at;
	long parent;

	if (pid == w->pid || pid == w->other)
		return;
	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	if (!slurp(path, text, sizeof(text)) || !(at = strrchr(text, ')')))
		return;
	/* Skip kernel threads (children of kthreadd): part of their softirq work belongs to the
	 * relay. */
	if (sscanf(at + 1, " %*c %ld", &parent) != 1 || parent == 2 || pid == 2)
		return;
	if (sscanf(at + 1,
	           " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64 " %" SCNu64
	           " %" SCNu64,
	           &user, &system, &ended_user, &ended_system) == 4)
		w->foreign_ns += (user + system + ended_user + ended_system) * tick_ns;
}

uint64_t proc_foreign_ns(pid_t mine, pid_t other)
{
	struct walk w = {.pid = mine, .other = other};

	(void)each_number("/proc", add_foreign, &w);
	return w.foreign_ns;
}
