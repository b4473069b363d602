/* SPDX-License-Identifier: MIT */
/* The ng protocol over any transport: cookies, retransmits, commands and replies (docs/ng.md). */
#ifndef CONTROL_NG_NG_H
#define CONTROL_NG_NG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/str.h"
#include "control/dialog/dialog.h"
#include "control/session/service.h"

enum { NG_MESSAGE_MAX = 65535, NG_ALLOW_MAX = 64 };

/* One for the process, over any number of listeners. Control only. */
struct ng;

struct ng_config {
	struct service *service;
	struct dialogs *dialogs;
	const struct addr_net *allow; /* peers besides this host; copied */
	unsigned n_allow;
	uint32_t reply_ttl_ms; /* how long a reply is remembered for retransmits */
	uint32_t requests_max; /* remembered at once */
	size_t replies_max_bytes;
};

/* 30 s, 65,536 requests, 64 MB; this host only. */
void ng_config_defaults(struct ng_config *c);
enum err ng_new(struct ng **out, const struct ng_config *config) MUST_USE;
/* After dialogs_free, which answers the requests under way. Takes NULL. */
void ng_free(struct ng *p);

/* Sends a reply, which may hold keys and lives until the function returns. */
typedef void ng_send_fn(void *arg, uint64_t token, const struct addr *to, struct str reply);

/* Where a message comes from and how its reply gets there. */
struct ng_origin {
	struct addr from;
	ng_send_fn *send;
	void *arg;
	uint64_t token; /* for `send` */
};

/* May this peer send requests? Counts it if not. */
bool ng_is_allowed(struct ng *p, const struct addr *from);
/*
 * True when a media port of this gateway sent the datagram, or one closed less than a second ago. A
 * call party then named this listener as its media address; the datagram is media, not a request.
 * Counts it.
 */
bool ng_is_media(struct ng *p, const struct addr *from);
/*
 * Takes one message of a peer, with its cookie, and answers it once through `send`, now or later.
 * A retransmission is dropped while its request is under way, and gets the stored reply afterwards.
 * A message without cookie is dropped.
 */
void ng_take(struct ng *p, const struct ng_origin *origin, struct str message);

struct ng_counts {
	uint64_t requests, retransmits, errors, malformed, refused_peers, refused_media,
		ignored_words;
};
void ng_get_counts(const struct ng *p, struct ng_counts *out); /* for tests */

#endif
