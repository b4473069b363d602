/* SPDX-License-Identifier: MIT */
/* Plots of result rows, drawn by gnuplot as SVG. */
#include "bench/report/plot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/result/result.h"

enum { SERIES_MAX = 12, WIDTH = 760, HEIGHT = 400 };

/* Colours that colour-blind readers can distinguish (Okabe and Ito). */
static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                      "#e69f00", "#56b4e9", "#000000", "#999999"};

/* Writes a value as text; numbers have no trailing zeros. */
static const char *text_of(const json_t *v, char *out, size_t room)
{
	if (json_is_string(v))
		snprintf(out, room, "%s", json_string_value(v));
	else
		snprintf(out, room, "%.10g", result_median(v));
	return out;
}

/* Returns the distinct values of a key as texts, in order of appearance; rows without x or y do not
 * count. */
static json_t *distinct(const json_t *rows, const char *key, const struct plot *p)
{
	json_t *out = json_array(), *row, *seen;
	char a[128], b[128];
	size_t i, k;

	json_array_foreach(rows, i, row)
	{
		bool is_new = json_object_get(row, p->x) && json_object_get(row, p->y);

		text_of(json_object_get(row, key), a, sizeof(a));
		json_array_foreach(out, k, seen) is_new =
			is_new && strcmp(a, text_of(seen, b, sizeof(b))) != 0;
		if (is_new)
			json_array_append_new(out, json_string(a));
	}
	return out;
}

static bool has(const json_t *row, const char *key, const char *text)
{
	char a[128];

	return json_object_get(row, key) &&
	       !strcmp(text_of(json_object_get(row, key), a, sizeof(a)), text);
}

static void write_point(FILE *f, const json_t *y)
{
	const json_t *min = json_object_get(y, "min"), *max = json_object_get(y, "max");

	fprintf(f, " %.9g %.9g %.9g\n", result_median(y),
	        min ? json_number_value(min) : result_median(y),
	        max ? json_number_value(max) : result_median(y));
}

static void write_lines(FILE *f, const struct plot *p, const json_t *rows, const json_t *series)
{
	json_t *name, *row;
	size_t i, k;

	json_array_foreach(series, i, name)
	{
		fprintf(f, "$s%zu << END\n", i);
		json_array_foreach(rows, k, row)
		{
			if (!has(row, p->series, json_string_value(name)) ||
			    !json_object_get(row, p->y))
				continue;
			fprintf(f, "%.9g", result_median(json_object_get(row, p->x)));
			write_point(f, json_object_get(row, p->y));
		}
		fputs("END\n", f);
	}
	fprintf(f, "set offsets graph 0.05, graph 0.05, graph 0.08, graph 0\nplot ");
	json_array_foreach(series, i, name)
		fprintf(f,
	                "%s$s%zu using 1:2 smooth unique with linespoints lc rgb '%s' lw 2 pt 7 ps "
	                "0.7 title \"%s\", $s%zu using 1:3:(0):($4-$3) with vectors "
	                "nohead lc rgb '%s' notitle",
	                i ? ", " : "", i, colours[i % ARRAY_LEN(colours)], json_string_value(name),
	                i, colours[i % ARRAY_LEN(colours)]);
	fputc('\n', f);
}

