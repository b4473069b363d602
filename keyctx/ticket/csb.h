/* SPDX-License-Identifier: MIT */
/* An established bundle of crypto sessions, at either end: its sessions and keys, and its updates
 * (RFC 6043 5.2). */
#ifndef KEYCTX_TICKET_CSB_H
#define KEYCTX_TICKET_CSB_H

#include "keyctx/mikey/csmap.h"
#include "keyctx/ticket/rules.h"
#include "keyctx/ticket/ticket.h"

/*   UP --send(V=1)--> WAITING --response--> UP        a received update needs no state of its own:
 * it is answered at once UP --send(V=0)--> UP      --cancel----> UP        (491: the update that
 * was sent is given up, old keys stay)
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
	uint8_t policies[16]; /* policy numbers, in order of preference */
	uint8_t n_policies;
	bool has_ssrc, has_roc;
	uint32_t ssrc, roc;
	uint16_t seq;
	struct view spi; /* empty in an offer: the responder chooses */
};

struct ticket_csb;

void ticket_csb_free(struct ticket_csb *c);
enum csb_state ticket_csb_state(const struct ticket_csb *c);
uint32_t ticket_csb_id(const struct ticket_csb *c);
bool ticket_csb_is_initiator(const struct ticket_csb *c);
/* Of its messages. */
struct mikey_algs ticket_csb_algs(const struct ticket_csb *c);
/* Identities of the initial exchange; the responder's is the one that answered. */
struct mikey_id ticket_csb_initiator(const struct ticket_csb *c);
struct mikey_id ticket_csb_responder(const struct ticket_csb *c);

size_t ticket_csb_count(const struct ticket_csb *c);
/* In order of the header; NULL past the end. In secret memory, until the next update. */
const struct csmap_session *ticket_csb_session(const struct ticket_csb *c, size_t i);
const struct csmap_session *ticket_csb_find(const struct ticket_csb *c, unsigned cs_id);

struct ticket_update_params {
	const struct ticket_cs *cs;
	size_t n_cs;
	const struct csmap_policy *policies; /* new ones only */
	size_t n_policies;
	const struct mikey_keys *keys; /* new session keys, or NULL */
	bool want_response;            /* V flag */
};

/* Builds an update; its octets live until the next one. Without a response the new keys count at
 * once. */
enum err ticket_csb_update(struct ticket_csb *c, const struct ticket_update_params *params,
                           const struct mikey_env *env, struct view *octets,
                           struct mikey_fault *fault) MUST_USE;
/* Gives up an update that waits for its response. */
enum err ticket_csb_cancel(struct ticket_csb *c) MUST_USE;

/* What a received message did. */
enum csb_outcome {
	CSB_UNCHANGED, /* the latest message again (TS 33.328 7.4): nothing moves; *reply is the old
	                  answer, or empty */
	CSB_UPDATED,   /* sessions are new; *reply is the response to send, or empty */
};

/* Takes an update's INIT or RESP of the peer. Nothing changes unless ERR_OK. Reflected, stale and
 * repeated ones: ERR_REPLAY. */
enum err ticket_csb_receive(struct ticket_csb *c, struct view octets, const struct mikey_env *env,
                            enum csb_outcome *outcome, struct view *reply,
                            struct mikey_fault *fault) MUST_USE;

/* The message this side sent last: what an unchanged SDP repeats (TS 33.328 7.4). Empty if none. */
struct view ticket_csb_last_sent(const struct ticket_csb *c);

#endif
