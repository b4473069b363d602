/* SPDX-License-Identifier: MIT */
/* sluice-bench crypto: measures the time per packet of each engine by suite, packet size, batch
 * size and number of streams, and compares it with the floor: the bare cipher and MAC. */
#include <link.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clk.h"
#include "base/mem.h"
#include "base/secret.h"
#include "bench/bench.h"
#include "bench/settings.h"
#include "bench/crypto/packets.h"
#include "base/opt.h"
#include "bench/progress.h"
#include "bench/result/result.h"

/* PKTS_MIN is large enough that a repetition lasts some milliseconds, so a pause of the machine is
 * a small part of it. It is below 65,536, the number of sequence numbers of one stream. */
enum { PKTS_MIN = 60000, REPETITIONS_MAX = 31, STREAMS_MAX = 100000 };

/* --- options ---------------------------------------------------------------- */

static struct {
	const char *suite, *engine, *direction, *json, *csv;
	struct opt_list payloads, batches, streams;
	unsigned repetitions;
	double budget_ms, make_s;
	bool quiet, quick;
} set = {
	.suite = "all",
	.engine = "all",
	.direction = "both",
	.payloads = {{20, 160, 500, 1200}, 4},
	.batches = {{1, 8, 16, 32, 64}, 5},
	.streams = {{1, 1000, 10000}, 3},
	.repetitions = 7,
	.budget_ms = 30,
	.make_s = 10,
};

static const struct opt opts[] = {
	{.help = "What is measured"},
	{
		.name = "suite",
		.kind = OPT_TEXT,
		.out = &set.suite,
		.arg = "NAME",
		.help = "\"all\" or the name of one suite",
	},
	{
		.name = "engine",
		.kind = OPT_TEXT,
		.out = &set.engine,
		.arg = "NAMES",
		.help = "\"all\" or some of: libsrtp,evp,mb,floor-openssl,floor-mb",
	},
	{
		.name = "direction",
		.kind = OPT_CHOICE,
		.out = &set.direction,
		.choices = "protect|unprotect|both",
		.help = "operations to measure",
	},
	{
		.name = "payload",
		.kind = OPT_LIST,
		.out = &set.payloads,
		.min = 1,
		.max = WORK_PAYLOAD_MAX,
		.help = "octets after the RTP header",
	},
	{
		.name = "batch",
		.kind = OPT_LIST,
		.out = &set.batches,
		.min = 1,
		.max = WORK_CHUNK,
		.help = "packets in one call of the engine",
	},
	{
		.name = "streams",
		.kind = OPT_LIST,
		.out = &set.streams,
		.min = 1,
		.max = STREAMS_MAX,
		.help = "number of streams, each with its own key; several are visited in shuffled "
			"order",
	},
	{
		.name = "quick",
		.kind = OPT_FLAG,
		.out = &set.quick,
		.help = "a short run: two suites, 160 octets, batches of 1 and 32, 1 and 10,000 "
			"streams, "
			"at most 3 s to make contexts",
	},
	{.help = "How it is measured"},
	{
		.name = "repetitions",
		.kind = OPT_COUNT,
		.out = &set.repetitions,
		.min = 1,
		.max = REPETITIONS_MAX,
		.local = true,
		.help = "repetitions of each figure; engines take turns",
	},
	{
		.name = "budget-ms",
		.kind = OPT_REAL,
		.out = &set.budget_ms,
		.min = 1,
		.max = 10000,
		.local = true,
		.help = "time limit in ms for one engine in one repetition",
	},
	{
		.name = "make-s",
		.kind = OPT_REAL,
		.out = &set.make_s,
		.min = 0.1,
		.max = 600,
		.local = true,
		.help = "time limit in s to make an engine's contexts; a slower engine is left "
			"out of that case",
	},
	SETTINGS_FILES(&set.json, &set.csv),
	{.name = "quiet",
         .kind = OPT_FLAG,
         .out = &set.quiet,
         .local = true,
         .help = "print no table"},
};

