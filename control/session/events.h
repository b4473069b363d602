/* SPDX-License-Identifier: MIT */
/* Numbers the events of sessions, keeps the last EVENTS_KEPT, passes them to subscribers. */
#ifndef CONTROL_SESSION_EVENTS_H
#define CONTROL_SESSION_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/str.h"
#include "control/doc/doc.h"
#include "relay/relay.h"

/* Receives the relay's events; the owner of each is a struct registry_session. Control thread
 * only. */
struct events;
struct events_subscription;

enum { EVENTS_KEPT = 1024 };

struct session_event {
	uint64_t seq; /* counts from 1 without gaps since the process started */
	uint64_t wall_ns;
	enum relay_event_kind kind;
	char session[128], media[32];
	uint8_t leg;
	bool is_send;
	enum relay_finding finding;
	struct addr addr;
	uint32_t ssrc, ssrc_out;
	uint64_t count;
};

/* Called from relay_poll, and from events_subscribe for past events. Copy `e` to keep it. */
typedef void events_fn(void *arg, const struct session_event *e);

struct events_filter {
	uint32_t kinds;   /* bits of enum relay_event_kind */
	char prefix[128]; /* prefix of session ids; empty: all sessions */
	uint64_t after;   /* first send kept events with a higher seq; UINT64_MAX: send none */
};

enum err events_new(struct events **out, struct relay *relay) MUST_USE;
void events_free(struct events *ev);

/*
 * *missed: the number of events after `filter->after` that are no longer kept. `fn` must not
 * subscribe or unsubscribe.
 */
enum err events_subscribe(struct events_subscription **out, struct events *ev,
                          const struct events_filter *filter, uint64_t *missed, events_fn *fn,
                          void *arg) MUST_USE; /* six parameters: a callback needs two */
void events_unsubscribe(struct events_subscription *s);
uint64_t events_last_seq(const struct events *ev);
uint64_t events_lost(const struct events *ev);

/* Makes the JSON-RPC form of the event. */
struct doc *events_doc(struct doc_arena *a, const struct session_event *e);

#endif
