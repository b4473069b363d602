/* SPDX-License-Identifier: MIT */
/* Keys that a session has used and may use again. Each keeps the indexes received or sent under it
 * for the life of the session. Worker only. */
#ifndef RELAY_WORKER_KEPT_H
#define RELAY_WORKER_KEPT_H

#include "relay/worker/session.h"

struct worker;

/*
 * Moves a key from a leg to the session's list; the key takes the indexes of the leg's streams.
 * Sets *at to NULL; does nothing if *at is NULL. Receive key without room for the indexes: the key
 * is returned to control and refused from then on. Send key without room: each source gets a new
 * SSRC under it.
 */
void kept_put_receive(struct worker *w, struct leg *leg, struct key **at);
void kept_put_send(struct worker *w, struct leg *leg, struct key **at);

/* Finds the key that the session already has for the context, leg and direction of `wanted`: in use
 * on that leg or in the list. NULL: none. `take`: removes the key from there, for the caller. */
struct key *kept_find(struct worker *w, struct session *s, const struct key *wanted, bool take);
/* Returns the key with that fingerprint, and all it holds, to control. */
void kept_forget(struct worker *w, struct session *s, uint64_t fingerprint);
/* For a session that ends: returns blocks to the pool. Control frees the keys in the list. */
void kept_end(struct worker *w, struct session *s);

/* The leg's send key was used before: streams continue above the indexes they used under it. If the
 * key does not know all SSRCs used under it (`has_forgotten`), the leg drops the SSRCs that the key
 * does not know. */
void kept_resume(struct worker *w, struct leg *leg);

#endif
