/* SPDX-License-Identifier: MIT */
/* A blocking client of the JSON control protocol for tools and tests, one request at a time. */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include "base/err.h"
#include "base/str.h"
#include "control/doc/doc.h"

struct client;

/* Connects to `where`, "/path" or "tcp:HOST:PORT". ERR_INVALID, ERR_TOO_BIG: `where` is wrong;
 * ERR_IO. client_request returns ERR_TIMEOUT when no data comes for timeout_ms (0: no limit). */
enum err client_open(struct client **out, const char *where, unsigned timeout_ms,
                     struct why *why) MUST_USE;
void client_close(struct client *c);

/*
 * Sends a request and waits for its answer. Keeps events that arrive before the answer for
 * client_next_event. `params` may be NULL. *result is valid until the next request or event.
 * ERR_DENIED: the gateway refused the request; *result is the error object, `why` its message.
 */
enum err client_request(struct client *c, const char *method, const struct doc *params,
                        const struct doc **result, struct why *why) MUST_USE;
/* Waits for the next event without a time limit; *event is its member "params". */
enum err client_next_event(struct client *c, const struct doc **event, struct why *why) MUST_USE;

#endif
