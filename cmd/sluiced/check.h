/* SPDX-License-Identifier: MIT */
/* Checks settings against this machine. */
#ifndef CMD_SLUICED_CHECK_H
#define CMD_SLUICED_CHECK_H

#include "base/err.h"
#include "control/conf.h"

/* Checks that this host has the addresses and processors that the settings name, and the folders of
 * Unix sockets. Opens no port and changes nothing, so that it may run beside a gateway with the
 * same settings. ERR_RANGE: a processor or folder is missing; ERR_NOT_FOUND: an address is missing.
 */
enum err check_machine(const struct conf *c, struct why *why) MUST_USE;

#endif
