/* SPDX-License-Identifier: MIT */
/* A result: built row by row, printed as a table, written as JSON and CSV, and read back. */
#include "bench/result/result.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"
#include "bench/result/machine.h"

#define FORMAT "sluice-bench/1"

enum { RUNS_MAX = 100 };

enum err result_init(struct result *r, const char *kind, json_t *settings, unsigned repetitions)
{
	time_t now = time(NULL);
	struct tm tm;
	char when[32];
	struct result new = {.doc = json_object(),
	                     .rows = json_array(),
	                     .warnings = json_array(),
	                     .notes = json_array()};
	int bad = 0;

	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	bad |= json_object_set_new(new.doc, "format", json_string(FORMAT));
	bad |= json_object_set_new(new.doc, "kind", json_string(kind));
	bad |= json_object_set_new(new.doc, "time", json_string(when));
	bad |= json_object_set_new(new.doc, "version", json_string(SLUICE_VERSION));
	bad |= json_object_set_new(new.doc, "commit", json_string(bench_commit()));
	bad |= json_object_set_new(new.doc, "machine", machine_describe());
	bad |= json_object_set_new(new.doc, "settings", settings);
	bad |= json_object_set_new(new.doc, "repetitions", json_integer(repetitions));
	bad |= json_object_set_new(new.doc, "warnings", new.warnings);
	bad |= json_object_set_new(new.doc, "notes", new.notes);
	bad |= json_object_set_new(new.doc, "rows", new.rows);
	if (bad) {
		json_decref(new.doc);
		return ERR_NOMEM;
	}
	*r = new;
	return ERR_OK;
}

void result_fini(struct result *r)
{
	json_decref(r->doc);
	*r = (struct result){0};
}

json_t *result_row(struct result *r)
{
	json_t *row = json_object();

	json_array_append_new(r->rows, row);
	return row;
}

static void append_text(json_t *list, const char *fmt, va_list ap)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, ap);
	json_array_append_new(list, json_string(text));
}

void result_warn(struct result *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append_text(r->warnings, fmt, ap);
	va_end(ap);
	fprintf(stderr, "warning: %s\n",
	        json_string_value(json_array_get(r->warnings, json_array_size(r->warnings) - 1)));
}

void result_note(struct result *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append_text(r->notes, fmt, ap);
	va_end(ap);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

json_t *result_spread(double *values, size_t n)
{
	json_t *in_order = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(in_order, json_real(values[i]));
	qsort(values, n, sizeof(*values), by_size);
	return json_pack("{s:f,s:f,s:f,s:i,s:o}", "median",
	                 (values[(n - 1) / 2] + values[n / 2]) / 2, "min", values[0], "max",
	                 values[n - 1], "n", (int)n, "values", in_order);
}

json_t *result_ratio(const json_t *a, const json_t *b, bool are_paired)
{
	json_t *x = json_object_get(a, "values"), *y = json_object_get(b, "values"), *v;
	double ratios[RUNS_MAX];
	size_t n = 0, i;

	json_array_foreach(x, i, v) if (json_number_value(v) != 0 && n < RUNS_MAX) ratios[n++] =
		json_number_value(json_array_get(y, i)) / json_number_value(v);
	if (are_paired && n && n == json_array_size(x) && n == json_array_size(y))
		return result_spread(ratios, n);
	return result_median(a) != 0 ? json_real(result_median(b) / result_median(a)) : NULL;
}

double result_median(const json_t *value)
{
	const json_t *median = json_object_get(value, "median");

	return json_number_value(median ? median : value);
}

double result_spread_percent(const json_t *value)
{
	double median = result_median(value);
	double least = json_number_value(json_object_get(value, "min")),
	       most = json_number_value(json_object_get(value, "max"));

	return median > 0 && json_object_get(value, "min") ? (most - least) / 2 / median * 100 : 0;
}

void result_fold(json_t *row, json_t *const *runs, unsigned n)
{
	const char *key;
	json_t *v;

	CHECK(n >= 1 && n <= RUNS_MAX);
	json_object_foreach(runs[0], key, v)
	{
		double values[RUNS_MAX];
		unsigned count = 0;

		for (unsigned i = 0; i < n; i++)
			if (json_is_number(json_object_get(runs[i], key)))
				values[count++] = json_number_value(json_object_get(runs[i], key));
		if (count)
			json_object_set_new(row, key, result_spread(values, count));
		else
			json_object_set(row, key, v);
	}
}

/* --- table ------------------------------------------------------------------ */

/* Prints a number with separators: 1,234,567. */
static void print_number(double v, int decimals, char *out, size_t room)
{
	char plain[64];
	size_t digits, n = 0, start;

	snprintf(plain, sizeof(plain), "%.*f", decimals, v);
	start = plain[0] == '-';
	digits = strcspn(plain + start, ".");
	for (size_t i = 0; plain[i] && n + 2 < room; i++) {
		if (i > start && i < start + digits && (start + digits - i) % 3 == 0)
			out[n++] = ',';
		out[n++] = plain[i];
	}
	out[n] = 0;
}

void result_cell(const json_t *value, const struct result_column *c, char *out, size_t room)
{
	double scale = c->scale == 0 ? 1 : c->scale;
	char number[48];

	if (!value || json_is_null(value)) {
		snprintf(out, room, "-");
	} else if (json_is_string(value)) {
		snprintf(out, room, "%s", json_string_value(value));
	} else if (json_is_boolean(value)) {
		snprintf(out, room, "%s", json_is_true(value) ? "yes" : "no");
	} else {
		print_number(result_median(value) * scale, c->decimals, number, sizeof(number));
		if (result_spread_percent(value) >= 0.5)
			snprintf(out, room, "%s ±%.0f%%", number, result_spread_percent(value));
		else
			snprintf(out, room, "%s", number);
	}
}

/* Counts characters, not octets: the character ± has two octets. */
static int width_of(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

bool result_shows(const json_t *rows, const struct result_column *c)
{
	json_t *row, *v;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		v = json_object_get(row, c->key);
		if (v && (!c->hide_zero || result_median(v) != 0 ||
		          json_number_value(json_object_get(v, "max")) != 0))
			return true;
	}
	return false;
}

/* True: the column holds words and is aligned left, otherwise right. The first row that has the key
 * decides. */
static bool is_word(const json_t *rows, const char *key)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) if (json_object_get(row, key)) return json_is_string(
		json_object_get(row, key));
	return false;
}

