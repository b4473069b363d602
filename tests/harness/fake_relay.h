/* SPDX-License-Identifier: MIT */
/* A relay without packets, linked in place of librelay by the tests of control: it counts requests,
 * keeps a copy of what each session should be, and answers when relay_poll is called. */
#ifndef TESTS_HARNESS_FAKE_RELAY_H
#define TESTS_HARNESS_FAKE_RELAY_H

#include "relay/relay.h"

enum { FAKE_PENDING_MAX = 4096, FAKE_FOREIGN_MAX = 64 };

struct relay_session {
	struct relay_session *next;
	/* As last asked for, whatever was answered. `keys` owns what the legs of `media` point to.
	 */
	struct relay_media_spec media[RELAY_MEDIA_MAX];
	unsigned n_media;
	struct keyctx *keys[RELAY_MEDIA_MAX][RELAY_LEGS_MAX][2]; /* receive, send */

	struct relay_session_stats stats;
	struct relay_media_stats media_stats[RELAY_MEDIA_MAX];
	struct relay_leg_stats leg_stats[RELAY_MEDIA_MAX][RELAY_LEGS_MAX];
};

struct fake_reply;

/* There is one. Tests write what it should answer and read what it was asked. */
struct relay {
	/* to be set */
	enum err refuse_at_once;            /* the next create or update, once */
	enum err fail_later;                /* the answer to the next create or update, once */
	uint16_t foreign[FAKE_FOREIGN_MAX]; /* ports that another program holds */
	unsigned n_foreign;
	int spent_octet; /* keys that begin with this octet are refused; -1: none */

	/* to be read */
	struct relay_session *sessions; /* newest first */
	unsigned creates, updates, deletes;
	unsigned reopened; /* legs */

	/* its own */
	struct fake_reply *replies; /* in order */
	unsigned n_replies;
	relay_event_fn *listener;
	void *listener_arg;
};

extern struct relay fake_relay;

/* Forgets sessions, replies, counts and orders. */
void fake_relay_reset(void);
/* Ends a session without a request and without an answer. */
void fake_relay_forget(struct relay_session *s);

#endif
