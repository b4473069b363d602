/* SPDX-License-Identifier: MIT */
/* Writes a page of results: head, tables, plots. */
#include "bench/report/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/b64.h"
#include "base/mem.h"

static const char head[] =
	"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
	"content=\"width=device-width, initial-scale=1\">\n"
	"<title>Sluice: measurements</title>\n<style>\n"
	"body{font:16px/1.5 system-ui,Helvetica,Arial,sans-serif;margin:2rem "
	"auto;max-width:72rem;padding:0 1rem;color:#222;background:#fff}\n"
	"h1{font-size:1.7rem;margin-bottom:.2rem}h2{margin-top:2.6rem;border-bottom:2px solid "
	"#0072b2;padding-bottom:.2rem}\n"
	".meta{color:#555;font-size:.9rem}.warn{background:#fff3e0;border-left:4px solid "
	"#d55e00;padding:.4rem .8rem;margin:.4rem 0;font-size:.9rem}\n"
	"table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums;margin:"
	"1rem 0;display:block;overflow-x:auto}\n"
	"th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid "
	"#ddd;white-space:nowrap}th{background:#f2f6fa}\n"
	".word{text-align:left}figure{margin:1rem "
	"0;display:inline-block}img{max-width:100%;border:1px solid #eee}\n"
	"details{margin:.5rem "
	"0}summary{cursor:pointer;color:#0072b2}code{background:#f2f2f2;padding:0 .2rem}\n"
	"</style></head><body>\n<h1>Sluice: measurements</h1>\n"
	"<p class=\"meta\">Figures are medians of the repetitions, ± half the difference "
	"between the largest and the smallest. The figures of one table come from one run in which "
	"the "
	"targets "
	"took turns: compare figures within a table, not between tables.</p>\n";

/* --- text ------------------------------------------------------------------- */

static void escape(struct buf *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			buf_text(out, "&lt;");
			break;
		case '>':
			buf_text(out, "&gt;");
			break;
		case '&':
			buf_text(out, "&amp;");
			break;
		case '"':
			buf_text(out, "&quot;");
			break;
		default:
			buf_char(out, *text);
			break;
		}
	}
}

const char *page_text_of(const json_t *doc, const char *key)
{
	const char *s = json_string_value(json_object_get(doc, key));

	return s ? s : "?";
}

static void put_settings(struct buf *out, const json_t *doc, bool is_html)
{
	json_t *settings = json_object_get(doc, "settings"), *v;
	const char *key;
	bool first = true;

	json_object_foreach(settings, key, v)
	{
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

void page_origin(struct page *p, const json_t *doc)
{
	const json_t *machine = json_object_get(doc, "machine");
	const char *engine = json_string_value(json_object_get(doc, "generator_engine"));

	buf_printf(&p->html,
	           "<p class=\"meta\">%s, version %s, commit <code>%s</code>, %d repetitions; ",
	           page_text_of(doc, "time"), page_text_of(doc, "version"),
	           page_text_of(doc, "commit"),
	           (int)json_integer_value(json_object_get(doc, "repetitions")));
	escape(&p->html, page_text_of(machine, "cpu"));
	buf_printf(&p->html,
	           ", %d CPUs, kernel %s%s%s</p>\n<details><summary>settings</summary><p "
	           "class=\"meta\"><code>",
	           (int)json_integer_value(json_object_get(machine, "cpus")),
	           page_text_of(machine, "kernel"), engine ? "; generator's engine " : "",
	           engine ? engine : "");
	put_settings(&p->html, doc, true);
	buf_text(&p->html, "</code></p></details>\n");
	buf_printf(&p->markdown, "%s, commit `%s`, %s, %d CPUs, kernel %s, %d repetitions. `",
	           page_text_of(doc, "time"), page_text_of(doc, "commit"),
	           page_text_of(machine, "cpu"),
	           (int)json_integer_value(json_object_get(machine, "cpus")),
	           page_text_of(machine, "kernel"),
	           (int)json_integer_value(json_object_get(doc, "repetitions")));
	put_settings(&p->markdown, doc, false);
	buf_text(&p->markdown, "`\n\n");
}

void page_list(struct page *p, const json_t *list, bool are_warnings)
{
	json_t *text;
	size_t i;

	json_array_foreach(list, i, text)
	{
		buf_text(&p->html, are_warnings ? "<p class=\"warn\">" : "<p>");
		escape(&p->html, json_string_value(text));
		buf_text(&p->html, "</p>\n");
		buf_printf(&p->markdown, "%s%s\n", are_warnings ? "- warning: " : "- ",
		           json_string_value(text));
	}
	if (json_array_size(list))
		buf_char(&p->markdown, '\n');
}

void page_table(struct page *p, const json_t *rows, const struct result_column *columns, size_t n)
{
	char cell[128];
	json_t *row;
	size_t i;

	buf_text(&p->html, "<table><tr>");
	buf_char(&p->markdown, '|');
	for (size_t c = 0; c < n; c++)
		if (result_shows(rows, &columns[c])) {
			buf_printf(&p->html, "<th%s>%s</th>",
			           json_is_string(
					   json_object_get(json_array_get(rows, 0), columns[c].key))
			                   ? " class=\"word\""
			                   : "",
			           columns[c].title);
			buf_printf(&p->markdown, " %s |", columns[c].title);
		}
	buf_text(&p->html, "</tr>\n");
	buf_text(&p->markdown, "\n|");
	for (size_t c = 0; c < n; c++)
		if (result_shows(rows, &columns[c]))
			buf_text(&p->markdown, "---|");
	buf_char(&p->markdown, '\n');
	json_array_foreach(rows, i, row)
	{
		buf_text(&p->html, "<tr>");
		buf_char(&p->markdown, '|');
		for (size_t c = 0; c < n; c++) {
			if (!result_shows(rows, &columns[c]))
				continue;
			result_cell(json_object_get(row, columns[c].key), &columns[c], cell,
			            sizeof(cell));
			buf_text(&p->html, json_is_string(json_object_get(row, columns[c].key))
			                           ? "<td class=\"word\">"
			                           : "<td>");
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

/* Writes the plot as a separate image, so that ids inside the SVG drawings cannot clash. */
void page_plot(struct page *p, const struct plot *plot, const json_t *rows)
{
	struct buf svg = {0};
	struct why why = {""};
	enum err e = p->has_plots ? plot_draw(plot, rows, &svg, &why) : ERR_NOT_FOUND;
	char *text = NULL;

	if (e == ERR_UNSUPPORTED) {
		fprintf(stderr, "warning: no plots: %s\n", why.text);
		p->has_plots = false;
	}
	if (e == ERR_OK && (text = mem_alloc(B64_TEXT_LEN(svg.n) + 1)) &&
	    b64_encode(svg.p, svg.n, true, text, B64_TEXT_LEN(svg.n) + 1) == ERR_OK) {
		buf_text(&p->html, "<figure><img alt=\"");
		escape(&p->html, plot->title);
		buf_printf(&p->html, "\" src=\"data:image/svg+xml;base64,%s\"></figure>\n", text);
	}
	mem_free(text);
	buf_free(&svg);
}

void page_begin(struct page *p)
{
	*p = (struct page){.has_plots = true};
	buf_text(&p->html, head);
}

void page_end(struct page *p)
{
	buf_text(&p->html, "</body></html>\n");
}

void page_heading(struct page *p, const char *title, const char *name)
{
	buf_printf(&p->html, "<h2>%s: %.*s</h2>\n", title, (int)strcspn(name, "."), name);
	buf_printf(&p->markdown, "### %s: %.*s\n\n", title, (int)strcspn(name, "."), name);
}
