/* SPDX-License-Identifier: MIT */
/* Writes sessions and statistics as docs, for results of the JSON protocol. */
#ifndef CONTROL_RPC_RPC_REPLY_H
#define CONTROL_RPC_RPC_REPLY_H

#include "control/doc/doc.h"
#include "control/session/service.h"
#include "relay/relay.h"

/* The local addresses of a session, for SDP:
 * {"id", "media":[{"id","legs":{"a":{"local","local_rtcp"}}}]}. */
struct doc *rpc_reply_local(struct doc_arena *a, const struct service *sv,
                            const struct registry_session *s);
/* For session.get: the session's spec without keys, its local addresses, state and age, and each
 * leg's statistics. `stats` NULL: no statistics. */
struct doc *rpc_reply_session(struct doc_arena *a, const struct service *sv,
                              const struct registry_session *s,
                              const struct relay_session_stats *stats);
/* One item of session.list: id, state, age, and the mode and addresses of each media. */
struct doc *rpc_reply_brief(struct doc_arena *a, const struct service *sv,
                            const struct registry_session *s);
/* The answer to session.delete: id, age and final statistics of each leg. */
struct doc *rpc_reply_final(struct doc_arena *a, const struct registry_session *s,
                            const struct relay_session_stats *stats);
/* Statistics of the process: sessions, verdicts, workers, interfaces, ports, key memory. */
struct doc *rpc_reply_stats(struct doc_arena *a, struct service *sv, uint64_t uptime_ms);

#endif
