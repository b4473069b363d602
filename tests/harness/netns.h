/* SPDX-License-Identifier: MIT */
/* Network namespaces for tests: ours in the middle, peers joined to it by veth pairs. Needs
 * privileges; says so when it can't. */
#ifndef TESTS_NETNS_H
#define TESTS_NETNS_H

#include <stdbool.h>
#include <sys/types.h>

/* A peer's namespace: veth `here` on our side, `there` on its. Ours is .1, the peer .2
 * of 10.<n>.0.0/24 and fd00:<n>::/64. */
struct netns_peer {
	char here[16], there[16];
	int fd; /* the namespace */
	pid_t holder;
};

/*
 * Moves this process into a namespace of its own, with `n` peers of `queues` queues each, up and
 * addressed. False, with why in `why`: no privilege or a tool is missing; the test is skipped.
 */
bool netns_make(struct netns_peer *peers, unsigned n, unsigned queues, char why[128]);
void netns_end(struct netns_peer *peers, unsigned n);

/* A socket of the peer's namespace. Below 0: refused. */
int netns_socket(const struct netns_peer *peer, int family, int type, int protocol);
/* Runs a shell command in the peer's namespace, or in ours with NULL; true if it ended well. */
bool netns_run(const struct netns_peer *peer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* This process does without that capability from now on, effective and permitted. */
void netns_drop(unsigned capability);

#endif
