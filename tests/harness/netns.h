/* SPDX-License-Identifier: MIT */
/* Network namespaces for tests: one for the test, connected to one per peer by veth pairs. Needs
 * privileges; the failure text says which. */
#ifndef TESTS_NETNS_H
#define TESTS_NETNS_H

#include <stdbool.h>
#include <sys/types.h>

/* The namespace of a peer. The veth device is `here` on our side and `there` on the peer's. We have
 * .1, the peer .2 of 10.<n>.0.0/24 and fd00:<n>::/64. */
struct netns_peer {
	char here[16], there[16];
	int fd; /* the namespace */
	pid_t holder;
};

/* Moves this process into a new namespace with `n` peers with `queues` queues each; devices
 * are up and have addresses. False: no privilege or a missing tool; `why` says which, and the
 * test is skipped. */
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
