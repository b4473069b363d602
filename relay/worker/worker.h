/* SPDX-License-Identifier: MIT */
/* One data-plane thread and everything only it may touch. */
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
	WORKER_INBOX_MAX = 64, /* messages a turn takes: commands can't starve media */
	WORKER_RING_MSGS = 4096,
	WORKER_IOS_MAX = 4,
	/* Fewer free blocks than these, more than a turn can take, and the worker asks for more. */
	WORKER_POOL_LOW = 2 * PKT_BATCH + 64,
	WORKER_CRYPTO_LOW = PATH_PROVISIONAL_MAX + PKT_BATCH + 64,
};

/* One writer, the worker; read from any thread. */
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
	bool may_look_again;                 /* some io is free to ask */
	uint8_t io_of[RELAY_INTERFACES_MAX]; /* index into `ios` of each interface's */
	const struct relay_interface *interfaces[RELAY_INTERFACES_MAX]; /* as their io knows them */
	int cpu;                                                        /* -1: not pinned */
	int control_fd; /* eventfd of control, shared by all workers */

	/* Control pushes, the worker pops; and the other way. */
	struct ring inbox, outbox;
	int inbox_fd;

	/* Worker only from here. */
	struct event_base *base;
	struct event *inbox_event, *timer_event;
	struct event **io_events; /* one for each descriptor the ios wait for */
	unsigned n_io_events;
	bool is_stopping, has_pushed,
		has_requested_blocks;  /* told: pushed to the outbox this turn; asked: for more streams */
	bool is_inbox_full; /* of a turn: more may wait */
	uint64_t turn;      /* turns so far */
	const struct relay_asked *asked;      /* NULL: nobody is asked */
	const struct relay_asked *asked_seen; /* the same, told to control with __atomic_store_n:
	                                         those before it are no more read */
	struct pool *pool;
	struct stream_pool streams;
	struct wheel wheel;
	uint64_t timer_due_ns;         /* what timer_event is set to */
	struct relay_request *replies; /* carried out while the outbox was full, oldest first */
	struct link waiting_events;    /* legs with events that found the outbox full */
	struct key *keys_home;         /* the same for keys: see worker_give_key */
	uint64_t random[4];
	struct roc_gate roc_gate;
	struct batch batch;
	struct worker_counters counters;
};

/* Control: prepares a worker whose first block is filled in; its ios are open. The thread runs
 * worker_run. */
enum err worker_init(struct worker *w, struct why *why) MUST_USE;
/* Control, after the thread has ended. Does not close ios. */
void worker_fini(struct worker *w);
/* The thread: until MSG_STOP. */
void worker_run(struct worker *w);
/* One turn at the given time: inbox, gather, path, timers. Returns the packets it took. What
 * worker_run calls; tests call it themselves. */
unsigned worker_turn(struct worker *w, uint64_t now_ns);

/* Control: hands over a message, which the worker sees in its next turn; false when the inbox is
 * full. */
bool worker_post(struct worker *w, const struct msg *m);
/* Control: a turn begins soon, if the worker sleeps. After every worker_post, or after several. */
void worker_wake(struct worker *w);

/* Sends replies home in their order, then keys; what finds no room waits for the next turn. Worker
 * only, or control after the thread has ended. */
void worker_flush(struct worker *w);

/* Worker only. */
/* False: the ring is full. */
bool worker_tell(struct worker *w, const struct relay_session *session,
                 const struct relay_event *event);
/* A key that no stream uses any more goes home. Takes NULL. */
void worker_give_key(struct worker *w, struct key *key);
/* Random, not secret: for SSRCs (xoshiro256**, seeded from the system's generator). */
uint32_t worker_random(struct worker *w);

#endif
