/* SPDX-License-Identifier: MIT */
/* An established bundle of crypto sessions (CSB), at either end: its sessions and keys, and
 * its updates (RFC 6043 5.2). */
#ifndef KEYCTX_TICKET_CSB_H
#define KEYCTX_TICKET_CSB_H

#include "keyctx/mikey/csmap.h"
#include "keyctx/ticket/rules.h"
#include "keyctx/ticket/ticket.h"

/*
 *   UP --send(V=1)--> WAITING --response--> UP
 *                             --cancel----> UP    491: the update is given up, the old keys stay
 *   UP --send(V=0)--> UP
 *
 * A received update changes no state: it is answered at once.
 */
enum csb_state { CSB_UP, CSB_WAITING, CSB_STATES };
enum csb_event {
	CSB_ON_SEND,
	CSB_ON_SEND_FINAL,
	CSB_ON_UPDATE,
	CSB_ON_RESPONSE,
	CSB_ON_CANCEL,
	CSB_EVENTS
};

/* A crypto session as offered or answered. */
struct ticket_cs {
	uint8_t cs_id;
	uint8_t policies[16]; /* numbers of SRTP policies; the preferred one is first */
	uint8_t n_policies;
	bool has_ssrc, has_roc;
	uint32_t ssrc, roc;
	uint16_t seq;
	struct view spi; /* empty in an offer: the responder chooses it */
};

struct ticket_csb;

void ticket_csb_free(struct ticket_csb *c);
enum csb_state ticket_csb_state(const struct ticket_csb *c);
uint32_t ticket_csb_id(const struct ticket_csb *c);
bool ticket_csb_is_initiator(const struct ticket_csb *c);
/* Returns the algorithms of the bundle's messages. */
struct mikey_algs ticket_csb_algs(const struct ticket_csb *c);
/* Return the identities of the initial exchange. The responder is the party that answered, which
 * may differ from the party that was called. */
struct mikey_id ticket_csb_initiator(const struct ticket_csb *c);
struct mikey_id ticket_csb_responder(const struct ticket_csb *c);

size_t ticket_csb_count(const struct ticket_csb *c);
/* Return a session by its place in the header, or by its CS ID; NULL if there is none. The session
 * is in secret memory and valid until the next update. */
const struct csmap_session *ticket_csb_session(const struct ticket_csb *c, size_t i);
const struct csmap_session *ticket_csb_find(const struct ticket_csb *c, unsigned cs_id);

struct ticket_update_params {
	const struct ticket_cs *cs;
	size_t n_cs;
	const struct csmap_policy *policies; /* new SRTP policies only */
	size_t n_policies;
	const struct mikey_keys *keys; /* new session keys, or NULL */
	bool want_response;            /* ask for TRANSFER_RESP (V flag) */
};

/* Builds an update. `*octets` is valid until the next update. Without `want_response` the new keys
 * take effect at once. ERR_WRONG_STATE: an earlier update still waits for its response. */
enum err ticket_csb_update(struct ticket_csb *c, const struct ticket_update_params *params,
                           const struct mikey_env *env, struct view *octets,
                           struct mikey_fault *fault) MUST_USE;
/* Gives up the update that waits for its response. ERR_WRONG_STATE if there is none. */
enum err ticket_csb_cancel(struct ticket_csb *c) MUST_USE;

/* The effect of a received message. */
enum csb_outcome {
	/* the peer repeated its latest message (TS 33.328 7.4): `*reply` is the earlier answer
	 * again, or empty */
	CSB_UNCHANGED,
	CSB_UPDATED, /* the sessions were replaced: `*reply` is the response to send, or empty */
};

/* Receives TRANSFER_INIT or TRANSFER_RESP of an update. Changes nothing unless it returns ERR_OK.
 * ERR_REPLAY: the message is reflected, stale or repeated. ERR_AUTH: the MAC is wrong. */
enum err ticket_csb_receive(struct ticket_csb *c, struct view octets, const struct mikey_env *env,
                            enum csb_outcome *outcome, struct view *reply,
                            struct mikey_fault *fault) MUST_USE;

/* Returns the message that this side sent last, which an unchanged SDP repeats (TS 33.328 7.4).
 * Empty if there is none. */
struct view ticket_csb_last_sent(const struct ticket_csb *c);

#endif
