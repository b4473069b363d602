/* SPDX-License-Identifier: MIT */
/* Keys that a session has used and may use again: what was seen or sent under them stays with them
 * while it lives. Worker only. */
#ifndef RELAY_WORKER_KEPT_H
#define RELAY_WORKER_KEPT_H

#include "relay/worker/session.h"

struct worker;

/*
 * A key leaves a leg: its streams' indices go to the key, and the key to its session. *at becomes
 * NULL; takes a NULL there. Without room for what was received it goes home for good, and is
 * refused from then on; without room for what was sent each source gets a new name under it.
 */
void kept_put_receive(struct worker *w, struct leg *leg, struct key **at);
void kept_put_send(struct worker *w, struct leg *leg, struct key **at);

/* The same key in the same context, as a leg of the session has it or had it where `wanted` says;
 * NULL. `take`: it is the caller's then. */
struct key *kept_find(struct worker *w, struct session *s, const struct key *wanted, bool take);
/* The key of that fingerprint goes home with all that it holds. */
void kept_forget(struct worker *w, struct session *s, uint64_t fingerprint);
/* The session ends: blocks go back to the pool; the keys stay in its list, for control. */
void kept_end(struct worker *w, struct session *s);

/*
 * The leg's send key has just come back: streams go on above what they sent under it. Where the key
 * does not know of all names (`has_forgotten`), the leg gives up those it does not know.
 */
void kept_resume(struct worker *w, struct leg *leg);

#endif
