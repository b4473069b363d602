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
	bool has_plots; /* gnuplot answered so far */
};

void page_begin(struct page *p);
void page_end(struct page *p);
void page_heading(struct page *p, const char *title, const char *name);
/* When, where and with which settings. */
void page_origin(struct page *p, const json_t *doc);
/* Warnings or notes, a paragraph each. */
void page_list(struct page *p, const json_t *list, bool are_warnings);
/* The columns that some row has. */
void page_table(struct page *p, const json_t *rows, const struct result_column *columns, size_t n);
/* In the HTML alone; nothing where there is nothing to draw. */
void page_plot(struct page *p, const struct plot *plot, const json_t *rows);

/* The text under a key, "?" where there is none. */
const char *page_text_of(const json_t *doc, const char *key);

/* report_kinds.c: everything a result shows; nothing of a kind that is not known. */
void report_put(struct page *p, const char *file_name, const json_t *doc);

#endif
