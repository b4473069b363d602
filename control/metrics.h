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
 * full), for load balancers and monitoring. One for the process; listens on the addresses of
 * the setting `http`. Control only.
 */
struct metrics_server;

enum err metrics_server_new(struct metrics_server **out, struct loop *l, struct service *sv,
                            const struct conf *conf, struct why *why) MUST_USE;
void metrics_server_free(struct metrics_server *m); /* takes NULL */
/* Writes its addresses, "127.0.0.1:9101", with the ports that the system chose. */
void metrics_server_print(const struct metrics_server *m, struct buf *out);
/* The address of the nth listener; none after the last. */
struct addr metrics_server_listener(const struct metrics_server *m, unsigned nth);
/* For the table of settings. */
enum err metrics_check_where(struct str value, struct why *why) MUST_USE;

#endif
