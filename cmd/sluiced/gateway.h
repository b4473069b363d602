/* SPDX-License-Identifier: MIT */
/* The parts of the gateway: relay, service, protocols, listeners. */
#ifndef CMD_SLUICED_GATEWAY_H
#define CMD_SLUICED_GATEWAY_H

#include "base/err.h"
#include "control/conf.h"
#include "control/net/loop.h"

struct gateway;

/* Starts all parts as the settings say. After a failure nothing runs. `conf` is copied. */
enum err gateway_start(struct gateway **out, struct loop *loop, const struct conf *conf,
                       struct why *why) MUST_USE;
/* Ends all sessions, workers and connections, and frees the gateway. `g` may be NULL. */
void gateway_stop(struct gateway *g);
/* Handles SIGHUP: applies the settings that can change while running, and logs those that need a
 * restart. */
void gateway_reload(struct gateway *g, const struct conf *next);
/* Applies the settings of the log. */
void gateway_configure_log(const struct conf *c);
/* Logs the line that scripts wait for, at every log level: addresses, workers, engine, back ends.
 */
void gateway_log_ready(const struct gateway *g);
/* Returns the fields of that line for systemd. They live as long as the gateway. */
const char *gateway_ready_line(const struct gateway *g);

#endif
