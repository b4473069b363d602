/* SPDX-License-Identifier: MIT */
/* The event loop, based on libevent. */
#include "control/net/loop.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/mem.h"
#include "base/secret.h"

struct loop {
	struct event_base *base;
};

struct loop_timer {
	struct event *event;
	loop_fn *fn;
	void *arg;
};

struct loop_signal {
	struct event *event;
	loop_signal_fn *fn;
	void *arg;
};

struct loop_watch {
	struct event *event;
	loop_watch_fn *fn;
	void *arg;
};

/* --- memory of libevent: in front of each block is its size ----------------------------------- */

enum { HEAD_BYTES = 16 }; /* keeps the alignment of malloc */

static void *block_alloc(size_t n)
{
	char *p = n > SIZE_MAX - HEAD_BYTES ? NULL : malloc(HEAD_BYTES + n);

	if (!p)
		return NULL;
	memcpy(p, &n, sizeof(n));
	return p + HEAD_BYTES;
}

static size_t block_size(const void *block)
{
	size_t n;

	memcpy(&n, (const char *)block - HEAD_BYTES, sizeof(n));
	return n;
}

static void block_free(void *block)
{
	if (!block)
		return;
	secret_wipe(block, block_size(block));
	free((char *)block - HEAD_BYTES);
}

/* realloc would free the old block without wiping it. */
static void *block_resize(void *block, size_t n)
{
	void *grown = block_alloc(n);

	if (!grown || !block)
		return grown;
	memcpy(grown, block, n < block_size(block) ? n : block_size(block));
	block_free(block);
	return grown;
}

void loop_wipe_freed(void)
{
	event_set_mem_functions(block_alloc, block_resize, block_free);
}

enum err loop_new(struct loop **out)
{
	struct loop *l = mem_alloc(sizeof(*l));

	if (!l)
		return ERR_NOMEM;
	l->base = event_base_new();
	if (!l->base) {
		mem_free(l);
		return ERR_NOMEM;
	}
	*out = l;
	return ERR_OK;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	event_base_free(l->base);
	mem_free(l);
}

struct event_base *loop_base(struct loop *l)
{
	return l->base;
}

void loop_run(struct loop *l)
{
	event_base_dispatch(l->base);
}

void loop_turn(struct loop *l, bool wait)
{
	event_base_loop(l->base, EVLOOP_ONCE | (wait ? 0 : EVLOOP_NONBLOCK));
}

void loop_stop(struct loop *l)
{
	event_base_loopbreak(l->base);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *t = arg;

	(void)fd;
	(void)what;
	t->fn(t->arg);
}

enum err loop_timer_new(struct loop_timer **out, struct loop *l, loop_fn *fn, void *arg)
{
	struct loop_timer *t = mem_alloc(sizeof(*t));

	if (!t)
		return ERR_NOMEM;
	*t = (struct loop_timer){.fn = fn, .arg = arg, .event = evtimer_new(l->base, on_timer, t)};
	if (!t->event) {
		mem_free(t);
		return ERR_NOMEM;
	}
	*out = t;
	return ERR_OK;
}

enum err loop_timer_set(struct loop_timer *t, uint64_t after_ns)
{
	struct timeval tv = {.tv_sec = (time_t)(after_ns / NS_PER_S),
	                     .tv_usec = (suseconds_t)(after_ns % NS_PER_S / NS_PER_US)};

	return event_add(t->event, &tv) ? ERR_NOMEM : ERR_OK;
}

void loop_timer_soon(struct loop_timer *t)
{
	event_active(t->event, EV_TIMEOUT, 1);
}

void loop_timer_free(struct loop_timer *t)
{
	if (!t)
		return;
	event_free(t->event);
	mem_free(t);
}

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct loop_signal *s = arg;

	(void)what;
	s->fn(s->arg, (int)signo);
}

enum err loop_signal_new(struct loop_signal **out, struct loop *l, int signo, loop_signal_fn *fn,
                         void *arg)
{
	struct loop_signal *s = mem_alloc(sizeof(*s));

	if (!s)
		return ERR_NOMEM;
	*s = (struct loop_signal){
		.fn = fn,
		.arg = arg,
		.event = evsignal_new(l->base, signo, on_signal, s),
	};
	if (!s->event || event_add(s->event, NULL)) {
		loop_signal_free(s);
		return ERR_NOMEM;
	}
	*out = s;
	return ERR_OK;
}

void loop_signal_free(struct loop_signal *s)
{
	if (!s)
		return;
	if (s->event)
		event_free(s->event);
	mem_free(s);
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct loop_watch *w = arg;

	(void)fd;
	w->fn(w->arg, what & EV_READ, what & EV_WRITE);
}

enum err loop_watch_new(struct loop_watch **out, struct loop *l, const struct loop_watch_config *c)
{
	struct loop_watch *w = mem_alloc(sizeof(*w));
	short what = (short)(EV_PERSIST | (c->read ? EV_READ : 0) | (c->write ? EV_WRITE : 0));

	if (!w)
		return ERR_NOMEM;
	*w = (struct loop_watch){
		.fn = c->fn,
		.arg = c->arg,
		.event = event_new(l->base, c->fd, what, on_watch, w),
	};
	if (!w->event || event_add(w->event, NULL)) {
		loop_watch_free(w);
		return ERR_NOMEM;
	}
	*out = w;
	return ERR_OK;
}

void loop_watch_free(struct loop_watch *w)
{
	if (!w)
		return;
	if (w->event)
		event_free(w->event);
	mem_free(w);
}
