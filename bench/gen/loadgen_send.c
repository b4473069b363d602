/* SPDX-License-Identifier: MIT */
/* The sender: makes packets when they are due, protects and sends them in chunks. */
#include <string.h>

#include "base/clk.h"
#include "bench/gen/loadgen_state.h"
#include "bench/gen/probe.h"

enum { SR_LEN = 28 + 16, CLOCK_HZ = 8000 };

/* True with the given probability. */
static bool falls(struct loadgen *g, double share)
{
	return share > 0 && (double)(loadgen_random(g) >> 11) < share * 9007199254740992.0;
}

/* True while the flow is silent: during a hold, or between talk spurts. The lengths of spurts and
 * pauses are uniform around their means. */
static bool is_silent(struct loadgen *g, struct flow *f, uint64_t now)
{
	const struct scenario *s = g->config.scenario;

	if (now < f->quiet_until_ns)
		return true;
	if (s->talk_ms == 0 || now < f->talk_until_ns)
		return false;
	if (f->talk_until_ns) { /* the spurt has ended */
		f->quiet_until_ns = now + loadgen_random(g) % (2ull * s->pause_ms * NS_PER_MS);
		f->talk_until_ns =
			f->quiet_until_ns + loadgen_random(g) % (2ull * s->talk_ms * NS_PER_MS) + 1;
		return true;
	}
	f->talk_until_ns = now + loadgen_random(g) % (2ull * s->talk_ms * NS_PER_MS) + 1;
	return false;
}

static struct pkt *next_pkt(struct out *out, struct flow *f)
{
	struct pkt *p = &out->pkt[out->n];

	*p = (struct pkt){.data = out->room[out->n] + PKT_HEADROOM, .verdict = VERDICT_NONE};
	out->flow[out->n++] = f;
	if (f->tx) {
		party_aim(f->tx, p);
	}
	return p;
}

static void write_rtp(const struct flow *f, struct pkt *p, uint64_t index, uint32_t timestamp)
{
	p->data[0] = 0x80;
	p->data[1] = 0;
	be16_put(p->data + 2, (uint16_t)index);
	be32_put(p->data + 4, timestamp);
	be32_put(p->data + 8, f->ssrc);
	p->kind = PKT_RTP;
	p->header_len = RTP_HEADER;
	p->index = index;
}

/* Makes the packet of this slot, unless the scenario withholds it. */
static void add_rtp(struct loadgen *g, struct out *out, struct flow *f, uint64_t now, uint64_t due)
{
	const struct scenario *s = g->config.scenario;
	uint32_t step = (uint32_t)((uint64_t)g->config.ptime_us * CLOCK_HZ / 1000000);
	unsigned ahead = 0, used = 1;
	struct probe probe;
	struct pkt *p;

	if (f->is_swapping) { /* send the packet that the last slot withheld */
		f->is_swapping = false;
		used = 2;
	} else if (falls(g, s->swap)) {
		f->is_swapping = true;
		ahead = 1;
		used = 0;
		g->figures.swapped += g->is_measuring;
	} else if (falls(g, s->drop)) {
		g->figures.withheld += g->is_measuring;
		goto on;
	}
	p = next_pkt(out, f);
	probe = (struct probe){
		.flow = (uint32_t)(f - g->flows),
		.counter = f->counter + ahead,
		.sent_ns = now,
		.late_ns = now - due,
	};
	write_rtp(f, p, f->rtp_index + ahead, f->timestamp + ahead * step);
	p->len = (uint16_t)(RTP_HEADER + g->config.payload_bytes);
	p->tailroom = (uint16_t)(PKT_ROOM - PKT_HEADROOM - p->len);
	probe_write(&probe, p->data + RTP_HEADER, g->config.payload_bytes);
	if (g->is_measuring && probe.counter >= f->first_measured) {
		g->figures.sent++;
		hist_add(&g->figures.late, probe.late_ns);
	}
on:
	f->counter += used;
	f->rtp_index += used;
	f->timestamp += used * step;
}

/* Makes an RTCP packet with a sender report and a CNAME (RFC 3550 6.4.1 and 6.5). */
static void add_rtcp(struct loadgen *g, struct out *out, struct flow *f)
{
	struct pkt *p = next_pkt(out, f);
	struct wr w = wr_make(p->data, PKT_PAYLOAD_MAX);
	uint64_t ntp = clk_wall_to_ntp(clk_wall_ns());

	wr_u32(&w, 0x80c80006);
	wr_u32(&w, f->ssrc);
	wr_u64(&w, ntp);
	wr_u32(&w, f->timestamp);
	wr_u32(&w, f->counter);
	wr_u32(&w, f->counter * g->config.payload_bytes);
	wr_u32(&w, 0x81ca0003);
	wr_u32(&w, f->ssrc);
	wr_octets(&w,
	          "\x01\x05"
	          "bench\0",
	          8);
	p->len = (uint16_t)wr_len(&w);
	p->tailroom = (uint16_t)(PKT_ROOM - PKT_HEADROOM - p->len);
	p->kind = PKT_RTCP;
	p->header_len = 8;
	g->figures.rtcp_sent += g->is_measuring;
}

