/* SPDX-License-Identifier: MIT */
/* Requests to one thing: one is under way, the others wait in the order they came. Intrusive: a
 * request holds the link, nothing is allocated. */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include "base/list.h"

struct queue {
	const struct link
		*busy; /* the request under way, which is in no list of ours; NULL: none */
	struct link waiting;
	unsigned n_waiting, waiting_max;
};

enum queue_turn {
	QUEUE_NOW,   /* it is the one under way: start it */
	QUEUE_LATER, /* it waits until queue_next returns it */
	QUEUE_FULL   /* waiting_max wait already: it is not in the queue */
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

/*
 * The request under way is done: the first that waits takes its place and is returned to be
 * started; NULL: none waits. Call it after the request's done callback: what the callback submits
 * then waits behind those that came earlier.
 */
static inline struct link *queue_next(struct queue *q)
{
	struct link *l = list_pop(&q->waiting);

	q->n_waiting -= l != NULL;
	q->busy = l;
	return l;
}

/* `l` is under way now, and `busy`, which was, waits to be the next. The bound is not looked at. */
static inline void queue_cut_in(struct queue *q, struct link *busy, struct link *l)
{
	list_add_tail(q->waiting.next, busy);
	q->n_waiting++;
	q->busy = l;
}

/* Moves all that wait to the end of the list `out`, in order: before the queue ends. */
static inline void queue_take_waiting(struct queue *q, struct link *out)
{
	for (struct link *l; (l = list_pop(&q->waiting));)
		list_add_tail(out, l);
	q->n_waiting = 0;
}

#endif
