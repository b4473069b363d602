/* SPDX-License-Identifier: MIT */
/* TCP connections for SIP: one listener, a few streams, complete messages (offers with
 * tickets are too long for UDP: RFC 3261 18.1.1). */
#ifndef CMD_SLUICE_UE_SIP_LINKS_H
#define CMD_SLUICE_UE_SIP_LINKS_H

#include "base/addr.h"
#include "base/buf.h"
#include "control/net/sip.h"

enum { SIP_LINKS_MAX = 8 };

/* A message received on link `from`; views are valid during the call. */
typedef void (*sip_take)(void *arg, unsigned from, const struct sip_message *m);

struct sip_links {
	int listen_fd;
	struct addr local;
	sip_take take;
	void *arg;
	struct sip_stream {
		int fd; /* -1: free */
		struct buf in;
	} streams[SIP_LINKS_MAX];
};

enum err sip_links_open(struct sip_links *l, struct str local, sip_take take, void *arg,
                        struct why *why) MUST_USE;
void sip_links_close(struct sip_links *l);
enum err sip_links_connect(struct sip_links *l, struct str to, unsigned *link,
                           struct why *why) MUST_USE;
/* ERR_CLOSED, ERR_TIMEOUT. */
enum err sip_links_send(struct sip_links *l, unsigned link, struct str text) MUST_USE;
/* Waits at most `ms` for the streams or `other_fd`, and handles received messages. */
void sip_links_turn(struct sip_links *l, int other_fd, int ms);

#endif
