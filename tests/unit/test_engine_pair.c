/* SPDX-License-Identifier: MIT */
/* Every two engines give the same octets and verdicts, and a stream can move from one engine to
 * another. */
#include "relay/packet/roc.h"
#include "tests/harness/harness.h"
#include "tests/harness/pair.h"
#include "tests/harness/rig.h"

enum { TAPE_LEN = 4096, RUNS = 240 };

static void same_octets_and_verdicts(void)
{
	static uint8_t tape[TAPE_LEN];
	uint64_t seed = test_seed();
	unsigned accepted = 0, refused = 0, sent = 0;

	for (unsigned run = 0; run < RUNS; run++) {
		uint64_t at = seed + run;
		struct pair_report report;

		test_context("seed %llu, run %u", (unsigned long long)seed, run);
		(void)test_random(&at);
		for (size_t i = 0; i < sizeof(tape); i++)
			tape[i] = (uint8_t)(test_random(&at) >> 24);
		tape[0] = (uint8_t)run; /* the first octet chooses the suite */
		if (!test_expect(pair_run(tape, sizeof(tape), &report), __FILE__, __LINE__, "%s",
		                 report.text))
			return;
		sent += report.sent;
		accepted += report.accepted;
		refused += report.refused;
	}
	/* The random packets are useful only if many of them pass and many are refused. */
	EXPECT(sent > RUNS * 20);
	EXPECT(accepted > RUNS * 12);
	EXPECT(refused > RUNS * 6);
}

static const struct engine_ops *stateful(unsigned nth)
{
	for (unsigned i = 0; rig_engine(i); i++)
		if (rig_engine(i)->key_from_session && nth-- == 0)
			return rig_engine(i);
	return NULL;
}

enum { PACKET_SSRC = 0x11111111 };

static void rtp_packet(uint8_t octets[40], uint64_t index)
{
	memset(octets, 0x11, 40);
	octets[0] = 0x80;
	octets[2] = (uint8_t)(index >> 8);
	octets[3] = (uint8_t)index;
}

/* One engine with a send and a receive stream, made from exported states. */
struct hands {
	const struct engine_ops *ops;
	struct engine *engine;
	struct engine_key *send, *receive;
	struct engine_stream *out, *in;
};

static struct hands take(const struct engine_ops *o, const struct keyctx *ctx,
                         const struct engine_stream_state s[2])
{
	struct hands h = {.ops = o, .engine = rig_open(o)};

	h.send = rig_key(o, ctx, ENGINE_SEND, 1024);
	h.receive = rig_key(o, ctx, ENGINE_RECEIVE, 128);
	h.out = rig_stream(o, h.send, 1, &s[ENGINE_SEND]);
	h.in = rig_stream(o, h.receive, 1, &s[ENGINE_RECEIVE]);
	return h;
}

static void give(struct hands *h, struct engine_stream_state s[2])
{
	EXPECT_OK(h->ops->stream_export(h->out, &s[ENGINE_SEND]));
	EXPECT_OK(h->ops->stream_export(h->in, &s[ENGINE_RECEIVE]));
	rig_stream_free(h->ops, h->out);
	rig_stream_free(h->ops, h->in);
	h->ops->key_free(h->send);
	h->ops->key_free(h->receive);
	h->ops->close(h->engine);
}

/* A stream moves to the other engine after each packet, across a wrap of the sequence number. The
 * new engine still refuses used and received indices. */
static void state_moves_between_engines(void)
{
	const struct engine_ops *ops[2] = {stateful(0), stateful(1) ? stateful(1) : stateful(0)};
	struct keyctx *ctx = rig_keyctx(SUITE_AES_CM_128_HMAC_SHA1_80, 1, (struct view){.n = 0}, 0);
	struct engine_stream_state states[2] = {{0}, {0}};
	uint8_t octets[40], last[64];
	size_t last_len = 0;
	struct rig_pkt p;

	for (unsigned i = 0; i < 40; i++) {
		struct hands h = take(ops[i & 1], ctx, states);
		struct engine_key_use use;
		uint64_t index = 65520 + i;

		REQUIRE(h.out && h.in);
		rtp_packet(octets, index - 1);
		rig_fill(&p, PKT_RTP, octets, sizeof(octets), 12, h.send, h.out);
		EXPECT_INT(i ? rig_protect(h.ops, h.engine, &p, index - 1) : VERDICT_DUPLICATE,
		           VERDICT_DUPLICATE);
		rig_fill(&p, PKT_RTP, last, last_len, 12, h.receive, h.in);
		EXPECT_INT(i ? rig_unprotect(h.ops, h.engine, &p) : VERDICT_REPLAYED,
		           VERDICT_REPLAYED);
		rtp_packet(octets, index);
		rig_fill(&p, PKT_RTP, octets, sizeof(octets), 12, h.send, h.out);
		EXPECT_INT(rig_protect(h.ops, h.engine, &p, index), VERDICT_NONE);
		last_len = p.pkt.len;
		memcpy(last, p.octets, last_len);
		rig_fill(&p, PKT_RTP, last, last_len, 12, h.receive, h.in);
		EXPECT_INT(rig_unprotect(h.ops, h.engine, &p), VERDICT_NONE);
		EXPECT(p.pkt.index == index);
		h.ops->key_use(h.receive, &use);
		EXPECT_INT(use.rtp_pkts, i + 1);
		give(&h, states);
	}
	EXPECT(states[ENGINE_RECEIVE].has_rtp && states[ENGINE_RECEIVE].rtp_index == 65559 &&
	       states[ENGINE_RECEIVE].rtp_pkts == 40);
	keyctx_free(ctx);
}

