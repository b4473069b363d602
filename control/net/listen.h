/* SPDX-License-Identifier: MIT */
/* Unix and loopback TCP listeners whose peers send lines. */
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
/* One peer. It lives until `closed` returns, and while it is held. */
struct listen_conn;

/*
 * line: a whole line without its end, wiped when the function returns. A peer gets a limited number
 * of lines in one round of the loop, then others are served. too_long: a line exceeds the bound;
 * the peer is closed after what the function sends. closed: the connection has ended; what is sent
 * is dropped.
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
	size_t line_max_bytes; /* a longer line closes the peer */
	size_t out_max_bytes;  /* unsent output of a peer; more closes it */
	unsigned conns_max;    /* peers; a further one is closed at once */
	unsigned requests_max; /* reading a peer pauses while this many of its requests are
	                          under way (listen_conn_hold) */
	const struct listen_ops *ops;
	void *arg;
};

/* Makes the folder of a Unix path when it is missing, and replaces a socket that nothing listens
 * on. ERR_IO, ERR_INVALID, ERR_EXISTS, ERR_NOMEM. */
enum err listener_new(struct listener **out, struct loop *l, const struct listen_config *config,
                      struct why *why) MUST_USE;
/* Is `where` valid for listener_new? Opens nothing. */
enum err listen_check(struct str where, struct why *why) MUST_USE;
/* Closes the listener and its peers, calling `closed` for each, and removes the socket's path.
 * Takes NULL. */
void listener_free(struct listener *l);
/* As configured, with the port that the system chose. Lives as long as the listener. */
const char *listener_where(const struct listener *l);

/* Queues octets for the peer; they are sent before the loop sleeps. A peer whose queue overflows is
 * closed. */
void listen_conn_send(struct listen_conn *c, struct str octets);
void listen_conn_close(struct listen_conn *c);
/* The caller's own pointer, NULL at first. */
void listen_conn_set_user(struct listen_conn *c, void *user);
void *listen_conn_user(const struct listen_conn *c);
/* A request of this peer is under way: the peer stays valid, and reading pauses at requests_max. */
void listen_conn_hold(struct listen_conn *c);
void listen_conn_release(struct listen_conn *c);

#endif
