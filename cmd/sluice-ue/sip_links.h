/* SPDX-License-Identifier: MIT */
/* TCP connections for SIP: one listener, a few streams, complete messages. UDP is not used, because
 * offers with tickets are too long for it (RFC 3261 18.1.1). */
#ifndef CMD_SLUICE_UE_SIP_LINKS_H
#define CMD_SLUICE_UE_SIP_LINKS_H

#include "base/addr.h"
#include "base/buf.h"
#include "control/net/sip.h"

enum { SIP_LINKS_MAX = 8 };

/* Called for each message; `from` is the index of its stream. The views are valid during the
 * callback. */
typedef void (*sip_take)(void *arg, unsigned from, const struct sip_message *m);

struct sip_links {
	int listen_fd;
	struct addr local;
	sip_take take;
	void *arg;
	struct sip_stream {
		int fd; /* descriptor; -1: this entry is free */
		struct buf in;
	} streams[SIP_LINKS_MAX];
};

enum err sip_links_open(struct sip_links *l, struct str local, sip_take take, void *arg,
                        struct why *why) MUST_USE;
void sip_links_close(struct sip_links *l);
enum err sip_links_connect(struct sip_links *l, struct str to, unsigned *link,
                           struct why *why) MUST_USE;
/* Sends the whole text. ERR_CLOSED: the connection is closed now, also after a timeout. */
enum err sip_links_send(struct sip_links *l, unsigned link, struct str text) MUST_USE;
/* Waits at most `ms` milliseconds until a stream or `other_fd` is readable; handles received
 * messages. */
void sip_links_turn(struct sip_links *l, int other_fd, int ms);

#endif
