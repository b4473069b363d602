/* SPDX-License-Identifier: MIT */
/* The plots and columns of each kind of result. */
#include <stdio.h>
#include <string.h>

#include "bench/kms/kmsload.h"
#include "bench/gen/loadrun.h"
#include "bench/report/page.h"
#include "bench/gen/setup.h"

static const struct plot call_plots[] = {
	{
		.title = "CPU time per forwarded packet, target's own threads",
		.x_label = "load",
		.y_label = "ns",
		.series = "who",
		.x = "load",
		.y = "cpu_target_ns",
		.kind = PLOT_BARS,
	},
	{
		.title = "CPU time per forwarded packet, whole machine less baseline",
		.x_label = "load",
		.y_label = "ns",
		.series = "who",
		.x = "load",
		.y = "cpu_machine_ns",
		.kind = PLOT_BARS,
	},
	{
		.title = "Packets lost",
		.x_label = "load",
		.y_label = "packets",
		.series = "who",
		.x = "load",
		.y = "lost",
		.kind = PLOT_BARS,
	},
	{
		.title = "Memory of the target",
		.x_label = "load",
		.y_label = "MB",
		.series = "who",
		.x = "load",
		.y = "rss_mb",
		.kind = PLOT_BARS,
	},
};
static const struct plot latency_plot = {.title = "One-way delay through the target",
                                         .x_label = "percentile",
                                         .y_label = "us",
                                         .series = "who",
                                         .x = "percentile",
                                         .y = "us",
                                         .kind = PLOT_BARS,
                                         .log_y = true};
static const struct plot ramp_plots[] = {
	{
		.title = "CPU time per forwarded packet, target's own threads",
		.x_label = "packets/s",
		.y_label = "ns",
		.series = "who",
		.x = "pps",
		.y = "cpu_target_ns",
		.kind = PLOT_LINES,
	},
	{
		.title = "Delay p99 through the target",
		.x_label = "packets/s",
		.y_label = "us",
		.series = "who",
		.x = "pps",
		.y = "delay_us_p99",
		.kind = PLOT_LINES,
		.log_y = true,
	},
};
static const struct plot setup_plots[] = {
	{
		.title = "Calls made and ended per second",
		.x_label = "in flight",
		.y_label = "calls/s",
		.series = "target",
		.x = "in_flight",
		.y = "calls_per_s",
		.kind = PLOT_BARS,
	},
	{
		.title = "CPU time per call, target",
		.x_label = "in flight",
		.y_label = "us",
		.series = "target",
		.x = "in_flight",
		.y = "cpu_us_per_call",
		.kind = PLOT_BARS,
	},
	{
		.title = "Memory per held call",
		.x_label = "held",
		.y_label = "kB",
		.series = "target",
		.x = "held",
		.y = "kb_per_call",
		.kind = PLOT_BARS,
	},
};
static const struct plot crypto_plots[] = {
	{
		.title = "Throughput by suite, one stream",
		.x_label = "suite, octets",
		.y_label = "packets/s per core",
		.series = "engine",
		.x = "work",
		.y = "pps",
		.kind = PLOT_BARS,
		.log_y = true,
	},
	{
		.title = "Time per packet as a multiple of the floor's (bare cipher and MAC)",
		.x_label = "suite, octets",
		.y_label = "times",
		.series = "engine",
		.x = "work",
		.y = "to_floor",
		.kind = PLOT_BARS,
		.log_y = true,
	},
};
static const struct plot batch_plot = {.title = "Time per packet by batch size",
                                       .x_label = "packets in a batch",
                                       .y_label = "ns",
                                       .series = "engine",
                                       .x = "batch",
                                       .y = "ns",
                                       .kind = PLOT_LINES,
                                       .log_x = true,
                                       .log_y = true};
static const struct plot stream_plot = {.title = "Time per packet by number of streams",
                                        .x_label = "streams, in shuffled order",
                                        .y_label = "ns",
                                        .series = "engine",
                                        .x = "streams",
                                        .y = "ns",
                                        .kind = PLOT_LINES,
                                        .log_x = true,
                                        .log_y = true};

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
	{.key = "to_floor", .title = "time / floor", .decimals = 2},
	{.key = "stream_bytes", .title = "octets/stream"},
};

static bool has_many(const json_t *rows, const char *key)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) if (!json_equal(json_object_get(row, key),
	                                                 json_object_get(json_array_get(rows, 0),
	                                                                 key))) return true;
	return false;
}

/* Returns copies of the rows with the names that plots use: "who" (the target, and the mode if
 * there are several) and "load". */
static json_t *name_rows(const json_t *rows)
{
	bool modes = has_many(rows, "mode");
	json_t *out = json_array(), *row, *copy;
	char text[128];
	size_t i;

	json_array_foreach(rows, i, row)
	{
		copy = json_copy(row);
		snprintf(text, sizeof(text), "%s%s%s", page_text_of(row, "target"),
		         modes ? " " : "", modes ? page_text_of(row, "mode") : "");
		json_object_set_new(copy, "who", json_string(text));
		snprintf(text, sizeof(text), "%.0f sessions, %.3gk/s",
		         result_median(json_object_get(row, "sessions")),
		         result_median(json_object_get(row, "pps_due")) / 1000);
		json_object_set_new(copy, "load", json_string(text));
		json_array_append_new(out, copy);
	}
	return out;
}

static double largest(const json_t *rows, const char *key)
{
	double most = 0;
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) most = result_median(json_object_get(row, key)) > most
	                                                ? result_median(json_object_get(row, key))
	                                                : most;
	return most;
}

