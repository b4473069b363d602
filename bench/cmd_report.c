/* SPDX-License-Identifier: MIT */
/* sluice-bench report: result files of a folder as one HTML page with plots, and as Markdown tables. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/b64.h"
#include "base/mem.h"
#include "bench/bench.h"
#include "bench/loadrun.h"
#include "bench/opt.h"
#include "bench/plot.h"
#include "bench/setup.h"

enum { FILES_MAX = 256, COLUMNS_MAX = 32 };

static const char about[] =
	"Makes one self-contained HTML page, with plots drawn by gnuplot, of every result file (*.json) in DIR; and, if asked, the\n"
	"same tables as Markdown.";

static const char head[] =
	"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>Sluice: measurements</title>\n<style>\n"
	"body{font:16px/1.5 system-ui,Helvetica,Arial,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#222;background:#fff}\n"
	"h1{font-size:1.7rem;margin-bottom:.2rem}h2{margin-top:2.6rem;border-bottom:2px solid #0072b2;padding-bottom:.2rem}\n"
	".meta{color:#555;font-size:.9rem}.warn{background:#fff3e0;border-left:4px solid #d55e00;padding:.4rem .8rem;margin:.4rem 0;font-size:.9rem}\n"
	"table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums;margin:1rem 0;display:block;overflow-x:auto}\n"
	"th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #ddd;white-space:nowrap}th{background:#f2f6fa}\n"
	"td:first-child,th:first-child{text-align:left}figure{margin:1rem 0;display:inline-block}img{max-width:100%;border:1px solid #eee}\n"
	"details{margin:.5rem 0}summary{cursor:pointer;color:#0072b2}code{background:#f2f2f2;padding:0 .2rem}\n"
	"</style></head><body>\n<h1>Sluice: measurements</h1>\n"
	"<p class=\"meta\">Medians of repetitions, ± half the distance between the least and the greatest. Figures of one table were taken in one run, targets "
	"in turn: compare within a table, not between tables.</p>\n";

/* --- what each kind of result shows --------------------------------------------------------------- */

static const struct plot call_plots[] = {
	{.title = "CPU time per forwarded packet, target's own threads", .x_label = "sessions", .y_label = "ns", .series = "target", .x = "sessions",
	 .y = "cpu_target_ns", .kind = PLOT_BARS},
	{.title = "CPU time per forwarded packet, whole machine less baseline", .x_label = "sessions", .y_label = "ns", .series = "target", .x = "sessions",
	 .y = "cpu_machine_ns", .kind = PLOT_BARS},
	{.title = "Packets lost", .x_label = "sessions", .y_label = "packets", .series = "target", .x = "sessions", .y = "lost", .kind = PLOT_BARS},
	{.title = "Memory of the target", .x_label = "sessions", .y_label = "MB", .series = "target", .x = "sessions", .y = "rss_mb", .kind = PLOT_BARS},
};
static const struct plot latency_plot = {
	.title = "One-way delay through the target", .x_label = "percentile", .y_label = "us", .series = "who", .x = "percentile", .y = "us", .kind = PLOT_BARS, .log_y = true};
static const struct plot setup_plots[] = {
	{.title = "Calls made and ended per second", .x_label = "in flight", .y_label = "calls/s", .series = "target", .x = "in_flight", .y = "calls_per_s",
	 .kind = PLOT_BARS},
	{.title = "CPU time per call, target", .x_label = "in flight", .y_label = "us", .series = "target", .x = "in_flight", .y = "cpu_us_per_call",
	 .kind = PLOT_BARS},
	{.title = "Memory per held call", .x_label = "held", .y_label = "kB", .series = "target", .x = "held", .y = "kb_per_call", .kind = PLOT_BARS},
};
static const struct plot crypto_plots[] = {
	{.title = "Throughput by suite, one stream", .x_label = "suite, octets", .y_label = "packets/s per core", .series = "engine", .x = "work", .y = "pps",
	 .kind = PLOT_BARS, .log_y = true},
	{.title = "Distance to the floor: time over that of the bare primitives", .x_label = "suite, octets", .y_label = "times", .series = "engine",
	 .x = "work", .y = "to_floor", .kind = PLOT_BARS, .log_y = true},
};
static const struct plot batch_plot = {
	.title = "Time per packet by batch size", .x_label = "packets in a batch", .y_label = "ns", .series = "engine", .x = "batch", .y = "ns", .kind = PLOT_LINES,
	.log_x = true, .log_y = true};
