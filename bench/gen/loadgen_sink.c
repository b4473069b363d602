/* SPDX-License-Identifier: MIT */
/* The receiver: unprotects packets and counts the outcome of each. */
#include <string.h>

#include "base/clk.h"
#include "bench/gen/loadgen_state.h"
#include "bench/gen/probe.h"

/* Finds the flow of a packet by the target's source port, in a baseline by SSRC. NULL: none. */
static struct flow *flow_of(struct loadgen *g, enum bench_side side, const struct addr *from,
                            uint32_t ssrc)
{
	uint32_t index = g->target ? g->by_port[side][from->port] : (ssrc & (FLOWS_MAX - 1)) + 1;

	return index && index <= g->n_flows ? &g->flows[index - 1] : NULL;
}

static void count_probe(struct loadgen *g, struct flow *f, const struct pkt *p, uint64_t at_ns)
{
	struct loadgen_figures *out = &g->figures;
	struct probe probe;
	enum tally_fate fate;

	if (p->len < RTP_HEADER + PROBE_LEN ||
	    !probe_read(&probe, p->data + RTP_HEADER, (size_t)p->len - RTP_HEADER)) {
		out->corrupted++;
		return;
	}
	if (probe.flow != (uint32_t)(f - g->flows)) {
		out->strangers++;
		return;
	}
	fate = tally_add(&f->tally, probe.counter);
	if (!g->is_measuring || probe.counter < f->first_measured)
		return;
	out->duplicates += fate == TALLY_DUPLICATE;
	out->reordered += fate == TALLY_REORDERED;
	if (fate == TALLY_DUPLICATE || fate == TALLY_TOO_LATE)
		return;
	out->received++;
	out->ssrc_changed += be32_get(p->data + 8) != f->ssrc;
	at_ns = at_ns > probe.sent_ns ? at_ns - probe.sent_ns : 0;
	hist_add(&out->delay, at_ns);
	hist_add(&out->due_delay, at_ns + probe.late_ns);
}

/* Counts packets of a baseline, and reads their payloads so that the sink needs as much CPU time as
 * with a target. */
static void count_baseline(struct loadgen *g, struct pkt **batch, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct probe probe;

		g->figures.received += g->is_measuring && batch[i]->kind == PKT_RTP;
		g->figures.rtcp_received += g->is_measuring && batch[i]->kind == PKT_RTCP;
		if (batch[i]->len >= RTP_HEADER)
			(void)probe_read(&probe, batch[i]->data + RTP_HEADER,
			                 (size_t)batch[i]->len - RTP_HEADER);
	}
}

static bool is_rtcp(const uint8_t *p)
{
	return p[1] >= 192 && p[1] <= 223; /* RTCP packet types, RFC 5761 4 */
}

/* Reads the header of packet `i` and finds its flow; NULL: none. */
static struct flow *classify(struct loadgen *g, enum bench_side side, unsigned i)
{
	struct pkt *p = &g->in.pkt[i];
	struct flow *f;

	if (p->len < RTP_HEADER)
		return NULL;
	p->kind = is_rtcp(p->data) ? PKT_RTCP : PKT_RTP;
	p->header_len = p->kind == PKT_RTCP ? 8 : RTP_HEADER;
	f = flow_of(g, side, &p->from, be32_get(p->data + (p->kind == PKT_RTCP ? 4 : 8)));
	if (!f || !f->rx)
		return f;
	p->index = be16_get(p->data + 2);
	party_aim(f->rx, p);
	return f;
}

/* Starts a receiving stream for the SSRC of `p`, because the target changed the source's SSRC. */
static void follow_ssrc(struct loadgen *g, struct flow *f, struct pkt *p)
{
	const struct call_side *to = &f->call->side[call_other_side(f->from)];
	uint32_t ssrc = be32_get(p->data + (p->kind == PKT_RTCP ? 4 : 8));
	struct party *rx = NULL;

	if (f->rx_before && f->rx_before->first.ssrc == ssrc) {
		rx = f->rx_before;
		f->rx_before = f->rx;
	} else if (loadgen_party_new(g, &rx, to->receive, ENGINE_RECEIVE,
	                             (struct stream_start){ssrc, (uint32_t)(f->rtp_index >> 16)}) ==
	           ERR_OK) {
		party_free(f->rx_before);
		f->rx_before = f->rx;
	} else {
		return;
	}
	f->rx = rx;
	party_aim(rx, p);
}