/* A receive stream can also move to libsrtp, which must refuse packets that another engine has
 * received. Some packets arrive late, across a wrap. */
static void receive_state_moves_to_libsrtp_too(void)
{
	const struct engine_ops *sender = stateful(0), *receivers[2] = {sender, &engine_libsrtp};
	struct keyctx *ctx = rig_keyctx(SUITE_AES_CM_128_HMAC_SHA1_80, 1, (struct view){.n = 0}, 0);
	struct engine *e = rig_open(sender);
	struct engine_key *send = rig_key(sender, ctx, ENGINE_SEND, 1024);
	struct engine_stream *out = rig_stream(sender, send, PACKET_SSRC, NULL);
	struct engine_stream_state state = {0};
	struct rig_pkt sent[60], p;
	uint8_t octets[40];

	for (unsigned i = 0; i < ARRAY_LEN(sent); i++) {
		rtp_packet(octets, 65510 + i);
		rig_fill(&sent[i], PKT_RTP, octets, sizeof(octets), 12, send, out);
		REQUIRE(rig_protect(sender, e, &sent[i], 65510 + i) == VERDICT_NONE);
	}
	for (unsigned i = 0; i < ARRAY_LEN(sent); i++) {
		const struct engine_ops *o = receivers[i & 1];
		struct engine *engine = rig_open(o);
		struct engine_key *key = rig_key(o, ctx, ENGINE_RECEIVE, 128);
		struct engine_stream *in = rig_stream(o, key, PACKET_SSRC, &state);
		unsigned at = i ^ 3; /* packets arrive in groups of four, each group reversed */

		REQUIRE(in);
		test_context("packet %u by %s", at, o->name);
		rig_fill(&p, PKT_RTP, sent[at].octets, sent[at].pkt.len, 12, key, in);
		EXPECT_INT(rig_unprotect(o, engine, &p), VERDICT_NONE);
		EXPECT(p.pkt.index == 65510 + at);
		rig_fill(&p, PKT_RTP, sent[at].octets, sent[at].pkt.len, 12, key, in);
		EXPECT_INT(rig_unprotect(o, engine, &p), VERDICT_REPLAYED);
		EXPECT_OK(o->stream_export(in, &state));
		rig_stream_free(o, in);
		o->key_free(key);
		o->close(engine);
	}
	rig_stream_free(sender, out);
	sender->key_free(send);
	sender->close(e);
	keyctx_free(ctx);
}

static void libsrtp_sends_from_no_window(void)
{
	struct keyctx *ctx = rig_keyctx(SUITE_AES_CM_128_HMAC_SHA1_80, 1, (struct view){.n = 0}, 0);
	struct engine_stream_state seen = {.has_rtp = true, .rtp_index = 70000, .rtp_window = {1}};
	struct engine_stream_state wrong = {.has_rtp = true, .rtp_index = ROC_INDEX_MAX + 1};
	struct engine_key *key = rig_key(&engine_libsrtp, ctx, ENGINE_SEND, 64);
	struct engine_stream *s;

	EXPECT(rig_stream(&engine_libsrtp, key, 1, &seen) == NULL);
	EXPECT(rig_stream(&engine_libsrtp, key, 1, &wrong) == NULL);
	seen.rtp_window[0] = 0;
	s = rig_stream(&engine_libsrtp, key, 1, &seen);
	REQUIRE(s);
	EXPECT_ERR(engine_libsrtp.stream_export(s, &seen), ERR_UNSUPPORTED);
	rig_stream_free(&engine_libsrtp, s);
	engine_libsrtp.key_free(key);
	keyctx_free(ctx);
}

TEST_MAIN("engine_pair", {"same_octets_and_verdicts", same_octets_and_verdicts},
          {"state_moves_between_engines", state_moves_between_engines},
          {"receive_state_moves_to_libsrtp_too", receive_state_moves_to_libsrtp_too},
          {"libsrtp_sends_from_no_window", libsrtp_sends_from_no_window})
