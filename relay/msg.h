/* SPDX-License-Identifier: MIT */
/* The messages between control and workers, and the plan of changes that a request carries. What a
 * message points at moves with it. */
#ifndef RELAY_MSG_H
#define RELAY_MSG_H

#include "relay/relay.h"

struct accepted;
struct chunk;
struct io_port;
struct key;
struct leg;
struct media;
struct session;

/* Ways of a leg's packets; and its sockets: those of its address, then those of its address of the
 * other family. */
enum { LEG_RTP, LEG_RTCP, LEG_WAYS, LEG_OTHER = LEG_WAYS, LEG_PORTS = 2 * LEG_WAYS };

/* --- plan ------------------------------------------------------------------- */

/* What one update does to a leg. Control fills it; after the worker has applied it, it holds what
 * control must free. */
struct leg_change {
	uint8_t media, leg;
	bool appears, disappears;
	bool moves;       /* its peer has another address */
	bool swaps_ports; /* first: what was the other family's is the leg's address now, and the
	                     other way round */
	bool sets_port[LEG_PORTS]; /* closes what is open there, opens ports[i] if it is not NULL */
	bool sets_receive, sets_send;
	struct leg *body; /* appears: takes this memory; disappears: brings it home */
	struct relay_leg_stats
		*final; /* disappears: what it had counted; NULL: there was no memory for it */
	struct io_port *ports[LEG_PORTS];
	struct addr addresses[LEG_WAYS];
	struct key *receive, *send; /* NULL: none from now on */
	struct relay_leg_spec spec; /* the plain settings; its keys are not looked at */
};

struct media_change {
	struct media *body; /* appears: takes this memory */
	enum relay_mode mode;
	uint8_t n_legs, active;
};

/* Turns a session from what it is into what it becomes. */
struct plan {
	struct session *session;
	bool is_first;
	void *owner;
	uint32_t setup_timeout_ms;
	uint8_t n_media;
	struct media_change media[RELAY_MEDIA_MAX];
	uint64_t *forgotten; /* fingerprints of keys that are kept no longer */
	unsigned n_forgotten;
	unsigned n_changes;
	struct leg_change changes[];
};

/* --- messages --------------------------------------------------------------- */

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

/* Control makes it, a worker carries it out and sends it home. */
struct relay_request {
	struct relay_request *next;
	enum msg_kind kind;
	struct relay_session *session;
	struct accepted *wanted; /* APPLY: what the session becomes; control only */
	struct plan *plan;       /* APPLY */
	struct session *body;    /* DELETE, QUERY, PERMIT, REOPEN: what the worker knows it by */
	struct relay_session_stats stats; /* DELETE, QUERY */
	relay_done_fn *done;
	relay_stats_fn *stats_done;
	void *arg;
	enum err err;
	/* Behind the request in its block: */
	uint16_t *reopened;          /* REOPEN: a set of legs for each media */
	struct relay_permit *permit; /* PERMIT */
	struct why *why;             /* APPLY; NULL: nothing explains `err` */
};

struct msg {
	enum msg_kind kind;
	union {
		struct relay_request *request;
		struct chunk *chunk;
		const struct relay_asked *asked; /* lives until the worker has said that it reads
		                                    another (worker.asked_seen) */
		struct key *key;
		struct {
			struct relay_session *session;
			struct relay_event event;
		} session_event;
	};
};

#endif