static const struct opt_command command = {
	.name = "sluice-bench crypto",
	.usage = "",
	.about = "Measures the time to protect and unprotect a packet: of whole engine calls "
		 "(index, window, counts, verdicts), and of\nthe floor, which is only the AES, "
		 "SHA-1 or GCM work on the same octets with prepared contexts.\nEngines take turns "
		 "within one run. Figures are medians with half of (max - min); ratios are medians "
		 "of\nthe ratios of each turn.",
	.examples = "Example:\n"
		    "  sluice-bench crypto --suite AEAD_AES_128_GCM --payload 160 --batch 1,32 "
		    "--streams 1,10000\n",
	.opts = opts,
	.n_opts = ARRAY_LEN(opts),
};

static const struct result_column columns[] = {
	{.key = "suite", .title = "suite"},
	{.key = "direction", .title = "direction"},
	{.key = "payload", .title = "octets"},
	{.key = "streams", .title = "streams"},
	{.key = "batch", .title = "batch"},
	{.key = "engine", .title = "engine"},
	{.key = "ns", .title = "ns/packet", .decimals = 1},
	{.key = "cycles_per_octet", .title = "cycles/octet", .decimals = 2},
	{.key = "pps", .title = "packets/s", .decimals = 0},
	{.key = "gb_per_s", .title = "GB/s", .decimals = 3},
	{.key = "to_floor", .title = "time / floor-mb", .decimals = 2},
	{.key = "to_libsrtp", .title = "libsrtp / time", .decimals = 1},
	{.key = "stream_bytes", .title = "octets/stream", .decimals = 0},
};

/* --- one suite, direction and number of streams ----------------------------- */

/* One contender of a round. `contexts` NULL: it is left out of the round. */
struct entrant {
	const struct work_contender *who;
	struct work_contexts *contexts;
	double stream_bytes;
	/* Number of streams that the contender visits: all, or fewer if it is too slow for its time
	 * budget. */
	unsigned span;
	double ns[REPETITIONS_MAX], cycles[REPETITIONS_MAX];
	unsigned n;
};

struct round {
	enum engine_direction direction;
	struct packets pkts;
	struct entrant entrants[WORK_CONTENDERS_MAX];
	unsigned n_entrants;
};

static size_t memory_in_use(void)
{
	struct mallinfo2 m = mallinfo2();
	struct secret_usage u;

	secret_get_usage(&u);
	return m.uordblks + m.hblkhd + u.in_use_bytes;
}

/* Adds a contender to the round and makes its contexts for all streams. Leaves out a contender that
 * is too slow or refuses a key; a note of the result says so. */
static void enter(struct result *r, struct round *round, const struct work_contender *who)
{
	struct entrant *x = &round->entrants[round->n_entrants++];
	size_t before = memory_in_use();
	uint64_t start = clk_mono_ns();
	struct why why = {{0}};
	unsigned i = 0;
	enum err e;

	*x = (struct entrant){
		.who = who,
		.span = round->pkts.streams > WORK_CHUNK ? WORK_CHUNK : round->pkts.streams,
	};
	e = who->make(&x->contexts, who, round->pkts.suite, round->direction, round->pkts.streams);
	if (e != ERR_OK)
		return;
	for (; e == ERR_OK && i < round->pkts.streams; i++) {
		struct keyctx *key = packets_key(round->pkts.suite, i);

		e = who->set_key(x->contexts, i, key, &why);
		keyctx_free(key);
		if ((double)(clk_mono_ns() - start) > set.make_s * 1e9) {
			e = ERR_TIMEOUT;
			(void)why_fail(&why, e, "making %u contexts took longer than --make-s %g",
			               i + 1, set.make_s);
		}
	}
	if (e != ERR_OK) {
		if (round->direction == ENGINE_SEND)
			result_note(r, "%s is left out of %s with %u streams: %s", who->name,
			            round->pkts.suite->name, round->pkts.streams, why.text);
		who->free(x->contexts);
		x->contexts = NULL;
		return;
	}
	x->stream_bytes = (double)(memory_in_use() - before) / round->pkts.streams;
}

