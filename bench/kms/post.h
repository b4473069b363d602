/* SPDX-License-Identifier: MIT */
/* POST over HTTP/1.1 and HTTPS: one request at a time on a persistent connection, at low cost. */
#ifndef BENCH_KMS_POST_H
#define BENCH_KMS_POST_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"

/* A server: its address and TLS settings, which all connections to it share. */
struct post_site;
struct post;

/*
 * `url`: "http://HOST:PORT/PREFIX" or https. `ca`: PEM file of root certificates for https; NULL:
 * the system's. The host name is resolved once, here. ERR_SYNTAX, ERR_INVALID, ERR_NOT_FOUND,
 * ERR_IO with the reason.
 */
enum err post_site_open(struct post_site **out, const char *url, const char *ca,
                        struct why *why) MUST_USE;
/* Free all connections to the server before closing it. `s` may be NULL. */
void post_site_close(struct post_site *s);

/* `keep` false: a new connection for every request. */
enum err post_new(struct post **out, const struct post_site *s, bool keep) MUST_USE;
void post_free(struct post *p);

/* Begins a POST to the URL's prefix plus `path`; the previous request must have ended. ERR_IO,
 * ERR_NOMEM. */
enum err post_begin(struct post *p, const char *path, const char *content_type, struct view body,
                    struct why *why) MUST_USE;
/* The descriptor and the events for poll(); -1: no request is under way. */
int post_fd(const struct post *p);
short post_events(const struct post *p);

enum post_state { POST_IDLE, POST_BUSY, POST_DONE, POST_FAILED };

/* Continues the request without blocking. POST_DONE: status and body are valid until the next
 * post_begin. POST_FAILED: `why` has the reason; the next request connects again. */
enum post_state post_go_on(struct post *p, struct why *why);
int post_status(const struct post *p);
struct view post_body(const struct post *p);
/* Cancels the request and closes the connection. */
void post_abandon(struct post *p);

#endif
