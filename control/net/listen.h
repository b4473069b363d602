/* SPDX-License-Identifier: MIT */
/* Unix and loopback TCP listeners whose peers talk in lines. */
#ifndef CONTROL_NET_LISTEN_H
#define CONTROL_NET_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "base/str.h"

struct loop;
/* One address listened on. Control only. */
struct listener;
/* One peer. It lives until `closed` returned, and longer while it is held. */
struct listen_conn;

/*
 * line: a whole line without its end; wiped when the call returns; some of a peer's in one round of
 * the loop, then it is others' turn. too_long: a line above the bound; the peer is closed after
 * what the call writes. closed: the peer is gone; nothing arrives any more and what is written goes
 * nowhere.
 */
struct listen_ops {
	void (*opened)(void *arg, struct listen_conn *c); /* may be NULL */
	void (*line)(void *arg, struct listen_conn *c, struct str line);
	void (*too_long)(void *arg, struct listen_conn *c);
	void (*closed)(void *arg, struct listen_conn *c);
};

struct listen_config {
	const char *where;     /* "/path" or "tcp:HOST:PORT", HOST a loopback address */
	unsigned mode;         /* of a unix socket, e.g. 0660 */
	size_t line_max_bytes; /* longer lines are refused */
	size_t out_max_bytes;  /* a peer that lets more than this wait is dropped */
	unsigned conns_max;    /* more are closed at once */
	unsigned requests_max; /* lines held back while so many of a peer are unanswered
	                          (listen_conn_hold) */
	const struct listen_ops *ops;
	void *arg;
};

/* Makes the folder of a unix path when it is missing, and takes over a socket nobody listens on.
 * ERR_IO, ERR_INVALID, ERR_EXISTS, ERR_NOMEM. */
enum err listener_new(struct listener **out, struct loop *l, const struct listen_config *config,
                      struct why *why) MUST_USE;
/* Is `where` one that listener_new would try? Touches nothing. */
enum err listen_check(struct str where, struct why *why) MUST_USE;
/* Closes it and its peers (closed is called for each); removes the socket's path. Takes NULL. */
void listener_free(struct listener *l);
/* As in the configuration, with the port the system chose. Lives as long as the listener. */
const char *listener_where(const struct listener *l);
unsigned listener_conns(const struct listener *l);

/* Queues octets for the peer; they leave before the loop sleeps. A peer whose queue overflows is
 * closed soon after. */
void listen_conn_send(struct listen_conn *c, struct str octets);
void listen_conn_close(struct listen_conn *c);
/* The caller's own pointer, NULL at first. */
void listen_conn_set_user(struct listen_conn *c, void *user);
void *listen_conn_user(const struct listen_conn *c);
/* A request of this peer is under way: it stays valid, and reading pauses when there are too many.
 */
void listen_conn_hold(struct listen_conn *c);
void listen_conn_release(struct listen_conn *c);

#endif
