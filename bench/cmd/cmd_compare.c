/* SPDX-License-Identifier: MIT */
/* sluice-bench compare: runs the same work against two to four targets in turn, or reads two result
 * files of the same settings, and prints ratios. */
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/settings.h"
#include "bench/gen/loadopt.h"
#include "bench/gen/loadrun.h"
#include "bench/target/peer.h"
#include "bench/gen/setup.h"
#include "bench/target/target.h"

static const char about[] =
	"Runs the same load against two to four targets in turn, reversing the order in each "
	"round, and prints the figures and\ntheir ratios to the first target. With --setup the "
	"load is making and ending calls. If A and B are result files\n(of call, setup or crypto), "
	"nothing is run: their rows are compared, provided that their settings are the same.";

static const char examples[] =
	"Examples:\n"
	"  sluice-bench compare bench/targets/rtpengine.json bench/targets/sluice.json --sessions "
	"200,500,1000\n"
	"  sluice-bench compare --setup ng:127.0.0.1:2223 jsonrpc:/run/sluice/control.sock\n"
	"  sluice-bench compare yesterday.json today.json\n";

/* The compared figures; less is better unless the title says otherwise. */
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

/* Keys that identify the work of a row: rows are compared only if these are equal. */
static const char *const names[] = {"mode",      "sessions", "in_flight", "engine", "suite",
                                    "direction", "payload",  "streams",   "batch"};

static bool is_same_work(const json_t *a, const json_t *b)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const json_t *x = json_object_get(a, names[i]), *y = json_object_get(b, names[i]);

		if ((x || y) && !(x && y && json_equal(x, y)))
			return false;
	}
	return true;
}

/* Writes the work of a row, such as "e2ae sessions 200" or
 * "evp AES_CM_128_HMAC_SHA1_80 protect payload 160 streams 1 batch 64". */
static void describe(const json_t *row, char *out, size_t room)
{
	size_t at = 0;

	*out = 0;
	for (size_t i = 0; i < ARRAY_LEN(names) && at < room; i++) {
		const json_t *v = json_object_get(row, names[i]);

		if (json_is_string(v))
			at += (size_t)snprintf(out + at, room - at, "%s%s", at ? " " : "",
			                       json_string_value(v));
		else if (v)
			at += (size_t)snprintf(out + at, room - at, "%s%s %.0f", at ? " " : "",
			                       names[i], result_median(v));
	}
}

/* One figure, measured on two targets with the same work. */
struct figure_pair {
	const char *work, *figure, *target; /* `target`: name of the target of `b` */
	json_t *a, *b;
	bool are_paired; /* true: the same repetition of a and b ran in the same round */
};

static void add_ratio(json_t *out, const struct figure_pair *p)
{
	json_t *row = json_pack("{s:s,s:s,s:s,s:O,s:O}", "work", p->work, "figure", p->figure,
	                        "target", p->target, "a", p->a, "b", p->b),
	       *ratio = result_ratio(p->a, p->b, p->are_paired);

	if (ratio)
		json_object_set_new(row, "ratio", ratio);
	json_array_append_new(out, row);
}

static void add_ratios(json_t *out, const json_t *a, const json_t *b, bool are_paired)
{
	const char *name = json_string_value(json_object_get(b, "target"));
	char what[160];

	describe(a, what, sizeof(what));
	for (size_t i = 0; i < ARRAY_LEN(figures); i++) {
		json_t *x = json_object_get(a, figures[i].key),
		       *y = json_object_get(b, figures[i].key);

		if (x && y)
			add_ratio(out, &(struct figure_pair){what, figures[i].title,
			                                     name ? name : "", x, y, are_paired});
	}
}

static void print_ratios(const json_t *ratios, const char *a, const char *b)
{
	const struct result_column columns[] = {
		{.key = "work", .title = "work"},
		{.key = "figure", .title = "figure"},
		{.key = "a", .title = a, .decimals = 2},
		{.key = b ? "" : "target", .title = "other target"},
		{.key = "b", .title = b ? b : "other", .decimals = 2},
		{.key = "ratio", .title = "ratio", .decimals = 2},
	};
	struct result shown = {.rows = (json_t *)ratios};

	result_print(&shown, columns, ARRAY_LEN(columns), stdout);
}

