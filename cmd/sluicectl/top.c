/* SPDX-License-Identifier: MIT */
/* Reads the counters every second and prints rates, until a key, a signal or the number of rounds
 * ends it. */
#include "cmd/sluicectl/top.h"

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clk.h"
#include "cmd/sluicectl/text.h"

enum { VERDICTS_MAX = 64 };

/* The counters of one round; a rate needs those of two rounds. */
struct sample {
	uint64_t at_ns, rx_pkts, rx_bytes, tx_pkts, tx_bytes, created, deleted;
	uint64_t verdicts[VERDICTS_MAX]; /* counts in the order of the answer */
};

static uint64_t rate(uint64_t now, uint64_t before, uint64_t ns)
{
	return ns && now >= before ? (now - before) * NS_PER_S / ns : 0;
}

static void take(struct sample *s, const struct doc *stats)
{
	const struct doc *verdicts = doc_get(stats, "verdicts");
	unsigned i = 0;

	*s = (struct sample){
		.at_ns = clk_mono_ns(),
		.rx_pkts = text_number(stats, "rx_pkts"),
		.rx_bytes = text_number(stats, "rx_bytes"),
		.tx_pkts = text_number(stats, "tx_pkts"),
		.tx_bytes = text_number(stats, "tx_bytes"),
		.created = text_number(stats, "created"),
		.deleted = text_number(stats, "deleted"),
	};
	if (!verdicts || verdicts->kind != DOC_DICT)
		return;
	for (const struct doc *v = verdicts->first; v && i < VERDICTS_MAX; v = v->next)
		s->verdicts[i++] = (uint64_t)v->number;
}

/* --- the table -------------------------------------------------------------- */

/* Below this width the table of interfaces has narrow columns. A pipe or file has no width. */
enum { WIDE_COLUMNS = 82 };

/* Adds `text`, padded to `width` columns; a longer text is cut and ends with "~". */
static void add_cell(struct buf *out, struct str text, unsigned width)
{
	if (text.n <= width)
		buf_printf(out, "%-*.*s ", (int)width, STR_ARG(text));
	else
		buf_printf(out, "%.*s~ ", (int)width - 1, text.p);
}

static void draw_interfaces(struct buf *out, const struct doc *interfaces, bool is_narrow)
{
	const unsigned name = is_narrow ? 10 : 16, address = is_narrow ? 20 : 24;
	const int number = is_narrow ? 6 : 9;

	buf_text(out, "\n");
	add_cell(out, STR("INTERFACE"), name);
	add_cell(out, STR("ADDRESS"), address);
	add_cell(out, STR("IO"), 5);
	buf_printf(out, "%*s %*s %*s\n", number, "PAIRS", number, "USED", number, "REST");
	if (!interfaces || interfaces->kind != DOC_LIST)
		return;
	for (DOC_EACH(f, interfaces)) {
		add_cell(out, doc_get_text(f, "name"), name);
		add_cell(out, doc_get_text(f, "address"), address);
		add_cell(out, doc_get_text(f, "io"), 5);
		buf_printf(out, "%*" PRIu64 " %*" PRIu64 " %*" PRIu64 "\n", number,
		           text_number(f, "port_pairs"), number,
		           text_number(f, "port_pairs_in_use"), number,
		           text_number(f, "port_pairs_resting") +
		                   text_number(f, "port_pairs_foreign"));
	}
}

