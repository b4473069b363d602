/* SPDX-License-Identifier: MIT */
/* POST over HTTP/1.1 and HTTPS, one at a time on a connection that is kept: as cheap as a load tool
 * needs it. */
#ifndef BENCH_KMS_POST_H
#define BENCH_KMS_POST_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"

/* Whom all connections go to. */
struct post_site;
struct post;

/*
 * `url`: "http://HOST:PORT/PREFIX" or https. `ca`: PEM file with the roots for https; NULL: the
 * system's. Names are resolved once, here. ERR_SYNTAX, ERR_INVALID, ERR_NOT_FOUND, ERR_IO with the
 * reason.
 */
enum err post_site_open(struct post_site **out, const char *url, const char *ca,
                        struct why *why) MUST_USE;
/* Every connection was closed before. Takes NULL. */
void post_site_close(struct post_site *s);

/* `keep` false: a new connection for every request. */
enum err post_new(struct post **out, const struct post_site *s, bool keep) MUST_USE;
void post_free(struct post *p);

/* Begins a request (the one before has ended). `path` is put behind the prefix. ERR_IO, ERR_NOMEM.
 */
enum err post_begin(struct post *p, const char *path, const char *content_type, struct view body,
                    struct why *why) MUST_USE;
/* For poll(): the descriptor, and what it waits for. */
int post_fd(const struct post *p);
short post_events(const struct post *p);

enum post_state { POST_IDLE, POST_BUSY, POST_DONE, POST_FAILED };

/* Goes on as far as it gets. POST_DONE: status and body hold until the next post_begin.
 * POST_FAILED: `why` says why; the next one connects anew. */
enum post_state post_go_on(struct post *p, struct why *why);
int post_status(const struct post *p);
struct view post_body(const struct post *p);
/* Gives the request up. */
void post_abandon(struct post *p);

#endif
