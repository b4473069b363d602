/* SPDX-License-Identifier: MIT */
/* The gateway's figures as Prometheus text, and the HTTP listener that shows them and says how it
 * is. */
#ifndef CONTROL_METRICS_H
#define CONTROL_METRICS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "control/conf.h"
#include "control/session/service.h"

struct loop;

/* Appends every metric. Labels come from closed sets: verdicts, interface names and their
 * addresses, worker numbers; never ids or peers' addresses. */
void metrics_print(struct service *sv, struct buf *out);

/*
 * GET /metrics, /healthz (200 while the process answers), /readyz (503 while it drains or is full),
 * for those who balance and watch. One for the process; listens where the setting `http` says.
 * Control only.
 */
struct metrics_server;

enum err metrics_server_new(struct metrics_server **out, struct loop *l, struct service *sv,
                            const struct conf *conf, struct why *why) MUST_USE;
void metrics_server_free(struct metrics_server *m); /* takes NULL */
/* "127.0.0.1:9101": where it listens, with the ports the system chose. */
void metrics_server_print(const struct metrics_server *m, struct buf *out);
/* The nth listener's address; none behind the last. */
struct addr metrics_server_listener(const struct metrics_server *m, unsigned nth);
/* For the table of settings. */
enum err metrics_check_where(struct str value, struct why *why) MUST_USE;

#endif
