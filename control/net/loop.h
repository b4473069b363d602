/* SPDX-License-Identifier: MIT */
/* The event loop of the control thread: timers, signals and descriptors. */
#ifndef CONTROL_NET_LOOP_H
#define CONTROL_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct event_base;
/* One thread. Everything made from a loop is freed before it. */
struct loop;
struct loop_timer;
struct loop_signal;
struct loop_watch;

typedef void loop_fn(void *arg);
typedef void loop_signal_fn(void *arg, int signo);
typedef void loop_watch_fn(void *arg, bool readable, bool writable);

enum err loop_new(struct loop **out) MUST_USE;
void loop_free(struct loop *l);
/* For the doorways to libevent. */
struct event_base *loop_base(struct loop *l);
/* Until loop_stop, or until nothing is left to wait for. */
void loop_run(struct loop *l);
/* One round: what is ready now, or (wait) what comes first. */
void loop_turn(struct loop *l, bool wait);
void loop_stop(struct loop *l);

/* Fires once for each setting; never from inside loop_timer_set. */
enum err loop_timer_new(struct loop_timer **out, struct loop *l, loop_fn *fn, void *arg) MUST_USE;
/* Sets or moves it. ERR_NOMEM. */
enum err loop_timer_set(struct loop_timer *t, uint64_t after_ns) MUST_USE;
/* It fires once in this round, after what is ready now, however often that is asked. */
void loop_timer_soon(struct loop_timer *t);
void loop_timer_stop(struct loop_timer *t);
void loop_timer_free(struct loop_timer *t);

enum err loop_signal_new(struct loop_signal **out, struct loop *l, int signo, loop_signal_fn *fn,
                         void *arg) MUST_USE;
void loop_signal_free(struct loop_signal *s);

/* Level-triggered; `fd` stays the caller's. */
enum err loop_watch_new(struct loop_watch **out, struct loop *l, int fd, bool read, bool write,
                        loop_watch_fn *fn, void *arg) MUST_USE;
void loop_watch_free(struct loop_watch *w);

#endif
