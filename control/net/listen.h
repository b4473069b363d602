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
/* A listener on one address. Control only. */
struct listener;
/* One peer. It lives until `closed` returns, and while it is held. */
struct listen_conn;

/*
 * line: gets a whole line without its end, wiped when the function returns. A limited number of
 * lines of one peer is handled in one round of the loop. too_long: a line exceeds the bound; the
 * connection is closed after the output that the function sends. closed: the connection has ended;
 * further output is dropped.
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
	size_t line_max_bytes; /* a longer line closes the connection */
	size_t out_max_bytes;  /* unsent output of a peer; more closes the connection */
	unsigned conns_max;    /* connections; a further one is closed at once */
	unsigned requests_max; /* requests of a peer under way; then reading it pauses */
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

/* Queues octets, sent before the loop sleeps. Closes a peer whose queue exceeds out_max_bytes. */
void listen_conn_send(struct listen_conn *c, struct str octets);
void listen_conn_close(struct listen_conn *c);
/* The caller's own pointer, NULL at first. */
void listen_conn_set_user(struct listen_conn *c, void *user);
void *listen_conn_user(const struct listen_conn *c);
/* A request of this peer is under way: the peer stays valid, and reading pauses at requests_max. */
void listen_conn_hold(struct listen_conn *c);
void listen_conn_release(struct listen_conn *c);

#endif
