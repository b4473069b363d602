/* SPDX-License-Identifier: MIT */
/* The gateway of the demo: a child process, and one call made through its control socket. */
#ifndef CMD_SLUICE_DEMO_GATEWAY_H
#define CMD_SLUICE_DEMO_GATEWAY_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/addr.h"
#include "base/err.h"
#include "keyctx/keyctx.h"

struct client;

/* Zeroed before first use. */
struct demo_gateway {
	pid_t pid;
	struct client *client;
	const char *where; /* of the control socket */
};

/* Starts `program` with its defaults and waits until it answers a ping. ERR_IO, ERR_TIMEOUT,
 * ERR_EXISTS (another gateway listens there). */
enum err gateway_start(struct demo_gateway *g, const char *program, struct why *why) MUST_USE;
/* Sends SIGTERM and waits. True when it exited with status 0. Nothing if it was not started. */
bool gateway_stop(struct demo_gateway *g);
/* Still running? */
bool gateway_is_up(const struct demo_gateway *g);

/* The gateway's own addresses of both legs. */
struct gateway_call {
	struct addr a, a_rtcp, b, b_rtcp;
};

/* The two ends of the call. */
struct gateway_ends {
	struct addr terminal, core;
	const struct keyctx *receive, *send; /* the terminal's transmit key, the gateway's */
};

/*
 * session.create of one e2ae media: SRTP with rtcp-mux towards `terminal`, RTP with a port of its
 * own for RTCP towards `core`.
 */
enum err gateway_place_call(struct demo_gateway *g, const struct gateway_ends *ends,
                            struct gateway_call *out, struct why *why) MUST_USE;
enum err gateway_end_call(struct demo_gateway *g, struct why *why) MUST_USE;

#endif
