/* SPDX-License-Identifier: MIT */
/* MIKEY messages for people who look for a fault. */
#ifndef CMD_SLUICE_UE_DECODE_H
#define CMD_SLUICE_UE_DECODE_H

#include <stdbool.h>

#include "base/err.h"

/* Prints the message of `path` ("-": standard input) as a tree. `*faulty`: it has a fault, which
 * the tree names. ERR_IO, ERR_SYNTAX. */
enum err decode_show(const char *path, bool json, bool *faulty, struct why *why) MUST_USE;

#endif