static const struct plot stream_plot = {
	.title = "Time per packet by number of streams", .x_label = "streams, in shuffled order", .y_label = "ns", .series = "engine", .x = "streams", .y = "ns",
	.kind = PLOT_LINES, .log_x = true, .log_y = true};

static const struct result_column crypto_columns[] = {
	{.key = "suite", .title = "suite"},
	{.key = "direction", .title = "direction"},
	{.key = "payload", .title = "octets"},
	{.key = "streams", .title = "streams"},
	{.key = "batch", .title = "batch"},
	{.key = "engine", .title = "engine"},
	{.key = "ns", .title = "ns/packet", .decimals = 1},
	{.key = "pps", .title = "packets/s"},
	{.key = "gb_per_s", .title = "GB/s", .decimals = 3},
	{.key = "to_floor", .title = "x floor", .decimals = 2},
	{.key = "stream_bytes", .title = "octets/stream"},
};

struct page {
	struct buf html, markdown;
	bool has_plots; /* gnuplot answered so far */
};

/* --- text ----------------------------------------------------------------------------------------- */

static void escape(struct buf *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<': buf_text(out, "&lt;"); break;
		case '>': buf_text(out, "&gt;"); break;
		case '&': buf_text(out, "&amp;"); break;
		case '"': buf_text(out, "&quot;"); break;
		default: buf_char(out, *text); break;
		}
	}
}

static const char *string_at(const json_t *doc, const char *key)
{
	const char *s = json_string_value(json_object_get(doc, key));

	return s ? s : "?";
}

static void put_settings(struct buf *out, const json_t *doc, bool is_html)
{
	json_t *settings = json_object_get(doc, "settings"), *v;
	const char *key;
	bool first = true;

	json_object_foreach(settings, key, v) {
		char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));

		if (text && !json_is_null(v)) {
			buf_printf(out, "%s%s=", first ? "" : " ", key);
			if (is_html)
				escape(out, text);
			else
				buf_text(out, text);
			first = false;
		}
		free(text);
	}
}

static void put_origin(struct page *p, const json_t *doc)
{
	const json_t *machine = json_object_get(doc, "machine");
	const char *engine = json_string_value(json_object_get(doc, "generator_engine"));

	buf_printf(&p->html, "<p class=\"meta\">%s, version %s, commit <code>%s</code>, %d repetitions; ", string_at(doc, "time"), string_at(doc, "version"),
	           string_at(doc, "commit"), (int)json_integer_value(json_object_get(doc, "repetitions")));
	escape(&p->html, string_at(machine, "cpu"));
	buf_printf(&p->html, ", %d CPUs, kernel %s%s%s</p>\n<details><summary>settings</summary><p class=\"meta\"><code>",
	           (int)json_integer_value(json_object_get(machine, "cpus")), string_at(machine, "kernel"), engine ? "; generator's engine " : "", engine ? engine : "");
	put_settings(&p->html, doc, true);
	buf_text(&p->html, "</code></p></details>\n");
	buf_printf(&p->markdown, "%s, commit `%s`, %s, %d CPUs, kernel %s, %d repetitions. `", string_at(doc, "time"), string_at(doc, "commit"),
	           string_at(machine, "cpu"), (int)json_integer_value(json_object_get(machine, "cpus")), string_at(machine, "kernel"),
	           (int)json_integer_value(json_object_get(doc, "repetitions")));
	put_settings(&p->markdown, doc, false);
	buf_text(&p->markdown, "`\n\n");
}

