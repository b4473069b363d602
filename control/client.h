/* SPDX-License-Identifier: MIT */
/* Calls the JSON control protocol, one request at a time, blocking: for command line tools and
 * tests. */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include "base/err.h"
#include "base/str.h"
#include "control/doc/doc.h"

struct client;

/* "/path" or "tcp:HOST:PORT". ERR_IO with the reason. Every wait ends with ERR_TIMEOUT after
 * timeout_ms (0: never). */
enum err client_open(struct client **out, const char *where, unsigned timeout_ms,
                     struct why *why) MUST_USE;
void client_close(struct client *c);

/*
 * Sends a request and waits for its answer; events that come in between are kept for
 * client_next_event. `params` may be NULL. *result lives until the next call or wait. ERR_DENIED
 * when the gateway refused: *result is then its error object and `why` its message.
 */
enum err client_call(struct client *c, const char *method, const struct doc *params,
                     const struct doc **result, struct why *why) MUST_USE;
/* The next event's params, waiting without end. */
enum err client_next_event(struct client *c, const struct doc **event, struct why *why) MUST_USE;

#endif
