/* SPDX-License-Identifier: MIT */
/* The workers of a relay: their threads, engine and back ends, and messages. Control only. */
#ifndef RELAY_FRONT_CREW_H
#define RELAY_FRONT_CREW_H

#include "relay/msg.h"
#include "relay/front/plan.h"
#include "relay/relay.h"
#include "relay/worker/stream.h"

struct crew;

/* Chooses and opens engine and back ends, and starts the threads. On failure nothing runs. */
enum err crew_start(struct crew **out, const struct relay_config *config, struct why *why) MUST_USE;

/* Receives a message from a worker and owns what it points at. */
typedef void crew_fn(void *arg, struct msg *m);

/* Ends the threads after all posted messages are carried out and their replies were passed to `fn`.
 * The caller ends the sessions. */
void crew_end(struct crew *c, crew_fn *fn, void *arg);
bool crew_has_ended(const struct crew *c);
/* Frees the crew. Call it after crew_end. */
void crew_free(struct crew *c);

/* Fills in what plan_new needs. Its pointers are valid as long as the crew. */
void crew_plan_context(const struct crew *c, struct plan_context *out);

/* crew_place: returns the worker with the least load (relay/front/balance.h) and counts a session
 * there. crew_leave: call it when the session has ended. */
struct worker *crew_place(struct crew *c);
void crew_leave(struct crew *c, struct worker *w);

/* Reserves blocks at a worker; allocates more blocks if the worker has too few. ERR_NOMEM. */
enum err crew_supply(struct crew *c, struct worker *w, const struct blocks *more) MUST_USE;
/* Releases reserved blocks. The blocks stay with the worker for later sessions. */
void crew_return(struct crew *c, struct worker *w, const struct blocks *spare);
/* Queues a request. While the worker's inbox is full, the request waits in the crew. */
void crew_post(struct crew *c, struct worker *w, struct relay_request *q);

/* Implements relay_set_asked. */
enum err crew_set_asked(struct crew *c, const struct relay_asked *asked) MUST_USE;

/* Implement relay_set_waker and relay_wake. */
void crew_set_waker(struct crew *c, relay_waker_fn *fn, void *arg);
void crew_wake(struct crew *c);

int crew_wait_fd(const struct crew *c);
/* Makes crew_wait_fd readable. */
void crew_ring(struct crew *c);
/* Passes messages from workers to `fn`: finished requests, keys, events. If it leaves some,
 * crew_wait_fd stays readable. */
void crew_poll(struct crew *c, crew_fn *fn, void *arg);

/* With config.by_hand: runs one turn of every worker. */
unsigned crew_step(struct crew *c, uint64_t now_ns);

void crew_read(const struct crew *c, struct relay_stats *out);
uint64_t crew_events_lost(const struct crew *c);
const char *crew_engine_name(const struct crew *c);
const char *crew_engine_reason(const struct crew *c);
const char *crew_io_name(const struct crew *c, unsigned interface);
const char *crew_io_reason(const struct crew *c, unsigned interface);

#endif
