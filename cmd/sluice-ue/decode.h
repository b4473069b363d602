/* SPDX-License-Identifier: MIT */
/* Prints MIKEY messages for troubleshooting. */
#ifndef CMD_SLUICE_UE_DECODE_H
#define CMD_SLUICE_UE_DECODE_H

#include <stdbool.h>

#include "base/err.h"

/* Prints the MIKEY message in the file `path` ("-": standard input) as a tree, or each message of a
 * session description with the level at which it stands. Sets `*faulty` to true if a message has a
 * fault; the tree names it. ERR_IO, ERR_SYNTAX; ERR_NOT_FOUND: the description has no message. */
enum err decode_show(const char *path, bool json, bool *faulty, struct why *why) MUST_USE;

#endif
