/* SPDX-License-Identifier: MIT */
/* A bar on the terminal while something takes long; silent when stderr is no terminal. */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include "base/err.h"

/* `done` from 0 to 1; the text tells what is going on and how it looks. */
void progress_show(double done, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Wipes the bar, before anything else is printed. */
void progress_clear(void);

#endif
