/* SPDX-License-Identifier: MIT */
/* A page of results in two forms at once: HTML with plots, and Markdown. */
#ifndef BENCH_REPORT_PAGE_H
#define BENCH_REPORT_PAGE_H

#include <jansson.h>

#include "base/buf.h"
#include "bench/report/plot.h"
#include "bench/result/result.h"

struct page {
	struct buf html, markdown;
	bool has_plots; /* false: gnuplot failed once, so draw no plots */
};

void page_begin(struct page *p);
void page_end(struct page *p);
void page_heading(struct page *p, const char *title, const char *name);
/* Writes time, version, machine and settings of a result. */
void page_origin(struct page *p, const json_t *doc);
/* Writes warnings or notes, one paragraph each. */
void page_list(struct page *p, const json_t *list, bool are_warnings);
/* Writes a table; leaves out columns that no row has. */
void page_table(struct page *p, const json_t *rows, const struct result_column *columns, size_t n);
/* Writes a plot to the HTML page only; writes nothing if no row has data for it. */
void page_plot(struct page *p, const struct plot *plot, const json_t *rows);

/* Returns the string under a key; "?" if there is none. */
const char *page_text_of(const json_t *doc, const char *key);

/* Writes all plots and tables of a result; nothing for a result of unknown kind. In kinds.c. */
void report_put(struct page *p, const char *file_name, const json_t *doc);

#endif
