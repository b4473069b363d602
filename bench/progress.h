/* SPDX-License-Identifier: MIT */
/* A progress bar on standard error; nothing is printed when standard error is not a terminal. */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include "base/err.h"

/* `done` from 0 to 1; the text names the present step. */
void progress_show(double done, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Clears the bar; call it before printing anything else. */
void progress_clear(void);

#endif
