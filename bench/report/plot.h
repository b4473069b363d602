/* SPDX-License-Identifier: MIT */
/* Plots of result rows, drawn by gnuplot as SVG. */
#ifndef BENCH_REPORT_PLOT_H
#define BENCH_REPORT_PLOT_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

enum plot_kind { PLOT_LINES, PLOT_BARS };

/*
 * One line or set of bars for each value of `series`; a point for each row that has `x` and `y` (a
 * number, or a spread drawn with its ends). Bars are grouped by the text of `x`; lines need a
 * number there, with a logarithmic axis on request.
 */
struct plot {
	const char *title, *x_label, *y_label;
	const char *series, *x, *y; /* keys of rows */
	enum plot_kind kind;
	bool log_x, log_y;
};

/* Appends the SVG. ERR_NOT_FOUND: no rows; ERR_UNSUPPORTED: gnuplot is not installed; ERR_IO. */
enum err plot_draw(const struct plot *p, const json_t *rows, struct buf *svg,
                   struct why *why) MUST_USE;

#endif
