/* SPDX-License-Identifier: MIT */
/* Plots of result rows, drawn by gnuplot as SVG. */
#ifndef BENCH_REPORT_PLOT_H
#define BENCH_REPORT_PLOT_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

enum plot_kind { PLOT_LINES, PLOT_BARS };

/*
 * A plot has one line, or one set of bars, for each value of `series`, and one point for each row
 * that has `x` and `y`. A `y` with minimum and maximum is drawn with a vertical line between them.
 * Bars are grouped by the text of `x`; for lines, `x` must be a number. Axes are logarithmic if
 * `log_x` or `log_y` is true.
 */
struct plot {
	const char *title, *x_label, *y_label;
	const char *series, *x, *y; /* keys of rows */
	enum plot_kind kind;
	bool log_x, log_y;
};

/* Appends the SVG. ERR_NOT_FOUND: no rows, or too many series; ERR_UNSUPPORTED: gnuplot failed or
 * is not installed; ERR_IO. */
enum err plot_draw(const struct plot *p, const json_t *rows, struct buf *svg,
                   struct why *why) MUST_USE;

#endif
