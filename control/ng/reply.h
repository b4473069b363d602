/* SPDX-License-Identifier: MIT */
/* Writes calls, streams and statistics with the keys that ng clients expect. */
#ifndef CONTROL_NG_REPLY_H
#define CONTROL_NG_REPLY_H

#include "control/dialog/dialog.h"
#include "control/doc/doc.h"
#include "control/session/service.h"

/* A call to report; all members are borrowed. */
struct ng_call {
	const struct dialogs *dialogs;
	const struct service *service;
	struct str id; /* Call-ID */
	const struct registry_session *session;
	const struct relay_session_stats *stats; /* NULL: report no counters */
};

/* Adds to the reply `out` the call's creation time, tags with medias and streams, and totals. */
void ng_reply_call(struct doc_arena *a, struct doc *out, const struct ng_call *call);
/* Adds to the reply `out` the counters of the process. */
void ng_reply_statistics(struct doc_arena *a, struct doc *out, struct service *sv);

#endif