static void draw(struct buf *out, const struct doc *stats, const struct sample *now,
                 const struct sample *before, bool is_narrow)
{
	const struct doc *verdicts = doc_get(stats, "verdicts");
	uint64_t ns = before->at_ns ? now->at_ns - before->at_ns : 0;
	unsigned i = 0;

	buf_printf(out,
	           "sessions %" PRIu64 " of %" PRIu64 "   set-ups %" PRIu64 "/s   ends %" PRIu64
	           "/s%sengine %.*s\n",
	           text_number(stats, "sessions"), text_number(stats, "sessions_max"),
	           rate(now->created, before->created, ns), rate(now->deleted, before->deleted, ns),
	           is_narrow ? "\n" : "   ", STR_ARG(doc_get_text(stats, "engine")));
	buf_printf(
		out,
		"in  %10" PRIu64 " pkts/s %12" PRIu64 " bytes/s\nout %10" PRIu64
		" pkts/s %12" PRIu64 " bytes/s\n\n",
		rate(now->rx_pkts, before->rx_pkts, ns), rate(now->rx_bytes, before->rx_bytes, ns),
		rate(now->tx_pkts, before->tx_pkts, ns), rate(now->tx_bytes, before->tx_bytes, ns));
	buf_printf(out, "%-20s %12s %16s\n", "VERDICT", "PER SECOND", "TOTAL");
	if (verdicts && verdicts->kind == DOC_DICT)
		for (const struct doc *v = verdicts->first; v && i < VERDICTS_MAX; v = v->next, i++)
			if (v->number)
				buf_printf(out, "%-20.*s %12" PRIu64 " %16" PRId64 "\n",
				           STR_ARG(v->key),
				           rate(now->verdicts[i], before->verdicts[i], ns),
				           v->number);
	draw_interfaces(out, doc_get(stats, "interfaces"), is_narrow);
}

/* --- the terminal ----------------------------------------------------------- */

static const char help[] = "\nq  quit\n"
			   "h  show or hide this help\n"
			   "VERDICT: what became of packets, see docs/operations.md\n"
			   "REST: pairs in quarantine or held by other programs.\n";

/* Set by a signal that ends the program. */
static volatile sig_atomic_t is_ended;

static void on_end(int number)
{
	(void)number;
	is_ended = 1;
}

/* Keys come at once and are not printed. `*before` is what screen_end restores. */
static bool screen_begin(struct termios *before)
{
	struct sigaction end = {.sa_handler = on_end};
	struct termios keys;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, before))
		return false;
	keys = *before;
	keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	return tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
}

/* Columns of the terminal; UINT_MAX: standard output is not a terminal. */
static unsigned screen_columns(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return UINT_MAX;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

/* Waits a second, or until a key is pressed. Returns the key; 0: none. */
static char wait_for_key(bool has_keys)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	char key = 0;

	if (poll(&in, has_keys ? 1 : 0, 1000) == 1 && read(STDIN_FILENO, &key, 1) != 1)
		is_ended = 1; /* the terminal is closed */
	return key;
}

/* Waits a second. Carries out the keys that are pressed meanwhile; `*show_help` follows h. */
static void wait_for_round(bool has_keys, bool *show_help)
{
	switch (wait_for_key(has_keys)) {
	case 'q':
	case 'Q':
		is_ended = 1;
		break;
	case 'h':
	case '?':
		*show_help = !*show_help;
		break;
	default:
		break;
	}
}

enum err top_run(struct client *c, unsigned rounds, struct why *why)
{
	struct sample before = {0}, now;
	struct buf out = {0};
	struct termios saved;
	bool has_keys = screen_begin(&saved), show_help = false;
	enum err e = ERR_OK;

	for (unsigned round = 0; !is_ended && (rounds == 0 || round < rounds); round++) {
		const struct doc *stats;

		e = client_request(c, "stats", NULL, &stats, why);
		if (e)
			break;
		buf_reset(&out);
		take(&now, stats);
		/* Moves the cursor home and clears below it, so that the table stays in place. */
		if (isatty(STDOUT_FILENO))
			buf_text(&out, "\033[H\033[J");
		draw(&out, stats, &now, &before, screen_columns() < WIDE_COLUMNS);
		if (show_help)
			buf_text(&out, help);
		else if (has_keys)
			buf_text(&out, "\nq quit  h help\n");
		before = now;
		fputs(out.p ? out.p : "", stdout);
		fflush(stdout);
		if (rounds == 0 || round + 1 < rounds)
			wait_for_round(has_keys, &show_help);
	}
	if (has_keys)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	buf_free(&out);
	return e;
}
