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

/* A leg has LEG_PORTS sockets: one for RTP and one for RTCP (LEG_RTP, LEG_RTCP) at its own address,
 * then, from LEG_OTHER on, the same two at its address of the other IP family. */
enum { LEG_RTP, LEG_RTCP, LEG_WAYS, LEG_OTHER = LEG_WAYS, LEG_PORTS = 2 * LEG_WAYS };

/* --- plan ------------------------------------------------------------------- */

/* What one update changes on a leg. Control fills it in. After the worker has applied it, it holds
 * the memory that control must free. */
struct leg_change {
	uint8_t media, leg;
	bool appears, disappears;
	bool moves; /* the peer's address changes */
	/* exchanges the leg's ports with those of the other IP family, before all other changes */
	bool swaps_ports;
	/* for each i: close the open port, then open ports[i] unless it is NULL */
	bool sets_port[LEG_PORTS];
	bool sets_receive, sets_send;
	/* appears: memory for the leg, taken by the worker; disappears: returned to control */
	struct leg *body;
	/* disappears: the leg's final counters; NULL if control had no memory for them */
	struct relay_leg_stats *final;
	struct io_port *ports[LEG_PORTS];
	struct addr addresses[LEG_WAYS];
	/* used if sets_receive, sets_send; NULL: the leg loses that key */
	struct key *receive, *send;
	/* the plain settings; `receive` and `send` in it are ignored */
	struct relay_leg_spec spec;
};

struct media_change {
	/* memory for a new media, taken by the worker; NULL: the media exists already */
	struct media *body;
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
	/* set by the worker when it refuses the plan with ERR_EXISTS: the port that is taken */
	struct addr taken;
	unsigned n_changes;
	struct leg_change changes[];
};

/* --- messages --------------------------------------------------------------- */

enum msg_kind {
	/* to a worker */
	MSG_APPLY,  /* `request` is set: apply its plan */
	MSG_DELETE, /* `request` is set: read the final statistics, end the session */
	MSG_QUERY,  /* `request` is set: read statistics */
	MSG_PERMIT, /* `request` is set: a leg may learn the source that it asked about */
	/* `request` is set: its legs may learn a new source, because signalling concerned them */
	MSG_REOPEN,
	MSG_ASKED, /* `asked` is set: the new table of sources that need control's permission */
	MSG_CHUNK, /* `chunk` is set: memory for streams; the worker keeps it */
	MSG_STOP,
	/* to control */
	MSG_DONE, /* `request` is set: it is finished; `request->err` is the result */
	MSG_EVENT,
	MSG_KEY,  /* `key` is set: returned to control, no stream uses it any more */
	MSG_NEED, /* the worker needs more memory for streams */
};

/* A request of control. A worker carries it out and returns it. */
struct relay_request {
	struct relay_request *next;
	enum msg_kind kind;
	struct relay_session *session;
	/* APPLY: the session as it will be afterwards; used by control only */
	struct accepted *wanted;
	struct plan *plan;                /* APPLY: the plan to carry out */
	struct session *body;             /* DELETE, QUERY, PERMIT, REOPEN: the worker's session */
	struct relay_session_stats stats; /* DELETE, QUERY: the result */
	relay_done_fn *done;
	relay_stats_fn *stats_done;
	void *arg;
	enum err err;
	/* The next three pointers point into the request's own allocation, behind this struct. */
	uint16_t *reopened;          /* REOPEN: one word for each media; bit i is leg i */
	struct relay_permit *permit; /* PERMIT: the source to permit */
	struct why *why;             /* APPLY: explains `err`; otherwise NULL */
};

struct msg {
	enum msg_kind kind;
	union {
		struct relay_request *request;
		struct chunk *chunk;
		/* valid until the worker stores a newer table in worker.asked_seen */
		const struct relay_asked *asked;
		struct key *key;
		struct {
			struct relay_session *session;
			struct relay_event event;
		} session_event;
	};
};

#endif
