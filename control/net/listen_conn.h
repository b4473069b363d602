/* SPDX-License-Identifier: MIT */
/* What listen.c and listen_conn.c share. */
#ifndef CONTROL_NET_LISTEN_CONN_H
#define CONTROL_NET_LISTEN_CONN_H

#include "control/net/listen.h"

struct event;

struct listener {
	struct loop *loop;
	struct listen_config config;
	char where[256];
	char path[108]; /* to be removed; empty for TCP */
	int fd;
	struct event *event, *resume_event;
	struct event *flush_event, *more_event;
	struct link conns;
	struct link flushes; /* peers with output that is not sent yet */
	struct link mores;   /* peers with lines left for the next round */
	unsigned n_conns;
};

/* Takes over the descriptor of an accepted peer. On ERR_NOMEM the caller keeps it. */
enum err listen_conn_new(struct listener *l, int fd) MUST_USE;
void listen_end_all(struct listener *l);
/* Sends the output of this round; takes the lines left from the last round. */
void listen_flush(struct listener *l);
void listen_go_on(struct listener *l);

#endif
