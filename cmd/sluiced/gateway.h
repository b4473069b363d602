/* SPDX-License-Identifier: MIT */
/* The gateway's parts put together: relay, service, protocols, listeners. */
#ifndef CMD_SLUICED_GATEWAY_H
#define CMD_SLUICED_GATEWAY_H

#include "base/err.h"
#include "control/conf.h"
#include "control/net/loop.h"

struct gateway;

/* Starts everything the settings ask for; on failure nothing runs. `conf` is copied. */
enum err gateway_start(struct gateway **out, struct loop *loop, const struct conf *conf,
                       struct why *why) MUST_USE;
/* Ends sessions, workers and connections. Takes NULL. */
void gateway_stop(struct gateway *g);
/* SIGHUP: takes over what can be; what needs a restart is logged. */
void gateway_reload(struct gateway *g, const struct conf *next);
/* One line for people: where it listens, what it runs on. Lives as long as the gateway. */
const char *gateway_ready_line(const struct gateway *g);

#endif
