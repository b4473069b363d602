/* SPDX-License-Identifier: MIT */
/* Runs all engines over the same packets and compares their results. */
#include "tests/harness/pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "relay/packet/roc.h"
#include "tests/harness/rig.h"

enum {
	ENGINES_MAX = 4,
	STREAMS_MAX = 3,
	SENT_MAX = 96,
	ARRIVALS_MAX = 192,
	PLAIN_MAX = 2200,
	TAIL = 170
};

/* One engine in the run. */
struct player {
	const struct engine_ops *ops;
	struct engine *engine;
	struct engine_key *key[2]; /* for each direction */
	struct engine_stream *stream[2][STREAMS_MAX];
	struct rig_pkt *pkts; /* the engine's copies of the packets; ARRIVALS_MAX */
};

struct setting {
	const struct suite *suite;
	unsigned mki_len, window, n_streams;
	uint64_t lifetime_pkts;
	bool has_start;
	struct engine_stream_state start;
};

/* A packet before it is given to the engines. */
struct item {
	uint8_t kind;
	uint8_t stream;
	uint16_t header_len, len, tailroom;
	uint64_t index;
	uint8_t octets[RIG_ROOM];
};

struct run {
	struct rd tape;
	struct setting set;
	struct player players[ENGINES_MAX];
	unsigned n_players, n_sent, n_arrived, n_protected;
	uint64_t highest[STREAMS_MAX];
	struct pair_report *report;
	/* The members below are not zeroed between runs: they have three megabytes, and a run reads
	 * only what it wrote. */
	struct item sent[SENT_MAX], protected[SENT_MAX], arrived[ARRIVALS_MAX];
	struct rig_pkt pkts[ENGINES_MAX][ARRIVALS_MAX];
};

static unsigned pick(struct run *r, unsigned n)
{
	return (n > 256 ? rd_u16(&r->tape) : rd_u8(&r->tape)) % n;
}

static uint32_t ssrc_of(unsigned stream)
{
	return 0x5eed0000u + stream * 0x101;
}

static bool differ(struct run *r, const char *way, const struct player *a, unsigned i,
                   const char *what, uint64_t got, uint64_t want)
{
	snprintf(r->report->text, sizeof(r->report->text),
	         "%s %s: packet %u of %s: %s is %llu with %s, %llu with %s", r->set.suite->name,
	         way, i, way, what, (unsigned long long)got, a->ops->name, (unsigned long long)want,
	         r->players[0].ops->name);
	return false;
}

/* --- set-up ----------------------------------------------------------------- */

static void read_setting(struct run *r)
{
	static const unsigned mki_lens[] = {0, 0, 0, 4, 1, 128}, windows[] = {64, 128, 100, 1024};
	static const uint64_t starts[] = {
		0, 65480, 32740, (7ull << 16) + 65500, (1ull << 16) + 5, ROC_INDEX_MAX - 40};
	struct setting *s = &r->set;
	unsigned start;

	s->suite = suite_get((enum suite_id)pick(r, SUITE_COUNT));
	s->mki_len = mki_lens[pick(r, ARRAY_LEN(mki_lens))];
	s->window = windows[pick(r, ARRAY_LEN(windows))];
	s->n_streams = 1 + pick(r, STREAMS_MAX);
	s->lifetime_pkts = pick(r, 8) == 0 ? 1 + pick(r, 40) : 0;
	start = pick(r, 2 * ARRAY_LEN(starts));
	s->has_start = starts[start / 2] != 0;
	s->start.has_rtp = start & 1;
	s->start.rtp_index = starts[start / 2];
	s->start.roc = (uint32_t)(starts[start / 2] >> 16);
	for (unsigned i = 0; i < STREAMS_MAX; i++)
		r->highest[i] = starts[start / 2];
}

/*
 * The engines are opened once per process: opening `mb` measures and compares its managers, which
 * takes longer than a run. Left-over data in their scratch memory is part of the test. One key per
 * engine stays allocated: without any libsrtp key NSS unloads its modules, and loads them again for
 * the next key.
 */
static struct {
	struct engine *engine;
	struct engine_key *held;
} opened[ENGINES_MAX];

static void close_all(void)
{
	for (unsigned i = 0; i < ENGINES_MAX && opened[i].engine; i++) {
		rig_engine(i)->key_free(opened[i].held);
		rig_engine(i)->close(opened[i].engine);
	}
}

static void open_all(void)
{
	struct keyctx *ctx;

	if (opened[0].engine)
		return;
	ctx = rig_keyctx(SUITE_AES_CM_128_HMAC_SHA1_80, 0, (struct view){0}, 0);
	for (unsigned i = 0; i < ENGINES_MAX && rig_engine(i); i++) {
		opened[i].held = rig_key(rig_engine(i), ctx, ENGINE_SEND, 64);
		opened[i].engine = rig_open(rig_engine(i));
	}
	keyctx_free(ctx);
	CHECK(atexit(close_all) == 0);
}

