/* SPDX-License-Identifier: MIT */
/* A session as control keeps it, and its queue of requests. Control only. */
#ifndef RELAY_FRONT_RELAY_REQUEST_H
#define RELAY_FRONT_RELAY_REQUEST_H

#include "base/list.h"
#include "relay/front/crew.h"
#include "relay/front/ended.h"
#include "relay/front/plan.h"

struct relay_session {
	struct link link;
	struct worker *worker;
	struct session *body;
	struct accepted *is; /* the session as last applied; NULL until create is done */
	struct key_history history;
	struct blocks blocks;              /* blocks reserved for the session at its worker */
	struct relay_request *head, *tail; /* waiting requests, oldest first */
	/* a request is with the worker; the next plan depends on its result */
	bool is_busy;
	bool is_ending;        /* delete was requested, or create failed */
	uint8_t n_media_asked; /* n_media of the newest create or update request */
	/* the request for delete, allocated at create so that delete cannot fail */
	struct relay_request *ending;
	const struct relay_session_stats *final;
	struct ended ended;
};

struct relay {
	struct crew *crew;
	struct plan_context plan;
	uint8_t hash_key[16]; /* key of the hashes of key_history */
	struct key_ledger *ledger;
	struct link sessions;
	/* requests that failed before they reached a worker; the next poll finishes them */
	struct relay_request *failed, **failed_end;
	relay_event_fn *listener;
	void *listener_arg;
	relay_event_fn *asker;
	void *asker_arg;
};

/* Allocates a request of this kind. ERR_NOMEM. */
enum err relay_request_new(struct relay_request **out, struct relay_session *s,
                           enum msg_kind kind) MUST_USE;
void relay_request_free(struct relay *r, struct relay_request *q);
/* Takes the request and queues it behind the session's earlier ones. */
void relay_request_submit(struct relay *r, struct relay_session *s, struct relay_request *q);
/* Handles a returned request: makes its done call and frees it, then submits the next one or
 * ends the session. */
void relay_request_finish(struct relay *r, struct relay_request *q);
/* Finishes the requests that failed before they reached a worker. */
void relay_request_finish_failed(struct relay *r);
/* For relay_stop: finishes the waiting requests with ERR_CLOSED, then frees the session. */
void relay_request_end_session(struct relay *r, struct relay_session *s);

#endif
