/* SPDX-License-Identifier: MIT */
/* The lines that a command prints on success. They are complete before the command changes any
 * file, and may hold keys. */
#ifndef CMD_SLUICE_UE_REPORT_H
#define CMD_SLUICE_UE_REPORT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/secret.h"

/* Zero it before first use; report_clear wipes and frees it. */
struct report {
	struct secret room;
	size_t n;
	enum err failed; /* the first failure of report_add; report_print returns it */
};

void report_add(struct report *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Writes all lines to standard output at once. ERR_IO: the output cannot be written, for example
 * because its reader has gone. */
enum err report_print(const struct report *r, struct why *why) MUST_USE;
void report_clear(struct report *r);

#endif