static bool join(struct run *r, unsigned nth, const struct keyctx *ctx)
{
	const struct engine_ops *ops = rig_engine(nth);
	struct player *p = &r->players[r->n_players];

	*p = (struct player){.ops = ops};
	p->key[ENGINE_SEND] = rig_key(ops, ctx, ENGINE_SEND, r->set.window);
	p->key[ENGINE_RECEIVE] = rig_key(ops, ctx, ENGINE_RECEIVE, r->set.window);
	if (!p->key[ENGINE_SEND] || !p->key[ENGINE_RECEIVE])
		return false;
	p->engine = opened[nth].engine;
	for (unsigned i = 0; i < r->set.n_streams; i++) {
		p->stream[ENGINE_SEND][i] = rig_stream(ops, p->key[ENGINE_SEND], ssrc_of(i), NULL);
		p->stream[ENGINE_RECEIVE][i] = rig_stream(ops, p->key[ENGINE_RECEIVE], ssrc_of(i),
		                                          r->set.has_start ? &r->set.start : NULL);
		CHECK(p->stream[ENGINE_SEND][i] && p->stream[ENGINE_RECEIVE][i]);
	}
	p->pkts = r->pkts[r->n_players];
	r->n_players++;
	return true;
}

static void leave(struct player *p)
{
	for (unsigned dir = 0; dir < 2; dir++) {
		for (unsigned i = 0; i < STREAMS_MAX; i++)
			rig_stream_free(p->ops, p->stream[dir][i]);
		p->ops->key_free(p->key[dir]);
	}
}

/* --- packets ---------------------------------------------------------------- */

/* Returns the next index. It is usually the highest one plus 1; it may also be late, already used,
 * far ahead, or at the limits of the windows and of the ROC estimate. */
static uint64_t read_index(struct run *r, unsigned stream)
{
	static const int32_t steps[] = {0,    2,     3,     -1,  -2,    -63,   -64,   -65,  -127,
	                                -128, -1023, -1024, 700, 20000, 32767, 32768, 40000};
	unsigned what = pick(r, 256);
	int64_t step = what < 180   ? 1
	               : what < 240 ? steps[what % ARRAY_LEN(steps)]
	                            : -(int64_t)pick(r, 130);
	int64_t index = (int64_t)r->highest[stream] + step;

	if (index < 0)
		index = (int64_t)r->highest[stream];
	if ((uint64_t)index > r->highest[stream])
		r->highest[stream] = (uint64_t)index;
	return (uint64_t)index & 0x1ffffffffffffull;
}

static unsigned read_len(struct run *r)
{
	unsigned what = pick(r, 16);

	return what < 12 ? pick(r, 200) : what < 15 ? pick(r, 2001) : 0;
}

/* Writes a header with the CSRCs and the extension that the tape chooses; returns its length. */
static unsigned write_header(struct run *r, struct item *it)
{
	unsigned csrcs = pick(r, 4) ? 0 : pick(r, 16), words = pick(r, 4) ? 0 : 1 + pick(r, 6);
	unsigned at = 12 + 4 * csrcs;

	it->octets[0] = (uint8_t)(0x80 | csrcs | (words ? 0x10 : 0) | (pick(r, 8) ? 0 : 0x20));
	it->octets[1] = (uint8_t)pick(r, 128);
	be16_put(it->octets + 2, (uint16_t)it->index);
	be32_put(it->octets + 4, (uint32_t)it->index * 160u);
	be32_put(it->octets + 8, ssrc_of(it->stream));
	for (unsigned i = 12; i < at; i++)
		it->octets[i] = (uint8_t)(i * 7);
	if (words) {
		be16_put(it->octets + at, 0xbede);
		be16_put(it->octets + at + 2, (uint16_t)(words - 1));
		for (unsigned i = 4; i < 4 * words; i++)
			it->octets[at + i] = (uint8_t)(i * 3);
		at += 4 * words;
	}
	return at;
}

static void read_packet(struct run *r, struct item *it)
{
	unsigned len;

	it->stream = (uint8_t)pick(r, r->set.n_streams);
	it->kind = pick(r, 6) ? PKT_RTP : PKT_RTCP;
	if (it->kind == PKT_RTP) {
		it->index = read_index(r, it->stream);
		it->header_len = (uint16_t)write_header(r, it);
	} else {
		it->octets[0] = 0x80;
		it->octets[1] = 200;
		be16_put(it->octets + 2, 6);
		be32_put(it->octets + 4, ssrc_of(it->stream));
		it->header_len = 8;
	}
	len = read_len(r);
	for (unsigned i = 0; i < len; i++)
		it->octets[it->header_len + i] = (uint8_t)(i * 31 + len);
	it->len = (uint16_t)(it->header_len + len);
	it->tailroom = (uint16_t)(pick(r, 16) ? TAIL : pick(r, TAIL));
}

