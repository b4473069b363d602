/* SPDX-License-Identifier: MIT */
/* Tells systemd how the process is doing; without systemd every call does nothing. */
#ifndef CONTROL_NET_NOTIFY_H
#define CONTROL_NET_NOTIFY_H

#include <stdint.h>

/* `status` is one line for people. */
void notify_ready(const char *status);
void notify_reloading(void);
void notify_stopping(void);
void notify_watchdog(void);
/* How often notify_watchdog is due, half of what the unit says; 0: not asked for. */
uint64_t notify_watchdog_ns(void);

#endif
