/* SPDX-License-Identifier: MIT */
/* The event loop of the control thread: timers, signals and descriptors. */
#ifndef CONTROL_NET_LOOP_H
#define CONTROL_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct event_base;
/* Control thread only. Free the timers, signals and watches of a loop before the loop. */
struct loop;
struct loop_timer;
struct loop_signal;
struct loop_watch;

typedef void loop_fn(void *arg);
typedef void loop_signal_fn(void *arg, int signo);
typedef void loop_watch_fn(void *arg, bool readable, bool writable);

/* Makes libevent wipe each block of memory before it is freed, because its buffers may hold keys of
 * requests. Call it once, before any other function of control/net and before relay_new. */
void loop_wipe_freed(void);
enum err loop_new(struct loop **out) MUST_USE;
void loop_free(struct loop *l);
/* The libevent base, for files that use libevent directly. */
struct event_base *loop_base(struct loop *l);
/* Runs until loop_stop is called, or until the loop has no timer, signal or watch. */
void loop_run(struct loop *l);
/* Runs one round: handles what is ready now; with `wait` first waits until something is ready. For
 * tests. */
void loop_turn(struct loop *l, bool wait);
void loop_stop(struct loop *l);

/* A timer that calls `fn` once each time it expires, never during loop_timer_set. */
enum err loop_timer_new(struct loop_timer **out, struct loop *l, loop_fn *fn, void *arg) MUST_USE;
/* Starts the timer; if it runs already, moves it to the new time. ERR_NOMEM. */
enum err loop_timer_set(struct loop_timer *t, uint64_t after_ns) MUST_USE;
/* Makes the timer expire once in this round, after the descriptors that are ready now. Further
 * calls before that have no effect. */
void loop_timer_soon(struct loop_timer *t);
void loop_timer_free(struct loop_timer *t);

enum err loop_signal_new(struct loop_signal **out, struct loop *l, int signo, loop_signal_fn *fn,
                         void *arg) MUST_USE;
void loop_signal_free(struct loop_signal *s);

struct loop_watch_config {
	int fd;           /* the caller keeps and closes it */
	bool read, write; /* call `fn` while `fd` is readable, writable (level-triggered) */
	loop_watch_fn *fn;
	void *arg;
};
enum err loop_watch_new(struct loop_watch **out, struct loop *l,
                        const struct loop_watch_config *c) MUST_USE;
void loop_watch_free(struct loop_watch *w);

#endif