/* Returns the length of the part that is not encrypted; 0: the packet is malformed, so the path
 * would drop it before the engine. */
static unsigned header_len(const struct item *it)
{
	unsigned at = 12 + 4 * (it->octets[0] & 15u);

	if (it->kind == PKT_RTCP)
		return it->len >= 8 ? 8 : 0;
	if (it->octets[0] & 0x10) {
		if (it->len < at + 4)
			return 0;
		at += 4 + 4u * be16_get(it->octets + at + 2);
	}
	return it->len >= at ? at : 0;
}

/* Changes one bit, or truncates the packet. Keeps the SSRC, because the path uses it to find the
 * stream. */
static void spoil(struct run *r, struct item *it)
{
	unsigned how = pick(r, 4), ssrc_at = it->kind == PKT_RTP ? 8 : 4, at;

	if (how == 0) {
		it->len = (uint16_t)pick(r, it->len + 1u);
		return;
	}
	/* Prefer the last octets, which are tag, MKI and SRTCP index. */
	at = how == 1 ? pick(r, it->len) : it->len - 1 - pick(r, it->len < 40 ? it->len : 40);
	if (at < ssrc_at || at >= ssrc_at + 4)
		it->octets[at] ^= (uint8_t)(1u << pick(r, 8));
}

/* --- running the engines ---------------------------------------------------- */

static void load(const struct player *p, enum engine_direction dir, const struct item *it,
                 struct rig_pkt *out)
{
	rig_fill(out, (enum pkt_kind)it->kind, it->octets, it->len, it->header_len, p->key[dir],
	         p->stream[dir][it->stream]);
	out->pkt.tailroom = it->tailroom;
	out->pkt.index = dir == ENGINE_SEND ? it->index : 0;
}

/* Gives the items to one engine, in batches with sizes derived from `seed`; seed 0: one packet
 * at a time. */
static void play(struct player *p, enum engine_direction dir, const struct item *items, unsigned n,
                 uint64_t seed)
{
	struct pkt *batch[PKT_BATCH];

	for (unsigned i = 0; i < n; i++)
		load(p, dir, &items[i], &p->pkts[i]);
	for (unsigned i = 0; i < n;) {
		unsigned size = 1;

		if (seed) {
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			size = 1 + (unsigned)(seed >> 33) % (seed >> 60 ? 20 : PKT_BATCH);
		}
		size = size > n - i ? n - i : size;
		for (unsigned k = 0; k < size; k++)
			batch[k] = &p->pkts[i + k].pkt;
		(dir == ENGINE_SEND ? p->ops->protect : p->ops->unprotect)(p->engine, batch, size);
		i += size;
	}
}

/* Checks what relay/engine/engine.h promises, independently of the other engines. */
static bool keeps_contract(struct run *r, const struct player *p, const char *way,
                           const struct item *it, unsigned i)
{
	const struct pkt *q = &p->pkts[i].pkt;
	bool is_aead = r->set.suite->cipher == SUITE_CIPHER_AES_GCM, receives = way[0] == 'u';

	if (q->len + q->tailroom != it->len + it->tailroom)
		return differ(r, way, p, i, "len + tailroom", (uint64_t)q->len + q->tailroom,
		              (uint64_t)it->len + it->tailroom);
	if (q->verdict == VERDICT_NONE)
		return true;
	if (q->len != it->len)
		return differ(r, way, p, i, "len after a refusal", q->len, it->len);
	if (memcmp(q->data, it->octets, receives && is_aead ? it->header_len : it->len) != 0)
		return differ(r, way, p, i, "an octet after a refusal", 1, 0);
	return true;
}

static bool compare(struct run *r, const char *way, const struct item *items, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct pkt *want = &r->players[0].pkts[i].pkt;

		for (unsigned k = 0; k < r->n_players; k++) {
			const struct player *p = &r->players[k];
			const struct pkt *got = &p->pkts[i].pkt;

			if (!keeps_contract(r, p, way, &items[i], i))
				return false;
			if (got->verdict != want->verdict)
				return differ(r, way, p, i, "verdict", got->verdict, want->verdict);
			if (got->verdict != VERDICT_NONE)
				continue;
			if (got->len != want->len)
				return differ(r, way, p, i, "len", got->len, want->len);
			if (got->index != want->index)
				return differ(r, way, p, i, "index", got->index, want->index);
			if (memcmp(got->data, want->data, want->len) != 0)
				return differ(r, way, p, i, "an octet", 1, 0);
		}
	}
	return true;
}