static void count_opened(struct loadgen *g, struct flow *f, const struct pkt *p, uint64_t at_ns)
{
	if (p->verdict == VERDICT_REPLAYED || p->verdict == VERDICT_TOO_OLD)
		g->figures.duplicates += g->is_measuring;
	else if (p->verdict != VERDICT_NONE)
		g->figures.corrupted++;
	else if (p->kind == PKT_RTCP)
		g->figures.rtcp_received += g->is_measuring;
	else
		count_probe(g, f, p, at_ns);
}

/* Unprotects the batch. In scenario rekey, tries the old key on a copy of each failed packet. */
static void open_batch(struct loadgen *g, struct pkt **batch, struct flow **flows, unsigned n)
{
	static __thread uint8_t kept[RECEIVE][PKT_ROOM];
	bool rekeys = g->config.scenario->event == SCENARIO_REKEY;

	for (unsigned i = 0; rekeys && i < n; i++)
		memcpy(kept[i], batch[i]->data, batch[i]->len);
	loadgen_unprotect(g, batch, n);
	for (unsigned i = 0; rekeys && i < n; i++) {
		struct pkt *p = batch[i];

		if (p->verdict != VERDICT_AUTH_FAILED || !flows[i]->rx_before)
			continue;
		memcpy(p->data, kept[i], p->len);
		p->verdict = VERDICT_NONE;
		party_aim(flows[i]->rx_before, p);
		loadgen_unprotect(g, &p, 1);
	}
}

static void work_baseline(struct loadgen *g, unsigned n)
{
	struct pkt *all[RECEIVE], *sealed[RECEIVE];
	unsigned n_all = 0, n_sealed = 0;
	bool plain_in = false;

	for (unsigned i = 0; i < n; i++) {
		struct flow *f = g->in.flow[i];

		if (!f)
			continue;
		all[n_all++] = &g->in.pkt[i];
		if (!f->rx)
			continue;
		sealed[n_sealed++] = &g->in.pkt[i];
		plain_in = !f->tx;
	}
	count_baseline(g, all, n_all);
	if (n_sealed && plain_in)
		loadgen_protect(g, sealed, n_sealed);
	else if (n_sealed)
		loadgen_unprotect(g, sealed, n_sealed);
}

static void work(struct loadgen *g, enum bench_side side, unsigned n)
{
	struct pkt *batch[RECEIVE];
	struct flow *flows[RECEIVE];
	unsigned sealed = 0;

	for (unsigned i = 0; i < n; i++) {
		struct flow *f = g->in.flow[i] = classify(g, side, i);

		g->in.at_ns[i] = g->in.at_ns[i] > g->start_ns ? g->in.at_ns[i] - g->start_ns : 0;
		g->figures.strangers += !f;
		if (!g->target || !f || !f->rx)
			continue;
		if (f->rx->first.ssrc !=
		    be32_get(g->in.pkt[i].data + (g->in.pkt[i].kind == PKT_RTCP ? 4 : 8)))
			follow_ssrc(g, f, &g->in.pkt[i]);
		flows[sealed] = f;
		batch[sealed++] = &g->in.pkt[i];
	}
	__atomic_store_n(&g->progress, g->progress + n, __ATOMIC_RELAXED);
	if (!g->target) {
		work_baseline(g, n);
		return;
	}
	if (sealed)
		open_batch(g, batch, flows, sealed);
	for (unsigned i = 0; i < n; i++)
		if (g->in.flow[i])
			count_opened(g, g->in.flow[i], &g->in.pkt[i], g->in.at_ns[i]);
}

void loadgen_receive(struct loadgen *g)
{
	enum { ROUNDS = 32 }; /* limit, so that the sender does not starve */

	for (int side = 0; side < SIDES; side++) {
		unsigned n = RECEIVE;

		for (unsigned round = 0; round < ROUNDS && n == RECEIVE; round++) {
			n = wire_take(g->wire[side], g->in.pkt, g->in.at_ns, RECEIVE);
			if (n)
				work(g, (enum bench_side)side, n);
		}
	}
}