/* Compares the highest loads that pass. The rows of a ramp are only its steps. */
static json_t *highest_of(const json_t *doc)
{
	const json_t *list = json_object_get(doc, "highest");
	json_t *out = json_array(), *row;
	size_t i;

	for (i = 1; i < json_array_size(list); i++) {
		row = json_array_get(list, i);
		add_ratio(out,
		          &(struct figure_pair){
				  .work = "ramp",
				  .figure = "highest load that passes, packets/s (more is better)",
				  .target = json_string_value(json_object_get(row, "target")),
				  .a = json_object_get(json_array_get(list, 0), "pps"),
				  .b = json_object_get(row, "pps"),
			  });
	}
	return out;
}

/* Compares every target of one result with the first target. */
static json_t *rows_of_targets(const json_t *rows)
{
	const json_t *first = json_object_get(json_array_get(rows, 0), "target");
	json_t *out = json_array(), *a, *b;
	size_t i, k;

	json_array_foreach(rows, i, a) json_array_foreach(
		rows, k, b) if (k > i && json_equal(json_object_get(a, "target"), first) &&
	                        !json_equal(first, json_object_get(b, "target")) &&
	                        is_same_work(a, b)) add_ratios(out, a, b, true);
	return out;
}

static bool has_one_target(const json_t *rows)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) if (!json_equal(json_object_get(row, "target"),
	                                                 json_object_get(json_array_get(rows, 0),
	                                                                 "target"))) return false;
	return true;
}

/* Compares the rows of targets with the same name in two results. If each result has only one
 * target, the names may differ. */
static json_t *rows_of_files(const json_t *rows, const json_t *other_rows)
{
	bool any = has_one_target(rows) && has_one_target(other_rows);
	json_t *out = json_array(), *a, *b;
	size_t i, k;

	json_array_foreach(rows, i, a) json_array_foreach(
		other_rows, k, b) if ((any || json_equal(json_object_get(a, "target"),
	                                                 json_object_get(b, "target"))) &&
	                              is_same_work(a, b)) add_ratios(out, a, b, false);
	return out;
}

/* --- files ------------------------------------------------------------------ */