static void put_list(struct page *p, const json_t *list, bool are_warnings)
{
	json_t *text;
	size_t i;

	json_array_foreach(list, i, text) {
		buf_text(&p->html, are_warnings ? "<p class=\"warn\">" : "<p>");
		escape(&p->html, json_string_value(text));
		buf_text(&p->html, "</p>\n");
		buf_printf(&p->markdown, "%s%s\n", are_warnings ? "- doubt: " : "- ", json_string_value(text));
	}
	if (json_array_size(list))
		buf_char(&p->markdown, '\n');
}

static void put_table(struct page *p, const json_t *rows, const struct result_column *columns, size_t n)
{
	char cell[128];
	json_t *row;
	size_t i;

	buf_text(&p->html, "<table><tr>");
	buf_char(&p->markdown, '|');
	for (size_t c = 0; c < n; c++)
		if (result_shows(rows, &columns[c])) {
			buf_printf(&p->html, "<th>%s</th>", columns[c].title);
			buf_printf(&p->markdown, " %s |", columns[c].title);
		}
	buf_text(&p->html, "</tr>\n");
	buf_text(&p->markdown, "\n|");
	for (size_t c = 0; c < n; c++)
		if (result_shows(rows, &columns[c]))
			buf_text(&p->markdown, "---|");
	buf_char(&p->markdown, '\n');
	json_array_foreach(rows, i, row) {
		buf_text(&p->html, "<tr>");
		buf_char(&p->markdown, '|');
		for (size_t c = 0; c < n; c++) {
			if (!result_shows(rows, &columns[c]))
				continue;
			result_cell(json_object_get(row, columns[c].key), &columns[c], cell, sizeof(cell));
			buf_text(&p->html, "<td>");
			escape(&p->html, cell);
			buf_text(&p->html, "</td>");
			buf_printf(&p->markdown, " %s |", cell);
		}
		buf_text(&p->html, "</tr>\n");
		buf_char(&p->markdown, '\n');
	}
	buf_text(&p->html, "</table>\n");
	buf_char(&p->markdown, '\n');
}

/* As an image of its own: names inside one drawing can't meet those of another. */
static void put_plot(struct page *p, const struct plot *plot, const json_t *rows)
{
	struct buf svg = {0};
	struct why why = {""};
	enum err e = p->has_plots ? plot_draw(plot, rows, &svg, &why) : ERR_NOT_FOUND;
	char *text = NULL;

	if (e == ERR_UNSUPPORTED) {
		fprintf(stderr, "warning: no plots: %s\n", why.text);
		p->has_plots = false;
	}
	if (e == ERR_OK && (text = mem_alloc(B64_TEXT_LEN(svg.n) + 1)) && b64_encode(svg.p, svg.n, true, text, B64_TEXT_LEN(svg.n) + 1) == ERR_OK) {
		buf_text(&p->html, "<figure><img alt=\"");
		escape(&p->html, plot->title);
		buf_printf(&p->html, "\" src=\"data:image/svg+xml;base64,%s\"></figure>\n", text);
	}
	mem_free(text);
	buf_free(&svg);
}

/* --- kinds ---------------------------------------------------------------------------------------- */

/* A row for each percentile of each target at the largest load. */
static json_t *percentiles(const json_t *rows)
{
	static const char *const names[] = {"p50", "p90", "p99", "p999", "max"}, *const titles[] = {"50 %", "90 %", "99 %", "99.9 %", "max"};
	json_t *out = json_array(), *row, *v;
	char key[32], who[128];
	size_t i;

	for (size_t k = 0; k < ARRAY_LEN(names); k++)
		json_array_foreach(rows, i, row) {
			snprintf(key, sizeof(key), "delay_us_%s", names[k]);
			v = json_object_get(row, key);
			if (!v)
				continue;
			snprintf(who, sizeof(who), "%s, %.0f sessions", string_at(row, "target"), result_median(json_object_get(row, "sessions")));
			json_array_append_new(out, json_pack("{s:s,s:s,s:O}", "who", who, "percentile", titles[k], "us", v));
		}
	return out;
}

