/* SPDX-License-Identifier: MIT */
/* Unix and TCP listeners for a protocol of lines, or of messages that show their own length. */
#ifndef CONTROL_NET_LISTEN_H
#define CONTROL_NET_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "base/str.h"
#include "control/net/admit.h"

struct loop;
/* A listener on one address. Control thread only. */
struct listener;
/* One connection. Valid until `closed` has returned and the last hold is released. */
struct listen_conn;

/*
 * line: called with a whole line without its line end; the line is valid until the function returns
 * and is wiped later. One round of the loop handles a limited number of lines of a connection.
 * too_long: a line exceeds line_max_bytes, or `frame` failed; the connection is closed once the
 * output that this function queues is sent. closed: the connection has ended; further output is
 * dropped. frame: writes the length of the message at the start of `in`; ERR_TRUNCATED: more octets
 * are needed; any other error: closes the connection. NULL: a message is a line. Line ends between
 * messages are skipped. allowed: may this peer connect over TCP?
 */
struct listen_ops {
	bool (*allowed)(void *arg, const struct addr *peer); /* may be NULL: every peer */
	enum err (*frame)(struct str in, size_t *length);    /* may be NULL */
	void (*opened)(void *arg, struct listen_conn *c);    /* may be NULL */
	void (*line)(void *arg, struct listen_conn *c, struct str line);
	void (*too_long)(void *arg, struct listen_conn *c);
	void (*more)(void *arg, struct listen_conn *c); /* may be NULL: see listen_conn_work */
	void (*closed)(void *arg, struct listen_conn *c);
};

struct listen_config {
	const char *name;      /* in metrics and log lines, such as "control"; borrowed */
	const char *where;     /* "/path", or "tcp:HOST:PORT" */
	bool any_host;         /* HOST need not be a loopback address; needs ops->allowed */
	unsigned mode;         /* permission bits of a Unix socket, for example 0660 */
	size_t line_max_bytes; /* a longer line closes the connection */
	size_t out_max_bytes;  /* maximum unsent output of a connection; more closes it */
	struct admit_limits limits;
	unsigned requests_max; /* unanswered requests at which reading a connection pauses */
	const struct listen_ops *ops;
	void *arg;
};

/* Starts to listen. Creates the folder of a Unix path if it is missing, and replaces a socket on
 * which no process listens. ERR_IO, ERR_INVALID, ERR_EXISTS, ERR_NOMEM. */
enum err listener_new(struct listener **out, struct loop *l, const struct listen_config *config,
                      struct why *why) MUST_USE;
/* Checks that listener_new accepts `where` without any_host, without opening it. ERR_INVALID,
 * ERR_TOO_BIG, ERR_DENIED (TCP, but not loopback). */
enum err listen_check(struct str where, struct why *why) MUST_USE;
/* Closes the listener and its connections, calls `closed` for each of them, and removes the path of
 * a Unix socket. Takes NULL. */
void listener_free(struct listener *l);
/* listen_config.where, with the port that the system chose. Valid as long as the listener. */
const char *listener_where(const struct listener *l);
const struct admit *listener_admit(const struct listener *l);

/* Queues octets; they are sent before the loop sleeps. Closes a connection whose unsent octets
 * exceed out_max_bytes. */
void listen_conn_send(struct listen_conn *c, struct str octets);
/* Closes the connection once the queued octets are sent. */
void listen_conn_close(struct listen_conn *c);
/* Set and get a pointer that the caller may attach to the connection; NULL at first. */
void listen_conn_set_user(struct listen_conn *c, void *user);
void *listen_conn_user(const struct listen_conn *c);
/* Adds a hold for a request that is not answered yet: `c` stays valid until the hold is released,
 * and reading from it pauses at requests_max holds. */
void listen_conn_hold(struct listen_conn *c);
void listen_conn_release(struct listen_conn *c);
/*
 * Work in slices. `line` and `more` call listen_conn_work(c, true) when they leave work undone:
 * then no further line of this connection is handled, and a later round calls `more`, until it
 * calls listen_conn_work(c, false). Between two slices the loop serves other descriptors and
 * timers.
 */
void listen_conn_work(struct listen_conn *c, bool is_undone);
/* Is there time left in this slice? For `line` and `more`. */
bool listen_conn_has_time(const struct listen_conn *c);
/* False: the connection is closed or will be closed, so nobody reads further answers. */
bool listen_conn_is_open(const struct listen_conn *c);
/* With `keep` the connection is not closed because it is idle: it waits for events. */
void listen_conn_keep(struct listen_conn *c, bool keep);
/* The address of a TCP peer; of a Unix peer: no address. */
struct addr listen_conn_peer(const struct listen_conn *c);

#endif
