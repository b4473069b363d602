/* SPDX-License-Identifier: MIT */
/* A relay without packets, which the tests of control link instead of librelay. It counts requests,
 * keeps a copy of the last state of each session, and replies when relay_poll is called. */
#ifndef TESTS_HARNESS_FAKE_RELAY_H
#define TESTS_HARNESS_FAKE_RELAY_H

#include "relay/relay.h"

enum { FAKE_PENDING_MAX = 4096, FAKE_FOREIGN_MAX = 64 };

struct relay_session {
	struct relay_session *next;
	/* State of the create, or of the last update that did not fail. `keys` owns the contexts to
	 * which the legs of `media` point. */
	struct relay_media_spec media[RELAY_MEDIA_MAX];
	unsigned n_media;
	struct keyctx *keys[RELAY_MEDIA_MAX][RELAY_LEGS_MAX][2]; /* receive, send */

	struct relay_session_stats stats;
	struct relay_media_stats media_stats[RELAY_MEDIA_MAX];
	struct relay_leg_stats leg_stats[RELAY_MEDIA_MAX][RELAY_LEGS_MAX];
};

struct fake_reply;

/* There is one instance. A test sets the replies and reads the requests. */
struct relay {
	/* The test sets these: */
	enum err refuse_at_once; /* result of the next create or update; used once */
	enum err fail_later;     /* error in the reply to the next create or update; used once */
	uint16_t foreign[FAKE_FOREIGN_MAX]; /* ports that another program uses */
	unsigned n_foreign;
	int spent_octet; /* keys that begin with this octet are refused; -1: none */

	/* The test reads these: */
	struct relay_session *sessions; /* newest first */
	unsigned creates, updates, deletes;
	unsigned reopened; /* number of legs reopened */

	/* Internal: */
	struct fake_reply *replies; /* in the order of the requests */
	unsigned n_replies;
	relay_event_fn *listener;
	void *listener_arg;
};

extern struct relay fake_relay;

/* Clears sessions, replies, counters and the test's settings. */
void fake_relay_reset(void);
/* Removes a session without a request and without a reply. */
void fake_relay_forget(struct relay_session *s);

#endif