static void print_padded(FILE *to, const char *text, int width, bool left)
{
	int pad = width - width_of(text);

	fprintf(to, "%*s%s%*s  ", left ? 0 : pad, "", text, left ? pad : 0, "");
}

void result_print(const struct result *r, const struct result_column *columns, size_t n, FILE *to)
{
	int width[32] = {0};
	bool wanted[32] = {0}, word[32] = {0};
	char cell[128];
	size_t i;
	json_t *row;

	CHECK(n <= ARRAY_LEN(width));
	for (size_t c = 0; c < n; c++) {
		wanted[c] = result_shows(r->rows, &columns[c]);
		word[c] = is_word(r->rows, columns[c].key);
		width[c] = width_of(columns[c].title);
		json_array_foreach(r->rows, i, row)
		{
			result_cell(json_object_get(row, columns[c].key), &columns[c], cell,
			            sizeof(cell));
			width[c] = width_of(cell) > width[c] ? width_of(cell) : width[c];
		}
	}
	for (size_t c = 0; c < n; c++)
		if (wanted[c])
			print_padded(to, columns[c].title, width[c], word[c]);
	fputc('\n', to);
	json_array_foreach(r->rows, i, row)
	{
		for (size_t c = 0; c < n; c++) {
			if (!wanted[c])
				continue;
			result_cell(json_object_get(row, columns[c].key), &columns[c], cell,
			            sizeof(cell));
			print_padded(to, cell, width[c], word[c]);
		}
		fputc('\n', to);
	}
	json_array_foreach(r->notes, i, row) fprintf(to, "%s\n", json_string_value(row));
}

/* --- files ------------------------------------------------------------------ */

static void csv_text(FILE *f, const char *text)
{
	if (!strpbrk(text, ",\"\n")) {
		fputs(text, f);
		return;
	}
	fputc('"', f);
	for (; *text; text++)
		fprintf(f, *text == '"' ? "\"\"" : "%c", *text);
	fputc('"', f);
}

static void csv_value(FILE *f, const json_t *v)
{
	if (json_is_string(v))
		csv_text(f, json_string_value(v));
	else if (json_is_boolean(v))
		fputs(json_is_true(v) ? "true" : "false", f);
	else if (json_is_integer(v))
		fprintf(f, "%lld", (long long)json_integer_value(v));
	else if (json_is_number(v))
		fprintf(f, "%.9g", json_number_value(v));
}

/* Returns all keys of the rows in order of appearance; a key's value is true if some row has a
 * spread there. */
