/* SPDX-License-Identifier: MIT */
/* Metrics as Prometheus text, and the HTTP listener for them and for health checks. */
#ifndef CONTROL_METRICS_H
#define CONTROL_METRICS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "control/conf.h"
#include "control/session/service.h"

struct loop;

/*
 * Serves GET /metrics, /healthz (200 while the process runs) and /readyz (503 while it drains or is
 * full), for load balancers and monitoring. One object per process; it listens on the addresses of
 * the setting `http`. Control thread only.
 */
struct metrics_server;

enum err metrics_server_new(struct metrics_server **out, struct loop *l, struct service *sv,
                            const struct conf *conf, struct why *why) MUST_USE;
void metrics_server_free(struct metrics_server *m); /* takes NULL */
/* Appends the addresses of the listeners, "127.0.0.1:9101,[::1]:9101", with their real ports. */
void metrics_server_print(const struct metrics_server *m, struct buf *out);
/* The address of listener `nth`, counted from 0; all zero if there is no such listener. */
struct addr metrics_server_listener(const struct metrics_server *m, unsigned nth);
/* Checks a value of the setting `http`, for the table of settings. ERR_INVALID. */
enum err metrics_check_where(struct str value, struct why *why) MUST_USE;

#endif
