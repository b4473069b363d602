/* SPDX-License-Identifier: MIT */
/* sluice-bench compare: the same work against two targets in turn, or two results of the same settings; ratios. */
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/loadopt.h"
#include "bench/loadrun.h"
#include "bench/peer.h"
#include "bench/setup.h"

static const char about[] =
	"Runs the same load against two targets in turn, in one run, the order reversed from round to round, and prints both and\n"
	"the ratio of the second to the first. With --setup the work is making and ending calls. Where A and B are result files\n"
	"(of call, setup or crypto), nothing is run: their rows are compared, if their settings are the same.";

static const char examples[] =
	"Examples:\n"
	"  sluice-bench compare bench/targets/rtpengine.json bench/targets/sluice.json --sessions 200,500,1000\n"
	"  sluice-bench compare --setup ng:127.0.0.1:2223 jsonrpc:/run/sluice/control.sock\n"
	"  sluice-bench compare yesterday.json today.json\n";

/* What is compared, of any kind of result; less is better unless said. */
static const struct {
	const char *key, *title;
	int decimals;
} figures[] = {
	{"cpu_target_ns", "CPU ns per packet, target's threads", 0},
	{"cpu_machine_ns", "CPU ns per packet, whole machine less baseline", 0},
	{"loss", "share of packets lost", 5},
	{"delay_us_p50", "delay p50, us", 0},
	{"delay_us_p99", "delay p99, us", 0},
	{"delay_us_p999", "delay p99.9, us", 0},
	{"switches_per_pkt", "context switches per packet", 2},
	{"rss_mb", "memory, MB", 0},
	{"fds", "descriptors", 0},
	{"calls_per_s", "calls made and ended a second (more is better)", 0},
	{"cpu_us_per_call", "CPU us per call, target", 1},
	{"offer_us_p99", "offer p99, us", 0},
	{"answer_us_p99", "answer p99, us", 0},
	{"create_us_p99", "create p99, us", 0},
	{"delete_us_p99", "delete p99, us", 0},
	{"kb_per_call", "memory per held call, kB", 1},
	{"fds_per_call", "descriptors per held call", 2},
	{"ns", "ns per packet", 1},
};

/* Keys that name a row: where they differ, rows are not the same work. */
static const char *const names[] = {"sessions", "in_flight", "engine", "suite", "direction", "payload", "streams", "batch"};

static bool is_same_work(const json_t *a, const json_t *b)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const json_t *x = json_object_get(a, names[i]), *y = json_object_get(b, names[i]);

		if ((x || y) && !(x && y && json_equal(x, y)))
			return false;
	}
	return true;
}

/* "200 sessions" or "evp AES_CM_128_HMAC_SHA1_80 protect 160 1 64" */
static void describe(const json_t *row, char *out, size_t room)
{
	size_t at = 0;

	*out = 0;
	for (size_t i = 0; i < ARRAY_LEN(names) && at < room; i++) {
		const json_t *v = json_object_get(row, names[i]);

		if (json_is_string(v))
			at += (size_t)snprintf(out + at, room - at, "%s%s", at ? " " : "", json_string_value(v));
		else if (v)
			at += (size_t)snprintf(out + at, room - at, "%s%s %.0f", at ? " " : "", names[i], result_median(v));
	}
}

static void add_ratios(json_t *out, const json_t *a, const json_t *b)
{
	char what[160];

	describe(a, what, sizeof(what));
	for (size_t i = 0; i < ARRAY_LEN(figures); i++) {
		json_t *x = json_object_get(a, figures[i].key), *y = json_object_get(b, figures[i].key), *row;

		if (!x || !y)
			continue;
		row = json_object();
		json_object_set_new(row, "work", json_string(what));
		json_object_set_new(row, "figure", json_string(figures[i].title));
		json_object_set(row, "a", x);
		json_object_set(row, "b", y);
		if (result_median(x) != 0)
			json_object_set_new(row, "ratio", json_real(result_median(y) / result_median(x)));
		json_array_append_new(out, row);
	}
}

static void print_ratios(const json_t *ratios, const char *a, const char *b)
{
	const struct result_column columns[] = {
		{.key = "work", .title = "work"},
		{.key = "figure", .title = "figure"},
		{.key = "a", .title = a, .decimals = 2},
		{.key = "b", .title = b, .decimals = 2},
		{.key = "ratio", .title = "ratio", .decimals = 2},
	};
	struct result shown = {.rows = (json_t *)ratios};

	result_print(&shown, columns, ARRAY_LEN(columns), stdout);
}