static uint64_t cycles_now(void)
{
#ifdef __x86_64__
	return __builtin_ia32_rdtsc();
#else
	return 0;
#endif
}

/* Returns the number of an entrant's v-th packet among all packets: a slow entrant visits only the
 * first streams of the shuffled order. */
static uint64_t visit_of(const struct round *round, const struct entrant *x, uint64_t v)
{
	return x->span < round->pkts.streams ? v / x->span * round->pkts.streams + v % x->span : v;
}

/* Runs one repetition of one entrant. False: it refused a packet, so its time means nothing. */
static bool repeat(struct round *round, struct entrant *x, unsigned batch)
{
	uint64_t took_ns = 0, took_cycles = 0, pkts = 0;

	bool all = x->span == round->pkts.streams;
	uint64_t warm = all ? round->pkts.warm : x->span,
		 visits = all ? round->pkts.visits
	                      : round->pkts.visits / round->pkts.streams * x->span;

	if (x->who->restart)
		x->who->restart(x->contexts);
	for (uint64_t v = 0; v < visits && (double)took_ns < set.budget_ms * 1e6; v += WORK_CHUNK) {
		uint64_t start, cycles;

		packets_fill(&round->pkts, visit_of(round, x, v));
		if (x->who->aim)
			x->who->aim(x->contexts, &round->pkts.chunk);
		start = clk_mono_ns();
		cycles = cycles_now();
		for (unsigned i = 0; i < WORK_CHUNK; i += batch)
			x->who->run(x->contexts, &round->pkts.chunk, i,
			            i + batch <= WORK_CHUNK ? batch : WORK_CHUNK - i);
		if (v >= warm) {
			took_cycles += cycles_now() - cycles;
			took_ns += clk_mono_ns() - start;
			pkts += WORK_CHUNK;
		}
		for (unsigned i = 0; x->who->engine && i < WORK_CHUNK; i++)
			if (round->pkts.chunk.pkts[i].verdict != VERDICT_NONE) {
				fprintf(stderr,
				        "sluice-bench crypto: %s refused a packet with verdict "
				        "%s\n",
				        x->who->name,
				        verdict_name(
						(enum verdict)round->pkts.chunk.pkts[i].verdict));
				return false;
			}
	}
	x->ns[x->n] = (double)took_ns / (double)pkts;
	x->cycles[x->n++] = (double)took_cycles / (double)pkts / round->pkts.payload;
	return true;
}

/* Measures an entrant on a few streams, then sets x->span to the number of streams that fit its
 * time budget: a multiple of WORK_CHUNK, or all. */
static bool set_span(struct round *round, struct entrant *x)
{
	double span;

	if (x->span == round->pkts.streams)
		return true;
	if (!repeat(round, x, WORK_CHUNK))
		return false;
	span = set.budget_ms * 1e6 / x->ns[0] / 2;
	x->span = span >= round->pkts.streams ? round->pkts.streams
	          : span < WORK_CHUNK         ? WORK_CHUNK
	                                      : (unsigned)span / WORK_CHUNK * WORK_CHUNK;
	return true;
}

/* Divides the times of `x` by those of the entrant named `of`, turn by turn, because a slow phase
 * of the machine slows both. `is_inverse`: the other way round. NULL: there is no such entrant. */
static json_t *ratio(const struct round *round, const struct entrant *x, const char *of,
                     bool is_inverse)
{
	for (unsigned i = 0; i < round->n_entrants; i++) {
		const struct entrant *y = &round->entrants[i];
		double ratios[REPETITIONS_MAX];

		if (strcmp(y->who->name, of) != 0 || y->n == 0 || y->n != x->n)
			continue;
		for (unsigned k = 0; k < x->n; k++)
			ratios[k] = is_inverse ? y->ns[k] / x->ns[k] : x->ns[k] / y->ns[k];
		return result_spread(ratios, x->n);
	}
	return NULL;
}