/* Makes a row for each percentile of each target at the highest number of sessions. */
static json_t *percentiles(const json_t *named)
{
	static const char *const names[] = {"p50", "p90", "p99", "p999", "max"},
				 *const titles[] = {"50 %", "90 %", "99 %", "99.9 %", "max"};
	json_t *out = json_array(), *row, *v;
	char key[32], who[192];
	size_t i;

	for (size_t k = 0; k < ARRAY_LEN(names); k++)
		json_array_foreach(named, i, row)
		{
			snprintf(key, sizeof(key), "delay_us_%s", names[k]);
			v = json_object_get(row, key);
			if (!v || result_median(json_object_get(row, "sessions")) !=
			                  largest(named, "sessions"))
				continue;
			snprintf(who, sizeof(who), "%s, %s", page_text_of(row, "who"),
			         page_text_of(row, "load"));
			json_array_append_new(out, json_pack("{s:s,s:s,s:O}", "who", who,
			                                     "percentile", titles[k], "us", v));
		}
	return out;
}

static void put_call_plots(struct page *p, const json_t *doc, const json_t *rows)
{
	json_t *named = name_rows(rows), *latency = percentiles(named);

	if (json_object_get(doc, "highest")) {
		for (size_t i = 0; i < ARRAY_LEN(ramp_plots); i++)
			page_plot(p, &ramp_plots[i], named);
	} else {
		for (size_t i = 0; i < ARRAY_LEN(call_plots); i++)
			if (strcmp(call_plots[i].y, "lost") != 0 || largest(rows, "lost") > 0)
				page_plot(p, &call_plots[i], named);
		page_plot(p, &latency_plot, latency);
	}
	json_decref(latency);
	json_decref(named);
}

static void put_ratios(struct page *p, const json_t *doc)
{
	static const struct result_column columns[] = {
		{.key = "work", .title = "work"},
		{.key = "figure", .title = "figure"},
		{.key = "a", .title = "first", .decimals = 2},
		{.key = "target", .title = "other target"},
		{.key = "b", .title = "other", .decimals = 2},
		{.key = "ratio", .title = "ratio", .decimals = 2}};
	const json_t *ratios = json_object_get(doc, "ratios");

	if (json_array_size(ratios))
		page_table(p, ratios, columns, ARRAY_LEN(columns));
}

static void put_call(struct page *p, const json_t *doc, const json_t *rows)
{
	put_call_plots(p, doc, rows);
	page_table(p, rows, loadrun_columns, loadrun_n_columns);
	put_ratios(p, doc);
}

static void put_setup(struct page *p, const json_t *doc, const json_t *rows)
{
	for (size_t i = 0; i < ARRAY_LEN(setup_plots); i++)
		page_plot(p, &setup_plots[i], rows);
	page_table(p, rows, setup_columns, setup_n_columns);
	put_ratios(p, doc);
}

/* Returns copies of the rows of direction protect with these values (0 or NULL: any value); adds
 * "work", a short name of suite and payload. */
static json_t *select_rows(const json_t *rows, double streams, double batch, double payload,
                           const char *suite)
{
	json_t *out = json_array(), *row, *copy;
	char work[96];
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *name = page_text_of(row, "suite");

		if (strcmp(page_text_of(row, "direction"), "unprotect") == 0 ||
		    (suite && strcmp(name, suite) != 0))
			continue;
		if ((streams > 0 && result_median(json_object_get(row, "streams")) != streams) ||
		    (batch > 0 && result_median(json_object_get(row, "batch")) != batch) ||
		    (payload > 0 && result_median(json_object_get(row, "payload")) != payload))
			continue;
		copy = json_copy(row);
		snprintf(work, sizeof(work), "%s %.0f",
		         strstr(name, "GCM") ? strstr(name, "AES") : name,
		         result_median(json_object_get(row, "payload")));
		json_object_set_new(copy, "work", json_string(work));
		json_array_append_new(out, copy);
	}
	return out;
}

static void put_crypto(struct page *p, const json_t *doc, const json_t *rows)
{
	double batch = largest(rows, "batch"),
	       payload = result_median(json_object_get(json_array_get(rows, 0), "payload"));
	const char *suite = page_text_of(json_array_get(rows, 0), "suite");
	json_t *hot = select_rows(rows, 1, batch, 0, NULL),
	       *batches = select_rows(rows, 1, 0, payload, suite),
	       *streams = select_rows(rows, 0, batch, payload, suite);

	(void)doc;
	for (size_t i = 0; i < ARRAY_LEN(crypto_plots); i++)
		page_plot(p, &crypto_plots[i], hot);
	page_plot(p, &batch_plot, batches);
	page_plot(p, &stream_plot, streams);
	page_table(p, rows, crypto_columns, ARRAY_LEN(crypto_columns));
	json_decref(hot);
	json_decref(batches);
	json_decref(streams);
}

static void put_kms(struct page *p, const json_t *doc, const json_t *rows)
{
	(void)doc;
	page_table(p, rows, kmsload_columns, kmsload_n_columns);
}

static const struct {
	const char *kind, *title;
	void (*put)(struct page *p, const json_t *doc, const json_t *rows);
} kinds[] = {
	{"call", "Calls through a relay", put_call},
	{"setup", "Call set-up", put_setup},
	{"crypto", "SRTP engines", put_crypto},
	{"kms", "Key Management Service", put_kms},
};

void report_put(struct page *p, const char *file_name, const json_t *doc)
{
	const char *kind = page_text_of(doc, "kind");

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kind, kinds[i].kind) != 0)
			continue;
		page_heading(p, kinds[i].title, file_name);
		page_origin(p, doc);
		page_list(p, json_object_get(doc, "warnings"), true);
		kinds[i].put(p, doc, json_object_get(doc, "rows"));
		page_list(p, json_object_get(doc, "notes"), false);
	}
}
