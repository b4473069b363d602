/* SPDX-License-Identifier: MIT */
/* A data-plane thread and everything that only it may touch. */
#ifndef RELAY_WORKER_WORKER_H
#define RELAY_WORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/counter.h"
#include "base/list.h"
#include "base/ring.h"
#include "base/wheel.h"
#include "relay/msg.h"
#include "relay/path/path.h"
#include "relay/packet/pool.h"
#include "relay/worker/stream.h"

struct event_base;
struct event;

enum {
	/* maximum number of messages in a turn, so that commands do not starve media */
	WORKER_INBOX_MAX = 64,
	WORKER_RING_MSGS = 4096,
	WORKER_IOS_MAX = 4,
	/* The worker asks for blocks when fewer than this are free; a turn uses fewer. */
	WORKER_POOL_LOW = 2 * PKT_BATCH + 64,
	WORKER_CRYPTO_LOW = PATH_PROVISIONAL_MAX + PKT_BATCH + 64,
};

/* Counters of one worker. The worker writes them; any thread may read them. */
struct worker_counters {
	struct counter verdicts[VERDICT_COUNT];
	struct counter turns, batches, batch_pkts, sessions, events_lost;
	struct counter tx_pkts, tx_bytes, rx_pkts, rx_bytes;
};

struct worker {
	/* Set before the thread starts. */
	unsigned number;
	const struct relay_config *config;
	const struct engine_ops *engine_ops;
	struct engine *engine;
	struct io *ios[WORKER_IOS_MAX];
	unsigned n_ios;
	/* some back end may be asked once more before the worker waits */
	bool may_look_again;
	/* for each interface, the index of its back end in `ios` */
	uint8_t io_of[RELAY_INTERFACES_MAX];
	/* for each interface, its copy in the back end */
	const struct relay_interface *interfaces[RELAY_INTERFACES_MAX];
	int cpu;        /* CPU that the thread is pinned to; -1: not pinned */
	int control_fd; /* eventfd of control, shared by all workers */

	/* inbox: control pushes, the worker pops. outbox: the worker pushes, control pops. */
	struct ring inbox, outbox;
	int inbox_fd;

	/* From here on worker only, except asked_seen and counters, which control reads. */
	struct event_base *base;
	struct event *inbox_event, *timer_event;
	struct event **io_events; /* one for each descriptor of the back ends */
	unsigned n_io_events;
	/* has_pushed: pushed to the outbox in this turn; has_requested_blocks:
	 * MSG_NEED is unanswered */
	bool is_stopping, has_pushed, has_requested_blocks;
	bool is_inbox_full; /* the last turn left messages in the inbox */
	uint64_t turn;      /* number of turns since the start */
	/* sources that need control's permission; NULL: none */
	const struct relay_asked *asked;
	/* equals `asked`; stored with __atomic_store_n, so that control may free older tables */
	const struct relay_asked *asked_seen;
	struct pool *pool;
	struct stream_pool streams;
	struct wheel wheel;
	uint64_t timer_due_ns; /* the time that timer_event is set to */
	/* finished requests that wait because the outbox is full, oldest first */
	struct relay_request *replies;
	struct link waiting_events; /* legs with events that wait because the outbox is full */
	/* keys that wait because the outbox is full (worker_give_key) */
	struct key *keys_home;
	uint64_t random[4];
	struct roc_gate roc_gate;
	struct batch batch;
	struct worker_counters counters;
};

/* Prepares a worker. The caller has filled in the first part and opened the back ends, and then
 * starts a thread with worker_run. Control only. */
enum err worker_init(struct worker *w, struct why *why) MUST_USE;
/* Frees what worker_init made. Does not close the back ends. Control only, after the thread has
 * ended. */
void worker_fini(struct worker *w);
/* The worker's thread: runs turns until MSG_STOP. */
void worker_run(struct worker *w);
/* One turn at `now_ns`: timers, inbox, gather, path. Returns the number of packets taken. Tests
 * call it without a thread. */
unsigned worker_turn(struct worker *w, uint64_t now_ns);

/* Queues a message for the worker's next turn; false: the inbox is full. Control only. */
bool worker_post(struct worker *w, const struct msg *m);
/* Wakes the worker if it sleeps. Call it after one or several worker_post. Control only. */
void worker_wake(struct worker *w);

/* Sends replies in their order, then keys, then events. What does not fit into the outbox waits for
 * the next turn. Worker only, or control after the thread has ended. */
void worker_flush(struct worker *w);

/* For the worker only, from here on. */
/* Sends an event of a session to control. False: the outbox is full. */
bool worker_tell(struct worker *w, const struct relay_session *session,
                 const struct relay_event *event);
/* Returns a key to control once no stream uses it. NULL is allowed. */
void worker_give_key(struct worker *w, struct key *key);
/* A random number for SSRCs, not secret (xoshiro256**, seeded from the system's generator). */
uint32_t worker_random(struct worker *w);

#endif
