/* SPDX-License-Identifier: MIT */
/* One end of the demo call: plays audio as RTP or SRTP, checks what it hears octet by octet, speaks
 * RTCP. */
#ifndef CMD_SLUICE_DEMO_ENDPOINT_H
#define CMD_SLUICE_DEMO_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "cmd/sluice-demo/audio.h"
#include "keyctx/keyctx.h"

/* Main thread only. */
struct endpoint;

struct endpoint_config {
	const char *name;          /* for people, and the CNAME */
	struct addr local;         /* port 0: any even one */
	bool rtcp_mux;             /* else the next port */
	const struct audio *plays; /* borrowed while the endpoint lives */
	const struct keyctx *send; /* NULL: plain RTP; borrowed for the call */
	const struct keyctx *receive;
};

struct endpoint_counts {
	uint64_t sent, received;
	uint64_t lost;    /* expected by sequence number, not (yet) here */
	uint64_t wrong;   /* decrypted to other octets than were played, or under another SSRC or
	                     sequence number */
	uint64_t refused; /* did not authenticate, or not RTP */
	double jitter_ms; /* RFC 3550 6.4.1 */
	double round_trip_ms; /* from receiver reports; 0 until the first */
	uint64_t rtcp_received;
};

enum err endpoint_open(struct endpoint **out, const struct endpoint_config *config,
                       struct why *why) MUST_USE;
void endpoint_close(struct endpoint *e);

struct addr endpoint_local(const struct endpoint *e);
/* Whom it talks to, and who plays what arrives (for the comparison; both live in one program). */
void endpoint_connect(struct endpoint *e, const struct addr *rtp, const struct addr *rtcp,
                      const struct endpoint *peer);

/* Descriptors to poll; at most two are written. Returns how many. */
unsigned endpoint_fds(const struct endpoint *e, int fds[2]);
/* Takes in everything that waits. */
void endpoint_receive(struct endpoint *e, uint64_t now_ns);
/* One frame of audio. */
void endpoint_send_frame(struct endpoint *e);
/* A sender report with one report block (RFC 3550 6.4.1). */
void endpoint_send_report(struct endpoint *e, uint64_t now_ns);
struct endpoint_counts endpoint_get_counts(const struct endpoint *e);

#endif
