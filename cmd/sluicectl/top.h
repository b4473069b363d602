/* SPDX-License-Identifier: MIT */
/* The table of sluicectl top. */
#ifndef CMD_SLUICECTL_TOP_H
#define CMD_SLUICECTL_TOP_H

#include "base/err.h"
#include "control/client.h"

/* Prints the table every second, `rounds` times; 0: until the connection ends or a signal
 * arrives. */
enum err top_run(struct client *c, unsigned rounds, struct why *why) MUST_USE;

#endif
