/* SPDX-License-Identifier: MIT */
/* A result: what was measured, on which machine, with which settings; printed as a table, written
 * as JSON and CSV. */
#ifndef BENCH_RESULT_RESULT_H
#define BENCH_RESULT_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#include "base/err.h"

/*
 * {"format": "sluice-bench/1", "kind": "crypto", "time": "2026-01-01T00:00:00Z", "version": ...,
 * "commit": ..., "machine": {...}, "settings": {...}, "repetitions": 3, "warnings": [...], "notes":
 * [...], "rows": [{...}, ...]} A row is a flat object: numbers, words, or {"median": m, "min": a,
 * "max": b, "n": k, "values": [in order]} where something was repeated.
 */
struct result {
	json_t *doc, *rows, *warnings, *notes; /* the last three are inside doc */
};

/* How a column of a table is printed. */
struct result_column {
	const char *key;   /* of a row */
	const char *title; /* "ns/packet" */
	int decimals;      /* of numbers; words ignore it */
	bool hide_zero;    /* left out when it is 0 in every row */
	double scale;      /* printed = value * scale; 0 means 1 */
};

/* Starts a result; takes `settings` (a reference), also when it fails. ERR_NOMEM. */
enum err result_init(struct result *r, const char *kind, json_t *settings,
                     unsigned repetitions) MUST_USE;
void result_fini(struct result *r);

/* Adds an empty row; fill it with json_object_set_new. Borrowed. */
json_t *result_row(struct result *r);
/* A doubt about the figures: kept in the file, printed at once to stderr. A note is kept and
 * printed under the table. */
void result_warn(struct result *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
void result_note(struct result *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Median, least, greatest of n values (at least 1; sorted in place) as the object a row holds; and
 * the median of what a row holds. */
json_t *result_spread(double *values, size_t n);
/*
 * b / a: of values taken in the same rounds the median and spread of the ratios of each round, else
 * the ratio of the medians. NULL: a is 0.
 */
json_t *result_ratio(const json_t *a, const json_t *b, bool are_paired);
double result_median(const json_t *value);
/* Half the distance between least and greatest, in percent of the median. */
double result_spread_percent(const json_t *value);

/* Makes `row` of several runs' rows (1 to 100): numbers become spreads, the rest is that of the
 * first. */
void result_fold(json_t *row, json_t *const *runs, unsigned n);

/* Columns that no row has are left out. A spread is printed as "93 ±4%". */
void result_print(const struct result *r, const struct result_column *columns, size_t n, FILE *to);
/* Is the column to be shown: does some row have it, and worth a column? And how a value looks in
 * it. */
bool result_shows(const json_t *rows, const struct result_column *c);
void result_cell(const json_t *value, const struct result_column *c, char *out, size_t room);
enum err result_write_json(const struct result *r, const char *path, struct why *why) MUST_USE;
struct result_output {
	const struct result_column *columns;
	size_t n_columns;
	const char *json_path, *csv_path; /* NULL: no such file */
	bool quiet;                       /* no table on standard output */
};

/* The usual end: prints the table (unless `quiet`), writes the files whose paths are not NULL. An
 * exit status. */
int result_finish(const struct result *r, const struct result_output *out);

/* Reads a result file and checks its format. The caller releases. */
enum err result_load(json_t **out, const char *path, struct why *why) MUST_USE;
/* ERR_INVALID naming the first setting that differs, with both values. */
enum err result_same_settings(const json_t *a, const json_t *b, struct why *why) MUST_USE;

#endif
