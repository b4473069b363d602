/* SPDX-License-Identifier: MIT */
/* Sends notifications to systemd with libsystemd. */
#include "control/net/notify.h"

#include <systemd/sd-daemon.h>

#include "base/clk.h"

void notify_ready(const char *status)
{
	(void)sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void notify_reloading(void)
{
	/* A unit with Type=notify-reload requires MONOTONIC_USEC, the current monotonic time. */
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
	                 (unsigned long long)(clk_mono_ns() / NS_PER_US));
}

void notify_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1");
}

void notify_watchdog(void)
{
	(void)sd_notify(0, "WATCHDOG=1");
}

uint64_t notify_watchdog_ns(void)
{
	uint64_t us = 0;

	return sd_watchdog_enabled(0, &us) > 0 ? us * NS_PER_US / 2 : 0;
}
