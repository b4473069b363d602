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

/* A gateway process; zero the struct before first use. */
struct demo_gateway {
	pid_t pid;
	struct client *client;
	const char *where; /* path of the control socket */
};

/* Starts `program` with its default settings and waits until it answers a ping. ERR_IO,
 * ERR_TIMEOUT, ERR_EXISTS (another gateway already answers on the control socket). */
enum err gateway_start(struct demo_gateway *g, const char *program, struct why *why) MUST_USE;
/* Sends SIGTERM and waits for the exit; sends SIGKILL if the gateway takes too long. Returns true
 * if it exited with status 0, or was never started. */
bool gateway_stop(struct demo_gateway *g);
/* Returns true while the gateway process runs. */
bool gateway_is_up(const struct demo_gateway *g);

/* The gateway's local addresses on both legs. */
struct gateway_call {
	struct addr a, a_rtcp, b, b_rtcp;
};

/* The addresses of the two ends of the call, and the SRTP keys. */
struct gateway_ends {
	struct addr terminal, core;
	/* keys of the gateway for packets from the terminal (receive) and to it (send) */
	const struct keyctx *receive, *send;
};

/*
 * Creates a session with one e2ae media: SRTP with rtcp-mux towards `terminal`, plain RTP with a
 * separate RTCP port towards `core`.
 */
enum err gateway_place_call(struct demo_gateway *g, const struct gateway_ends *ends,
                            struct gateway_call *out, struct why *why) MUST_USE;
enum err gateway_end_call(struct demo_gateway *g, struct why *why) MUST_USE;

#endif
