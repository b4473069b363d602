/* SPDX-License-Identifier: MIT */
/* Calls, streams and statistics in the words ng clients expect. */
#ifndef CONTROL_NG_REPLY_H
#define CONTROL_NG_REPLY_H

#include "control/dialog/dialog.h"
#include "control/doc/doc.h"
#include "control/session/service.h"

/* A call to report. */
struct ng_call {
	const struct dialogs *dialogs;
	const struct service *service;
	struct str id;
	const struct registry_session *session;
	const struct relay_session_stats *stats; /* may be NULL */
};

/* Adds created, tags with their medias and streams, and totals of a call to a reply. */
void ng_reply_call(struct doc_arena *a, struct doc *out, const struct ng_call *call);
/* Adds the counters of the process. */
void ng_reply_statistics(struct doc_arena *a, struct doc *out, struct service *sv);

#endif