static bool play_all(struct run *r, enum engine_direction dir, const struct item *items, unsigned n)
{
	for (unsigned k = 0; k < r->n_players; k++) {
		bool alone = str_is(str_of(r->players[k].ops->name), "libsrtp");

		/* The reference engine gets one packet at a time, the others get batches
		 * with different sizes. */
		play(&r->players[k], dir, items, n, alone ? 0 : 1 + k + rd_u8(&r->tape));
	}
	return compare(r, dir == ENGINE_SEND ? "protect" : "unprotect", items, n);
}

/* Compares the packet counts of keys, and the exported states of streams, after the run. */
static bool compare_states(struct run *r)
{
	for (unsigned k = 1; k < r->n_players; k++) {
		const struct player *a = &r->players[0], *b = &r->players[k];

		for (unsigned dir = 0; dir < 2; dir++) {
			struct engine_key_use x, y;

			a->ops->key_use(a->key[dir], &x);
			b->ops->key_use(b->key[dir], &y);
			if (memcmp(&x, &y, sizeof(x)) != 0)
				return differ(r, "use", b, dir, "packets of the key", y.rtp_pkts,
				              x.rtp_pkts);
			for (unsigned i = 0; i < r->set.n_streams; i++) {
				struct engine_stream_state s, t;

				memset(&s, 0, sizeof(s));
				memset(&t, 0, sizeof(t));
				if (a->ops->stream_export(a->stream[dir][i], &s) != ERR_OK ||
				    b->ops->stream_export(b->stream[dir][i], &t) != ERR_OK)
					continue;
				if (memcmp(&s, &t, sizeof(s)) != 0)
					return differ(r, "export", b, i, "state", t.rtp_index,
					              s.rtp_index);
			}
		}
	}
	return true;
}

static bool send_all(struct run *r)
{
	r->n_sent = 8 + pick(r, SENT_MAX - 8);
	for (unsigned i = 0; i < r->n_sent; i++)
		read_packet(r, &r->sent[i]);
	if (!play_all(r, ENGINE_SEND, r->sent, r->n_sent))
		return false;
	for (unsigned i = 0; i < r->n_sent; i++) {
		const struct pkt *q = &r->players[0].pkts[i].pkt;
		struct item *it = &r->protected[r->n_protected];

		if (q->verdict != VERDICT_NONE)
			continue;
		*it = r->sent[i];
		memcpy(it->octets, q->data, q->len);
		it->len = q->len;
		it->tailroom = 8;
		r->n_protected++;
	}
	r->report->sent = r->n_protected;
	return true;
}

/* Arranges the arrival of the protected packets: in order, with losses; some packets are late,
 * repeated or damaged. */
static void arrange_arrivals(struct run *r)
{
	unsigned at = 0;

	while (at < r->n_protected && r->n_arrived < ARRIVALS_MAX) {
		unsigned what = pick(r, 16), back = what == 1 || what == 2 ? pick(r, at + 1) : 0;
		struct item *it = &r->arrived[r->n_arrived];

		if (what == 0) {
			at++;
			continue;
		}
		*it = r->protected[at - back];
		if (what >= 3 && what <= 5)
			spoil(r, it);
		else if (back == 0)
			at++;
		it->header_len = (uint16_t)header_len(it);
		if (it->header_len)
			r->n_arrived++;
	}
}

bool pair_run(const uint8_t *tape, size_t n, struct pair_report *report)
{
	static struct run run;
	struct run *r = &run;
	uint8_t mki[128];
	struct keyctx *ctx;
	bool ok;

	memset(r, 0, offsetof(struct run, sent));
	*report = (struct pair_report){.sent = 0};
	r->tape = rd_make(tape, n);
	r->report = report;
	open_all();
	read_setting(r);
	memset(mki, 0xa5, sizeof(mki));
	ctx = rig_keyctx(r->set.suite->id, n, (struct view){.p = mki, .n = r->set.mki_len},
	                 r->set.lifetime_pkts);
	for (unsigned i = 0; rig_engine(i) && r->n_players < ENGINES_MAX; i++)
		if (!join(r, i, ctx))
			CHECK(r->set.suite->key_len == 24 ||
			      r->set.suite->cipher == SUITE_CIPHER_AES_F8);
	ok = send_all(r);
	if (ok) {
		arrange_arrivals(r);
		ok = play_all(r, ENGINE_RECEIVE, r->arrived, r->n_arrived) && compare_states(r);
		for (unsigned i = 0; i < r->n_arrived; i++) {
			report->accepted += r->players[0].pkts[i].pkt.verdict == VERDICT_NONE;
			report->refused += r->players[0].pkts[i].pkt.verdict != VERDICT_NONE;
		}
	}
	for (unsigned k = 0; k < r->n_players; k++)
		leave(&r->players[k]);
	keyctx_free(ctx);
	return ok;
}
