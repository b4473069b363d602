/* SPDX-License-Identifier: MIT */
/* The live table. */
#ifndef CMD_SLUICECTL_TOP_H
#define CMD_SLUICECTL_TOP_H

#include "base/err.h"
#include "control/client.h"

/* Draws `rounds` times (0: until the connection ends or a signal comes), a second apart. */
enum err top_run(struct client *c, unsigned rounds, struct why *why) MUST_USE;

#endif
