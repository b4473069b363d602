/* SPDX-License-Identifier: MIT */
/* The parts of the gateway: relay, service, protocols, listeners. */
#ifndef CMD_SLUICED_GATEWAY_H
#define CMD_SLUICED_GATEWAY_H

#include "base/err.h"
#include "control/conf.h"
#include "control/net/loop.h"

struct gateway;

/* Starts all parts according to the settings; on failure nothing runs. `conf` is copied. */
enum err gateway_start(struct gateway **out, struct loop *loop, const struct conf *conf,
                       struct why *why) MUST_USE;
/* Ends sessions, workers and connections. Takes NULL. */
void gateway_stop(struct gateway *g);
/* SIGHUP: applies the settings that can change while running; logs those that need a restart. */
void gateway_reload(struct gateway *g, const struct conf *next);
/* One line with addresses, workers, engine and back ends. Lives as long as the gateway. */
const char *gateway_ready_line(const struct gateway *g);

#endif
