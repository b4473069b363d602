/* SPDX-License-Identifier: MIT */
/* The workers of a relay with their back ends, engine and threads, and the way to them. Control
 * only. */
#ifndef RELAY_FRONT_CREW_H
#define RELAY_FRONT_CREW_H

#include "relay/msg.h"
#include "relay/front/plan.h"
#include "relay/relay.h"
#include "relay/worker/stream.h"

struct crew;

/* Chooses engine and back ends, opens them, starts the threads. On failure nothing runs. */
enum err crew_start(struct crew **out, const struct relay_config *config, struct why *why) MUST_USE;

/* What a worker sent home. What a message points at is the receiver's. */
typedef void crew_fn(void *arg, struct msg *m);

/* Ends the threads; all that was posted is carried out and told. Sessions stay where they are, for
 * the caller to end. */
void crew_end(struct crew *c, crew_fn *fn, void *arg);
bool crew_has_ended(const struct crew *c);
/* After crew_end. */
void crew_free(struct crew *c);

/* Valid as long as the crew. */
void crew_plan_context(const struct crew *c, struct plan_context *out);

/* The worker with the least to do (relay/front/balance.h), which gets one more session; and one
 * less. */
struct worker *crew_place(struct crew *c);
void crew_leave(struct crew *c, struct worker *w);

/* Makes sure that the worker has so many more blocks. ERR_NOMEM. */
enum err crew_supply(struct crew *c, struct worker *w, const struct blocks *more) MUST_USE;
/* So many are not needed any more. The blocks stay with the worker, for the next session. */
void crew_return(struct crew *c, struct worker *w, const struct blocks *spare);
/* Hands over a request; it waits here while the worker's inbox is full. */
void crew_post(struct crew *c, struct worker *w, struct relay_request *q);

/* See relay_set_asked. */
enum err crew_set_asked(struct crew *c, const struct relay_asked *asked) MUST_USE;

/* See relay_set_waker, relay_wake. */
void crew_set_waker(struct crew *c, relay_waker_fn *fn, void *arg);
void crew_wake(struct crew *c);

int crew_wait_fd(const struct crew *c);
/* Makes crew_wait_fd readable. */
void crew_ring(struct crew *c);
/* Takes what has come home: done, keys, events. */
void crew_poll(struct crew *c, crew_fn *fn, void *arg);

/* config.by_hand: one turn of every worker. */
unsigned crew_step(struct crew *c, uint64_t now_ns);

void crew_read(const struct crew *c, struct relay_stats *out);
uint64_t crew_events_lost(const struct crew *c);
const char *crew_engine_name(const struct crew *c);
const char *crew_engine_reason(const struct crew *c);
const char *crew_io_name(const struct crew *c, unsigned interface);
const char *crew_io_reason(const struct crew *c, unsigned interface);

#endif
