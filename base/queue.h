/* SPDX-License-Identifier: MIT */
/* A queue of requests to one resource: one request is under way, the others wait in order of
 * arrival. Intrusive: each request contains the link, so the queue allocates nothing. */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include "base/list.h"

struct queue {
	const struct link *busy; /* the request under way, which is not in `waiting`; NULL: none */
	struct link waiting;
	unsigned n_waiting, waiting_max;
};

enum queue_turn {
	QUEUE_NOW,   /* the request is now under way: start it */
	QUEUE_LATER, /* the request waits: queue_next returns it when it may start */
	QUEUE_FULL   /* waiting_max requests already wait: the request was not added */
};

static inline void queue_init(struct queue *q, unsigned waiting_max)
{
	*q = (struct queue){.waiting_max = waiting_max};
	list_init(&q->waiting);
}

static inline bool queue_is_busy(const struct queue *q)
{
	return q->busy != NULL;
}

static inline bool queue_is_full(const struct queue *q)
{
	return q->n_waiting >= q->waiting_max;
}

static inline enum queue_turn queue_enter(struct queue *q, struct link *l)
{
	if (!q->busy) {
		q->busy = l;
		return QUEUE_NOW;
	}
	if (queue_is_full(q))
		return QUEUE_FULL;
	q->n_waiting++;
	list_add_tail(&q->waiting, l);
	return QUEUE_LATER;
}

/* Ends the request under way. The first waiting request takes its place and is returned: the caller
 * starts it. Returns NULL if no request waits. Call it after the done callback of the ended
 * request, so that a request submitted by the callback waits behind the earlier ones. */
static inline struct link *queue_next(struct queue *q)
{
	struct link *l = list_pop(&q->waiting);

	q->n_waiting -= l != NULL;
	q->busy = l;
	return l;
}

/* Makes `l` the request under way. `busy`, which was under way before, becomes the first waiting
 * request. Does not check waiting_max. */
static inline void queue_cut_in(struct queue *q, struct link *busy, struct link *l)
{
	list_add_tail(q->waiting.next, busy);
	q->n_waiting++;
	q->busy = l;
}

/* Appends all waiting requests to the list `out`, in order. Use it before the queue is freed. */
static inline void queue_take_waiting(struct queue *q, struct link *out)
{
	for (struct link *l; (l = list_pop(&q->waiting));)
		list_add_tail(out, l);
	q->n_waiting = 0;
}

#endif
