/* SPDX-License-Identifier: MIT */
/* A worker's turn, and the loop that waits between turns. */
#include "relay/worker/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/mem.h"
#include "keyctx/prim.h"
#include "relay/io/io.h"
#include "relay/worker/session.h"

enum { TICK_MS = 10 };

/* --- messages --------------------------------------------------------------- */

static void signal_fd(int fd)
{
	uint64_t one = 1;

	/* The counter cannot overflow in practice; on EAGAIN the descriptor is readable already. */
	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

bool worker_post(struct worker *w, const struct msg *m)
{
	return ring_push(&w->inbox, m);
}

void worker_wake(struct worker *w)
{
	signal_fd(w->inbox_fd);
}

static bool push(struct worker *w, const struct msg *m)
{
	bool ok = ring_push(&w->outbox, m);

	w->has_pushed |= ok;
	return ok;
}

bool worker_tell(struct worker *w, const struct relay_session *session,
                 const struct relay_event *event)
{
	struct msg m = {.kind = MSG_EVENT};

	m.session_event.session = (struct relay_session *)(uintptr_t)session;
	m.session_event.event = *event;
	return push(w, &m);
}

void worker_give_key(struct worker *w, struct key *key)
{
	if (!key)
		return;
	key->next = w->keys_home;
	w->keys_home = key;
}

static bool is_low(const struct blocks *unused)
{
	return unused->n[BLOCK_IN] < WORKER_POOL_LOW || unused->n[BLOCK_OUT] < WORKER_POOL_LOW ||
	       unused->n[BLOCK_CRYPTO] < WORKER_CRYPTO_LOW;
}

void worker_flush(struct worker *w)
{
	while (w->replies) {
		struct relay_request *next = w->replies->next;

		if (!push(w, &(struct msg){.kind = MSG_DONE, .request = w->replies}))
			return;
		w->replies = next;
	}
	while (w->keys_home) {
		struct key *next = w->keys_home->next;

		if (!push(w, &(struct msg){.kind = MSG_KEY, .key = w->keys_home}))
			return;
		w->keys_home = next;
	}
	leg_events_flush(w);
	if (!w->has_requested_blocks && is_low(&w->streams.unused))
		w->has_requested_blocks = push(w, &(struct msg){.kind = MSG_NEED});
}

static void reply(struct worker *w, struct relay_request *r)
{
	struct relay_request **at = &w->replies;

	while (*at)
		at = &(*at)->next;
	r->next = NULL;
	*at = r;
	worker_flush(w);
}

static void take_message(struct worker *w, const struct msg *m, uint64_t now_ns)
{
	struct relay_request *r = m->request;

	switch (m->kind) {
	case MSG_APPLY:
		r->err = session_apply(w, r->plan, now_ns, r->why);
		reply(w, r);
		return;
	case MSG_DELETE:
		session_read(r->body, &r->stats);
		session_end(w, r->body);
		reply(w, r);
		return;
	case MSG_QUERY:
		session_read(r->body, &r->stats);
		reply(w, r);
		return;
	case MSG_REOPEN:
		session_reopen(r->body, r->reopened);
		reply(w, r);
		return;
	case MSG_PERMIT:
		session_permit(r->body, r->permit);
		reply(w, r);
		return;
	case MSG_ASKED:
		w->asked = m->asked;
		__atomic_store_n(&w->asked_seen, m->asked, __ATOMIC_RELEASE);
		return;
	case MSG_CHUNK:
		stream_pool_add(&w->streams, m->chunk);
		w->has_requested_blocks = false;
		return;
	case MSG_STOP:
		w->is_stopping = true;
		return;
	case MSG_DONE:
	case MSG_EVENT:
	case MSG_KEY:
	case MSG_NEED:
		break;
	}
	CHECK(!"a message that is not for workers");
}

static void drain_inbox(struct worker *w, uint64_t now_ns)
{
	struct msg m;
	unsigned n = 0;

	while (n < WORKER_INBOX_MAX && ring_pop(&w->inbox, &m)) {
		take_message(w, &m, now_ns);
		n++;
	}
	w->is_inbox_full = n == WORKER_INBOX_MAX;
}

/* --- turn ------------------------------------------------------------------- */

/* `only_free`: asks only back ends with is_free_to_ask. */
static void gather(struct worker *w, struct batch *b, bool only_free)
{
	for (unsigned i = 0; i < w->n_ios && b->n < PKT_BATCH; i++) {
		/* Each turn starts with another back end: a busy one must not starve others. */
		struct io *io = w->ios[(w->turn + i) % w->n_ios];

		if (io->ops->is_free_to_ask || !only_free)
			b->n += io->ops->gather(io, b->pkts + b->n, PKT_BATCH - b->n);
	}
}

static unsigned turn(struct worker *w, uint64_t now_ns, bool only_free)
{
	struct batch *b = &w->batch;
	unsigned n;

	w->turn++;
	counter_inc(&w->counters.turns);
	/* Timers run first, because messages in the inbox set new ones relative to now_ns. */
	wheel_advance(&w->wheel, now_ns);
	drain_inbox(w, now_ns);
	gather(w, b, only_free);
	n = b->n;
	if (n > 0) {
		counter_inc(&w->counters.batches);
		counter_add(&w->counters.batch_pkts, n);
		path_run(w, b, now_ns);
	}
	worker_flush(w);
	if (w->has_pushed)
		signal_fd(w->control_fd);
	w->has_pushed = false;
	return n;
}

unsigned worker_turn(struct worker *w, uint64_t now_ns)
{
	return turn(w, now_ns, false);
}

/* --- loop ------------------------------------------------------------------- */

static void on_inbox(evutil_socket_t fd, short what, void *arg)
{
	uint64_t n;

	(void)what, (void)arg;
	while (read(fd, &n, sizeof(n)) < 0 && errno == EINTR)
		;
}

/* Does nothing: the turn after every wake-up handles packets and timers. */
static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

/* The loop's coarse clock may fire some milliseconds early; the next turn sets the timer again. */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd, (void)what;
	w->timer_due_ns = UINT64_MAX;
}

