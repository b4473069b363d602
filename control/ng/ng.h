/* SPDX-License-Identifier: MIT */
/* The ng protocol: cookies, retransmits, commands and replies, whatever carries them (docs/ng.md).
 */
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
	const struct addr_net *allow; /* peers beside those of this host; copied */
	unsigned n_allow;
	uint32_t reply_ttl_ms; /* how long a reply is remembered for retransmits */
	uint32_t requests_max; /* remembered at once */
	size_t replies_max_bytes;
};

/* 30 s, 65,536 requests, 64 MB; the peers of this host. */
void ng_config_defaults(struct ng_config *c);
enum err ng_new(struct ng **out, const struct ng_config *config) MUST_USE;
/* After dialogs_free, which answers what still waits. Takes NULL. */
void ng_free(struct ng *p);

/* Hands a reply to whoever brought the request; it holds keys and lives for the call. `token` is
 * the carrier's own. */
typedef void ng_send_fn(void *arg, uint64_t token, const struct addr *to, struct str reply);

/* May this peer ask? Counted when not. */
bool ng_is_allowed(struct ng *p, const struct addr *from);
/*
 * Did it leave by a media port of ours, open or closed less than a second ago? Media that a call
 * party sends, told to come here, is no request whatever it says: only datagrams can have such a
 * source. Counted when so.
 */
bool ng_is_media(struct ng *p, const struct addr *from);
/*
 * One message of a peer, with its cookie. It is answered once through `send`, now or later; the
 * copy of a request that is under way is dropped, that of an answered one gets the stored reply.
 * What has no cookie is dropped.
 */
void ng_take(struct ng *p, const struct addr *from, struct str message, ng_send_fn *send, void *arg,
             uint64_t token);

struct ng_counts {
	uint64_t requests, retransmits, errors, malformed, refused_peers, refused_media,
		ignored_words;
};
void ng_get_counts(const struct ng *p, struct ng_counts *out);

#endif
