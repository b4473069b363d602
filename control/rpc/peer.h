/* SPDX-License-Identifier: MIT */
/* The event subscription of one peer, which is one connection of the JSON protocol. */
#ifndef CONTROL_RPC_PEER_H
#define CONTROL_RPC_PEER_H

#include "base/err.h"
#include "control/session/events.h"
#include "control/net/listen.h"

struct rpc_peer;

/* Returns the rpc_peer of a connection; the first call creates it. NULL: out of memory. */
struct rpc_peer *rpc_peer_of(struct listen_conn *c);
/* Ends the subscription. Takes NULL. */
void rpc_peer_free(struct rpc_peer *peer);
/* Replaces the peer's subscription; filter->kinds 0 ends it. Sends events as notifications of the
 * method "event". *missed: events after filter->after that are no longer stored. ERR_NOMEM: the old
 * subscription stays. */
enum err rpc_peer_subscribe(struct rpc_peer *peer, struct events *ev,
                            const struct events_filter *filter, uint64_t *missed) MUST_USE;

#endif
