/* SPDX-License-Identifier: MIT */
/* The subscription of one peer to events. */
#ifndef CONTROL_RPC_PEER_H
#define CONTROL_RPC_PEER_H

#include "base/err.h"
#include "control/session/events.h"
#include "control/net/listen.h"

struct rpc_peer;

/* The peer's, made at the first call; NULL: out of memory. */
struct rpc_peer *rpc_peer_of(struct listen_conn *c);
void rpc_peer_free(struct rpc_peer *peer);
/* Replaces the peer's subscription; `kinds` 0 ends it. Events are sent as notifications of the
 * method "event". */
enum err rpc_peer_subscribe(struct rpc_peer *peer, struct events *ev,
                            const struct events_filter *filter, uint64_t *missed) MUST_USE;

#endif
