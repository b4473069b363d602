/* SPDX-License-Identifier: MIT */
/* Reads the counters every second and prints rates. */
#include "cmd/sluicectl/top.h"

#include <inttypes.h>
#include <stdio.h>
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

static void draw(struct buf *out, const struct doc *stats, const struct sample *now,
                 const struct sample *before)
{
	const struct doc *verdicts = doc_get(stats, "verdicts"),
			 *interfaces = doc_get(stats, "interfaces");
	uint64_t ns = before->at_ns ? now->at_ns - before->at_ns : 0;
	unsigned i = 0;

	buf_printf(out,
	           "sessions %" PRIu64 " of %" PRIu64 "   set-ups %" PRIu64 "/s   ends %" PRIu64
	           "/s   engine %.*s\n",
	           text_number(stats, "sessions"), text_number(stats, "sessions_max"),
	           rate(now->created, before->created, ns), rate(now->deleted, before->deleted, ns),
	           STR_ARG(doc_get_text(stats, "engine")));
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
	buf_printf(out, "\n%-16s %-24s %-6s %10s %10s %10s\n", "INTERFACE", "ADDRESS", "IO",
	           "PAIRS", "IN USE", "QUARANTINE");
	if (interfaces && interfaces->kind == DOC_LIST)
		for (DOC_EACH(f, interfaces))
			buf_printf(out,
			           "%-16.*s %-24.*s %-6.*s %10" PRIu64 " %10" PRIu64 " %10" PRIu64
			           "\n",
			           STR_ARG(doc_get_text(f, "name")),
			           STR_ARG(doc_get_text(f, "address")),
			           STR_ARG(doc_get_text(f, "io")), text_number(f, "port_pairs"),
			           text_number(f, "port_pairs_in_use"),
			           text_number(f, "port_pairs_resting"));
}

enum err top_run(struct client *c, unsigned rounds, struct why *why)
{
	struct sample before = {0}, now;
	struct buf out = {0};
	enum err e = ERR_OK;

	for (unsigned round = 0; !e && (rounds == 0 || round < rounds); round++) {
		const struct doc *stats;

		if (round)
			sleep(1);
		e = client_request(c, "stats", NULL, &stats, why);
		if (e)
			break;
		buf_reset(&out);
		take(&now, stats);
		/* Moves the cursor home and clears below it, so that the table stays in place. */
		if (isatty(STDOUT_FILENO))
			buf_text(&out, "\033[H\033[J");
		draw(&out, stats, &now, &before);
		before = now;
		fputs(out.p ? out.p : "", stdout);
		fflush(stdout);
	}
	buf_free(&out);
	return e;
}
