/* SPDX-License-Identifier: MIT */
/* sluice-bench report: turns the result files of a folder into an HTML page with plots, and into
 * Markdown tables. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "base/opt.h"
#include "bench/report/page.h"

static const char about[] =
	"Makes one self-contained HTML page, with plots drawn by gnuplot, of all result files "
	"(*.json) in DIR, and on request the\nsame tables as Markdown.";

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
	return bad ? why_fail(why, ERR_IO, "%s: cannot be written: %s", path, strerror(errno))
	           : ERR_OK;
}

static enum err put_folder(struct page *p, const char *dir, unsigned *n_results, struct why *why)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, is_json, alphasort);
	char path[4096];

	if (n < 0)
		return why_fail(why, ERR_IO, "%s: the folder cannot be read: %s", dir,
		                strerror(errno));
	for (int i = 0; i < n; i++) {
		json_t *doc = NULL;
		struct why bad = {""};

		snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
		if (result_load(&doc, path, &bad) == ERR_OK) {
			report_put(p, list[i]->d_name, doc);
			++*n_results;
		} else {
			fprintf(stderr, "warning: %s\n", bad.text);
		}
		json_decref(doc);
		free(list[i]);
	}
	free(list);
	return *n_results
	               ? ERR_OK
	               : why_fail(why, ERR_NOT_FOUND,
	                          "%s: the folder has no result file (*.json, written by --json)",
	                          dir);
}

int report_run(int argc, char **argv)
{
	const char *html = NULL, *markdown = NULL;
	const struct opt rows[] = {
		{
			.name = "html",
			.kind = OPT_TEXT,
			.out = &html,
			.arg = "FILE",
			.help = "write the page to FILE (default: DIR/report.html)",
		},
		{
			.name = "markdown",
			.kind = OPT_TEXT,
			.out = &markdown,
			.arg = "FILE",
			.help = "write the tables as Markdown to FILE",
		},
	};
	const struct opt_command command = {.name = "sluice-bench report",
	                                    .usage = "DIR",
	                                    .about = about,
	                                    .opts = rows,
	                                    .n_opts = ARRAY_LEN(rows),
	                                    .words_min = 1,
	                                    .words_max = 1};
	struct page page;
	struct why why = {""};
	unsigned n_results = 0;
	char path[4096];
	int status;
	enum err e;

	if (opt_parse(&command, argc, argv, NULL, &status) == OPT_STOP)
		return status;
	snprintf(path, sizeof(path), "%s/report.html", argv[1]);
	page_begin(&page);
	e = put_folder(&page, argv[1], &n_results, &why);
	page_end(&page);
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