static int compare_files(const char *path_a, const char *path_b, unsigned n)
{
	json_t *a = NULL, *b = NULL, *ratios;
	struct why why = {""};
	enum err e = n == 2 ? result_load(&a, path_a, &why)
	                    : why_fail(&why, ERR_INVALID,
	                               "give exactly two result files (%u were given)", n);

	if (e == ERR_OK)
		e = result_load(&b, path_b, &why);
	if (e == ERR_OK)
		e = result_same_settings(a, b, &why);
	if (e != ERR_OK) {
		fprintf(stderr, "sluice-bench compare: %s\n", why.text);
	} else {
		if (!json_equal(json_object_get(a, "machine"), json_object_get(b, "machine")))
			fprintf(stderr, "warning: the results are from different machines\n");
		ratios = rows_of_files(json_object_get(a, "rows"), json_object_get(b, "rows"));
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

/* --- targets ---------------------------------------------------------------- */

struct comparison {
	struct loadopt load;
	bool is_setup;
	unsigned in_flight, held;
	struct loadopt_scene scene;
	struct measure_config config;
	struct peer peers[LOADRUN_TARGETS_MAX];
	unsigned n_peers;
	struct result result;
};

/* Returns the settings that matter for this kind of work (set-up or media). New reference. */
static json_t *settings_of(const struct comparison *c, const struct opt *rows, size_t n)
{
	static const char *const of_setup[] = {"mode", "suite",    "in_flight",
	                                       "held", "duration", "repeat"};
	json_t *all = settings_from(rows, n), *out = json_object();

	for (size_t i = 0; i < ARRAY_LEN(of_setup) && c->is_setup; i++)
		json_object_set(out, of_setup[i], json_object_get(all, of_setup[i]));
	if (!c->is_setup)
		json_object_update(out, all);
	for (size_t i = 0; i < 2 && !c->is_setup; i++)
		json_object_del(out, i ? "in_flight" : "held");
	json_object_del(out, "setup");
	place_put(&c->scene.through, out);
	json_decref(all);
	return out;
}

static enum err run_setup(struct comparison *c, struct why *why)
{
	const struct setup_options s = {.mode = c->load.mode,
	                                .suite = c->load.suite,
	                                .in_flight = c->in_flight,
	                                .held = c->held,
	                                .repeat = c->load.repeat,
	                                .duration = c->load.duration};
	enum err e = setup_targets(
		&c->result,
		&(struct setup_run){&s, &c->scene.through, c->peers, c->n_peers, c->load.quiet},
		why);
	unsigned by_sdp = 0;
	json_t *row;
	size_t i;

	json_array_foreach(c->result.rows, i, row) by_sdp +=
		json_object_get(row, "offer_us_p50") != NULL;
	if (e == ERR_OK && by_sdp && by_sdp < c->n_peers)
		result_warn(&c->result, "the targets do different work: a call takes two requests "
		                        "over jsonrpc:, three over jsonrpc-sdp: and ng:");
	return e;
}

static enum err run_targets(struct comparison *c, char **targets, struct why *why)
{
	enum err e = ERR_OK;

	for (unsigned i = 0; i < c->n_peers && e == ERR_OK; i++) {
		e = peer_open(&c->peers[i], targets[i], 0, &c->scene.through, why);
		for (unsigned k = 0; k < i && e == ERR_OK; k++)
			if (!strcmp(c->peers[k].name, c->peers[i].name)) /* two builds of a relay */
				snprintf(c->peers[i].name, sizeof(c->peers[i].name), "%.50s (%u)",
				         c->peers[k].name, i + 1);
	}
	if (e != ERR_OK)
		return e;
	return c->is_setup ? run_setup(c, why)
	                   : loadrun_targets(&(struct loadrun){&c->result, &c->config, &c->load,
	                                                       &c->scene, c->peers, c->n_peers},
	                                     why);
}

static int finish(struct comparison *c)
{
	struct result_output output = {loadrun_columns, loadrun_n_columns, c->load.json,
	                               c->load.csv, c->load.quiet};
	json_t *ratios = json_object_get(c->result.doc, "highest")
	                         ? highest_of(c->result.doc)
	                         : rows_of_targets(c->result.rows);
	int status;

	json_object_set_new(c->result.doc, "ratios", ratios);
	if (c->is_setup) {
		output.columns = setup_columns;
		output.n_columns = setup_n_columns;
	}
	status = result_finish(&c->result, &output);
	if (!c->load.quiet) {
		putchar('\n');
		print_ratios(ratios, c->peers[0].name, NULL);
	}
	return status;
}

int compare_run(int argc, char **argv)
{
	struct comparison c = {.load = {.mode = NULL}};
	struct opt rows[LOADOPT_ROWS + 3] = {
		{
			.name = "setup",
			.kind = OPT_FLAG,
			.out = &c.is_setup,
			.help = "compare call set-up instead of media",
		},
		{
			.name = "in-flight",
			.kind = OPT_COUNT,
			.out = &c.in_flight,
			.min = 1,
			.max = TARGET_IN_FLIGHT_MAX,
			.help = "with --setup: calls being set up or ended at the same time",
		},
		{
			.name = "held",
			.kind = OPT_COUNT,
			.out = &c.held,
			.max = 200000,
			.help = "with --setup: calls held at the same time to measure memory and "
				"descriptors",
		},
	};
	size_t n_rows = 3 + loadopt_rows(rows + 3, &c.load);
	const struct opt_command command = {.name = "sluice-bench compare",
	                                    .usage = "A B [C [D]]",
	                                    .about = about,
	                                    .examples = examples,
	                                    .opts = rows,
	                                    .n_opts = n_rows,
	                                    .words_min = 2,
	                                    .words_max = LOADRUN_TARGETS_MAX};
	struct why why = {""};
	int status;
	enum err e;

	c.load = loadopt_defaults;
	c.in_flight = setup_defaults.in_flight;
	c.held = setup_defaults.held;
	if (opt_parse(&command, argc, argv, &c.n_peers, &status) == OPT_STOP)
		return status;
	if (is_result_file(argv[1]) || is_result_file(argv[2]))
		return compare_files(argv[1], argv[2], c.n_peers);
	e = loadopt_apply(&c.config, &c.load, &c.scene, &why);
	if (e != ERR_OK) {
		fprintf(stderr, "sluice-bench compare: %s\n", why.text);
		return BENCH_MISUSED;
	}
	e = result_init(&c.result, c.is_setup ? "setup" : "call", settings_of(&c, rows, n_rows),
	                c.load.repeat);
	if (e == ERR_OK)
		e = run_targets(&c, argv + 1, &why);
	if (e == ERR_OK)
		status = finish(&c);
	else
		fprintf(stderr, "sluice-bench compare: %s\n",
		        *why.text ? why.text : err_meaning(e));
	result_fini(&c.result);
	return e == ERR_OK ? status : BENCH_REFUSED;
}
