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
	bool has_plots; /* gnuplot has worked so far */
};

void page_begin(struct page *p);
void page_end(struct page *p);
void page_heading(struct page *p, const char *title, const char *name);
/* Writes time, machine and settings. */
void page_origin(struct page *p, const json_t *doc);
/* Warnings or notes, a paragraph each. */
void page_list(struct page *p, const json_t *list, bool are_warnings);
/* Writes the columns that some row has. */
void page_table(struct page *p, const json_t *rows, const struct result_column *columns, size_t n);
/* Writes a plot, in HTML only; nothing if there is nothing to draw. */
void page_plot(struct page *p, const struct plot *plot, const json_t *rows);

/* The text under a key, "?" where there is none. */
const char *page_text_of(const json_t *doc, const char *key);

/* kinds.c: writes everything a result shows; nothing for an unknown kind. */
void report_put(struct page *p, const char *file_name, const json_t *doc);

#endif
