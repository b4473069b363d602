/* SPDX-License-Identifier: MIT */
/* Calls, streams and statistics in the words ng clients expect. */
#ifndef CONTROL_NG_REPLY_H
#define CONTROL_NG_REPLY_H

#include "control/dialog/dialog.h"
#include "control/doc/doc.h"
#include "control/session/service.h"

/* Adds created, tags with their medias and streams, and totals of a call to a reply. `stats` may be
 * NULL. */
void ng_reply_call(struct doc_arena *a, struct doc *out, const struct dialogs *d, struct str call,
                   const struct service *sv, const struct registry_session *s,
                   const struct relay_session_stats *stats);
/* Adds the counters of the process. */
void ng_reply_statistics(struct doc_arena *a, struct doc *out, struct service *sv);

#endif
