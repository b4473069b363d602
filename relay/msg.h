/* SPDX-License-Identifier: MIT */
/* The messages between control and workers. What a message points at moves with it. */
#ifndef RELAY_MSG_H
#define RELAY_MSG_H

#include "relay/relay.h"
#include "relay/worker/session.h"

struct shadow;

enum msg_kind {
	/* to a worker */
	MSG_APPLY,  /* request: carry out its plan */
	MSG_DELETE, /* request: read final statistics, end the session */
	MSG_QUERY,  /* request: read statistics */
	MSG_PERMIT, /* request: a leg may learn a source that it has asked about */
	MSG_REOPEN, /* request: signalling spoke of legs */
	MSG_ASKED,  /* asked: sources that control is asked about from now on */
	MSG_CHUNK,  /* chunk: memory for streams, kept */
	MSG_STOP,
	/* to control */
	MSG_DONE, /* request: done, or failed with `err` */
	MSG_EVENT,
	MSG_KEY,  /* key: no stream uses it any more */
	MSG_NEED, /* the worker runs short of streams */
};

struct permit {
	uint8_t media, leg;
	bool is_rtcp;
	struct addr source;
};

/* Asked by control, carried out by a worker, brought home. */
struct request {
	struct request *next;
	enum msg_kind kind;
	struct relay_session *session;
	struct shadow *wanted; /* APPLY: what the session becomes; control only */
	struct plan *plan;     /* APPLY */
	struct session *body;  /* DELETE, QUERY, PERMIT, REOPEN: what the worker knows it by */
	struct relay_session_stats stats; /* DELETE, QUERY */
	relay_done_fn *done;
	relay_stats_fn *stats_done;
	void *arg;
	enum err err;
	uint16_t *reopened; /* REOPEN: a set of legs for each media; behind the request in its block
	                     */
	struct permit *permit; /* PERMIT: behind the request in its block */
	struct why
		*why; /* APPLY: behind the request in its block; NULL: nothing is told but `err` */
};

struct msg {
	enum msg_kind kind;
	union {
		struct request *request;
		struct chunk *chunk;
		const struct relay_asked *asked; /* lives until the worker has said that it reads
		                                    another (worker.asked_seen) */
		struct key *key;
		struct {
			struct relay_session *session;
			struct relay_event event;
		} told;
	};
};

#endif