static void arm_timer(struct worker *w, uint64_t now_ns)
{
	uint64_t due_ns = wheel_next_ns(&w->wheel);
	struct timeval tv;

	/* The outbox was full: try again soon. */
	if (w->replies || w->keys_home || !list_is_empty(&w->waiting_events))
		due_ns = now_ns + TICK_MS * NS_PER_MS;
	if (due_ns == w->timer_due_ns && due_ns > now_ns)
		return;
	w->timer_due_ns = due_ns;
	if (due_ns == UINT64_MAX) {
		event_del(w->timer_event);
		return;
	}
	uint64_t wait_us = due_ns > now_ns ? (due_ns - now_ns + NS_PER_US - 1) / NS_PER_US : 0;
	tv = (struct timeval){
		.tv_sec = (time_t)(wait_us / 1000000),
		.tv_usec = (suseconds_t)(wait_us % 1000000),
	};
	event_add(w->timer_event, &tv);
}

static void pin(const struct worker *w)
{
	cpu_set_t set;

	if (w->cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(w->cpu, &set);
	/* Keep relaying if the CPU was removed after the check at start-up. */
	(void)!sched_setaffinity(0, sizeof(set), &set);
}

static void wait_for_work(struct worker *w, uint64_t now_ns)
{
	arm_timer(w, now_ns);
	event_base_loop(w->base, EVLOOP_ONCE);
}

/* Sleeps gather_delay_us after a turn with packets, so that the next turn finds a fuller batch;
 * arriving packets do not wake the worker. After a turn without packets the worker waits for
 * descriptors again. Timers and requests are delayed by at most this time. */
static void sleep_gather_delay(const struct worker *w)
{
	nanosleep(&(struct timespec){.tv_nsec = (long)w->config->gather_delay_us * 1000}, NULL);
}

void worker_run(struct worker *w)
{
	uint64_t now_ns = clk_mono_ns(), busy_until_ns = 0;
	bool looks_again = false, gathers = w->config->gather_delay_us > 0;

	pin(w);
	/* Without this a short sleep may last 50 us longer. */
	if (gathers)
		(void)!prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
	while (!w->is_stopping) {
		unsigned n = turn(w, now_ns, looks_again);
		bool is_done = n < PKT_BATCH && !w->is_inbox_full && !w->is_stopping;

		/* Look once more before waiting: packets may have come during the turn. */
		looks_again =
			w->may_look_again && !gathers && !looks_again && n > 0 && n < PKT_BATCH;
		if (n && w->config->busy_poll_us)
			busy_until_ns = now_ns + w->config->busy_poll_us * NS_PER_US;
		if (is_done && gathers && n > 0)
			sleep_gather_delay(w);
		else if (is_done && !looks_again && now_ns >= busy_until_ns)
			wait_for_work(w, now_ns);
		now_ns = clk_mono_ns();
	}
}

/* --- start and end ---------------------------------------------------------- */

static struct event *add_event(struct worker *w, int fd, event_callback_fn fn)
{
	struct event *ev = event_new(w->base, fd, EV_READ | EV_PERSIST, fn, w);

	if (ev && event_add(ev, NULL) < 0) {
		event_free(ev);
		ev = NULL;
	}
	return ev;
}

/* Counts the descriptors first, to allocate the events. */
static enum err watch_ios(struct worker *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n_ios; i++)
		for (unsigned k = 0; w->ios[i]->ops->wait_fd(w->ios[i], k) >= 0; k++)
			n++;
	w->io_events = mem_array(n ? n : 1, sizeof(w->io_events[0]));
	if (!w->io_events)
		return ERR_NOMEM;
	for (unsigned i = 0; i < w->n_ios; i++) {
		for (int k = 0, fd; (fd = w->ios[i]->ops->wait_fd(w->ios[i], (unsigned)k)) >= 0;
		     k++) {
			w->io_events[w->n_io_events] = add_event(w, fd, on_wake);
			if (!w->io_events[w->n_io_events])
				return ERR_NOMEM;
			w->n_io_events++;
		}
	}
	return ERR_OK;
}

