/* SPDX-License-Identifier: MIT */
/* Collects the lines that a command prints, in secret memory. */
#include "cmd/sluice-ue/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { REPORT_MAX = 32 * 1024 }; /* octets; two streams of each of 32 m-lines need 16 KiB */

void report_add(struct report *r, const char *fmt, ...)
{
	va_list ap;
	size_t left;
	int n;

	if (!r->failed && !r->room.octets)
		r->failed = secret_make(&r->room, REPORT_MAX);
	if (r->failed)
		return;
	left = r->room.len - r->n;
	va_start(ap, fmt);
	n = vsnprintf((char *)r->room.octets + r->n, left, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= left)
		r->failed = ERR_TOO_BIG;
	else
		r->n += (size_t)n;
}

enum err report_print(const struct report *r, struct why *why)
{
	size_t at = 0;

	if (r->failed)
		return why_fail(why, r->failed, "cannot make the lines to print: %s",
		                err_meaning(r->failed));
	if (fflush(stdout))
		return why_fail(why, ERR_IO, "cannot write to standard output: %s",
		                strerror(errno));
	while (at < r->n) {
		ssize_t n = write(STDOUT_FILENO, r->room.octets + at, r->n - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return why_fail(why, ERR_IO, "cannot write to standard output: %s",
			                strerror(errno));
		at += (size_t)n;
	}
	return ERR_OK;
}

void report_clear(struct report *r)
{
	secret_clear(&r->room);
	*r = (struct report){0};
}
