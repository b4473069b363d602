/* SPDX-License-Identifier: MIT */
/* Controls the relay under test as a signalling server does: makes, changes and ends calls, with
 * many requests in flight. */
#ifndef BENCH_TARGET_TARGET_H
#define BENCH_TARGET_TARGET_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "bench/result/hist.h"
#include "bench/target/call.h"

enum target_verb { TARGET_CREATE, TARGET_UPDATE, TARGET_DELETE, TARGET_VERBS };

/* The requests on the wire; each has its own latency histogram. */
enum target_request {
	REQUEST_CREATE,
	REQUEST_UPDATE,
	REQUEST_OFFER,
	REQUEST_ANSWER,
	REQUEST_DELETE,
	REQUEST_COUNT
};
const char *target_request_name(enum target_request r); /* returns "create", ... */

enum { TARGET_IN_FLIGHT_MAX = 1024 };

struct target;

/*
 * A control protocol. A verb takes one or more steps, each with one request: `print` writes the
 * request of a step, `read` reads the reply to it.
 */
struct target_protocol {
	const char *name;
	bool is_datagram;
	unsigned steps[TARGET_VERBS];
	enum target_request (*request)(enum target_verb verb, unsigned step);
	enum err (*print)(const struct call *s, enum target_verb verb, unsigned step, unsigned id,
	                  struct buf *out);
	/* Parses a reply: sets its id, and `*doc` to a new reference. ERR_SYNTAX; ERR_NOT_FOUND: an
	 * event, which has no id. */
	enum err (*parse)(struct str text, unsigned *id, json_t **doc);
	enum err (*read)(struct call *s, enum target_verb verb, unsigned step, const json_t *doc,
	                 struct why *why);
};

extern const struct target_protocol target_jsonrpc, target_jsonrpc_sdp, target_ng;

/* target_turn calls this when a verb has finished or failed. */
typedef void target_done_fn(void *arg, struct call *s, enum target_verb verb, enum err e,
                            const struct why *why);

struct target_done {
	target_done_fn *fn;
	void *arg;
};

/* `where`: "jsonrpc:/path/control.sock", "jsonrpc:127.0.0.1:9900", "jsonrpc-sdp:...",
 * "ng:127.0.0.1:2223"; `netns` NULL or a path or name of a network namespace. */
enum err target_open(struct target **out, const char *where, const char *netns,
                     struct why *why) MUST_USE;
void target_close(struct target *t);
/* Starts a verb; the call must exist until `done` has been called. ERR_BUSY: TARGET_IN_FLIGHT_MAX
 * requests are in flight. */
enum err target_ask(struct target *t, struct call *s, enum target_verb verb,
                    struct target_done done, struct why *why) MUST_USE;
/* Waits at most `timeout_ms`, takes replies, repeats datagrams without reply. ERR_CLOSED when the
 * connection was closed. */
enum err target_turn(struct target *t, int timeout_ms, struct why *why) MUST_USE;
unsigned target_in_flight(const struct target *t);
/* Histogram of the times from request to reply, in ns; the caller may reset it. */
struct hist *target_latency(struct target *t, enum target_request r);
/* Returns the number of datagrams that were repeated. */
uint64_t target_repeats(const struct target *t);

#endif