static void add_row(struct result *r, const struct round *round, struct entrant *x, unsigned batch)
{
	json_t *row = result_row(r), *ns, *to_floor = ratio(round, x, "floor-mb", false),
	       *to_libsrtp = ratio(round, x, "libsrtp", true);
	double values[REPETITIONS_MAX], m;

	json_object_set_new(row, "suite", json_string(round->pkts.suite->name));
	json_object_set_new(row, "direction",
	                    json_string(round->direction == ENGINE_SEND ? "protect" : "unprotect"));
	json_object_set_new(row, "payload", json_integer(round->pkts.payload));
	json_object_set_new(row, "streams", json_integer(round->pkts.streams));
	json_object_set_new(row, "batch", json_integer(batch));
	json_object_set_new(row, "engine", json_string(x->who->name));
	/* Work on a copy: result_spread sorts its values, and ratio() needs the order of turns. */
	memcpy(values, x->ns, sizeof(values));
	ns = result_spread(values, x->n);
	m = result_median(ns);
	json_object_set_new(row, "ns", ns);
	if (x->cycles[0] > 0)
		json_object_set_new(row, "cycles_per_octet", result_spread(x->cycles, x->n));
	json_object_set_new(row, "pps", json_real(1e9 / m));
	json_object_set_new(row, "gb_per_s", json_real(round->pkts.payload / m));
	if (to_floor)
		json_object_set_new(row, "to_floor", to_floor);
	if (to_libsrtp)
		json_object_set_new(row, "to_libsrtp", to_libsrtp);
	/* With fewer streams, the engine's scratch memory would dominate the figure. */
	if (round->pkts.streams >= 100)
		json_object_set_new(row, "stream_bytes", json_real(x->stream_bytes));
}

/* Measures all entrants with one batch size; they take turns. */
static bool measure(struct result *r, struct round *round, unsigned batch)
{
	for (unsigned i = 0; i < round->n_entrants; i++)
		round->entrants[i].n = 0;
	for (unsigned k = 0; k < set.repetitions; k++)
		for (unsigned i = 0; i < round->n_entrants; i++)
			if (round->entrants[i].contexts &&
			    !repeat(round, &round->entrants[i], batch))
				return false;
	for (unsigned i = 0; i < round->n_entrants; i++)
		if (round->entrants[i].n)
			add_row(r, round, &round->entrants[i], batch);
	return true;
}

static bool is_wanted(const char *name)
{
	struct str rest = str_of(set.engine);

	if (!strcmp(set.engine, "all"))
		return true;
	while (rest.n)
		if (str_is(str_cut(rest, ',', &rest), name))
			return true;
	return false;
}

/* Measures all payload sizes and batch sizes with the same contexts. */
static bool run_round(struct result *r, struct round *round, double done, double share)
{
	struct work_contender all[WORK_CONTENDERS_MAX];
	unsigned n = work_contenders(all), cell = 0, cells = set.payloads.n * set.batches.n;
	bool ok = true;

	CHECK(packets_open(&round->pkts, PKTS_MIN) == ERR_OK);
	round->n_entrants = 0;
	for (unsigned i = 0; i < n; i++)
		if (is_wanted(all[i].name))
			enter(r, round, &all[i]);
	for (unsigned p = 0; ok && p < set.payloads.n; p++) {
		round->pkts.payload = set.payloads.v[p];
		round->pkts.packet_bytes = WORK_HEADER_LEN + round->pkts.payload +
		                           (size_t)round->pkts.suite->srtp_tag_len;
		if (round->direction == ENGINE_RECEIVE && packets_protect(&round->pkts) != ERR_OK) {
			fprintf(stderr, "sluice-bench crypto: cannot encrypt the packets that "
			                "unprotect will be measured with\n");
			ok = false;
		}
		for (unsigned i = 0; ok && p == 0 && i < round->n_entrants; i++)
			ok = !round->entrants[i].contexts || set_span(round, &round->entrants[i]);
		for (unsigned b = 0; ok && b < set.batches.n; b++) {
			progress_show(done + share * cell++ / cells,
			              "%s, %u streams, %u octets, batch %u",
			              round->pkts.suite->name, round->pkts.streams,
			              round->pkts.payload, set.batches.v[b]);
			ok = measure(r, round, set.batches.v[b]);
		}
		packets_forget(&round->pkts);
	}
	for (unsigned i = 0; i < round->n_entrants; i++)
		if (round->entrants[i].contexts)
			round->entrants[i].who->free(round->entrants[i].contexts);
	packets_close(&round->pkts);
	return ok;
}