static void put_call(struct page *p, const json_t *doc, const json_t *rows)
{
	json_t *latency = percentiles(rows), *ratios = json_object_get(doc, "ratios");
	const struct result_column ratio_columns[] = {
		{.key = "work", .title = "work"}, {.key = "figure", .title = "figure"}, {.key = "a", .title = "first", .decimals = 2},
		{.key = "b", .title = "second", .decimals = 2}, {.key = "ratio", .title = "second / first", .decimals = 2}};

	for (size_t i = 0; i < ARRAY_LEN(call_plots); i++)
		put_plot(p, &call_plots[i], rows);
	put_plot(p, &latency_plot, latency);
	put_table(p, rows, loadrun_columns, loadrun_n_columns);
	if (json_array_size(ratios))
		put_table(p, ratios, ratio_columns, ARRAY_LEN(ratio_columns));
	json_decref(latency);
}

static void put_setup(struct page *p, const json_t *doc, const json_t *rows)
{
	(void)doc;
	for (size_t i = 0; i < ARRAY_LEN(setup_plots); i++)
		put_plot(p, &setup_plots[i], rows);
	put_table(p, rows, setup_columns, setup_n_columns);
}

static double largest(const json_t *rows, const char *key)
{
	double most = 0;
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		most = result_median(json_object_get(row, key)) > most ? result_median(json_object_get(row, key)) : most;
	return most;
}

/* Rows where each key that is not NULL has its value; with "work", a short name of suite and size. */
static json_t *select_rows(const json_t *rows, double streams, double batch, double payload, const char *suite)
{
	json_t *out = json_array(), *row, *copy;
	char work[96];
	size_t i;

	json_array_foreach(rows, i, row) {
		const char *name = string_at(row, "suite");

		if (strcmp(string_at(row, "direction"), "unprotect") == 0 || (suite && strcmp(name, suite) != 0))
			continue;
		if ((streams > 0 && result_median(json_object_get(row, "streams")) != streams) ||
		    (batch > 0 && result_median(json_object_get(row, "batch")) != batch) ||
		    (payload > 0 && result_median(json_object_get(row, "payload")) != payload))
			continue;
		copy = json_copy(row);
		snprintf(work, sizeof(work), "%s %.0f", strstr(name, "GCM") ? strstr(name, "AES") : name, result_median(json_object_get(row, "payload")));
		json_object_set_new(copy, "work", json_string(work));
		json_array_append_new(out, copy);
	}
	return out;
}

static void put_crypto(struct page *p, const json_t *doc, const json_t *rows)
{
	double batch = largest(rows, "batch"), payload = result_median(json_object_get(json_array_get(rows, 0), "payload"));
	const char *suite = string_at(json_array_get(rows, 0), "suite");
	json_t *hot = select_rows(rows, 1, batch, 0, NULL), *batches = select_rows(rows, 1, 0, payload, suite),
	       *streams = select_rows(rows, 0, batch, payload, suite);

	(void)doc;
	for (size_t i = 0; i < ARRAY_LEN(crypto_plots); i++)
		put_plot(p, &crypto_plots[i], hot);
	put_plot(p, &batch_plot, batches);
	put_plot(p, &stream_plot, streams);
	put_table(p, rows, crypto_columns, ARRAY_LEN(crypto_columns));
	json_decref(hot);
	json_decref(batches);
	json_decref(streams);
}

