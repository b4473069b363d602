/* SPDX-License-Identifier: MIT */
/* What the JSON protocol knows of one peer beyond its requests: its subscription to events. */
#ifndef CONTROL_RPC_PEER_H
#define CONTROL_RPC_PEER_H

#include "base/err.h"
#include "control/session/events.h"
#include "control/net/listen.h"

struct json_peer;

/* The peer's own, made when it is first asked for; NULL without memory. */
struct json_peer *json_peer_of(struct listen_conn *c);
void json_peer_free(struct json_peer *peer);
/* Replaces the subscription it had. `kinds` 0 ends it. Events are sent as notifications of the
 * method "event". */
enum err json_peer_subscribe(struct json_peer *peer, struct events *ev,
                             const struct events_filter *filter, uint64_t after,
                             uint64_t *missed) MUST_USE;

#endif
