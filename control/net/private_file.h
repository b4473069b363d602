/* SPDX-License-Identifier: MIT */
/* Refuses files with keys that other users can read. */
#ifndef CONTROL_NET_PRIVATE_FILE_H
#define CONTROL_NET_PRIVATE_FILE_H

#include "base/err.h"

/*
 * Checks the mode of a file that holds keys: only its owner may write it, and only its owner and
 * its group may read it, since a service often reads a file of root through its group. ERR_DENIED:
 * `why` has the file, its mode and what to do. Other things than files (standard input as "-", a
 * pipe) and files that do not exist pass: whoever opens them reports the failure.
 */
enum err private_file_check(const char *path, struct why *why) MUST_USE;

#endif