static const struct {
	const char *kind, *title;
	void (*put)(struct page *p, const json_t *doc, const json_t *rows);
} kinds[] = {
	{"call", "Calls through a relay", put_call},
	{"setup", "Call set-up", put_setup},
	{"crypto", "SRTP engines", put_crypto},
};

static void put_result(struct page *p, const char *name, const json_t *doc)
{
	const char *kind = string_at(doc, "kind");

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kind, kinds[i].kind) != 0)
			continue;
		buf_printf(&p->html, "<h2>%s: %.*s</h2>\n", kinds[i].title, (int)strcspn(name, "."), name);
		buf_printf(&p->markdown, "### %s: %.*s\n\n", kinds[i].title, (int)strcspn(name, "."), name);
		put_origin(p, doc);
		put_list(p, json_object_get(doc, "warnings"), true);
		kinds[i].put(p, doc, json_object_get(doc, "rows"));
		put_list(p, json_object_get(doc, "notes"), false);
	}
}

/* --- the command ---------------------------------------------------------------------------------- */

static int is_json(const struct dirent *entry)
{
	return str_ends(str_of(entry->d_name), ".json");
}

static enum err write_file(const char *path, const struct buf *text, struct why *why)
{
	FILE *f = fopen(path, "we");
	bool bad = !f || fwrite(text->p, 1, text->n, f) != text->n;

	if (f)
		bad |= fclose(f) != 0;
	return bad ? why_fail(why, ERR_IO, "%s: %s", path, strerror(errno)) : ERR_OK;
}

static enum err put_folder(struct page *p, const char *dir, unsigned *n_results, struct why *why)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, is_json, alphasort);
	char path[4096];

	if (n < 0)
		return why_fail(why, ERR_IO, "%s: %s", dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		json_t *doc = NULL;
		struct why bad = {""};

		snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
		if (result_load(&doc, path, &bad) == ERR_OK) {
			put_result(p, list[i]->d_name, doc);
			++*n_results;
		} else {
			fprintf(stderr, "warning: %s\n", bad.text);
		}
		json_decref(doc);
		free(list[i]);
	}
	free(list);
	return *n_results ? ERR_OK : why_fail(why, ERR_NOT_FOUND, "%s: no result file (*.json, written by --json) in it", dir);
}

int report_run(int argc, char **argv)
{
	const char *html = NULL, *markdown = NULL;
	const struct opt rows[] = {
		{.name = "html", .kind = OPT_TEXT, .out = &html, .arg = "FILE", .help = "the page; default: DIR/report.html"},
		{.name = "markdown", .kind = OPT_TEXT, .out = &markdown, .arg = "FILE", .help = "the tables, for docs/performance.md"},
	};
	const struct opt_command command = {.name = "report", .usage = "DIR", .about = about, .opts = rows, .n_opts = ARRAY_LEN(rows), .words_min = 1, .words_max = 1};
	struct page page = {.has_plots = true};
	struct why why = {""};
	unsigned n_results = 0;
	char path[4096];
	int status;
	enum err e;

	if (opt_parse(&command, argc, argv, NULL, &status) == OPT_STOP)
		return status;
	snprintf(path, sizeof(path), "%s/report.html", argv[1]);
	buf_text(&page.html, head);
	e = put_folder(&page, argv[1], &n_results, &why);
	buf_text(&page.html, "</body></html>\n");
	if (e == ERR_OK && (page.html.bad || page.markdown.bad))
		e = ERR_NOMEM;
	if (e == ERR_OK)
		e = write_file(html ? html : path, &page.html, &why);
	if (e == ERR_OK && markdown)
		e = write_file(markdown, &page.markdown, &why);
	if (e == ERR_OK)
		printf("%s: %u results\n", html ? html : path, n_results);
	else
		fprintf(stderr, "sluice-bench report: %s\n", *why.text ? why.text : err_meaning(e));
	buf_free(&page.html);
	buf_free(&page.markdown);
	return e == ERR_OK ? BENCH_DONE : BENCH_REFUSED;
}
