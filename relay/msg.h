/* SPDX-License-Identifier: MIT */
/* The messages between control and workers, and the plan of changes that a request carries. Whoever
 * receives a message owns what it points at, except `asked`. */
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

/* LEG_RTP, LEG_RTCP: the two ways of a leg's packets. A leg has LEG_PORTS sockets: one for
 * each way at its own address, then, from LEG_OTHER on, one for each way at its address of the
 * other IP family. */
enum { LEG_RTP, LEG_RTCP, LEG_WAYS, LEG_OTHER = LEG_WAYS, LEG_PORTS = 2 * LEG_WAYS };

/* --- plan ------------------------------------------------------------------- */

/* What one update changes on a leg. Control fills it in. After the worker has applied it, it holds
 * the memory that control must free. */
struct leg_change {
	uint8_t media, leg;
	bool appears, disappears;
	bool moves; /* the peer has another address */
	/* applied first: exchanges the leg's ports with those of the other IP family */
	bool swaps_ports;
	/* closes the port that is open there; opens ports[i] if it is not NULL */
	bool sets_port[LEG_PORTS];
	bool sets_receive, sets_send;
	/* appears: memory for the leg, taken by the worker; disappears: returned to control */
	struct leg *body;
	/* disappears: the leg's final counters; NULL if control had no memory for them */
	struct relay_leg_stats *final;
	struct io_port *ports[LEG_PORTS];
	struct addr addresses[LEG_WAYS];
	struct key *receive, *send; /* NULL: the leg has no such key from now on */
	/* the plain settings; `receive` and `send` in it are ignored */
	struct relay_leg_spec spec;
};

struct media_change {
	struct media *body; /* appears: memory for the media, taken by the worker */
	enum relay_mode mode;
	uint8_t n_legs, active;
};

/* The changes that turn a session from its present state into the wanted one. */
struct plan {
	struct session *session;
	bool is_first;
	void *owner;
	uint32_t setup_timeout_ms;
	uint8_t n_media;
	struct media_change media[RELAY_MEDIA_MAX];
	uint64_t *forgotten; /* fingerprints of the keys that the worker must stop keeping */
	unsigned n_forgotten;
	unsigned n_changes;
	struct leg_change changes[];
};

/* --- messages --------------------------------------------------------------- */

enum msg_kind {
	/* to a worker */
	MSG_APPLY,  /* request: apply its plan */
	MSG_DELETE, /* request: read the final statistics, end the session */
	MSG_QUERY,  /* request: read statistics */
	MSG_PERMIT, /* request: a leg may learn the source that it asked about */
	MSG_REOPEN, /* request: signalling renewed these legs, so learning opens again */
	MSG_ASKED,  /* asked: the new table of sources that need control's permission */
	MSG_CHUNK,  /* chunk: memory for streams; the worker keeps it */
	MSG_STOP,
	/* to control */
	MSG_DONE, /* request: finished; `err` is the result */
	MSG_EVENT,
	MSG_KEY,  /* key: returned, no stream uses it any more */
	MSG_NEED, /* the worker needs more memory for streams */
};

/* Control creates a request; a worker carries it out and returns it. */
struct relay_request {
	struct relay_request *next;
	enum msg_kind kind;
	struct relay_session *session;
	struct accepted *wanted; /* APPLY: the session as it becomes; used by control only */
	struct plan *plan;       /* APPLY */
	struct session *body;    /* DELETE, QUERY, PERMIT, REOPEN: the worker's session */
	struct relay_session_stats stats; /* DELETE, QUERY */
	relay_done_fn *done;
	relay_stats_fn *stats_done;
	void *arg;
	enum err err;
	/* These point into the same allocation, behind the request: */
	uint16_t *reopened;          /* REOPEN: for each media a bit set of legs */
	struct relay_permit *permit; /* PERMIT */
	struct why *why;             /* APPLY: explains `err`; otherwise NULL */
};

struct msg {
	enum msg_kind kind;
	union {
		struct relay_request *request;
		struct chunk *chunk;
		/* valid until the worker has reported a newer table in worker.asked_seen */
		const struct relay_asked *asked;
		struct key *key;
		struct {
			struct relay_session *session;
			struct relay_event event;
		} session_event;
	};
};

#endif
