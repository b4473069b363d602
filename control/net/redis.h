/* SPDX-License-Identifier: MIT */
/* A client of a Redis server: one connection, over TCP or TLS, on which commands follow each other
 * without waiting for their replies. It connects again by itself. Control thread only. */
#ifndef CONTROL_NET_REDIS_H
#define CONTROL_NET_REDIS_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/str.h"

struct event_base;
struct redis;
struct tls_context;

/* The parts of "redis://HOST[:PORT][/DB]" or "rediss://…" (TLS). `host` has no brackets. */
struct redis_url {
	bool is_tls;
	char host[256];
	uint16_t port;
	unsigned db;
};

/* Refuses user and password in the URL, because a command line is visible to others. ERR_SYNTAX,
 * ERR_RANGE (port, database), ERR_UNSUPPORTED (scheme), ERR_DENIED (user or password). */
enum err redis_url_parse(struct str text, struct redis_url *out, struct why *why) MUST_USE;

/* --- replies ---------------------------------------------------------------- */

enum redis_kind { REDIS_NIL, REDIS_INTEGER, REDIS_TEXT, REDIS_FAULT, REDIS_LIST };

/* A reply, or an item of a list. Valid until the callback returns. */
struct redis_value;

enum redis_kind redis_kind(const struct redis_value *v);
/* Returns the octets of a text or of an error that the server reports; else empty. */
struct view redis_octets(const struct redis_value *v);
/* Returns the value of an integer; 0: `v` is of another kind. */
int64_t redis_number(const struct redis_value *v);
/* Returns item `i` of a list; NULL: `v` is not a list, or has fewer items. */
const struct redis_value *redis_item(const struct redis_value *v, size_t i);

/* --- the connection --------------------------------------------------------- */

/* The server accepted user, password and database: commands can be sent. */
typedef void redis_up_fn(void *arg);
/* The connection ended, or could not be made; ERR_DENIED: the server refuses user, password or
 * database. All commands have been answered with an error before. The client tries again. */
typedef void redis_down_fn(void *arg, enum err e, const struct why *why);

struct redis_config {
	struct redis_url url;
	struct tls_context *tls; /* needed if url.is_tls; borrowed */
	const char *user;        /* NULL: the default user; borrowed */
	struct view password;    /* empty: none; borrowed, in secret memory */
	unsigned timeout_ms;     /* for each command: the server must answer within this time */
	size_t queue_max;        /* maximum number of commands without a reply */
	redis_up_fn *up;
	redis_down_fn *down;
	void *arg;
};

/* Begins to connect. `up` and `down` are never called during this call. ERR_INVALID (TLS without a
 * context), ERR_NOMEM. */
enum err redis_new(struct redis **out, struct event_base *base, const struct redis_config *config,
                   struct why *why) MUST_USE;
/* Closes the connection; no callback is called. Do not call it from a callback. Takes NULL. */
void redis_free(struct redis *r);

/* Called once for each command that redis_send accepted. ERR_OK: `v` is the reply, which may be
 * REDIS_FAULT. ERR_TIMEOUT, ERR_CLOSED, ERR_SYNTAX: `v` is NULL, and the server may or may not have
 * carried out the command. */
typedef void redis_reply_fn(void *arg, enum err e, const struct redis_value *v);

/* A command: its words. */
struct redis_command {
	const struct view *words;
	size_t n;
};

/* Sends a command. `done` (may be NULL) is called later, in the order of the commands, never during
 * this call. If a reply is late, the client closes the connection and connects again. ERR_CLOSED
 * (not connected), ERR_LIMIT (queue_max commands have no reply), ERR_TOO_BIG, ERR_NOMEM. */
enum err redis_send(struct redis *r, const struct redis_command *c, redis_reply_fn *done,
                    void *arg) MUST_USE;
/* Closes the connection soon, because the caller cannot use this server, and connects again. `why`
 * is passed to `down`. */
void redis_reject(struct redis *r, enum err e, const struct why *why);
size_t redis_queued(const struct redis *r);

#endif
