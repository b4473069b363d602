/* SPDX-License-Identifier: MIT */
/* Sessions and statistics as docs, for replies. */
#ifndef CONTROL_RPC_RPC_REPLY_H
#define CONTROL_RPC_RPC_REPLY_H

#include "control/doc/doc.h"
#include "control/session/service.h"
#include "relay/relay.h"

/* {"id", "media":[{"id","legs":{"a":{"local","local_rtcp"}}}]}: what signalling needs. */
struct doc *rpc_reply_local(struct doc_arena *a, const struct service *sv,
                            const struct registry_session *s);
/* The session's spec without keys, its local addresses and state; with `stats` each leg's
 * statistics. */
struct doc *rpc_reply_session(struct doc_arena *a, const struct service *sv,
                              const struct registry_session *s,
                              const struct relay_session_stats *stats);
/* An item of session.list: id, state, age, and the mode and addresses of each media. */
struct doc *rpc_reply_brief(struct doc_arena *a, const struct service *sv,
                            const struct registry_session *s);
/* Final statistics. */
struct doc *rpc_reply_final(struct doc_arena *a, const struct registry_session *s,
                            const struct relay_session_stats *stats);
/* Of the process: sessions, packets by verdict, workers, interfaces, ports, locked memory. */
struct doc *rpc_reply_stats(struct doc_arena *a, struct service *sv, uint64_t uptime_ms);

#endif