/* Uses poll, not epoll: there are few descriptors, and an AF_XDP socket in an epoll set has a cost
 * for each packet (wait_fd in relay/io/xdp.c). */
static enum err init_loop(struct worker *w)
{
	struct event_config *config = event_config_new();

	if (!config)
		return ERR_NOMEM;
	event_config_avoid_method(config, "epoll");
	/* NOLOCK: only one thread uses the loop. Not PRECISE_TIMER: it sets a timerfd in every
	 * turn, and the wheel's tick is only 10 ms. */
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	w->base = event_base_new_with_config(config);
	event_config_free(config);
	if (!w->base)
		return ERR_NOMEM;
	w->inbox_event = add_event(w, w->inbox_fd, on_inbox);
	w->timer_event = event_new(w->base, -1, 0, on_timer, w);
	if (!w->inbox_event || !w->timer_event)
		return ERR_NOMEM;
	return watch_ios(w);
}

enum err worker_init(struct worker *w, struct why *why)
{
	enum err e;

	w->inbox_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->inbox_fd < 0)
		return why_fail(why, ERR_IO, "worker %u: cannot create an eventfd: %s", w->number,
		                strerror(errno));
	list_init(&w->waiting_events);
	wheel_init(&w->wheel, TICK_MS * NS_PER_MS, 0);
	w->timer_due_ns = UINT64_MAX;
	w->streams.ops = w->engine_ops;
	for (unsigned i = 0; i < w->n_ios; i++)
		w->may_look_again |= w->ios[i]->ops->is_free_to_ask;
	e = ring_init(&w->inbox, WORKER_RING_MSGS, sizeof(struct msg));
	if (!e)
		e = ring_init(&w->outbox, WORKER_RING_MSGS, sizeof(struct msg));
	if (!e)
		e = init_loop(w);
	if (e)
		return why_fail(why, e, "worker %u: out of memory", w->number);
	e = prim_random(w->random, sizeof(w->random));
	if (!e)
		e = w->engine_ops->open(&w->engine, why);
	return e;
}

void worker_fini(struct worker *w)
{
	for (unsigned i = 0; i < w->n_io_events; i++)
		event_free(w->io_events[i]);
	mem_free(w->io_events);
	if (w->timer_event)
		event_free(w->timer_event);
	if (w->inbox_event)
		event_free(w->inbox_event);
	if (w->base)
		event_base_free(w->base);
	if (w->engine)
		w->engine_ops->close(w->engine);
	ring_fini(&w->outbox);
	ring_fini(&w->inbox);
	if (w->inbox_fd >= 0)
		close(w->inbox_fd);
}

static uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

uint32_t worker_random(struct worker *w)
{
	uint64_t *s = w->random, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return (uint32_t)(result >> 32);
}
