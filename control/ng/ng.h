/* SPDX-License-Identifier: MIT */
/* The ng protocol over any transport: retransmissions, commands and replies (docs/ng.md). */
#ifndef CONTROL_NG_NG_H
#define CONTROL_NG_NG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/str.h"
#include "control/dialog/dialog.h"
#include "control/session/service.h"

struct loop;

enum { NG_MESSAGE_MAX = 65535, NG_ALLOW_MAX = 64 };

/* One object per process; serves any number of listeners. Control thread only. */
struct ng;

struct ng_config {
	struct service *service;
	struct dialogs *dialogs;
	const struct addr_net *allow; /* who may send requests, besides loopback; copied */
	unsigned n_allow;
	/* Its timer wipes replies whose time has passed. NULL: ng_take wipes them; for tests that
	 * run no loop. */
	struct loop *loop;
	uint32_t reply_ttl_ms; /* how long a reply is remembered and repeated for retransmissions */
	/* a client sends no copy of a request later than this after the reply */
	uint32_t retransmit_ms;
	uint32_t requests_max;    /* maximum number of remembered requests */
	uint32_t under_way_max;   /* maximum number of unanswered requests of one host */
	size_t replies_max_bytes; /* maximum sum of the octets of remembered replies */
};

/* Defaults: replies remembered for 30 s, copies expected for 10 s, 131,072 requests, 4,096
 * unanswered ones of a host; 64 MiB of replies, but at most a quarter of RLIMIT_MEMLOCK; loopback
 * addresses only. */
void ng_config_defaults(struct ng_config *c);
enum err ng_new(struct ng **out, const struct ng_config *config) MUST_USE;
/* Call it after dialogs_free, which answers the unfinished requests. Takes NULL. */
void ng_free(struct ng *p);

/* Sends `reply` to `to`. `reply` may hold keys and is valid until the function returns. */
typedef void ng_send_fn(void *arg, uint64_t token, const struct addr *to, struct str reply);

/* The sender of a message, and the function that sends the reply to it. */
struct ng_origin {
	struct addr from;
	ng_send_fn *send;
	void *arg;
	uint64_t token; /* passed to `send` */
};

/* May this peer send requests? If not, counts it in refused_peers. */
bool ng_is_allowed(struct ng *p, const struct addr *from);
/*
 * True when `from` is a media port of this gateway that is open, or was closed less than a second
 * ago: the datagram is media, not a request, because a call party named this ng listener as its
 * media address. Counts the datagram in refused_media.
 */
bool ng_is_media(struct ng *p, const struct addr *from);
/*
 * Takes one message of a peer, with its cookie, and answers it once through origin->send, now or
 * later. Drops a retransmission while its request is unfinished; afterwards answers it with the
 * stored reply. Stores replies only to requests that change something: another request may be
 * carried out again. Drops a message without a cookie.
 */
void ng_take(struct ng *p, const struct ng_origin *origin, struct str message);

struct ng_counts {
	uint64_t requests, retransmits, errors, malformed, refused_peers, refused_media,
		ignored_words;
	size_t stored_bytes; /* octets of replies that are stored now */
};
/* Counters since ng_new. For tests. */
void ng_get_counts(const struct ng *p, struct ng_counts *out);

#endif
