/* SPDX-License-Identifier: MIT */
/* One end of the demo call: sends audio as RTP or SRTP, compares every received octet, sends and
 * reads RTCP. */
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
	const char *name;          /* for messages, and the CNAME */
	struct addr local;         /* port 0: any free even port */
	bool rtcp_mux;             /* false: RTCP has the next port */
	const struct audio *plays; /* borrowed while the endpoint lives */
	const struct keyctx *send; /* NULL: plain RTP; borrowed for the call */
	const struct keyctx *receive;
};

struct endpoint_counts {
	uint64_t sent, received;
	uint64_t lost; /* expected by sequence number and not received (yet) */
	/* Decrypted to other octets than were sent, or with a wrong SSRC or sequence number. */
	uint64_t wrong;
	uint64_t refused;     /* not authentic, or not RTP */
	double jitter_ms;     /* RFC 3550 6.4.1 */
	double round_trip_ms; /* from receiver reports; 0 until the first */
	uint64_t rtcp_received;
};

enum err endpoint_open(struct endpoint **out, const struct endpoint_config *config,
                       struct why *why) MUST_USE;
void endpoint_close(struct endpoint *e);

struct addr endpoint_local(const struct endpoint *e);
/* Sets the addresses to send to, and the endpoint whose audio is compared with what arrives (both
 * are in this program). */
void endpoint_connect(struct endpoint *e, const struct addr *rtp, const struct addr *rtcp,
                      const struct endpoint *peer);

/* Descriptors to poll; at most two are written. Returns how many. */
unsigned endpoint_fds(const struct endpoint *e, int fds[2]);
/* Receives all waiting packets. */
void endpoint_receive(struct endpoint *e, uint64_t now_ns);
/* Sends one frame of audio. */
void endpoint_send_frame(struct endpoint *e);
/* Sends a sender report with one report block (RFC 3550 6.4.1). */
void endpoint_send_report(struct endpoint *e, uint64_t now_ns);
struct endpoint_counts endpoint_get_counts(const struct endpoint *e);

#endif
