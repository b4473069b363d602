/* SPDX-License-Identifier: MIT */
/* Network namespaces for tests: one for the test, and one for each peer, connected by veth pairs.
 * Needs root and the ip command; the failure text says which is missing. */
#ifndef TESTS_NETNS_H
#define TESTS_NETNS_H

#include <stdbool.h>
#include <sys/types.h>

/* The namespace of a peer. The veth device is `here` on our side and `there` on the peer's. Our
 * addresses end in .1 and ::1, the peer's in .2 and ::2, in 10.<n>.0.0/24 and fd00:<n>::/64. */
struct netns_peer {
	char here[16], there[16];
	int fd;       /* descriptor of the peer's namespace */
	pid_t holder; /* process that keeps the namespace alive */
};

/* Moves this process into a new namespace and connects it to `n` peers; each device has `queues`
 * queues and addresses, and is up. False: not root, or a command failed; `why` says which, and the
 * caller skips the test. */
bool netns_make(struct netns_peer *peers, unsigned n, unsigned queues, char why[128]);
void netns_end(struct netns_peer *peers, unsigned n);

/* Opens a socket in the peer's namespace. Below 0: failed. */
int netns_socket(const struct netns_peer *peer, int family, int type, int protocol);
/* Runs a shell command in the peer's namespace, or in ours if the peer is NULL. True if its exit
 * status is 0. */
bool netns_run(const struct netns_peer *peer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Removes the capability from the effective and permitted sets of this process. */
void netns_drop(unsigned capability);

#endif
