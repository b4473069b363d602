/* SPDX-License-Identifier: MIT */
/* Refuses files with keys that other users can read. */
#include "control/net/private_file.h"

#include <sys/stat.h>

enum { FOR_OTHERS = S_IRWXO | S_IWGRP, MODE_BITS = 07777 };

enum err private_file_check(const char *path, struct why *why)
{
	struct stat s;

	if (stat(path, &s) || !S_ISREG(s.st_mode) || !(s.st_mode & FOR_OTHERS))
		return ERR_OK;
	return why_fail(
		why, ERR_DENIED,
		"%s holds keys, but %s (mode %04o): allowed are 0600, or 0640 with the "
		"group of the program; run chmod 600 on it",
		path, s.st_mode & S_IRWXO ? "other users can access it" : "its group can write it",
		(unsigned)(s.st_mode & MODE_BITS));
}