static json_t *csv_keys(const struct result *r)
{
	json_t *keys = json_object(), *row, *v;
	const char *key;
	size_t i;

	json_array_foreach(r->rows, i, row) json_object_foreach(
		row, key,
		v) if (!json_is_array(v) && (json_is_object(v) || !json_object_get(keys, key)))
		json_object_set_new(
			keys, key, json_boolean(json_is_object(v) && json_object_get(v, "median")));
	return keys;
}

static enum err result_write_csv(const struct result *r, const char *path, struct why *why)
{
	FILE *f = fopen(path, "we");
	json_t *keys, *row, *is_spread;
	const char *key;
	bool bad;
	size_t i;

	if (!f)
		return why_fail(why, ERR_IO, "%s: the file cannot be opened for writing: %m", path);
	keys = csv_keys(r);
	json_object_foreach(keys, key, is_spread) fprintf(
		f, json_is_true(is_spread) ? "%s%s,%s_min,%s_max" : "%s%s",
		key == json_object_iter_key(json_object_iter(keys)) ? "" : ",", key, key, key);
	fputc('\n', f);
	json_array_foreach(r->rows, i, row)
	{
		json_object_foreach(keys, key, is_spread)
		{
			const json_t *v = json_object_get(row, key),
				     *median = json_object_get(v, "median");

			if (key != json_object_iter_key(json_object_iter(keys)))
				fputc(',', f);
			csv_value(f, median ? median : v);
			if (json_is_true(is_spread)) {
				fputc(',', f);
				csv_value(f, json_object_get(v, "min"));
				fputc(',', f);
				csv_value(f, json_object_get(v, "max"));
			}
		}
		fputc('\n', f);
	}
	json_decref(keys);
	bad = ferror(f);
	bad |= fclose(f) != 0;
	return bad ? why_fail(why, ERR_IO, "%s: the file cannot be written", path) : ERR_OK;
}

enum err result_write_json(const struct result *r, const char *path, struct why *why)
{
	if (json_dump_file(r->doc, path, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) != 0)
		return why_fail(why, ERR_IO, "%s: the file cannot be written: %m", path);
	return ERR_OK;
}

int result_finish(const struct result *r, const struct result_output *out)
{
	struct why why = {""};
	enum err e = ERR_OK;

	if (!out->quiet)
		result_print(r, out->columns, out->n_columns, stdout);
	if (out->json_path)
		e = result_write_json(r, out->json_path, &why);
	if (out->csv_path && e == ERR_OK)
		e = result_write_csv(r, out->csv_path, &why);
	if (e != ERR_OK)
		fprintf(stderr, "sluice-bench: %s\n", why.text);
	return e == ERR_OK ? BENCH_DONE : BENCH_REFUSED;
}

enum err result_load(json_t **out, const char *path, struct why *why)
{
	json_error_t bad;
	json_t *doc = json_load_file(path, 0, &bad);
	const char *format;

	if (!doc)
		return why_fail(why, ERR_SYNTAX, "%s: line %d: %s", path, bad.line, bad.text);
	format = json_string_value(json_object_get(doc, "format"));
	if (!format || strcmp(format, FORMAT) != 0) {
		why_fail(why, ERR_INVALID, "%s: \"format\" is %s, must be \"" FORMAT "\"", path,
		         format ? format : "missing");
		json_decref(doc);
		return ERR_INVALID;
	}
	*out = doc;
	return ERR_OK;
}

static enum err differ(struct why *why, const char *key, const json_t *a, const json_t *b)
{
	char *x = a ? json_dumps(a, JSON_ENCODE_ANY) : NULL,
	     *y = b ? json_dumps(b, JSON_ENCODE_ANY) : NULL;

	why_fail(why, ERR_INVALID, "settings differ: %s is %s in the first file, %s in the second",
	         key, x ? x : "not set", y ? y : "not set");
	free(x);
	free(y);
	return ERR_INVALID;
}

enum err result_same_settings(const json_t *a, const json_t *b, struct why *why)
{
	static const char *const top[] = {"kind", "settings"};
	json_t *sa = json_object_get(a, "settings"), *sb = json_object_get(b, "settings"), *v;
	const char *key;

	if (!json_equal(json_object_get(a, top[0]), json_object_get(b, top[0])))
		return differ(why, top[0], json_object_get(a, top[0]), json_object_get(b, top[0]));
	json_object_foreach(sa, key, v) if (!json_equal(v, json_object_get(sb, key))) return differ(
		why, key, v, json_object_get(sb, key));
	json_object_foreach(sb, key, v) if (!json_object_get(sa, key)) return differ(why, key, NULL,
	                                                                             v);
	return ERR_OK;
}
