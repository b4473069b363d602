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
 * "max": b, "n": k, "values": [in order]} of repetitions.
 */
struct result {
	json_t *doc, *rows, *warnings, *notes; /* rows, warnings and notes are inside doc */
};

/* How a column of a table is printed. */
struct result_column {
	const char *key;   /* the rows' member to show */
	const char *title; /* heading of the column, such as "ns/packet" */
	int decimals;      /* digits after the point; words ignore it */
	bool hide_zero;    /* true: leave out the column when it is 0 in every row */
	double scale;      /* factor of printed numbers; 0 means 1 */
};

/* Starts a result; takes over the reference to `settings`, also on failure. ERR_NOMEM. */
enum err result_init(struct result *r, const char *kind, json_t *settings,
                     unsigned repetitions) MUST_USE;
void result_fini(struct result *r);

/* Adds an empty row and returns a borrowed reference; fill it with json_object_set_new. */
json_t *result_row(struct result *r);
/* result_warn keeps a warning in the file and prints it at once to standard error. result_note
 * keeps a note in the file; result_print prints it below the table. */
void result_warn(struct result *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
void result_note(struct result *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Makes the object {median, min, max, n, values} of n >= 1 values, and sorts the array `values`.
 * New reference. */
json_t *result_spread(double *values, size_t n);
/*
 * Returns b / a. Paired values come from the same rounds: median and spread of each round's ratio.
 * Other values: ratio of the medians. NULL: a is 0.
 */
json_t *result_ratio(const json_t *a, const json_t *b, bool are_paired);
/* Returns the median of a row's value: of a spread, or the number itself. */
double result_median(const json_t *value);
/* Returns half of (max - min), in percent of the median. */
double result_spread_percent(const json_t *value);

/* Combines the rows of 1 to 100 runs into `row`: numbers become spreads; other values are taken
 * from the first run. */
void result_fold(json_t *row, json_t *const *runs, unsigned n);

/* Prints the table without the columns that no row has. A spread is printed as "93 ±4%". */
void result_print(const struct result *r, const struct result_column *columns, size_t n, FILE *to);
/* result_shows: true if some row has a value for the column; with `hide_zero`, a value other than
 * 0. result_cell formats a value for the column. */
bool result_shows(const json_t *rows, const struct result_column *c);
void result_cell(const json_t *value, const struct result_column *c, char *out, size_t room);
enum err result_write_json(const struct result *r, const char *path, struct why *why) MUST_USE;
struct result_output {
	const struct result_column *columns;
	size_t n_columns;
	const char *json_path, *csv_path; /* NULL: do not write it */
	bool quiet;                       /* true: print no table */
};

/* Prints the table and writes the files. Returns an exit status. */
int result_finish(const struct result *r, const struct result_output *out);

/* Reads a result file and checks its format. New reference in `*out`. */
enum err result_load(json_t **out, const char *path, struct why *why) MUST_USE;
/* ERR_INVALID: `why` names the first setting that differs, with both values. */
enum err result_same_settings(const json_t *a, const json_t *b, struct why *why) MUST_USE;

#endif