static void send_all(struct loadgen *g, struct out *out)
{
	struct pkt *batch[SIDES][CHUNK];
	unsigned n[SIDES] = {0};

	for (unsigned i = 0; i < out->n; i++) {
		enum bench_side from = out->flow[i]->from;

		out->pkt[i].to = out->flow[i]->to;
		batch[from][n[from]++] = &out->pkt[i];
	}
	for (int side = 0; side < SIDES; side++)
		if (n[side])
			g->figures.sender_blocked += wire_send(g->wire[side], batch[side], n[side]);
	out->n = 0;
}

static void seal_and_send(struct loadgen *g, struct out *out)
{
	struct pkt *batch[CHUNK];
	unsigned n = 0;

	for (unsigned i = 0; i < out->n; i++)
		if (out->flow[i]->tx)
			batch[n++] = &out->pkt[i];
	if (n)
		loadgen_protect(g, batch, n);
	for (unsigned i = 0; i < n; i++)
		CHECK(batch[i]->verdict == VERDICT_NONE);
	send_all(g, out);
}

/* --- attack ----------------------------------------------------------------- */

enum { HOSTILE_FORGED, HOSTILE_JUMP, HOSTILE_SSRC, HOSTILE_GARBAGE, HOSTILE_CLEAR, HOSTILE_KINDS };

static void fill_random(struct loadgen *g, uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(loadgen_random(g) >> 56);
}

/* Makes a hostile packet from the right address to the right port: the attacker is on the path and
 * lacks only the key. */
static void add_hostile(struct loadgen *g, struct out *out, struct flow *f)
{
	struct pkt *p = next_pkt(out, f);
	uint64_t kind = loadgen_random(g) % HOSTILE_KINDS;

	p->len =
		(uint16_t)(RTP_HEADER + g->config.payload_bytes + (kind == HOSTILE_CLEAR ? 0 : 10));
	fill_random(g, p->data, p->len);
	if (kind == HOSTILE_GARBAGE)
		return;
	write_rtp(f, p, f->rtp_index, f->timestamp);
	if (kind == HOSTILE_JUMP) /* a jump that would change the ROC */
		be16_put(p->data + 2, (uint16_t)(f->rtp_index + 0x7f00));
	if (kind == HOSTILE_SSRC)
		be32_put(p->data + 8, (uint32_t)loadgen_random(g));
}

/* Makes a copy of a packet that was just sent and is still in `out`. */
static void add_replay(struct out *hostile, const struct out *out, unsigned i)
{
	struct pkt *p = next_pkt(hostile, out->flow[i]);

	p->len = out->pkt[i].len;
	memcpy(p->data, out->pkt[i].data, p->len);
}

static void attack(struct loadgen *g, const struct out *out, unsigned n)
{
	struct out *hostile = &g->hostile;

	for (unsigned i = 0; i < n; i++) {
		double rest = g->config.attack_multiple;

		if (!out->flow[i]->tx)
			continue;
		for (; rest >= 1 || falls(g, rest); rest -= 1) {
			if (loadgen_random(g) % 4 == 0)
				add_replay(hostile, out, i);
			else
				add_hostile(g, hostile, out->flow[i]);
			g->figures.attack_sent += g->is_measuring;
			if (hostile->n == CHUNK)
				send_all(g, hostile);
			if (rest < 1)
				break;
		}
	}
	send_all(g, hostile);
}

/* --- schedule --------------------------------------------------------------- */

/* With n flows, slot k belongs to flow k modulo n and is due at k times the packet time divided by
 * n: the flows are spread evenly, and no packet waits for a reply. */
void loadgen_send_due(struct loadgen *g, uint64_t end_ns)
{
	enum { CHUNKS = 8 }; /* a sender that is late must not starve the sink */
	unsigned chunks = 0;
	double gap_ns = (double)g->config.ptime_us * NS_PER_US / g->n_flows;
	uint64_t now = loadgen_now(g);
	struct out *out = &g->out;

	for (;;) {
		uint64_t due = (uint64_t)((double)g->slot * gap_ns);
		unsigned n = (unsigned)(g->slot % g->n_flows);
		struct flow *f = &g->flows[n];

		if (due > now || due >= end_ns || out->n + 2 > CHUNK) {
			unsigned sent = out->n;

			if (sent == 0)
				return;
			seal_and_send(g, out);
			if (g->config.scenario->attack)
				attack(g, out, sent);
			if (++chunks == CHUNKS)
				return;
			now = loadgen_now(g);
			continue;
		}
		g->slot++;
		if (due < g->config.ramp_ns * n / g->n_flows || is_silent(g, f, due))
			continue;
		add_rtp(g, out, f, now, due);
		if (f->rtcp_due && --f->rtcp_due == 0) {
			f->rtcp_due = (uint32_t)(1 / g->config.rtcp_share);
			add_rtcp(g, out, f);
		}
	}
}