/* --- the command ------------------------------------------------------------ */

static int note_engine(struct result *r)
{
	char text[256];

	for (unsigned i = 0; engine_list()[i]; i++)
		if (is_wanted(engine_list()[i]->name))
			result_note(r, "%s: %s", engine_list()[i]->name,
			            engine_list()[i]->describe(text, sizeof(text)));
	return 0;
}

static void set_quick(void)
{
	set.payloads = (struct opt_list){{160}, 1};
	set.batches = (struct opt_list){{1, 32}, 2};
	set.streams = (struct opt_list){{1, 10000}, 2};
	set.repetitions = 5;
	set.make_s = 3;
}

static bool is_suite_wanted(const struct suite *s)
{
	if (set.quick && !strcmp(set.suite, "all"))
		return s->id == SUITE_AES_CM_128_HMAC_SHA1_80 || s->id == SUITE_AEAD_AES_128_GCM;
	return !strcmp(set.suite, "all") || !strcmp(set.suite, s->name);
}

int crypto_run(int argc, char **argv)
{
	static struct round round;
	struct result r;
	unsigned suites = 0, step = 0, steps;
	int status = BENCH_DONE;
	json_t *settings;
	bool ok = true;

	if (opt_parse(&command, argc, argv, NULL, &status) == OPT_STOP)
		return status;
	if (strcmp(set.suite, "all") != 0 && !suite_find(str_of(set.suite))) {
		fprintf(stderr,
		        "sluice-bench crypto: --suite: '%s' is not an SRTP crypto suite; "
		        "docs/control-protocol.md lists them\n",
		        set.suite);
		return BENCH_MISUSED;
	}
	if (set.quick)
		set_quick();
	settings = settings_from(opts, ARRAY_LEN(opts));
	if (result_init(&r, "crypto", settings, set.repetitions) != ERR_OK)
		return BENCH_REFUSED;
	for (unsigned i = 0; i < SUITE_COUNT; i++)
		suites += is_suite_wanted(suite_get((enum suite_id)i));
	steps = suites * 2 * set.streams.n;
	for (unsigned i = 0; ok && i < SUITE_COUNT; i++) {
		for (unsigned k = 0; ok && k < 2 * set.streams.n; k++) {
			bool sends = k < set.streams.n;

			if (!is_suite_wanted(suite_get((enum suite_id)i)) ||
			    !strcmp(set.direction, sends ? "unprotect" : "protect"))
				continue;
			round.pkts.suite = suite_get((enum suite_id)i);
			round.direction = sends ? ENGINE_SEND : ENGINE_RECEIVE;
			round.pkts.streams = set.streams.v[k % set.streams.n];
			ok = run_round(&r, &round, (double)step / steps, 1.0 / steps);
			step++;
		}
	}
	progress_clear();
	note_engine(&r);
	if (ok)
		status = result_finish(&r, &(struct result_output){columns, ARRAY_LEN(columns),
		                                                   set.json, set.csv, set.quiet});
	result_fini(&r);
	return ok ? status : BENCH_REFUSED;
}