static void write_bars(FILE *f, const struct plot *p, const json_t *rows, const json_t *series)
{
	json_t *groups = distinct(rows, p->x, p), *name, *group, *row;
	size_t i, g, k, n = json_array_size(series);

	json_array_foreach(series, i, name)
	{
		fprintf(f, "$s%zu << END\n", i);
		json_array_foreach(groups, g, group) json_array_foreach(
			rows, k, row) if (has(row, p->series, json_string_value(name)) &&
		                          has(row, p->x, json_string_value(group)) &&
		                          json_object_get(row, p->y))
		{
			fprintf(f, "%g",
			        (double)g + ((double)i - (double)(n - 1) / 2) * 0.8 / (double)n);
			write_point(f, json_object_get(row, p->y));
			break;
		}
		fputs("END\n", f);
	}
	fprintf(f,
	        "set boxwidth %g\nset style fill solid 0.85\nset xrange [-0.6:%g]\n%sset xtics (",
	        0.72 / (double)n, (double)json_array_size(groups) - 0.4,
	        p->log_y ? "" : "set yrange [0:1<*]\n");
	json_array_foreach(groups, g, group)
	{
		fprintf(f, "%s\"", g ? ", " : "");
		for (const char *c = json_string_value(group); *c; c++)
			fprintf(f, *c == '%' ? "%%%%" : "%c",
			        *c); /* gnuplot treats tic labels as formats */
		fprintf(f, "\" %zu", g);
	}
	fprintf(f, ") %s\nplot ", json_array_size(groups) > 6 ? "rotate by 20 right" : "");
	json_array_foreach(series, i, name) fprintf(
		f,
		"%s$s%zu using 1:2 with boxes lc rgb '%s' title \"%s\", $s%zu using "
		"1:3:(0):($4-$3) with vectors nohead lc rgb '#222222' lw 1.5 notitle",
		i ? ", " : "", i, colours[i % ARRAY_LEN(colours)], json_string_value(name), i);
	fputc('\n', f);
	json_decref(groups);
}

static void write_script(FILE *f, const struct plot *p, const json_t *rows, const json_t *series,
                         const char *out)
{
	fprintf(f,
	        "set terminal svg size %d,%d noenhanced font 'Helvetica,13' background "
	        "'#ffffff'\nset output '%s'\n",
	        WIDTH, HEIGHT, out);
	fputs("set encoding utf8\nset border 3 lc rgb '#666666'\nset tics nomirror tc rgb "
	      "'#333333'\nset grid ytics lc rgb '#dddddd' lt 1\n"
	      "set key outside top left horizontal samplen 1.5 font ',12'\nset bars 0.4\n",
	      f);
	fprintf(f, "set format y '%s'\n", p->log_y ? "%.0s%c" : "%.6g");
	fprintf(f,
	        "set title \"%s\" font ',15' offset 0,0.3\nset xlabel \"%s\"\nset ylabel \"%s\"\n",
	        p->title, p->x_label, p->y_label);
	fprintf(f, "%s%s", p->log_x ? "set logscale x\n" : "",
	        p->log_y ? "set logscale y\n" : "set yrange [0:1<*]\n");
	if (p->kind == PLOT_LINES)
		write_lines(f, p, rows, series);
	else
		write_bars(f, p, rows, series);
}

static enum err slurp(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "re");
	char room[4096];
	size_t n;

	if (!f)
		return ERR_IO;
	while ((n = fread(room, 1, sizeof(room), f)) > 0)
		buf_add(out, room, n);
	fclose(f);
	return out->bad ? ERR_NOMEM : out->n ? ERR_OK : ERR_IO;
}

enum err plot_draw(const struct plot *p, const json_t *rows, struct buf *svg, struct why *why)
{
	char path[] = "/tmp/sluice-bench-plot-XXXXXX";
	json_t *series = distinct(rows, p->series, p);
	enum err e = ERR_OK;
	FILE *f = NULL;
	int fd = -1, status;

	if (json_array_size(series) == 0 || json_array_size(series) > SERIES_MAX) {
		e = why_fail(why, ERR_NOT_FOUND, "plot \"%s\": no row has both values to draw",
		             p->title);
		goto out;
	}
	fd = mkstemp(path);
	if (fd < 0) {
		e = why_fail(why, ERR_IO, "cannot create the file %s: %s", path, strerror(errno));
		goto out;
	}
	f = popen("gnuplot >/dev/null", "we");
	if (f)
		write_script(f, p, rows, series, path);
	status = f ? pclose(f) : -1;
	if (status != 0)
		e = why_fail(why, ERR_UNSUPPORTED, "gnuplot did not draw \"%s\"%s", p->title,
		             WIFEXITED(status) && WEXITSTATUS(status) == 127
		                     ? ": install the package gnuplot-nox"
		                     : "");
	else
		e = slurp(path, svg);
out:
	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	json_decref(series);
	return e;
}
