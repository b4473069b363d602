/* SPDX-License-Identifier: MIT */
/* A progress bar on standard error. */
#include "bench/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { WIDTH = 24 };

void progress_show(double done, const char *fmt, ...)
{
	char text[128];
	int full = (int)(done * WIDTH);
	va_list ap;

	if (!isatty(STDERR_FILENO))
		return;
	full = full < 0 ? 0 : full > WIDTH ? WIDTH : full;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "\r\033[K[%.*s%.*s] %3.0f %%  %s", full,
	        "========================", WIDTH - full, "                        ",
	        done > 1 ? 100 : done * 100, text);
	fflush(stderr);
}

void progress_clear(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}
