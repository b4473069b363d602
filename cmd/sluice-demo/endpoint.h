/* SPDX-License-Identifier: MIT */
/* One end of the demo call: sends audio as RTP or SRTP, compares every received octet with what was
 * sent, sends and reads RTCP. */
#ifndef CMD_SLUICE_DEMO_ENDPOINT_H
#define CMD_SLUICE_DEMO_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "cmd/sluice-demo/audio.h"
#include "keyctx/keyctx.h"

/* Use it from the main thread only. */
struct endpoint;

struct endpoint_config {
	const char *name;  /* name in messages; also the CNAME in RTCP */
	struct addr local; /* address to bind; with port 0 a free port is chosen */
	/* true: RTCP uses the RTP port; false: RTCP uses the next port */
	bool rtcp_mux;
	const struct audio *plays; /* audio to send; borrowed as long as the endpoint lives */
	const struct keyctx *send; /* keys, copied by endpoint_open; NULL: plain RTP */
	const struct keyctx *receive;
};

struct endpoint_counts {
	uint64_t sent, received;
	uint64_t lost; /* packets expected by sequence number but not received so far */
	/* packets that differ from what was sent: octets, length, timestamp or SSRC */
	uint64_t wrong;
	uint64_t refused;     /* packets that are not authentic, or neither RTP nor RTCP */
	double jitter_ms;     /* interarrival jitter (RFC 3550 6.4.1) */
	double round_trip_ms; /* from the peer's reports; 0 until the first report */
	uint64_t rtcp_received;
};

enum err endpoint_open(struct endpoint **out, const struct endpoint_config *config,
                       struct why *why) MUST_USE;
void endpoint_close(struct endpoint *e);

struct addr endpoint_local(const struct endpoint *e);
/* Sets the addresses to send to. `peer` is the other endpoint in this program: received packets are
 * compared with the audio that `peer` sends. */
void endpoint_connect(struct endpoint *e, const struct addr *rtp, const struct addr *rtcp,
                      const struct endpoint *peer);

/* Writes the descriptors to poll, at most two, and returns their number. */
unsigned endpoint_fds(const struct endpoint *e, int fds[2]);
/* Receives and checks all packets that wait in the sockets. */
void endpoint_receive(struct endpoint *e, uint64_t now_ns);
/* Sends one frame of audio. */
void endpoint_send_frame(struct endpoint *e);
/* Sends a sender report (RFC 3550 6.4.1); with a report block once packets were received. */
void endpoint_send_report(struct endpoint *e, uint64_t now_ns);
struct endpoint_counts endpoint_get_counts(const struct endpoint *e);

#endif
