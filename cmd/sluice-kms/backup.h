/* SPDX-License-Identifier: MIT */
/* Copies the state of a KMS into a folder. */
#ifndef CMD_SLUICE_KMS_BACKUP_H
#define CMD_SLUICE_KMS_BACKUP_H

#include "base/err.h"

/* Makes the folder `to`, with the folders above it, if it does not exist, and copies the state in
 * `from` into it. After a failure no copy and no new folder is left. ERR_EXISTS: `to` already holds
 * a copy. ERR_IO. */
enum err backup_make(const char *from, const char *to, struct why *why) MUST_USE;

#endif
