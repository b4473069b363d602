/* SPDX-License-Identifier: MIT */
/* Makes network namespaces for tests. */
#include "tests/harness/netns.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Forks a child that keeps a new namespace alive; commands name the namespace by the child's
 * process id. */
static pid_t hold_namespace(void)
{
	int ready[2];
	char octet;
	pid_t child;

	if (pipe(ready))
		return -1;
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		octet = unshare(CLONE_NEWNET) ? 'n' : 'y';
		if (write(ready[1], &octet, 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	if (child < 0 || read(ready[0], &octet, 1) != 1 || octet != 'y') {
		if (child > 0)
			kill(child, SIGKILL);
		child = -1;
	}
	close(ready[0]);
	close(ready[1]);
	return child;
}

bool netns_run(const struct netns_peer *peer, const char *format, ...)
{
	char command[1024];
	va_list args;
	int n = peer ? snprintf(command, sizeof(command), "exec >/dev/null 2>&1; nsenter -t %d -n ",
	                        (int)peer->holder)
	             : snprintf(command, sizeof(command), "exec >/dev/null 2>&1; ");

	va_start(args, format);
	vsnprintf(command + n, sizeof(command) - (size_t)n, format, args);
	va_end(args);
	return system(command) == 0;
}

static bool make_peer(struct netns_peer *p, unsigned i, unsigned queues)
{
	char path[64];

	snprintf(p->here, sizeof(p->here), "here%u", i);
	snprintf(p->there, sizeof(p->there), "there%u", i);
	p->fd = -1;
	p->holder = hold_namespace();
	if (p->holder < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)p->holder);
	p->fd = open(path, O_RDONLY | O_CLOEXEC);
	return p->fd >= 0 &&
	       netns_run(NULL,
	                 "ip link add %s numrxqueues %u numtxqueues %u type veth peer name %s "
	                 "numrxqueues %u numtxqueues %u netns %d",
	                 p->here, queues, queues, p->there, queues, queues, (int)p->holder) &&
	       netns_run(NULL, "ip addr add 10.%u.0.1/24 dev %s", i, p->here) &&
	       netns_run(NULL, "ip -6 addr add fd00:%u::1/64 dev %s nodad", i, p->here) &&
	       netns_run(NULL, "ip link set %s up", p->here) &&
	       netns_run(p, "ip addr add 10.%u.0.2/24 dev %s", i, p->there) &&
	       netns_run(p, "ip -6 addr add fd00:%u::2/64 dev %s nodad", i, p->there) &&
	       netns_run(p, "ip link set %s up", p->there) && netns_run(p, "ip link set lo up") &&
	       netns_run(p, "ip route add default via 10.%u.0.1", i);
}

bool netns_make(struct netns_peer *peers, unsigned n, unsigned queues, char why[128])
{
	memset(peers, 0, n * sizeof(*peers));
	if (unshare(CLONE_NEWNET)) {
		snprintf(why, 128, "cannot create a network namespace (needs root)");
		return false;
	}
	if (!netns_run(NULL, "ip link set lo up")) {
		snprintf(why, 128, "the ip command fails (package iproute2)");
		return false;
	}
	for (unsigned i = 0; i < n; i++) {
		if (make_peer(&peers[i], i, queues))
			continue;
		snprintf(why, 128, "cannot create a veth pair");
		netns_end(peers, i + 1);
		return false;
	}
	return true;
}

void netns_end(struct netns_peer *peers, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (peers[i].holder > 0) {
			kill(peers[i].holder, SIGKILL);
			waitpid(peers[i].holder, NULL, 0);
		}
		if (peers[i].fd >= 0)
			close(peers[i].fd);
	}
}

int netns_socket(const struct netns_peer *peer, int family, int type, int protocol)
{
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd = -1;

	if (own < 0)
		return -1;
	if (!setns(peer->fd, CLONE_NEWNET)) {
		fd = socket(family, type | SOCK_CLOEXEC, protocol);
		if (setns(own, CLONE_NEWNET))
			abort();
	}
	close(own);
	return fd;
}

void netns_drop(unsigned capability)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}, {0}};

	if (syscall(SYS_capget, &header, data))
		abort();
	data[capability / 32].effective &= ~(1u << capability % 32);
	data[capability / 32].permitted &= ~(1u << capability % 32);
	if (syscall(SYS_capset, &header, data))
		abort();
}
