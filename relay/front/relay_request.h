/* SPDX-License-Identifier: MIT */
/* A session as control keeps it, and the way of its requests to the worker and back, one after the
 * other. Control only. */
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
	struct accepted *is; /* NULL until create is done */
	struct key_history history;
	struct blocks blocks;              /* reserved for it at its worker */
	struct relay_request *head, *tail; /* not yet given to the worker, oldest first */
	bool is_busy;                      /* one is under way: the next plan needs its outcome */
	bool is_ending;                    /* delete was asked for, or create failed */
	uint8_t n_media_asked;
	struct relay_request *ending; /* made with the session, so that delete can't fail */
	const struct relay_session_stats *final;
	struct ended ended;
};

struct relay {
	struct crew *crew;
	struct plan_context plan;
	uint8_t hash_key[16]; /* of key_history */
	struct key_ledger *ledger;
	struct link sessions;
	struct relay_request *failed,
		**failed_end; /* failed before they reached a worker: finished by the next poll */
	relay_event_fn *listener;
	void *listener_arg;
	relay_event_fn *asker;
	void *asker_arg;
};

/* ERR_NOMEM. */
enum err relay_request_new(struct relay_request **out, struct relay_session *s,
                           enum msg_kind kind) MUST_USE;
void relay_request_free(struct relay *r, struct relay_request *q);
/* Takes the request: it reaches the worker after those before it. */
void relay_request_submit(struct relay *r, struct relay_session *s, struct relay_request *q);
/* It came home: makes its done call and frees it; submits the next one, or ends the session. */
void relay_request_finish(struct relay *r, struct relay_request *q);
/* Those that failed before they reached a worker. */
void relay_request_finish_failed(struct relay *r);
/* The relay stops: requests that wait are closed, then the session is freed. */
void relay_request_end_session(struct relay *r, struct relay_session *s);

#endif
