/* SPDX-License-Identifier: MIT */
/* Declarations that listen.c and listen_conn.c share. */
#ifndef CONTROL_NET_LISTEN_CONN_H
#define CONTROL_NET_LISTEN_CONN_H

#include "control/net/listen.h"

struct event;

struct listener {
	struct loop *loop;
	struct listen_config config;
	char where[256];
	char path[108]; /* the Unix socket to remove at the end; empty for TCP */
	int fd;
	struct event *event, *resume_event;
	struct event *flush_event, *more_event;
	struct link conns;   /* all connections */
	struct link flushes; /* connections with output queued in this round */
	struct link mores;   /* connections whose lines or work wait for the next round */
	struct admit *admit;
	uint64_t spent_ns; /* time spent on messages since listen_go_on was last called */
};

/* Creates the connection of the accepted socket `fd`. ERR_LIMIT: not admitted. On failure the
 * caller keeps `fd`. */
enum err listen_conn_new(struct listener *l, int fd, const struct addr *peer) MUST_USE;
/* Closes the connection of `c`; for struct admit. */
void listen_conn_evict(void *arg, struct admit_conn *c);
/* Closes all connections. */
void listen_end_all(struct listener *l);
/* Sends the output that was queued in this round. */
void listen_flush(struct listener *l);
/* Lets the connections in `mores` go on, the first one first, within the time of a round. */
void listen_go_on(struct listener *l);

#endif
