/* SPDX-License-Identifier: MIT */
/* Notifies systemd of the state of the process. Without systemd every function does nothing. */
#ifndef CONTROL_NET_NOTIFY_H
#define CONTROL_NET_NOTIFY_H

#include <stdint.h>

/* Reports that the process is ready. `status`: one line, which systemctl status shows. */
void notify_ready(const char *status);
void notify_reloading(void);
void notify_stopping(void);
void notify_watchdog(void);
/* The time between two calls of notify_watchdog: half of the unit's WatchdogSec; 0: no watchdog. */
uint64_t notify_watchdog_ns(void);

#endif