static json_t *rows_of(const json_t *doc, const json_t *other_rows, bool by_target)
{
	const json_t *rows = json_object_get(doc, "rows");
	json_t *out = json_array(), *a, *b;
	size_t i, k;

	json_array_foreach(rows, i, a)
		json_array_foreach(other_rows, k, b) {
			bool pair = by_target ? k > i && !json_equal(json_object_get(a, "target"), json_object_get(b, "target")) : true;

			if (pair && is_same_work(a, b))
				add_ratios(out, a, b);
		}
	return out;
}

/* --- files ---------------------------------------------------------------------------------------- */

static int compare_files(const char *path_a, const char *path_b)
{
	json_t *a = NULL, *b = NULL, *ratios;
	struct why why = {""};
	enum err e = result_load(&a, path_a, &why);

	if (e == ERR_OK)
		e = result_load(&b, path_b, &why);
	if (e == ERR_OK)
		e = result_same_settings(a, b, &why);
	if (e != ERR_OK) {
		fprintf(stderr, "sluice-bench compare: %s\n", why.text);
	} else {
		if (!json_equal(json_object_get(a, "machine"), json_object_get(b, "machine")))
			fprintf(stderr, "warning: the results are from different machines\n");
		ratios = rows_of(a, json_object_get(b, "rows"), false);
		print_ratios(ratios, path_a, path_b);
		json_decref(ratios);
	}
	json_decref(a);
	json_decref(b);
	return e == ERR_OK ? BENCH_DONE : BENCH_REFUSED;
}

static bool is_result_file(const char *path)
{
	json_t *doc = json_load_file(path, 0, NULL);
	bool is = json_object_get(doc, "format") != NULL;

	json_decref(doc);
	return is;
}

/* --- targets -------------------------------------------------------------------------------------- */

static enum err run_work(struct result *r, struct loadopt *o, bool is_setup, const struct place *place, struct measure_config *config, const struct peer *peers, struct why *why)
{
	struct setup_options s = setup_defaults;

	if (!is_setup)
		return loadrun_targets(r, config, o, peers, 2, why);
	if (!strncmp(peers[0].control, "jsonrpc:", 8) != !strncmp(peers[1].control, "jsonrpc:", 8))
		result_warn(r, "not the same work: over jsonrpc: a call takes two requests, over jsonrpc-sdp: and ng: three");
	s.mode = o->mode;
	s.suite = o->suite;
	s.repeat = o->repeat;
	s.duration = o->duration;
	return setup_targets(r, &s, place, peers, 2, o->quiet, why);
}

int compare_run(int argc, char **argv)
{
	struct loadopt o = loadopt_defaults;
	bool is_setup = false;
	struct opt rows[LOADOPT_ROWS + 1] = {{.name = "setup", .kind = OPT_FLAG, .out = &is_setup, .help = "compare call set-up instead of media"}};
	size_t n_rows = 1 + loadopt_rows(rows + 1, &o);
	const struct opt_command command = {.name = "compare", .usage = "A B", .about = about, .examples = examples, .opts = rows,
	                                    .n_opts = n_rows, .words_min = 2, .words_max = 2};
	struct peer peers[2] = {{.pid = 0}, {.pid = 0}};
	struct measure_config config;
	struct loadopt_places places;
	struct call_plan plan;
	struct result result = {0};
	struct why why = {""};
	json_t *settings, *ratios;
	int status;
	enum err e;

	if (opt_parse(&command, argc, argv, NULL, &status) == OPT_STOP)
		return status;
	if (is_result_file(argv[1]) && is_result_file(argv[2]))
		return compare_files(argv[1], argv[2]);
	e = loadopt_apply(&config, &o, &places, &plan, &why);
	if (e != ERR_OK) {
		fprintf(stderr, "sluice-bench compare: %s\n", why.text);
		return BENCH_MISUSED;
	}
	settings = opt_settings(rows, n_rows);
	place_put(&places.through, settings);
	e = result_init(&result, is_setup ? "setup" : "call", settings, o.repeat);
	for (int i = 0; i < 2 && e == ERR_OK; i++)
		e = peer_open(&peers[i], argv[1 + i], 0, &places.through, &why);
	if (e == ERR_OK)
		e = run_work(&result, &o, is_setup, &places.through, &config, peers, &why);
	if (e == ERR_OK) {
		ratios = rows_of(result.doc, result.rows, true);
		json_object_set_new(result.doc, "ratios", ratios);
		status = result_finish(&result, is_setup ? setup_columns : loadrun_columns, is_setup ? setup_n_columns : loadrun_n_columns, o.json, o.csv,
		                       o.quiet);
		putchar('\n');
		print_ratios(ratios, peers[0].name, peers[1].name);
	} else {
		fprintf(stderr, "sluice-bench compare: %s\n", *why.text ? why.text : err_meaning(e));
	}
	peer_close(&peers[0]);
	peer_close(&peers[1]);
	result_fini(&result);
	return e == ERR_OK ? status : BENCH_REFUSED;
}
